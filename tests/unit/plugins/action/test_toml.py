# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks get the TOML libraries sent along, and which don't."""

from __future__ import annotations

import types

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action import (
    config_toml,
    host_settings,
    iotedge_config,
    verified_restart,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_settings, _host_settings_rare
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _toml_library

ENTRY = {"path": "/etc/x.toml", "settings": {"a": 1}}
CASES = {
    "config_toml": (config_toml, ENTRY, "library"),
    "host_settings with a TOML file": (host_settings, {"config_toml": [ENTRY]}, "toml_library"),
    "host_settings with IoT Edge": (host_settings, {"iotedge_config": [{}]}, "toml_library"),
    "iotedge_config": (iotedge_config, {"proxy": {}}, "library"),
    "verified_restart with IoT Edge": (verified_restart, {"settings": {"iotedge_config": [{}]}}, "toml_library"),
    "host_settings without": (host_settings, {"config_json": [ENTRY], "config_toml": []}, None),
    "verified_restart with one": (verified_restart, {"settings": {"config_toml": [ENTRY]}}, "toml_library"),
    "verified_restart without": (verified_restart, {"units": ["docker"]}, None),
}


def run(monkeypatch, plugin, arguments, **task):
    """Run an action; returns its result, and what it had the module executed with."""
    sent = []
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
    monkeypatch.setattr(
        plugin.ActionModule,
        "_execute_module",
        lambda _self, **executed: sent.append(executed) or {"changed": True, "invocation": {}},
    )
    task = types.SimpleNamespace(args=arguments, check_mode=False, **{"async_val": 0, **task})
    connection = types.SimpleNamespace(has_native_async=False)
    return plugin.ActionModule(task, connection, None, None, None, None).run(task_vars={}), sent


@pytest.mark.parametrize(("plugin", "arguments", "added"), CASES.values(), ids=CASES.keys())
def test_what_is_sent(monkeypatch, plugin, arguments, added):
    result, [executed] = run(monkeypatch, plugin, arguments)
    assert result["changed"]
    sent = {name: value for name, value in executed["module_args"].items() if name not in ("run", *arguments)}
    assert sent == ({added: _toml_library.library()} if added else {})


@pytest.mark.parametrize(("plugin", "arguments", "added"), CASES.values(), ids=CASES.keys())
def test_a_controller_without_tomlkit_sends_nothing_and_says_why(monkeypatch, plugin, arguments, added):
    def missing():
        raise Refused("is missing on the controller", where="tomlkit")

    monkeypatch.setattr(_toml_library, "library", missing)
    monkeypatch.setattr(config_toml, "library", missing)
    result, sent = run(monkeypatch, plugin, arguments)
    assert (result.get("msg"), len(sent)) == (("tomlkit: is missing on the controller.", 0) if added else (None, 1))
    assert bool(result.get("failed")) == bool(added)


@pytest.mark.parametrize("plugin", [config_toml, host_settings])
def test_async_is_passed_on(monkeypatch, plugin):
    _result, [executed] = run(monkeypatch, plugin, dict(ENTRY), async_val=30)
    assert executed["wrap_async"]


@pytest.mark.parametrize("kind", _host_settings.KINDS)
def test_what_few_hosts_need_is_sent_to_them_alone(monkeypatch, kind):
    """The one form of the module imports what the other finds only where it was sent."""
    _result, [executed] = run(monkeypatch, host_settings, {kind: [ENTRY]})
    name = executed["module_name"].rpartition(".")[2]
    common = {"config_json", "systemd_environment"}
    assert name == ("host_settings" if kind in common else "host_settings_rare")
    assert hasattr(_host_settings_rare, f"_{kind}") == (kind not in common)
