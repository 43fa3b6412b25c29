# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the controller's own TOML libraries along where edgeAgent is looked for, in the same round trip.

A Windows host is judged from the controller, by its registry.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._toml_library import library_if_any


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module."""
        result = super().run(tmp, task_vars)
        if getattr(self._connection._shell, "_IS_WINDOWS", False):
            return self._on_windows(result, task_vars or {})
        arguments = dict(self._task.args)
        if not arguments.get("consumers") or "edge_agent" in arguments["consumers"]:
            # Without tomlkit on the controller, a host of a newer Python can be judged all the same.
            arguments["library"] = library_if_any().get("toml_library")
        found = self._execute_module(
            module_name="fleetops.container_hosts.proxy_audit",
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        return {**result, **found}

    def _on_windows(self, result: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        # Imported in here, since each host's task is a process of its own, and few hosts are of Windows.
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit import ARGUMENT_SPEC
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_action, _windows_audit
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Registry

        def judge(params: dict[str, t.Any], run: Run, execute: _windows_action.Execute) -> dict[str, t.Any]:
            # Unlike a Linux host, it is not asked for its own name.
            named = {**params, "name": params["name"] or variables.get("inventory_hostname", "")}
            return _windows_audit.ensure(named, run, Registry(execute))

        done = _windows_action.carry_out(self, variables, "proxy_audit", ARGUMENT_SPEC, {}, judge)
        done["warnings"] = [*result.get("warnings", ()), *done["warnings"]]
        return {**result, **done}
