# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a Windows host's registry, on a stand-in for the modules of ansible.windows."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit import ARGUMENT_SPEC
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_ensure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_audit import ensure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Registry
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_settings import MARK
from ansible_collections.fleetops.container_hosts.tests.windows import modules, registries

ROOT = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet"
MACHINE = rf"{ROOT}\Control\Session Manager\Environment"
URL, OTHER = "http://192.0.2.10:3128", "http://192.0.2.9:3128"
PROXY = {"http": URL, "no_proxy": ["10.0.0.0/8"]}


class Windows:
    """A registry in memory."""

    def __init__(self):
        self.memory = registries.Memory()
        self.memory.keys[rf"{ROOT}\Services"] = {}
        self.memory.keys[MACHINE] = {}
        self.asked = []

    def service(self, name):
        self.memory.write(rf"{ROOT}\Services\{name}", "ImagePath", modules.SZ, modules.bytes_of(modules.SZ, "x.exe"))

    def set(self, name, entries, kind=modules.MULTI_SZ):
        self.memory.write(rf"{ROOT}\Services\{name}", "Environment", kind, modules.bytes_of(kind, entries))

    def variable(self, name, text):
        self.memory.write(MACHINE, name, modules.SZ, modules.bytes_of(modules.SZ, text))

    def execute(self, name, arguments):
        self.asked.append(name.rpartition(".")[2])
        return modules.act(self.asked[-1], json.loads(json.dumps(arguments)), self.memory, lambda _text: None)

    def audit(self, **params):
        self.run = Run(check_mode=True)
        defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
        result = ensure({**defaults, "proxy": PROXY, "name": "win-1", **params}, self.run, Registry(self.execute))
        assert set(self.asked) == {"win_reg_stat"}, "nothing is written"
        return {entry["name"]: entry for entry in result["consumers"]}

    def verdicts(self, **params):
        return {name: entry["verdict"] for name, entry in self.audit(**params).items()}


@pytest.fixture
def windows():
    return Windows()


def test_a_host_without_any_of_it(windows):
    assert windows.verdicts() == {"windows_service": "absent", "machine": "unmanaged"}
    assert windows.verdicts(proxy=None) == {"windows_service": "absent", "machine": "in_sync"}


def test_a_service_with_its_own_variables(windows):
    windows.service("docker")
    assert windows.verdicts() == {"docker": "drifted", "machine": "unmanaged"}
    defaults = {name: spec.get("default") for name, spec in _windows_ensure.ARGUMENT_SPEC.items()}
    _windows_ensure.ensure({**defaults, "service": "docker", "proxy": PROXY}, Run(), Registry(windows.execute))
    windows.asked.clear()
    entry = windows.audit()["docker"]
    assert (entry["verdict"], entry["uses_wanted"], entry["active"]) == ("in_sync", None, None)
    assert entry["settings"][1]["path"] == r"HKLM:\SYSTEM\CurrentControlSet\Services\docker\Environment"


def test_names_in_any_case_and_the_machine_s_behind_the_service_s(windows):
    windows.service("docker")
    windows.set("docker", ["Https_Proxy=" + OTHER])
    for name, text in {"HTTP_PROXY": URL, "HTTPS_PROXY": URL, "NO_PROXY": "10.0.0.0/8"}.items():
        windows.variable(name, text)
    found = windows.audit()
    assert found["machine"]["verdict"] == "in_sync"
    assert found["docker"]["verdict"] == "drifted"
    assert found["docker"]["settings"][0]["same"]
    assert found["docker"]["settings"][1]["variable"] == "Https_Proxy"
    assert found["docker"]["mend"] == "ansible-playbook fleetops.container_hosts.site --limit win-1"


def test_a_restart_that_is_due(windows):
    windows.service("docker")
    windows.set("docker", [f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}", "NO_PROXY=10.0.0.0/8"])
    assert windows.verdicts()["docker"] == "in_sync"
    windows.memory.write(rf"{ROOT}\Services\docker", MARK, modules.SZ, modules.bytes_of(modules.SZ, "1"))
    entry = windows.audit()["docker"]
    assert (entry["verdict"], entry["uses_wanted"]) == ("restart_needed", None)
    assert entry["why"] == "Was given something else by a run that did not restart it."


def test_the_machine_s_variables_are_needed_where_they_are_named(windows):
    assert windows.verdicts(consumers=["windows_machine"]) == {"machine": "drifted"}


def test_iot_edge_reads_one_variable_and_ecs_needs_its_metadata_direct(windows):
    windows.service("iotedge")
    windows.set("iotedge", ["https_proxy=" + URL])
    assert windows.verdicts()["iotedge"] == "in_sync"
    windows.service("AmazonECS")
    names = r"169.254.169.254,169.254.170.2,\\.\pipe\docker_engine,10.0.0.0/8"
    windows.set("AmazonECS", [f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}", f"NO_PROXY={names}"])
    assert windows.verdicts()["AmazonECS"] == "in_sync"
    windows.set("AmazonECS", [f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}", "NO_PROXY=10.0.0.0/8"])
    assert windows.verdicts()["AmazonECS"] == "drifted"


def test_a_changed_password_is_seen_and_not_shown(windows):
    windows.service("docker")
    old = URL.replace("192", "fleet:old-word@192")
    windows.set("docker", [f"HTTP_PROXY={old}", f"HTTPS_PROXY={old}", "NO_PROXY=10.0.0.0/8"])
    entry = windows.audit(proxy={**PROXY, "username": "fleet", "password": "new-word"}, digest_key="0123456789abcdef")[
        "docker"
    ]
    assert entry["settings"][1]["difference"] == "is configured with another password"
    assert entry["settings"][1]["digests"]["wanted"] != entry["settings"][1]["digests"]["configured"]
    assert "-word" not in json.dumps(entry)


def test_an_environment_that_is_no_list_is_left_out_and_said(windows):
    windows.service("docker")
    windows.memory.write(rf"{ROOT}\Services\docker", "Environment", modules.DWORD, b"\x01\x00\x00\x00")
    assert windows.verdicts() == {"machine": "unmanaged"}
    assert [notice.reader for notice in windows.run.notices] == ["docker"]


def test_only_what_is_asked_for(windows):
    windows.service("docker")
    assert list(windows.audit(consumers=["windows_machine"])) == ["machine"]
    assert windows.audit(consumers=["docker"]) == {}
