# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Hands a change over to the guard of this host, waits for it, and reports. The guard needs neither of the two."""

from __future__ import annotations

import contextlib
import functools
import time
import typing as t
import uuid

from . import (
    _checkpoint,
    _due,
    _guard_units,
    _host_settings,
    _preflight_options,
    _proxy,
    _proxy_ecs,
    _unit_jobs,
    _units,
    _verified_restart_options,
)
from ._checkpoint import DEFERRED, Checkpoint
from ._errors import Failed, Refused
from ._notice import Notice
from ._redaction import secrets_in
from ._run import Run, all_or_nothing
from ._systemd_environment import unit_name

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it to the guard, which alone runs it.
    from . import _transaction
    from ._going_back import Back

    _ALSO_SENT = _transaction

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_verified_restart_options.ARGUMENT_SPEC,
    "checkpoint": {"type": "str"},
    "settings": {"type": "dict"},
    "deadline": {"type": "float", "default": _checkpoint.DEADLINE},
    "state": {"type": "str", "choices": ["verified", "rolled_back", "reported"], "default": "verified"},
    "commit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "this_run": {"type": "bool", "default": False},
    **_host_settings.LIBRARY_SPEC,
}

_GOOD = ("committed", "deferred")
_TICK = 0.1
_LOOK = 5.0
# The guard is started again two seconds after it was killed.
_PATIENCE = 15.0
# If it fails for so long, as on a full disk, it goes on without us.
_FAILING_SECONDS = 60.0
_LEAVING_SECONDS = 5.0


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Prove or take back what is pending under the checkpoint; see ARGUMENT_SPEC and the module's documentation.

    Raises Failed with the guard's report where the change was taken back.
    """
    if not _units.booted(run.root):
        raise Refused("does not run on this host, so nothing can be restarted", where="systemd")
    _host_settings.receive_library(params)
    if params["state"] == "rolled_back" and not params["checkpoint"]:
        from . import _going_back

        names = _going_back.last_run(run.root, only=str(params["run"]) if params["this_run"] else None)
        return {"checkpoints": [_ensure({**params, "checkpoint": name}, run) for name in names]}
    if not params["checkpoint"]:
        raise Refused("is missing", where="checkpoint", instead="Only state: rolled_back finds it by itself.")
    return _ensure(params, run)


def _ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    checkpoint = Checkpoint(params["checkpoint"], root=run.root, deadline=params["deadline"])
    if params["state"] == "reported":
        return {"checkpoint": checkpoint.name, "outcome": _report(checkpoint, run)}
    back = None
    if params["state"] == "rolled_back":
        from . import _going_back

        back = functools.partial(_going_back.Back, checkpoint, params["commit"], params["force"], run)
    settings = params["settings"] or {}
    unknown = sorted(set(settings) - set(_host_settings.KINDS))
    if unknown:
        raise Refused(
            f"knows no {unknown[0]}", where="settings", instead=f"Its keys: {', '.join(_host_settings.KINDS)}."
        )
    return act(checkpoint, request(params, _host_settings.checked(settings), run), run, back)


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
            unended = _let_end(checkpoint)
        # Held until the guard is asked: what is found out here must still be so then.
        with checkpoint.locked(create=change is not None and not run.check_mode) as held:
            if not run.check_mode and _asked(checkpoint) not in (None, unended):
                continue
            if change is not None:
                change()
            told, back = _plan(checkpoint, request, run, going_back, made=change is not None)
            to_do = told["apply"] or told["restart"] or told["reload"] or request["pending"]
            # A proof alone changes nothing; what it proves was reported as a change by who made it.
            run.changed = run.changed or bool(to_do and (_is_change(told) or back))
            if run.check_mode:
                return told
            if not to_do:
                _tidy(checkpoint)
                return told
            _hand_over(checkpoint, request, back, held)
        break
    result = _wait(checkpoint, request["id"])
    told = {**told, **(result.get("due") or {})}
    run.changed = run.changed or _is_change(told)
    report = {**told, "pending": checkpoint.pending(), "outcome": result}
    if result["state"] not in _GOOD:
        raise Failed(_story(result), where=checkpoint.name, result=report)
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
    earlier = _earlier(checkpoint, run)
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


def _hand_over(checkpoint: Checkpoint, request: _due.Request, back: t.Optional[Back], held: bool) -> None:
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
            with contextlib.suppress(OSError):
                checkpoint.remove("request.json")
            raise


def _asked(checkpoint: Checkpoint) -> t.Optional[str]:
    """Return the ID of the request that the guard has before it."""
    asked = checkpoint.read("running.json") or checkpoint.read("request.json")
    return asked["id"] if asked else None


def _let_end(checkpoint: Checkpoint) -> t.Optional[str]:
    """Wait for what was asked of the guard before, so that its outcome can be told; return the ID of what won't end."""
    asked = _asked(checkpoint)
    if asked is not None:
        try:
            _guard_units.call(checkpoint)  # whoever asked may have died before this
            _wait(checkpoint, asked)
        except Refused:
            return asked
    return None


def _tidy(checkpoint: Checkpoint) -> None:
    """Take away what a run that was killed has left, now that nothing is under way."""
    if _guard_units.armed(checkpoint):
        checkpoint.sweep()
        checkpoint.remove("request.json", "running.json")
        _guard_units.disarm(checkpoint)


def _report(checkpoint: Checkpoint, run: Run) -> t.Optional[t.Dict[str, t.Any]]:
    """Wait for a change that is under way, and return how the last one ended; raises Failed if it was taken back."""
    _let_end(checkpoint)
    result = _earlier(checkpoint, run)
    if result is not None and result["state"] not in _GOOD:
        raise Failed(_story(result), where=checkpoint.name, result={"outcome": result, "checkpoint": checkpoint.name})
    return result


def outcome_notice(checkpoint: Checkpoint, result: t.Dict[str, t.Any]) -> Notice:
    """Return how a change ended whose run didn't live to hear it."""
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(result["ended"]))
    return Notice(f"checkpoint {checkpoint.name}", f"the change that ended {when}", _story(result))


def _earlier(checkpoint: Checkpoint, run: Run) -> t.Optional[t.Dict[str, t.Any]]:
    """Return how the last change ended, if nobody has heard of it yet."""
    result = checkpoint.read("result.json")
    if result is not None:
        run.notice(outcome_notice(checkpoint, result))
        if not run.check_mode:
            checkpoint.remove("result.json")
    return result


def _story(result: t.Dict[str, t.Any]) -> str:
    """Return what happened, what was restored, and what runs now, for a person at 3 a.m."""
    units = [
        f"{name} is {now['active']}" + (f" (PID {now['main_pid']})" if now["main_pid"] else "")
        for name, now in result.get("units", {}).items()
    ]
    running = f" Now {', '.join(units)}." if units else ""
    if result["state"] == "committed":
        return f"it was proven and stays.{running}"
    if result["state"] == "deferred":
        return f"its files stay, and {', '.join(result['left'])} was left to be restarted by others.{running}"
    restored = ", ".join(result.get("restored", ())) or "no file had changed"
    foreign = [
        f"what someone else wrote to {path} is in {', '.join(kept)}" for path, kept in result.get("foreign", {}).items()
    ]
    troubles = "".join(f" Going back met trouble: {text.rstrip('.')}." for text in result.get("troubles", ()))
    return (
        f"{result['reason'].rstrip('.')}. Everything was taken back (restored: {restored}).{troubles}"
        + "".join(f" Look: {text}." for text in foreign)
        + running
    )


def request(options: t.Dict[str, t.Any], settings: t.Dict[str, t.List[t.Dict[str, t.Any]]], run: Run) -> _due.Request:
    """Return what the guard has to know; all of it is checked here, since nobody could be asked later.

    `options` as _verified_restart_options has them; `settings` as _host_settings.checked returns them.
    """
    units = [_unit(number, entry) for number, entry in enumerate(options["units"])]
    preflight = options["preflight"] or None
    if preflight:
        preflight = _host_settings.checked_options(_preflight_options.ARGUMENT_SPEC, preflight, "preflight")
        # Only settings that take an address without a scheme have got so far with one.
        preflight["proxy"] = preflight["proxy"] and _proxy_ecs.with_scheme(preflight["proxy"])
    for model in proxies([settings, preflight]):
        run.secrets.extend(_proxy.parse(_proxy_ecs.with_scheme(model)).secrets)
    return {
        "id": uuid.uuid4().hex,
        "run": options["run"],
        "units": units,
        "settings": settings,
        "preflight": preflight,
        "verify": [[str(word) for word in command] for command in options["verify"]],
        "drain": _drain(options["drain"]) if options["drain"] else None,
        "stable": options["stable"],
        "seconds": options["seconds"],
        "secrets": [*run.secrets, *secrets_in({**options, "settings": settings})],
        "was": {},
        "pending": False,
    }


def _unit(number: int, entry: t.Any) -> t.Dict[str, t.Any]:
    options = entry if isinstance(entry, dict) else {"name": entry}
    unit = _host_settings.checked_options(_verified_restart_options.UNIT_SPEC, options, f"units[{number}]")
    return {**unit, "name": unit_name(unit["name"])}


def _drain(options: t.Any) -> t.Dict[str, t.Any]:
    drain = _host_settings.checked_options(_verified_restart_options.DRAIN_SPEC, options, "drain")
    for key in ("before", "after"):
        for step in drain[key]:
            url = isinstance(step, str) and step.startswith(("http://", "https://"))
            if not url and not (step and isinstance(step, list)):
                raise Refused(
                    "is neither a command nor a URL",
                    where=f"drain.{key}",
                    instead="Write each step as a list of words, or as http://... or https://...",
                )
        drain[key] = [step if isinstance(step, str) else [str(word) for word in step] for step in drain[key]]
    drain["nomad"] = unit_name(drain["nomad"]) if drain["nomad"] else None
    if not drain["before"] and not drain["nomad"]:
        raise Refused("is empty", where="drain.before", instead="Name a command or a URL, or leave drain out.")
    return drain


def proxies(value: t.Any) -> t.Iterator[t.Dict[str, t.Any]]:
    """Return each proxy that options are given, as the model says it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "proxy" and inner:
                yield inner
            else:
                yield from proxies(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from proxies(inner)


def _wait(checkpoint: Checkpoint, request_id: str) -> t.Dict[str, t.Any]:
    """Return the guard's result for a request, however often the guard has to be started for it."""
    guard = _guard_units.service(checkpoint.name)
    began = time.monotonic()
    working = looked = began  # when the guard was last seen at work, and looked for
    while True:
        over = _asked(checkpoint) != request_id
        result = checkpoint.read("result.json")
        if result is not None and result["id"] == request_id:
            _wait_until_gone(checkpoint)
            return result
        for commit in checkpoint.commits() if over else ():
            if commit.about.get("request") == request_id:
                # Another run has read the result, which lies there for whoever comes first.
                return {"id": request_id, "ended": time.time(), "state": "committed", "commit": commit.id}
        time.sleep(_TICK)
        # Its result is looked for often, which is cheap; systemd less often, since that costs a process each time.
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


def _wait_until_gone(checkpoint: Checkpoint) -> None:
    """Wait while the guard, which has told how it ended, takes itself away; so that what is told then is so."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    while _guard_units.armed(checkpoint) and time.monotonic() < deadline:
        time.sleep(_TICK)
