# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends along what the controller has for the module: libraries for TOML files, and certificates.

It stays with a host that a restart puts out of reach.
"""

from __future__ import annotations

import functools
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._out_of_reach import heard
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._run_identity import run_identity
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows

_OURS = "fleetops.container_hosts"
_RARE = (
    "circleci_nomad",
    "circleci_services",
    "config_toml",
    "ecs_config",
    "ecs_instance",
    "environment_file",
    "iotedge_certificate",
    "iotedge_config",
)

# There is no CircleCI server on Windows that it could be about.
_LINUX_ALONE = ("circleci_nomad", "circleci_services")

# What the roles look at before they go their other way.
_ON_WINDOWS: dict[str, t.Any] = {
    "changed": False,
    "windows": True,
    "apply_required": [],
    "reload_required": [],
    "restart_required": [],
    "checkpoint_pending": False,
    "ecs_instance": [{"systemd_running": False, "upstart_restart_required": []}],
}


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module."""
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if is_windows(self):
            asked = [kind for kind in _LINUX_ALONE if arguments.get(kind)]
            return {**result, **(_refused(self, asked[0]) if asked else _ON_WINDOWS)}
        # The other kinds are sent only where they are asked for: a payload of twice the size costs each host.
        proof = arguments.get("verified_restart")
        proof = proof if isinstance(proof, dict) else None  # what it can't be is the module's to refuse
        rare = any(arguments.get(kind) for kind in _RARE) or bool(proof and proof.get("drain"))
        # Imported in here, since each host's task is a process of its own, and few tasks need what is imported.
        if any(arguments.get(kind) for kind in ("config_toml", "iotedge_config", "iotedge_certificate")):
            from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
            from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._sent_along import sent_along

            try:
                arguments.update(sent_along(self, arguments, task_vars or {}))
            except Refused as refused:
                return {**result, "failed": True, "msg": str(refused)}
        execute = functools.partial(
            self._execute_module,
            module_name=f"{_OURS}.host_settings" + ("_rare" if rare else ""),
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        if not proof:
            return {**result, **execute()}
        arguments["verified_restart"] = {**proof, "run": run_identity()}
        report = {"checkpoint": arguments.get("checkpoint"), "state": "reported"}
        ask = functools.partial(
            self._execute_module, module_name=f"{_OURS}.verified_restart", module_args=report, task_vars=task_vars
        )
        return {**result, **heard(self, execute, ask)}


def _refused(action: ActionBase, kind: str) -> dict[str, t.Any]:
    from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._linux_alone import refused_on_windows

    return refused_on_windows(
        action, kind, "is for Linux hosts alone, and this is a Windows host", "Take it out of the group."
    )
