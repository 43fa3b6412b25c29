# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container instance from which everything was taken back."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import ecs
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


@pytest.mark.parametrize("unit", ["docker.service", "ecs.service"])
def test_no_daemon_has_a_proxy(host: t.Any, inside: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert not [name for name in inside.pid_environ(unit) if name.lower().endswith("_proxy")]


def test_the_agent_has_nothing_left(inside: Host) -> None:
    assert ecs.agent(inside)["environment"] == {}
