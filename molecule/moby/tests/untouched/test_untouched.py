# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host after a run in check mode: nothing has happened."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage.host import Host


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


def test_the_engine_was_not_restarted(host: t.Any) -> None:
    assert host.check_output("journalctl --unit docker.service --output cat | grep --count '^Started docker'") == "1"


def test_the_engine_has_no_proxy(inside: Host) -> None:
    assert not [name for name in inside.pid_environ("docker.service") if name.lower().endswith("_proxy")]
