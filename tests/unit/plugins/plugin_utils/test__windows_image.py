# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image of a Windows host gets; tests/windows has Wine read the .reg files."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetops.container_hosts.plugins.filter.iotedge_windows_installer import (
    iotedge_windows_installer,
)
from ansible_collections.fleetops.container_hosts.plugins.filter.windows_registry_file import windows_registry_file
from ansible_collections.fleetops.container_hosts.tests.windows import modules, registry_file

PROXY = {"http": "http://192.0.2.10:3128"}
ROOT = r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001"


def parsed(text):
    return registry_file.parse(text.encode("utf-16"))


def test_a_service_of_an_offline_image_and_the_machine():
    text = windows_registry_file(
        PROXY, ["docker"], machine=True, settings={"ECS_LOGLEVEL": "warn"}, control_set="ControlSet001"
    )
    assert text.isascii()
    keys = parsed(text)
    ((kind, data),) = keys[rf"{ROOT}\Services\docker"].values()
    assert kind == modules.MULTI_SZ
    assert modules.list_of(data) == [
        "HTTP_PROXY=http://192.0.2.10:3128",
        "HTTPS_PROXY=http://192.0.2.10:3128",
        "NO_PROXY=localhost,127.0.0.1,::1",
    ]
    machine = keys[rf"{ROOT}\Control\Session Manager\Environment"]
    assert set(machine) == {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ECS_LOGLEVEL"}
    assert machine["ECS_LOGLEVEL"] == (modules.SZ, modules.bytes_of(modules.SZ, "warn"))


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ({}, {"services": ["docker"]}, "asks for nothing"),
        (PROXY, {}, "asks for nothing"),
        (PROXY, {"services": ["a\\b"]}, "is no name of a service"),
        (PROXY, {"services": ["a]\r\n[x"]}, "is no name of a service"),
        (PROXY, {"services": ["docker"], "control_set": "x"}, "control_set: is 'x'"),
        (PROXY, {"settings": {"ECS_LOGLEVL": "warn"}}, "ECS_LOGLEVEL"),
        ({"http": "192.0.2.10:3128"}, {"services": ["docker"]}, "container_hosts_proxy.http"),
    ],
)
def test_what_makes_no_sense_is_refused(model, given, message):
    with pytest.raises(AnsibleFilterError) as refused:
        windows_registry_file(model, **given)
    assert message in str(refused.value)


def test_the_installer_asks_for_the_password_that_is_not_in_it():
    script = iotedge_windows_installer({**PROXY, "username": "DOMAIN\\o'brien", "password": "p@ss/S3cret"})
    assert "S3cret" not in script
    assert "Get-Credential -UserName 'DOMAIN\\o''brien'" in script
    assert script.count("-ProxyCredential") == 2
    assert "end of life" in script
    assert "Credential" not in iotedge_windows_installer(PROXY)
    assert "proxy" not in iotedge_windows_installer({}).lower()
