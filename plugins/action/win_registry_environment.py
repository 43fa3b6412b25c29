# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits a Windows host's environments on the controller, with the modules of ansible.windows as its hands."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import redact, redact_all, secrets_in
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import (
    ARGUMENT_SPEC,
    CONSTRAINTS,
    ensure,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import WRITE, Registry


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Bring the environment to what the task's arguments say."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        # ansible-core 2.18 hands inline !vault values over as objects of their own.
        self._task.args = _as_text(self._task.args)
        result["invocation"] = {"module_args": redact_all(self._task.args)}
        run = Run(check_mode=self._task.check_mode)
        try:
            params = self._parameters()
            self._check_host()
            result.update(ensure(params, run, Registry(lambda name, args: self._module(name, args, variables))))
        except Refused as refused:
            # Once it is known that there is something to change, it may have been written, in part.
            result.update(failed=True, msg=str(refused), changed=run.changed and not run.check_mode)
        else:
            result.update(changed=run.changed, diff=run.diffs)
        result["notices"] = [notice._asdict() for notice in run.notices]
        result["warnings"] = [*result.get("warnings", ()), *map(str, run.notices)]
        return result

    def _parameters(self) -> dict[str, t.Any]:
        try:
            return t.cast("dict[str, t.Any]", self.validate_argument_spec(ARGUMENT_SPEC, **CONSTRAINTS)[1])
        except AnsibleActionFail as exc:
            # `from None`: Ansible would show the task's own lines with it.
            raise Refused(redact(exc.message, secrets_in(self._task.args)), where="win_registry_environment") from None

    def _check_host(self) -> None:
        if not getattr(self._connection._shell, "_IS_WINDOWS", False):
            raise Refused(
                "the connection's shell is not one of Windows",
                where="win_registry_environment",
                instead="Connect by winrm, psrp, or ssh with ansible_shell_type set to powershell or cmd.",
            )
        if not module_loader.find_plugin_with_context(WRITE, ".ps1").resolved:
            raise Refused(
                "the collection ansible.windows is not installed on the controller",
                where="win_registry_environment",
                instead="Install it: ansible-galaxy collection install ansible.windows",
            )

    def _module(self, name: str, arguments: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module; neither the host's event log nor `-vvv` gets to see what it is sent and what it answers."""
        context = self._connection._play_context
        no_log, context.no_log = context.no_log, True
        try:
            result = self._execute_module(
                module_name=name,
                module_args=arguments,
                # Otherwise the module writes its arguments into the event log.
                task_vars={**variables, "ansible_no_target_syslog": True},
            )
        finally:
            context.no_log = no_log
        if result.get("failed"):
            # The rest of its result may hold values.
            raise Refused(
                f"{name} failed: {redact(str(result.get('msg', '')), secrets_in(arguments))}",
                where=arguments.get("path", "the machine's variables"),
                instead="The account needs administrator rights on the host.",
            )
        return t.cast("dict[str, t.Any]", result)


def _as_text(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return str(value) if hasattr(value, "__ENCRYPTED__") else value
