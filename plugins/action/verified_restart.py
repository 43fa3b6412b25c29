# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends along what the module needs, and stays with a host that the restart puts out of reach."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._out_of_reach import heard
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._run_identity import run_identity
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._sent_along import sent_along
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._toml_library import library_if_any
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows

_MODULE = "fleetops.container_hosts.verified_restart"


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; where the connection is lost meanwhile, come back and ask how it ended."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        arguments = {**self._task.args, "run": run_identity()}
        if is_windows(self):
            return self._on_windows(result, variables)
        try:
            if arguments.get("state") == "rolled_back":
                # What is taken back may be IoT Edge's, whose agent is then judged by its file.
                arguments.update(library_if_any())
            elif arguments.get("settings"):
                added = sent_along(self, arguments["settings"], variables)
                arguments.update(toml_library=added.pop("toml_library", None))
                arguments["settings"] = {**arguments["settings"], **added}
        except Refused as refused:
            return {**result, "failed": True, "msg": str(refused)}
        found = heard(
            self,
            lambda: self._execute(arguments, variables),
            lambda: self._execute({**arguments, "state": "reported"}, variables),
        )
        return {**result, **found}

    def _on_windows(self, result: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Go back from the controller; what proves a change there is win_host_settings itself."""
        # Imported in here, since each host's task is a process of its own, and few hosts are of Windows.
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_action, _windows_rollback
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._linux_alone import refused_on_windows
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

        given = [
            name for name, value in self._task.args.items() if value and name not in _windows_rollback.ARGUMENT_SPEC
        ]
        if given or self._task.args.get("state") != "rolled_back":
            what = f"takes no {given[0]} on a Windows host" if given else "only goes back on a Windows host"
            return {
                **result,
                **refused_on_windows(
                    self,
                    "verified_restart",
                    f"{what}, where win_host_settings itself restarts and proves",
                    "Give state: rolled_back, with checkpoint, commit, force, this_run and stable as needed.",
                ),
            }
        done = _windows_action.carry_out(
            self,
            variables,
            "verified_restart",
            _windows_rollback.ARGUMENT_SPEC,
            {},
            lambda params, run, execute: _windows_rollback.ensure(params, run, Host(execute), run_identity()),
        )
        done["warnings"] = [*result.get("warnings", ()), *done["warnings"]]
        return {**result, **done}

    def _execute(self, arguments: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        return t.cast(
            "dict[str, t.Any]",
            self._execute_module(module_name=_MODULE, module_args=arguments, task_vars=variables),
        )
