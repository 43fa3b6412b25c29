# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the controller's own TOML libraries along where edgeAgent is looked for; judges a Windows host from here."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_action, _windows_audit
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._toml_library import library_if_any
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Registry
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module."""
        result = super().run(tmp, task_vars)
        if is_windows(self):
            variables = task_vars or {}
            name = variables.get("inventory_hostname", "")
            done = _windows_action.carry_out(
                self,
                variables,
                "proxy_audit",
                _audit.ARGUMENT_SPEC,
                {},
                lambda params, run, execute: _windows_audit.ensure(
                    {**params, "name": params["name"] or name}, run, Registry(execute)
                ),
            )
            return {**result, **done, "warnings": [*result.get("warnings", ()), *done["warnings"]]}
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
