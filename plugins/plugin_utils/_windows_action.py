# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What the action plugins for Windows hosts share: how they run a module there so that nothing of it is shown."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import redact, redact_all, secrets_in
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import WRITE, ModuleFailed
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows

Execute = t.Callable[[str, "dict[str, t.Any]"], "dict[str, t.Any]"]


def check_host(action: ActionBase, where: str) -> None:
    """Raise Refused for a host that is no Windows, and where the controller lacks the modules for one."""
    if not is_windows(action):
        raise Refused(
            "the connection's shell is not one of Windows",
            where=where,
            instead="Connect by winrm, psrp, or ssh with ansible_shell_type set to powershell or cmd.",
        )
    if not module_loader.find_plugin_with_context(WRITE, ".ps1").resolved:
        raise Refused(
            "the collection ansible.windows is not installed on the controller",
            where=where,
            instead="Install it: ansible-galaxy collection install ansible.windows",
        )


def executor(action: ActionBase, variables: dict[str, t.Any]) -> Execute:
    """Return what runs a module of ansible.windows by its name and arguments, and returns its result."""

    def execute(name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        # Neither the host's event log nor `-vvv` gets to see what the module is sent and what it answers.
        context = action._connection._play_context
        no_log, context.no_log = context.no_log, True
        try:
            result = action._execute_module(
                module_name=name,
                module_args=arguments,
                # Otherwise the module writes its arguments into the event log.
                task_vars={**variables, "ansible_no_target_syslog": True},
            )
        finally:
            context.no_log = no_log
        if result.get("failed"):
            # The rest of its result may hold values.
            message = redact(_message(result), secrets_in(arguments))
            raise ModuleFailed(name, message, where=arguments.get("path", arguments.get("name", "the host")))
        return t.cast("dict[str, t.Any]", result)

    return execute


def _message(result: t.Mapping[str, t.Any]) -> str:
    """Return what a module says of its failure; win_powershell says it in the errors of its script."""
    errors = [error.get("exception", {}).get("message", "") for error in result.get("error") or ()]
    return str(result.get("msg") or "; ".join(filter(None, errors)))


def carry_out(
    action: ActionBase,
    variables: dict[str, t.Any],
    name: str,
    specification: t.Mapping[str, t.Any],
    constraints: t.Mapping[str, t.Any],
    ensure: t.Callable[[dict[str, t.Any], Run, Execute], dict[str, t.Any]],
) -> dict[str, t.Any]:
    """Judge the task's arguments, call `ensure`, and return what the task returns. `name` is the module's."""
    # ansible-core 2.18 hands inline !vault values over as objects of their own.
    action._task.args = _as_text(action._task.args)
    result: dict[str, t.Any] = {"invocation": {"module_args": redact_all(action._task.args)}}
    run = Run(check_mode=action._task.check_mode)
    try:
        params = _parameters(action, name, specification, constraints)
        check_host(action, name)
        result.update(ensure(params, run, executor(action, variables)))
    except Refused as refused:
        if isinstance(refused, Failed):
            result.update(refused.result)
        # Once it is known that there is something to change, it may have been written, in part.
        result.update(failed=True, msg=str(refused), changed=run.changed and not run.check_mode)
    else:
        result.update(changed=run.changed, diff=run.diffs)
    result["notices"] = [notice._asdict() for notice in run.notices]
    result["warnings"] = [*map(str, run.notices)]
    return result


def _parameters(
    action: ActionBase, name: str, specification: t.Mapping[str, t.Any], constraints: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", action.validate_argument_spec(specification, **constraints)[1])
    except AnsibleActionFail as exc:
        # `from None`: Ansible would show the task's own lines with it.
        raise Refused(redact(exc.message, secrets_in(action._task.args)), where=name) from None


def _as_text(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return str(value) if hasattr(value, "__ENCRYPTED__") else value
