# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""All of a Windows container host's settings in one go: written, taken up by the services, or taken back.

Before the first change each service that is to be restarted gets a mark in its key, which goes when it runs with the
new settings: so a run that was cut off in between is completed by the next one, which finds the registry right.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _windows_config_json,
    _windows_ecs,
    _windows_ensure,
    _windows_iotedge,
    _windows_mark,
    _windows_restart,
    _windows_rollback,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint_store import Keeper
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import MACHINE, SERVICES
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import fold
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_mark import MARK
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Key

ARGUMENT_SPEC: dict[str, t.Any] = {
    "registry_environment": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {**_windows_ensure.ARGUMENT_SPEC, "optional": {"type": "bool", "default": False}},
        **_windows_ensure.CONSTRAINTS,
    },
    "config_json": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": _windows_config_json.ARGUMENT_SPEC,
    },
    "ecs_agent": {"type": "dict", "options": _windows_ecs.ARGUMENT_SPEC},
    "iotedge": {"type": "dict", "options": _windows_iotedge.ARGUMENT_SPEC},
    "services": {"type": "list", "elements": "str", "required": True},
    "restart": {"type": "str", "choices": ["if_needed", "never"], "default": "if_needed"},
    "stable": {"type": "float", "default": 8.0},
    "checkpoint": {"type": "str"},
}


def ensure(params: t.Mapping[str, t.Any], run: Run, host: Host, identity: str = "") -> dict[str, t.Any]:
    """Make the host what `params` (see ARGUMENT_SPEC) say; return a dict for the result. `identity` is this run's.

    Raises Refused with nothing written, or Failed with all of it taken back, as far as that could be done.
    """
    result: dict[str, t.Any] = {"restart_required": [], "restarted": [], "initialized": False}
    result["installed"] = _windows_iotedge.to_install(params["iotedge"], host)
    if result["installed"]:
        run.changed = True
        if run.check_mode:
            # What will be there then, nobody can tell.
            return result
        _windows_iotedge.install(params["iotedge"], host)
    # The whole of it in check mode first: nothing is written where the last of it is refused.
    planned = run if run.check_mode else Run(check_mode=True)
    changed = _edit(params, planned, host)
    marked = [name for name in params["services"] if _windows_mark.marked(name, host)]
    due = [name for name in params["services"] if name in changed or name in marked]
    restarts = _windows_restart.to_restart(due, host) if due and params["restart"] == "if_needed" else []
    new = _windows_ecs.never_initialized(params["ecs_agent"], host)
    result["restart_required"] = due if params["restart"] == "never" else []
    result.update(restarted=restarts, initialized=new)
    if run.check_mode or not (planned.changed or due or new):
        run.changed = run.changed or bool(restarts) or new
        if run is not planned:
            run.notice(*planned.notices)
        return result
    before = _Before(params, host)
    keeper = Keeper(params["checkpoint"], identity, host)
    if due and params["restart"] == "if_needed":
        # A run that died may have left some stopped; those don't stay so.
        restarts = list(dict.fromkeys([*keeper.were_running, *restarts]))
        result["restarted"] = restarts
    keeper.keep(due, restarts)
    # Those that don't run with what is written yet are not restarted for the way back.
    touched: list[str] = []
    try:
        _windows_mark.mark(due, host)
        _edit(params, run, host)
        touched = restarts
        _windows_restart.restart(restarts, host, params["stable"])
        if new:
            _windows_ecs.initialize(params["ecs_agent"], run, host)
            # Which has started the agent: the engine can't be stopped any more before it.
            touched = [*restarts, *(name for name in _now(params, host) if name not in restarts)]
            # The agent's service may have come with that, and has settings of its own.
            keeper.keep(_edit(params, Run(check_mode=True), host), ())
            again = _windows_restart.to_restart(_edit(params, run, host), host)
            _windows_restart.restart(again, host, params["stable"])
        if params["restart"] == "if_needed":
            keeper.commit(_stays(result))
    except Refused as refused:
        raise _taken_back(refused, before, keeper, touched, host, params["stable"]) from refused
    if params["restart"] == "if_needed":
        _windows_mark.unmark(due, host)
    run.changed = run.changed or bool(restarts) or new
    return result


def _now(params: t.Mapping[str, t.Any], host: Host) -> list[str]:
    return _windows_restart.to_restart(params["services"], host)


def _stays(result: t.Mapping[str, t.Any]) -> list[str]:
    """Return the vendors' tools that were run."""
    tools = {"initialized": "Initialize-ECSAgent", "installed": "Deploy-IoTEdge"}
    return [tool for key, tool in tools.items() if result[key]]


def _edit(params: t.Mapping[str, t.Any], run: Run, host: Host) -> list[str]:
    """Hold each setting true, and return the services that are to take up what was changed."""
    changed: list[str] = []
    entries = [*params["registry_environment"], *_windows_ecs.entries(params["ecs_agent"], run, host)]
    for entry in entries:
        one = Run(check_mode=run.check_mode)
        optional = entry.get("optional") and entry["service"]
        if optional and not _windows_ensure.service_key(entry["service"], host.registry):
            continue
        try:
            _windows_ensure.ensure(entry, one, host.registry)
        finally:
            _gather(one, run)
        if one.changed:
            # The machine's variables are every service's.
            changed += [entry["service"]] if entry["service"] else params["services"]
    for entry in params["config_json"]:
        one = Run(check_mode=run.check_mode)
        key = _windows_ensure.service_key(entry["service"], host.registry)
        if key is None:
            raise Refused("does not exist on this host", where=f"service {entry['service']}")
        try:
            if _windows_config_json.ensure(entry, one, host, _windows_ensure.image_path(key)):
                changed.append(entry["service"])
        finally:
            _gather(one, run)
    if params["iotedge"]:
        _windows_iotedge.check(params["iotedge"], run, host)
    return changed


def _gather(one: Run, run: Run) -> None:
    run.changed = run.changed or one.changed
    run.diffs += one.diffs
    run.notice(*one.notices)
    run.secrets += one.secrets


# The way back -----------------------------------------------------------------------------------------------------


class _Before:
    """What the host has of all that may be written, read before the first change."""

    def __init__(self, params: t.Mapping[str, t.Any], host: Host) -> None:
        entries = params["registry_environment"]
        services = {entry["service"] for entry in entries if entry["service"]} | set(params["services"])
        self._keys: dict[str, Key] = {}
        for path in [*(f"{SERVICES}\\{name}" for name in sorted(services)), MACHINE]:
            key = host.registry.key(path)
            if key is not None:
                self._keys[path] = key
        self._files = {entry["path"]: host.read_file(entry["path"]) for entry in params["config_json"]}

    def restore(self, host: Host) -> list[str]:
        """Write what differs as it was; return where that was."""
        host.forget()
        restored = []
        for path, before in self._keys.items():
            now = host.registry.key(path) or Key({}, [])
            names = {fold(name): name for name in [*now.values, *before.values]}
            for name in names.values():
                was, value = _windows_ensure.find(before.values, name), _windows_ensure.find(now.values, name)
                # Of a service's key only what is ours; its status and its description are its own.
                ours = path == MACHINE or fold(name) in ("ENVIRONMENT", fold(MARK))
                if ours and was != value:
                    host.registry.restore(path, name, was)
                    restored.append(f"{path}\\{name}")
        for path, content in self._files.items():
            # A file that somebody else has changed is theirs.
            if path in host.written and host.read_file(path) == host.written[path]:
                host.write_file(path, content, host.written[path])
                restored.append(path)
        return restored


def _taken_back(
    refused: Refused, before: _Before, keeper: Keeper, restarts: t.Sequence[str], host: Host, stable: float
) -> Failed:
    report: dict[str, t.Any] = {"restored": [], "restarted": list(restarts), "outcome": {"state": "rolled_back"}}
    try:
        report["restored"] = before.restore(host)
        if keeper.earlier:
            # A run that died before this one proved nothing either.
            states = {record.place: record.was for record in keeper.earlier.records}
            report["restored"] += _windows_rollback.put_back(states, host)
        _windows_restart.restart(restarts, host, stable)
        if keeper.earlier:
            _windows_mark.unmark(restarts, host)
        keeper.drop()
    except Refused as again:
        report["outcome"] = {"state": "failed"}
        return Failed(
            f"{refused.what}; and what was before could not be brought back: {again}",
            result=report,
            where=refused.where,
            instead="Look at the host.",
        )
    told = "everything was taken back, and the services run with what they had"
    return Failed(f"{refused.what}; {told}", result=report, where=refused.where, instead=refused.instead)
