# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Hands a change over to the guard of this host, waits for it, and reports. The guard needs neither of the two."""

from __future__ import annotations

import contextlib
import time
import typing as t
import uuid

from . import (
    _checkpoint,
    _checkpoint_record,
    _checkpoint_restore,
    _guard_units,
    _host_file,
    _host_settings,
    _proxy,
    _proxy_ecs,
    _transaction,
    _unit_jobs,
    _units,
)
from ._checkpoint import DEFERRED, Checkpoint
from ._errors import Failed, Refused
from ._notice import Notice
from ._redaction import masked_diff, secrets_in
from ._run import Run, all_or_nothing
from ._systemd_environment import unit_name

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it: what is proven may be of any kind. Imported is the kind
    # that it is of; compiling all of them would cost a host as much as a ping.
    from . import _host_settings_rare

    _ALSO_SENT = _host_settings_rare

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "checkpoint": {"type": "str"},
    "units": {"type": "list", "elements": "raw", "default": []},
    "settings": {"type": "dict"},
    "preflight": {"type": "dict"},
    "verify": {"type": "list", "elements": "list", "default": []},
    "drain": {"type": "dict"},
    "stable": {"type": "float", "default": 8.0},
    "seconds": {"type": "float", "default": 120.0},
    "deadline": {"type": "float", "default": _checkpoint.DEADLINE},
    "state": {"type": "str", "choices": ["verified", "rolled_back", "reported"], "default": "verified"},
    "commit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "this_run": {"type": "bool", "default": False},
    "run": {"type": "str"},
    **_host_settings.LIBRARY_SPEC,
}
UNIT_SPEC: t.Dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "environment": {"type": "dict", "default": {}},
    "restart": {"type": "str", "choices": ["if_needed", "always", "never"], "default": "if_needed"},
}
# A step is a command, as a list of words, or a URL.
DRAIN_SPEC: t.Dict[str, t.Any] = {
    "before": {"type": "list", "elements": "raw", "default": []},
    "after": {"type": "list", "elements": "raw", "default": []},
    "nomad": {"type": "str"},
    "seconds": {"type": "float", "default": 600.0},
}

_GOOD = ("committed", "deferred")
_TICK = 0.1
_LOOK = 1.0
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
        names = _last_run(run.root, only=str(params["run"]) if params["this_run"] else None)
        return {"checkpoints": [_ensure({**params, "checkpoint": name}, run) for name in names]}
    if not params["checkpoint"]:
        raise Refused("is missing", where="checkpoint", instead="Only state: rolled_back finds it by itself.")
    return _ensure(params, run)


def _ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    checkpoint = Checkpoint(params["checkpoint"], root=run.root, deadline=params["deadline"])
    if params["state"] == "reported":
        return {"checkpoint": checkpoint.name, "outcome": _report(checkpoint, run)}
    request = _request(params, run)
    unended = None
    while True:
        if not run.check_mode:
            unended = _let_end(checkpoint)
        # Held until the guard is asked: what is found out here must still be so then.
        with checkpoint.locked(create=False) as held:
            if not run.check_mode and _asked(checkpoint) not in (None, unended):
                continue
            told, back = _plan(checkpoint, request, params, run)
            to_do = told["apply"] or told["restart"] or told["reload"] or request["pending"]
            # A proof alone changes nothing; what it proves was reported as a change by who made it.
            run.changed = run.changed or bool(to_do and (told["apply"] or told["restart"] or told["reload"] or back))
            if run.check_mode:
                return told
            if not to_do:
                _tidy(checkpoint)
                return told
            _hand_over(checkpoint, request, back, held)
        break
    result = _wait(checkpoint, request["id"])
    report = {**told, "pending": checkpoint.pending(), "outcome": result}
    if result["state"] not in _GOOD:
        raise Failed(_story(result), where=checkpoint.name, result=report)
    return report


def _plan(
    checkpoint: Checkpoint, request: _transaction.Request, params: t.Dict[str, t.Any], run: Run
) -> t.Tuple[t.Dict[str, t.Any], t.Optional[_Back]]:
    """Find out what there is to do, and complete the request by it."""
    earlier = _earlier(checkpoint, run)
    back = _Back(checkpoint, params, run) if params["state"] == "rolled_back" else None
    if back is not None:
        back.complete(request)
    pending = checkpoint.pending() or bool(back and back.states)
    request["pending"] = pending
    due = _transaction.find_due(request, foreseen=run.check_mode)
    if due.left:
        why = "runs with something else than its files say; it was left to you to restart it (restart: never)"
        run.notice(*(Notice(unit, "restart", why) for unit in due.left))
        if (checkpoint.read(DEFERRED) or {}).get("units") and not (due.apply or due.restart or due.reload or back):
            request["pending"] = False  # proven but for those, as before
    told = {
        "checkpoint": checkpoint.name,
        "apply": due.apply,
        "restart": due.restart,
        "reload": due.reload,
        "left": due.left,
        "pending": pending,
        "earlier": earlier,
    }
    return told, back


def _hand_over(checkpoint: Checkpoint, request: _transaction.Request, back: t.Optional[_Back], held: bool) -> None:
    """Ask the guard to carry the request out; where not even that goes, all that is pending is taken back."""
    # A guard that was killed over this change, or one that deferred its end, has touched daemons already.
    begun = checkpoint.read("running.json") or checkpoint.read(DEFERRED) or {} if checkpoint.pending() else {}
    request["touched"] = begun.get("touched", {})
    was = {
        name: {"running": state.running, "started": state.started, "failing": state.failing}
        for name, state in _states(request).items()
    }
    request["was"] = {**was, **begun.get("was", {})}
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


def _last_run(root: str, *, only: t.Optional[str] = None) -> t.List[str]:
    """Return the checkpoints that the last run of a playbook committed something to, the last one first.

    None where that run is not `only`, if one is given.
    """
    last: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name in _checkpoint.names(root):
        for commit in Checkpoint(name, root=root).commits()[-1:]:
            last[name] = commit.about
    order = sorted(last, key=lambda name: last[name].get("ended", 0.0), reverse=True)
    run = last[order[0]].get("run") if order else None
    if only is not None and run != only:
        return []
    return [name for place, name in enumerate(order) if place == 0 or (run and last[name].get("run") == run)]


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


def _request(params: t.Dict[str, t.Any], run: Run) -> _transaction.Request:
    """Return what the guard has to know; all of it is checked here, since nobody could be asked later."""
    settings = params["settings"] or {}
    unknown = sorted(set(settings) - set(_host_settings.KINDS))
    if unknown:
        raise Refused(
            f"knows no {unknown[0]}", where="settings", instead=f"Its keys: {', '.join(_host_settings.KINDS)}."
        )
    units = [_unit(number, entry) for number, entry in enumerate(params["units"])]
    preflight = params["preflight"] or None
    if preflight:
        from . import _preflight

        preflight = _host_settings.checked_options(_preflight.ARGUMENT_SPEC, preflight, "preflight")
        # Only settings that take an address without a scheme have got so far with one.
        preflight["proxy"] = preflight["proxy"] and _proxy_ecs.with_scheme(preflight["proxy"])
    for model in _proxies([params["settings"], preflight]):
        run.secrets.extend(_proxy.parse(_proxy_ecs.with_scheme(model)).secrets)
    return {
        "id": uuid.uuid4().hex,
        "run": params["run"],
        "units": units,
        "settings": _host_settings.checked(settings),
        "preflight": preflight,
        "verify": [[str(word) for word in command] for command in params["verify"]],
        "drain": _drain(params["drain"]) if params["drain"] else None,
        "stable": params["stable"],
        "seconds": params["seconds"],
        "secrets": [*run.secrets, *secrets_in(params)],
        "was": {},
        "pending": False,
    }


def _unit(number: int, entry: t.Any) -> t.Dict[str, t.Any]:
    options = entry if isinstance(entry, dict) else {"name": entry}
    unit = _host_settings.checked_options(UNIT_SPEC, options, f"units[{number}]")
    return {**unit, "name": unit_name(unit["name"])}


def _drain(options: t.Any) -> t.Dict[str, t.Any]:
    drain = _host_settings.checked_options(DRAIN_SPEC, options, "drain")
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


def _proxies(value: t.Any) -> t.Iterator[t.Dict[str, t.Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "proxy" and inner:
                yield inner
            else:
                yield from _proxies(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _proxies(inner)


def _states(request: _transaction.Request) -> t.Dict[str, _unit_jobs.State]:
    return _unit_jobs.states([unit["name"] for unit in request["units"]])


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
        if over and request_id in [commit.about.get("request") for commit in checkpoint.commits()]:
            # Another run has read the result, which lies there for whoever comes first.
            return {"id": request_id, "ended": time.time(), "state": "committed"}
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


class _Back:
    """A change that makes files what they were before one or more commits."""

    def __init__(self, checkpoint: Checkpoint, params: t.Dict[str, t.Any], run: Run) -> None:
        self.checkpoint = checkpoint
        self.run = run
        commits = checkpoint.commits()
        wanted = params["commit"]
        if wanted:
            found = [place for place, commit in enumerate(commits) if commit.id.startswith(wanted)]
            if len(found) != 1:
                raise Refused(
                    f"{wanted!r} names {'no commit' if not found else 'more than one commit'} that is kept",
                    where=f"checkpoint {checkpoint.name}",
                    instead=f"There are: {', '.join(commit.id for commit in commits) or 'none'}.",
                )
            self.commits = commits[found[0] :]
        else:
            self.commits = commits[-1:]
        # What is pending is not proven, so it goes first.
        self.folders = [commit.path for commit in self.commits]
        if checkpoint.pending():
            self.folders.append(checkpoint.pending_folder)
        self.states = _checkpoint.states_before(self.folders)
        self._check(params["force"])

    def complete(self, request: _transaction.Request) -> None:
        """Fill in what the commits themselves know: their units, and which of them need a restart."""
        known = {unit["name"] for unit in request["units"]}
        down: t.Dict[str, bool] = {}  # whether a unit did not run before; what the oldest commit says of it counts
        for commit in reversed(self.commits):
            for unit in commit.about.get("units", []):
                how = commit.about.get("touched", {}).get(unit["name"])
                if unit["name"] not in known and how:
                    known.add(unit["name"])
                    request["units"].append({"name": unit["name"], "environment": {}, "restart": "always"})
            for key in ("daemon_json", "applied"):
                request.setdefault(key, {}).update(commit.about.get(key, {}))
            # What had to be moved away for a restart has to be for the one that takes it back.
            request["drain"] = request["drain"] or commit.about.get("drain")
            down.update((unit, unit in commit.about.get("down", ())) for unit in commit.about.get("touched", {}))
        request["down"] = [unit for unit in down if down[unit]]
        request["undoes"] = [commit.id for commit in self.commits]

    def put_back(self) -> t.Dict[str, t.List[str]]:
        """Make the files what they were, under the checkpoint as any other change; return what is put aside."""
        actions = _checkpoint.actions_of(self.folders)
        for kept in self.states:
            found = _host_file.read(self.checkpoint.root + kept.record.path)
            self.checkpoint.keep(found, kept.record.content)
        for action in actions:
            self.checkpoint.after_restore(action)
        return _checkpoint_restore.put_back(self.checkpoint, self.states, actions).foreign

    def _check(self, force: bool) -> None:
        for kept in self.states:
            path = kept.record.path
            found = _host_file.read(self.checkpoint.root + path)
            if found.real != self.checkpoint.root + path:
                raise Refused(
                    f"was no link when it was changed, and now leads to {found.real}",
                    where=path,
                    instead="Put the file itself there again.",
                )
            self.run.diffs.append(masked_diff(path, found.content, kept.record.content, self.run.secrets))
            foreign = found.content is not None and _checkpoint.is_foreign(found.content, kept)
            gone = found.content is None and _checkpoint_record.digest(None) not in kept.wrote
            if (foreign or kept.between or (gone and kept.record.content is not None)) and not force:
                raise Refused(
                    "was changed by someone else since; going back would lose that",
                    where=path,
                    instead="Look at the difference (--check --diff --extra-vars rollback_force=true), and say "
                    "rollback_force: true if it may go; a copy is kept on the host.",
                )
