# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks get the TOML libraries sent along: all but those that only run the vendor's program."""

from __future__ import annotations

import types

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action import iotedge_check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _toml_library


@pytest.fixture
def run(monkeypatch):
    """Run the action with arguments; returns its result, and what it had the module executed with."""

    def run(**arguments):
        sent = []
        monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
        monkeypatch.setattr(
            iotedge_check.ActionModule,
            "_execute_module",
            lambda _self, **executed: sent.append(executed) or {"worst": "ok"},
        )
        task = types.SimpleNamespace(args=arguments, check_mode=False, async_val=0)
        connection = types.SimpleNamespace(has_native_async=False)
        return iotedge_check.ActionModule(task, connection, None, None, None, None).run(task_vars={}), sent

    return run


@pytest.mark.parametrize("arguments", [{}, {"engine": "own"}, {"engine": "both", "timeout": 5}])
def test_our_own_statement_reads_toml(run, arguments):
    result, [executed] = run(**arguments)
    assert result == {"worst": "ok"}
    assert executed["module_name"] == "fleetops.container_hosts.iotedge_check"
    assert executed["module_args"] == {**arguments, "library": _toml_library.library()}


def test_the_vendors_program_alone_needs_none(run, monkeypatch):
    monkeypatch.setattr(iotedge_check, "library", lambda: pytest.fail("asked for"))
    _result, [executed] = run(engine="vendor")
    assert executed["module_args"] == {"engine": "vendor"}


def test_a_controller_without_the_library_says_so(run, monkeypatch):
    def missing():
        raise Refused("is missing on the controller", where="tomlkit")

    monkeypatch.setattr(iotedge_check, "library", missing)
    result, sent = run()
    assert (result, sent) == ({"failed": True, "msg": "tomlkit: is missing on the controller."}, [])
