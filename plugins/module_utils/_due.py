# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the units of a request (see _transaction) need so that they run with what the files say."""

from __future__ import annotations

import importlib
import typing as t

from . import _host_settings, _proxy_environment, _unit_jobs, _units
from ._errors import Refused
from ._run import Run

Request = t.Dict[str, t.Any]


def applier(name: str) -> t.Any:
    """Return what does more than a restart so that files count, by its name: `iotedge`.

    It has KIND, the kind of settings that ask for it, UNITS, which it restarts, apply(), unblock() for the way back,
    and take_back() at its end. Not by an import statement, as few hosts need it; see _host_settings.
    """
    return importlib.import_module(f"{__package__}._{name}_apply")


class Due(t.NamedTuple):
    """The units that need something to run with what the files say, in order; and what all of them were doing."""

    apply: t.List[str]  # what is more than a restart, by its name
    restart: t.List[str]
    reload: t.List[str]
    left: t.List[str]  # that need a restart and must not get one
    states: t.Dict[str, _unit_jobs.State]


def find(
    request: Request,
    *,
    again: bool = False,
    foreseen: bool = False,
    seen: t.Optional[t.Dict[str, _unit_jobs.State]] = None,
) -> Due:
    """Return what the units of a request need; raises Refused where the files aren't what the request wants.

    A unit that doesn't run needs nothing. `again`: after the restarts, so `restart: always` asks for no other one.
    `foreseen`: in check mode, where the files are what they were. `seen`: what units were doing a moment ago.
    """
    apply: t.List[str] = []
    restart: t.Set[str] = set()
    reload: t.Set[str] = set()
    # First, so that what is judged next need not ask systemd about the same units again.
    states = dict(seen or {})
    states.update(_unit_jobs.states([unit["name"] for unit in request["units"] if unit["name"] not in states]))
    if request["settings"]:
        told = Run(check_mode=True, heard=False)  # who made the change has told of all that
        result = _host_settings.hold(request["settings"], told)
        if told.diffs and not foreseen:
            raise Refused(
                "another run changed what this one wrote: " + ", ".join(diff["before_header"] for diff in told.diffs),
                instead="Let one run of a host end before the next begins, and run again.",
            )
        apply = result["apply_required"]
        restart.update(result["restart_required"])
        reload.update(result["reload_required"])
    for unit in request["units"]:
        name = unit["name"]
        active = states[name].active
        if active == "failed" and request["pending"] and not again:
            restart.add(name)  # it was meant to run, and the change may be its cure
        elif active in ("inactive", "failed"):
            restart.discard(name)
            reload.discard(name)
        elif (unit["restart"] == "always" and not again) or _differs(unit, states[name].main_pid):
            restart.add(name)
    due = Due([], [], [], [], states)
    never = {unit["name"] for unit in request["units"] if unit["restart"] == "never"}
    for name in apply:
        units = applier(name).UNITS
        if never.isdisjoint(units):
            due.apply.append(name)
        else:
            restart.update(never.intersection(units))
    for unit in request["units"]:
        if unit["name"] in restart:
            (due.left if unit["restart"] == "never" else due.restart).append(unit["name"])
        elif unit["name"] in reload:
            due.reload.append(unit["name"])
    return due


def _differs(unit: t.Dict[str, t.Any], main_pid: int) -> bool:
    """Tell whether a unit's process has another value of a variable that it must show; '' is for none."""
    if not unit["environment"]:
        return False
    running = _units.process_environment(main_pid) or {}
    return any(
        not _proxy_environment.same(name, running.get(name) or None, value or None)
        for name, value in unit["environment"].items()
    )
