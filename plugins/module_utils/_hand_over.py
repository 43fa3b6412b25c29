# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Hands a change over to the guard of this host, waits for it, and reports. The guard does not need this."""

from __future__ import annotations

import contextlib
import time
import typing as t

from . import _due, _guard_outcome, _guard_units, _unit_jobs, _units
from ._checkpoint import DEFERRED, Checkpoint
from ._errors import Failed, Refused
from ._notice import Notice
from ._run import Run, all_or_nothing

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it to the guard, which alone runs it.
    from . import _transaction

    _ALSO_SENT = _transaction

_TICK = 0.1
_LOOK = 5.0
# The guard is started again two seconds after it was killed.
_PATIENCE = 15.0
# If it fails for so long, as on a full disk, it goes on without us.
_FAILING_SECONDS = 60.0
_LEAVING_SECONDS = 5.0


class Back(t.Protocol):
    """A way back that a request may go; _going_back has it. Not imported, as few hosts go one."""

    @property
    def states(self) -> t.Sequence[t.Any]:
        """Return what each of its files was."""

    def complete(self, request: _due.Request) -> None:
        """Fill in what the request can't know."""

    def put_back(self) -> t.Dict[str, t.List[str]]:
        """Make the files what they were; return what was put aside."""


def act(
    checkpoint: Checkpoint,
    request: _due.Request,
    run: Run,
    going_back: t.Optional[t.Callable[[], Back]] = None,
    change: t.Optional[t.Callable[[], None]] = None,
) -> t.Dict[str, t.Any]:
    """Have the guard carry a request out, if there is anything to do, and wait; in check mode, tell what it would do.

    `change` makes the files what the request wants, by the host's lock, so that no other run comes in between. Raises
    Failed with the guard's report where the change was taken back.
    """
    unended = None
    while True:
        if not run.check_mode:
            unended = let_end(checkpoint)
        # Held until the guard is asked: what is found out here must still be so then.
        with checkpoint.locked(create=change is not None and not run.check_mode) as held:
            if not run.check_mode and _asked(checkpoint) not in (None, unended):
                continue
            made = change is not None
            if change is not None:
                change()
            # What was written would have nobody to prove it if not even this can be found out, as on a full disk.
            with all_or_nothing(checkpoint, held=held) if made and not run.check_mode else contextlib.nullcontext():
                told, back = _plan(checkpoint, request, run, going_back, made=made)
            to_do = told["apply"] or told["restart"] or told["reload"] or request["pending"]
            # A proof alone changes nothing; what it proves was reported as a change by who made it.
            run.changed = run.changed or bool(to_do and (_is_change(told) or back))
            if run.check_mode:
                return told
            if not to_do:
                _tidy(checkpoint)
                return told
            _ask(checkpoint, request, back, held)
        break
    result = _wait(checkpoint, request["id"])
    told = {**told, **(result.get("due") or {})}
    run.changed = run.changed or _is_change(told)
    report = {**told, "pending": checkpoint.pending(), "outcome": result}
    _guard_outcome.judge(checkpoint, result, report)
    _tell_left(result.get("left") or [], run)
    return report


def _is_change(told: t.Dict[str, t.Any]) -> bool:
    return bool(told["apply"] or told["restart"] or told["reload"])


def _tell_left(units: t.Iterable[str], run: Run) -> None:
    why = "runs with something else than its files say; it was left to you to restart it (restart: never)"
    run.notice(*(Notice(unit, "restart", why) for unit in units))


def _plan(
    checkpoint: Checkpoint,
    request: _due.Request,
    run: Run,
    going_back: t.Optional[t.Callable[[], Back]],
    *,
    made: bool,
) -> t.Tuple[t.Dict[str, t.Any], t.Optional[Back]]:
    """Find out what there is to do, and complete the request by it; `made`: the files are what it wants."""
    earlier = _guard_outcome.earlier(checkpoint, run)
    back = going_back() if going_back else None
    if back is not None:
        back.complete(request)
    pending = checkpoint.pending() or bool(back and back.states)
    request["pending"] = pending
    told = {
        "checkpoint": checkpoint.name,
        "apply": [],
        "restart": [],
        "reload": [],
        "left": [],
        "pending": pending,
        "earlier": earlier,
    }
    deferred = bool((checkpoint.read(DEFERRED) or {}).get("units"))
    # What we have just written has to be proven in any case, and what that needs the guard finds out anyway.
    if run.check_mode or not (made and pending) or deferred:
        due = _due.find(request, foreseen=run.check_mode)
        _tell_left(due.left, run)
        if deferred and due.left and not (due.apply or due.restart or due.reload or back):
            request["pending"] = False  # proven but for those, as before
        told.update(apply=due.apply, restart=due.restart, reload=due.reload, left=due.left)
    return told, back


def _ask(checkpoint: Checkpoint, request: _due.Request, back: t.Optional[Back], held: bool) -> None:
    """Ask the guard to carry the request out; where not even that goes, all that is pending is taken back."""
    # A guard that was killed over this change, or one that deferred its end, has touched daemons already.
    begun = checkpoint.read("running.json") or checkpoint.read(DEFERRED) or {} if checkpoint.pending() else {}
    request["touched"] = begun.get("touched", {})
    request["was"] = begun.get("was", {})
    with all_or_nothing(checkpoint, held=held):
        if back is not None:
            request["foreign"] = back.put_back()
        _guard_units.arm(checkpoint, code=True)
        try:
            checkpoint.write("request.json", request)
            _guard_units.call(checkpoint)
            checkpoint.remove("result.json", "running.json")
        except BaseException:
            with contextlib.suppress(Refused):
                checkpoint.remove("request.json")
            raise


def _asked(checkpoint: Checkpoint) -> t.Optional[str]:
    """Return the ID of the request that the guard has before it."""
    asked = checkpoint.read("running.json") or checkpoint.read("request.json")
    return asked["id"] if asked else None


def let_end(checkpoint: Checkpoint) -> t.Optional[str]:
    """Wait for what was asked of the guard before, so that its outcome can be told; return the ID of what won't end."""
    asked = _asked(checkpoint)
    if asked is not None:
        try:
            _guard_units.call(checkpoint)  # whoever asked may have died before this
            _wait(checkpoint, asked)
        except Refused:
            return asked
        finally:
            _units.forget()  # what it has restarted runs anew
    return None


def _tidy(checkpoint: Checkpoint) -> None:
    """Take away what a run that was killed has left, now that nothing is under way."""
    if _guard_units.armed(checkpoint):
        checkpoint.sweep()
        checkpoint.remove("request.json", "running.json")
        _guard_units.disarm(checkpoint)


def _wait(checkpoint: Checkpoint, request_id: str) -> t.Dict[str, t.Any]:
    """Return the guard's result for a request, however often the guard has to be started for it."""
    guard = _guard_units.service(checkpoint.name)
    began = time.monotonic()
    working = looked = began  # when the guard was last seen at work, and looked for
    while True:
        signs = _signs(checkpoint)
        over = _asked(checkpoint) != request_id
        result = checkpoint.read("result.json")
        if result is not None and result["id"] == request_id:
            _wait_until_gone(checkpoint)
            return result
        for commit in checkpoint.commits() if over else ():
            if commit.about.get("request") == request_id:
                # Another run has read the result, which lies there for whoever comes first.
                return {"id": request_id, "ended": time.time(), "state": "committed", "commit": commit.id}
        # A sign of it is looked for often, which is cheap; systemd less often, since that costs a process each time.
        while _signs(checkpoint) == signs and time.monotonic() - looked < _LOOK:
            time.sleep(_TICK)
        if time.monotonic() - looked < _LOOK:
            continue
        looked = time.monotonic()
        now = _unit_jobs.states([guard])[guard]
        if now.active == "active":
            working = time.monotonic()
        idle = now.active in ("inactive", "failed") and time.monotonic() - working > _PATIENCE
        failing = now.sub == "auto-restart" and time.monotonic() - began > _FAILING_SECONDS
        if idle or failing:
            raise Failed(
                "fails again and again, and systemd goes on starting it"
                if failing
                else "does not run, and left no result",
                where=guard,
                instead=f"Look at journalctl -u {guard}. What is pending is taken back by it, or by the next run.",
                result={"checkpoint": checkpoint.name},
            )


def _signs(checkpoint: Checkpoint) -> t.List[t.Any]:
    """Return what changes whenever the guard has come further, without reading what it wrote."""
    files = ("request.json", "running.json", "result.json")
    return [_guard_units.identity(checkpoint.file(file)) for file in files]


def _wait_until_gone(checkpoint: Checkpoint) -> None:
    """Wait while the guard, which has told how it ended, takes itself away; so that what is told then is so."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    while _guard_units.armed(checkpoint) and time.monotonic() < deadline:
        time.sleep(_TICK)
