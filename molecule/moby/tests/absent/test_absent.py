# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host from which everything was taken back: its files and its engine are as they were."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


def test_the_engine_has_no_proxy(inside: Host) -> None:
    assert not [name for name in inside.pid_environ("docker.service") if name.lower().endswith("_proxy")]


def test_a_pull_fails_again(host: t.Any) -> None:
    assert "dial tcp: lookup" in host.run_expect([1], "docker pull %s", f"{NAME}/team/payload:2").stderr
