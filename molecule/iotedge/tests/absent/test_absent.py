# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device from which everything was taken back: its files are as they were, and its daemons run without a proxy."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host

UNITS = ("aziot-edged.service", "aziot-identityd.service", "aziot-certd.service", "docker.service")


def test_every_byte_is_as_before(host: t.Any) -> None:
    """But for what `iotedge config apply` itself made: without a config.toml to apply, the vendor's program has no way
    back, and daemons of a device that has none go on with what was last applied."""
    different = host.check_output("/root/fingerprint | diff /root/fingerprint.before - | grep '^[<>]' || true")
    assert [line for line in different.splitlines() if "/config.d/00-super.toml" not in line] == []


def test_nothing_is_kept_about_it(host: t.Any) -> None:
    assert host.check_output("find /var/aziot -type f") == ""
    assert not host.file("/var/lib/container_hosts/iotedge_config.json").exists


@pytest.mark.parametrize("unit", UNITS)
def test_no_daemon_has_a_proxy(host: t.Any, inside: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert not [name for name in inside.pid_environ(unit) if name.lower().endswith("_proxy")]


def test_a_container_lived_on(host: t.Any) -> None:
    now = host.check_output("docker inspect --format '{{.State.StartedAt}} {{.State.Pid}}' resident")
    assert now == host.check_output("cat /root/resident")
