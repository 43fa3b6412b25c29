# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the action runs modules: what it asks of the host and of the controller, and what it lets through."""

from __future__ import annotations

import importlib
import json
import types

import pytest
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader
from ansible_collections.fleetops.container_hosts.plugins.action.win_registry_environment import ActionModule

DOCKER = {
    "exists": True,
    "properties": {"ImagePath": {"type": "REG_SZ", "value": "x", "raw_value": "x"}},
    "sub_keys": [],
}


class Controller:
    """Runs the action; `answers` are what the modules return, one after the other."""

    def __init__(self, monkeypatch):
        self.sent = []
        self.answers = []
        self.context = types.SimpleNamespace(no_log=False)
        self.shell = types.SimpleNamespace(_IS_WINDOWS=True)
        self.installed = True
        self.check_mode = False
        monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
        monkeypatch.setattr(ActionBase, "_execute_module", lambda _self, **args: self._execute_module(**args))
        monkeypatch.setattr(
            module_loader,
            "find_plugin_with_context",
            lambda *_names: types.SimpleNamespace(resolved=self.installed),
        )

    def _execute_module(self, task_vars, module_name="", module_args=None, wrap_async=None):
        self.sent.append((module_name, module_args, task_vars, self.context.no_log))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self, **args):
        return self.run_action(ActionModule, **args)

    def run_action(self, action, **args):
        return action(
            types.SimpleNamespace(args=args, async_val=0, check_mode=self.check_mode),
            types.SimpleNamespace(_shell=self.shell, _play_context=self.context, has_native_async=False),
            self.context,
            None,
            None,
            None,
        ).run(task_vars={"x": 1})


@pytest.fixture
def controller(monkeypatch):
    return Controller(monkeypatch)


def test_no_module_logs_its_arguments_and_no_connection_shows_them(controller):
    controller.answers = [DOCKER]
    controller.check_mode = True
    assert controller.run(service="docker", environment={"A": "1"})["changed"]
    ((name, args, variables, no_log),) = controller.sent
    assert (name, args) == (
        "ansible.windows.win_reg_stat",
        {"path": r"HKLM:\SYSTEM\CurrentControlSet\Services\docker"},
    )
    assert variables == {"x": 1, "ansible_no_target_syslog": True}
    assert no_log is True
    assert controller.context.no_log is False


def test_that_ends_with_the_module_even_if_the_connection_does(controller):
    controller.answers = [ConnectionError()]
    with pytest.raises(ConnectionError):
        controller.run(service="docker", environment={"A": "1"})
    assert controller.context.no_log is False


@pytest.mark.parametrize(("after", "changed"), [(0, False), (1, True)])
def test_a_module_that_fails_is_an_error_without_the_values_in_its_result(controller, after, changed):
    failed = {"failed": True, "msg": "Access denied to http://u:S3cret@x", "module_stdout": "S3cret", "diff": "S3cret"}
    controller.answers = [DOCKER, failed][1 - after :]
    result = controller.run(service="docker", environment={"A": "S3cret"})
    assert result["failed"]
    assert result["changed"] is changed
    assert "Access denied" in result["msg"]
    assert "administrator" in result["msg"]
    assert "S3cret" not in json.dumps({**result, "invocation": None})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"environment": {"A": "1"}}, "one of the following is required: service, scope"),
        ({"service": "x", "scope": "machine"}, "mutually exclusive"),
        ({"service": "x", "state": "gone"}, "value of state must be one of"),
        ({"service": "x", "enviroment": {"A": "1"}}, "Unsupported parameters"),
        ({"service": "x", "environment": ["DB_PASSWORD=S3cret"]}, "environment"),
        ({"service": "x", "proxy": "//u:S3cret@x"}, "proxy"),
    ],
)
def test_arguments_that_are_refused(controller, args, message):
    result = controller.run(**args)
    assert result["failed"]
    assert message in result["msg"]
    assert "S3cret" not in result["msg"]
    assert controller.sent == []


def test_a_host_that_is_not_windows_is_refused(controller):
    controller.shell = types.SimpleNamespace()
    result = controller.run(service="docker", environment={"A": "1"})
    assert result["failed"]
    assert "ansible_shell_type" in result["msg"]


def test_a_controller_without_the_collection_is_told_how_to_get_it(controller):
    controller.installed = False
    result = controller.run(service="docker", environment={"A": "1"})
    assert result["failed"]
    assert "ansible-galaxy collection install ansible.windows" in result["msg"]


class Vaulted:
    """An inline !vault value as ansible-core 2.18 hands it over."""

    __ENCRYPTED__ = True

    def __str__(self):
        return "http://u:S3cret@192.0.2.10:3128"


def test_an_inline_vault_is_text(controller):
    controller.answers = [DOCKER]
    controller.check_mode = True
    result = controller.run(service="docker", proxy={"http": Vaulted()}, environment={"A": Vaulted()})
    assert result["configured"]["HTTP_PROXY"] == result["configured"]["A"] == "http://********@192.0.2.10:3128"
    assert "S3cret" not in json.dumps(result)


@pytest.mark.parametrize("name", ["host_settings", "package_manager_proxy"])
def test_what_is_for_linux_sends_nothing_to_a_windows_host(controller, name):
    action = importlib.import_module(f"ansible_collections.fleetops.container_hosts.plugins.action.{name}").ActionModule
    controller.answers = []
    result = controller.run_action(action)
    assert not result["changed"]
    assert controller.sent == []
    controller.shell._IS_WINDOWS = False
    controller.answers = [{"changed": True}]
    assert controller.run_action(action)["changed"]
