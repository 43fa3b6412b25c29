# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and judges the certificates on the controller, where the library for that is, and sends them in one task."""

from __future__ import annotations

import datetime
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate import authorities
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._controller_file import pem
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._run_identity import run_identity
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows

# The module's own options, of which a Windows host needs two; the others are for hosts with systemd.
_ON_WINDOWS: dict[str, t.Any] = {
    "certificates": {"type": "list", "elements": "str", "default": [], "aliases": ["certificate"]},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "checkpoint": {"type": "str"},
    "checkpoint_deadline": {"type": "float"},
    "checkpoint_run": {"type": "str"},
    "manage_runtime": {"type": "str"},
}


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Replace `certificates` by the texts of what they name, and run the module with them."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        arguments = dict(self._task.args)
        if is_windows(self):
            return self._on_windows(result, variables)
        given = arguments.pop("certificates", None) or arguments.pop("certificate", None) or []
        if arguments.get("checkpoint"):
            arguments["checkpoint_run"] = run_identity()
        notices: list[Notice] = []
        # What is to go is known by its name, and may long be expired, or its file removed.
        if arguments.get("state") != "absent":
            try:
                sources = [
                    pem(self, f"certificates[{number}]", entry, variables)
                    for number, entry in enumerate(given if isinstance(given, list) else [given])
                ]
                now = datetime.datetime.now(datetime.UTC)
                arguments["certificates"], notices = authorities(sources, now)
            except Refused as refused:
                return {**result, "failed": True, "msg": str(refused)}
        result.update(
            self._execute_module(
                module_name="fleetops.container_hosts.trusted_certificate",
                module_args=arguments,
                task_vars=variables,
            )
        )
        result["notices"] = [*(notice._asdict() for notice in notices), *result.get("notices", [])]
        result["warnings"] = [*map(str, notices), *result.get("warnings", [])]
        return result

    def _on_windows(self, result: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do the same from the controller, in the store of a Windows host."""
        # Imported in here, since each host's task is a process of its own, and few hosts are of Windows.
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
            _windows_action,
            _windows_certificates,
        )
        from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

        def ensure(params: dict[str, t.Any], run: Run, execute: _windows_action.Execute) -> dict[str, t.Any]:
            present = params["state"] != "absent"
            sources = [
                pem(self, f"certificates[{number}]", entry, variables)
                for number, entry in enumerate(params["certificates"])
            ]
            texts = [content.decode("utf-8", "replace") for _name, content in sources]
            if present:
                texts, notices = authorities(sources, datetime.datetime.now(datetime.UTC))
                run.notice(*notices)
            elif not texts:
                why = "are none, and on Windows only they tell which ones to take away; nothing was done"
                run.notice(Notice("trusted_certificate", "certificates", why))
            return _windows_certificates.ensure(texts, present, run, Host(execute))

        done = _windows_action.carry_out(self, variables, "trusted_certificate", _ON_WINDOWS, {}, ensure)
        done["warnings"] = [*result.get("warnings", ()), *done["warnings"]]
        return {**result, **done}
