# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Takes back what was changed under a Windows host's checkpoints, and has its services run with what was before."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import masked_diff
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_checkpoint as core
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _windows_checkpoint_store,
    _windows_ensure,
    _windows_mark,
    _windows_restart,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint import Place, State
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import (
    EXPAND,
    MULTI,
    PLAIN,
    Value,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

_Foretold = dict[tuple[str, ...], State]

# What verified_restart takes on a Windows host.
ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["verified", "rolled_back", "reported"], "default": "verified"},
    "checkpoint": {"type": "str"},
    "commit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "this_run": {"type": "bool", "default": False},
    "stable": {"type": "float", "default": 8.0},
}


def ensure(params: t.Mapping[str, t.Any], run: Run, host: Host, identity: str) -> dict[str, t.Any]:
    """Go back as `params` (see ARGUMENT_SPEC) say; return a dict for the result. `identity` is this run's.

    Raises Refused with nothing written, or Failed with the services as they were, as far as that could be done.
    """
    # What would be there after the checkpoints that come first, where nothing is written.
    foretold: _Foretold = {}
    if params["checkpoint"]:
        return _Back(params["checkpoint"], params, run, host, foretold).carry_out()
    documents = {
        name: _windows_checkpoint_store.Store(name, host).document for name in _windows_checkpoint_store.names(host)
    }
    chosen = core.last_run(documents, identity if params["this_run"] else None)
    if not chosen and not params["this_run"]:
        run.notice(Notice("verified_restart", "state: rolled_back", _NOTHING))
    return {"checkpoints": [_Back(name, params, run, host, foretold).carry_out() for name in chosen]}


_NOTHING = "there is nothing to go back to: nothing was changed on this host under a checkpoint, or all was taken back"


class _Back:
    """The way back of one checkpoint."""

    def __init__(self, name: str, params: t.Mapping[str, t.Any], run: Run, host: Host, foretold: _Foretold) -> None:
        self.run, self.host, self.stable = run, host, params["stable"]
        self.store = _windows_checkpoint_store.Store(name, host)
        document = self.store.document
        self.changes = core.to_undo(document, params["commit"], f"checkpoint {name}")
        self.marked = [name for name in self._services() if _windows_mark.marked(name, host)]
        # A run that died over its change, or over its way back, may have left them stopped.
        before = [name for change in self.changes if not change.id or self.marked for name in change.running]
        self.stopped = [name for name in before if (found := host.service(name)) and not found.running]
        self.records = [each for each in core.states_before(self.changes) if self._has_service(each.place)]
        self.now = {record.place: self._read(record.place, foretold) for record in self.records}
        self.foreign = [
            (record.place, state) for record in self.records for state in self._foreign(record, params["force"])
        ]
        self.restored = [
            record for record in self.records if core.normal(self.now[record.place]) != core.normal(record.was)
        ]
        foretold.update((core.identity(record.place), record.was) for record in self.records)

    def carry_out(self) -> dict[str, t.Any]:
        """Write what was, restart the services, and drop the commits; return a dict for the result."""
        due = self._services() if self.restored or self.stopped else self.marked
        restarts = self._restarts(due)
        told = self._told(restarts)
        if not self.changes:
            self.run.notice(Notice(f"checkpoint {self.store.name}", "state: rolled_back", _NOTHING))
            return told
        for text in dict.fromkeys(text for change in self.changes for text in change.stays):
            self.run.notice(Notice(f"checkpoint {self.store.name}", text, "is not taken back: what it made stays"))
        for record in self.restored:
            self._show(record)
        self.run.changed = True
        if self.run.check_mode:
            return told
        touched: list[str] = []
        _windows_mark.mark(due, self.host)
        try:
            put_back({record.place: record.was for record in self.restored}, self.host)
            touched = restarts
            _windows_restart.restart(restarts, self.host, self.stable)
            _windows_mark.unmark(due, self.host)
            self.store.write(core.undone(self.store.document, self.changes, self.foreign))
        except Refused as refused:
            raise self._forth(refused, due, touched, told) from refused
        kept = f"{self.store.where}: foreign"
        told["pending"] = False
        told["outcome"] = {
            "state": "committed",
            "restored": [str(record.place) for record in self.restored],
            "restarted": restarts,
            "foreign": {str(place): [kept] for place, _state in self.foreign},
            "undoes": [change.id or "pending" for change in self.changes],
        }
        return told

    def _told(self, restarts: list[str]) -> dict[str, t.Any]:
        told = {"checkpoint": self.store.name, "restart": restarts, "pending": bool(self.changes), "earlier": None}
        return {**told, "apply": [], "reload": [], "left": []}

    def _restarts(self, due: t.Sequence[str]) -> list[str]:
        if not due:
            return []
        running = _windows_restart.to_restart(due, self.host)
        # In the order in which they were started then. To stop what is stopped does nothing.
        before = [name for change in self.changes for name in change.running if name in (*self.stopped, *running)]
        return list(dict.fromkeys([*before, *running]))

    def _forth(self, refused: Refused, due: list[str], touched: list[str], told: dict[str, t.Any]) -> Failed:
        """Go where the host was before the way back, which has failed; return what to raise."""
        report = {**told, "outcome": {"state": "rolled_back"}}
        try:
            put_back({record.place: self.now[record.place] for record in self.restored}, self.host)
            # What runs on has that already, and what is stopped gets it at its start.
            _windows_mark.unmark(due, self.host)
            _windows_restart.restart(touched, self.host, self.stable)
        except Refused as again:
            report["outcome"] = {"state": "failed"}
            return Failed(
                f"{refused.what}; and what was before the way back could not be brought back: {again}",
                result=report,
                where=refused.where,
                instead="Look at the host.",
            )
        told_too = "so the host has again what it had before the way back, and the services run with it"
        return Failed(f"{refused.what}; {told_too}", result=report, where=refused.where, instead=refused.instead)

    def _services(self) -> list[str]:
        return list(dict.fromkeys(name for change in self.changes for name in change.services))

    def _has_service(self, place: Place) -> bool:
        found = has_service(place, self.host)
        if not found:
            self.run.notice(Notice(f"checkpoint {self.store.name}", place.where, "is gone, and is left out"))
        return found

    def _read(self, place: Place, foretold: _Foretold) -> State:
        if self.run.check_mode and core.identity(place) in foretold:
            return foretold[core.identity(place)]
        return read(place, self.host)

    def _foreign(self, record: core.Record, force: bool) -> list[State]:
        """Return what somebody else has written to a place, which is refused unless that may go."""
        now = self.now[record.place]
        if isinstance(now, Value) and now.kind not in (MULTI, PLAIN, EXPAND):
            raise Refused(
                f"is {now.kind}, which could not be brought back if the way back failed",
                where=str(record.place),
                instead="Find out what wrote it, and delete it.",
            )
        foreign = [*record.between, *([now] if core.is_foreign(now, record) else [])]
        if foreign and not force:
            raise Refused(
                "was changed by someone else since; going back would lose that",
                where=str(record.place),
                instead="Look at the difference (--check --diff --extra-vars rollback_force=true), and say "
                "rollback_force: true if it may go; a copy is kept on the host.",
            )
        return foreign

    def _show(self, record: core.Record) -> None:
        now, was = self.now[record.place], record.was
        if record.place.name is None:
            before, after = (state if isinstance(state, bytes) else None for state in (now, was))
            self.run.diffs.append(masked_diff(str(record.place), before, after, self.run.secrets))
            return
        _windows_ensure.keep_diff(str(record.place), _lines(record.place, now), _lines(record.place, was), self.run)


def _lines(place: Place, state: State) -> list[str] | None:
    state = core.normal(state)
    if not isinstance(state, Value):
        return None
    return list(state.data) if state.kind == MULTI else [f"{place.name}={state.data}"]


def has_service(place: Place, host: Host) -> bool:
    """Tell whether the service that a place may belong to is there: to write into its key would make one."""
    service = place.where.rpartition("\\")[2]
    if place.name is None or place.where != f"{_windows_ensure.SERVICES}\\{service}":
        return True
    return _windows_ensure.service_key(service, host.registry) is not None


def read(place: Place, host: Host) -> State:
    """Return what a place is now."""
    if place.name is None:
        return host.read_file(place.where)
    key = host.registry.key(place.where)
    return _windows_ensure.find(key.values, place.name) if key else None


def put_back(states: t.Mapping[Place, State], host: Host) -> list[str]:
    """Make places what they were, where they are something else; return which were. Each is read back."""
    host.forget()
    restored = []
    for place, was in states.items():
        now = read(place, host)
        if core.normal(now) == core.normal(was) or not has_service(place, host):
            continue
        if place.name is None:
            host.write_file(
                place.where, was if isinstance(was, bytes) else None, now if isinstance(now, bytes) else None
            )
        else:
            host.registry.restore(place.where, place.name, was if isinstance(was, Value) else None)
            if core.normal(read(place, host)) != core.normal(was):
                raise Refused("holds something else than what was just written", where=str(place))
        restored.append(str(place))
    return restored
