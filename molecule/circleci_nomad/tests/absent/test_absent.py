# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nomad client from which everything was taken back."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import circleci
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


@pytest.mark.parametrize("unit", ["docker.service", "nomad.service"])
def test_no_daemon_has_a_proxy(host: t.Any, inside: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert not [name for name in inside.pid_environ(unit) if name.lower().endswith("_proxy") or name == "JVM_OPTS"]


def test_jobs_come_again(inside: Host) -> None:
    assert circleci.node(inside) == {"SchedulingEligibility": "eligible", "DrainStrategy": None}
    assert circleci.run(inside, "last", 0).rc == 0
