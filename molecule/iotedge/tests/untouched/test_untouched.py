# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device after a run in check mode, on which nothing was ever configured: nothing has happened."""

from __future__ import annotations

import typing as t

import pytest

ENGINE, EDGED = "docker.service", "aziot-edged.service"


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


def test_nothing_was_kept_about_it(host: t.Any) -> None:
    for folder in ("/var/aziot", "/var/lib/container_hosts"):
        assert not host.file(folder).exists


def test_nothing_was_applied(host: t.Any) -> None:
    assert host.check_output("find /etc/aziot -name 00-super.toml") == ""
    assert host.run("docker inspect edgeAgent").rc == 1


@pytest.mark.parametrize("unit", [ENGINE, EDGED])
def test_no_unit_has_a_proxy(host: t.Any, unit: str) -> None:
    assert "proxy" not in host.check_output("systemctl show --property=Environment %s", unit).lower()


def test_the_engine_was_not_restarted(host: t.Any) -> None:
    assert host.check_output("journalctl --unit docker.service --output cat | grep --count '^Started docker'") == "1"
