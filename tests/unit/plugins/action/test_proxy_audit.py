# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which audits get the TOML libraries sent along: those that look for edgeAgent, if the controller has any."""

from __future__ import annotations

import types

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action import proxy_audit
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit import ARGUMENT_SPEC
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _toml_library


@pytest.fixture
def run(monkeypatch):
    """Run the action with arguments; returns what it had the module executed with."""

    def run(**arguments):
        sent = []
        monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
        monkeypatch.setattr(
            proxy_audit.ActionModule, "_execute_module", lambda _self, **executed: sent.append(executed) or {}
        )
        task = types.SimpleNamespace(args=arguments, check_mode=False, async_val=0)
        shell = types.SimpleNamespace(_IS_WINDOWS=False)
        connection = types.SimpleNamespace(has_native_async=False, _shell=shell)
        proxy_audit.ActionModule(task, connection, None, None, None, None).run(None, {})
        (executed,) = sent
        assert executed["module_name"] == "fleetops.container_hosts.proxy_audit"
        assert set(executed["module_args"]) <= set(ARGUMENT_SPEC)
        return executed["module_args"]

    return run


@pytest.mark.parametrize("consumers", [None, [], ["edge_agent"], ["docker", "edge_agent"]])
def test_the_libraries_go_along(run, consumers):
    assert run(consumers=consumers)["library"] == _toml_library.library()


def test_what_needs_none_gets_none(run):
    assert "library" not in run(consumers=["docker", "containers"])


def test_a_controller_without_tomlkit_can_audit(run, monkeypatch):
    def missing():
        raise Refused("is missing on the controller", where="tomlkit")

    monkeypatch.setattr(_toml_library, "library", missing)
    assert run(consumers=[])["library"] is None
