# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Hands a change over to the guard of this host, waits for it, and reports. The guard needs neither of the two."""

from __future__ import annotations

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
    _transaction,
    _units,
)
from ._checkpoint import Checkpoint
from ._errors import Failed, Refused
from ._notice import Notice
from ._redaction import masked_diff, secrets_in
from ._run import Run
from ._systemd_environment import unit_name

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "checkpoint": {"type": "str"},
    "units": {"type": "list", "elements": "raw", "default": []},
    "settings": {"type": "dict"},
    "preflight": {"type": "dict"},
    "verify": {"type": "list", "elements": "list", "default": []},
    "stable": {"type": "float", "default": 8.0},
    "seconds": {"type": "float", "default": 120.0},
    "deadline": {"type": "float", "default": _checkpoint.DEADLINE},
    "state": {"type": "str", "choices": ["verified", "rolled_back", "reported"], "default": "verified"},
    "commit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "run": {"type": "str"},
}
UNIT_SPEC: t.Dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "environment": {"type": "dict", "default": {}},
    "restart": {"type": "str", "choices": ["if_needed", "always", "never"], "default": "if_needed"},
}

_GOOD = ("committed", "deferred")
_TICK = 0.1
# The guard is started again two seconds after it was killed.
_PATIENCE = 15.0
# If it fails for so long, as on a full disk, it goes on without us.
_FAILING_SECONDS = 60.0


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Prove or take back what is pending under the checkpoint; see ARGUMENT_SPEC and the module's documentation.

    Raises Failed with the guard's report where the change was taken back.
    """
    if not _units.booted(run.root):
        raise Refused("does not run on this host, so nothing can be restarted", where="systemd")
    if params["state"] == "rolled_back" and not params["checkpoint"]:
        return {"checkpoints": [_ensure({**params, "checkpoint": name}, run) for name in _last_run(run.root)]}
    if not params["checkpoint"]:
        raise Refused("is missing", where="checkpoint", instead="Only state: rolled_back finds it by itself.")
    return _ensure(params, run)


def _ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    checkpoint = Checkpoint(params["checkpoint"], root=run.root, deadline=params["deadline"])
    if params["state"] == "reported":
        return {"checkpoint": checkpoint.name, "outcome": _report(checkpoint, run)}
    request = _request(params, run)
    with checkpoint.locked(create=False):
        earlier = _earlier(checkpoint, run)
        back = _Back(checkpoint, params, run) if params["state"] == "rolled_back" else None
        if back is not None:
            back.complete(request)
        pending = checkpoint.pending() or bool(back and back.states)
        request["pending"] = pending
        due = _transaction.find_due(request, foreseen=run.check_mode)
        deferred = checkpoint.read("deferred.json") is not None
    if due.left:
        why = "runs with something else than its files say; it was left to you to restart it (restart: never)"
        run.notice(*(Notice(unit, "restart", why) for unit in due.left))
    told = {
        "checkpoint": checkpoint.name,
        "restart": due.restart,
        "reload": due.reload,
        "left": due.left,
        "pending": pending,
        "earlier": earlier,
    }
    if not (due.restart or due.reload) and (not pending or (deferred and due.left)):
        return told
    # A proof alone changes nothing; what it proves was reported as a change by who made it.
    run.changed = run.changed or bool(due.restart or due.reload or back)
    if run.check_mode:
        return told
    with checkpoint.locked(create=True):
        if back is not None:
            back.put_back()
        _guard_units.arm(checkpoint)
        request["was"] = {name: {"running": state.running} for name, state in _states(request).items()}
        checkpoint.remove("result.json", "running.json")
        checkpoint.write("request.json", request)
    _guard_units.call(checkpoint)
    result = _wait(checkpoint, request["id"])
    report = {**told, "pending": checkpoint.pending(), "outcome": result}
    if result["state"] not in _GOOD:
        raise Failed(_story(result), where=checkpoint.name, result=report)
    return report


def _last_run(root: str) -> t.List[str]:
    """Return the checkpoints that the last run of a playbook committed something to, the last one first."""
    last: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name in _checkpoint.names(root):
        for commit in Checkpoint(name, root=root).commits()[-1:]:
            last[name] = commit.about
    order = sorted(last, key=lambda name: last[name].get("ended", 0.0), reverse=True)
    run = last[order[0]].get("run") if order else None
    return [name for place, name in enumerate(order) if place == 0 or (run and last[name].get("run") == run)]


def _report(checkpoint: Checkpoint, run: Run) -> t.Optional[t.Dict[str, t.Any]]:
    """Wait for a change that is under way, and return how the last one ended; raises Failed if it was taken back."""
    if checkpoint.read("request.json") or checkpoint.read("running.json"):
        _wait(checkpoint, None)
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
    foreign = [f"what someone else wrote to {path} is in {kept}" for path, kept in result.get("foreign", {}).items()]
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
    for model in _proxies([params["settings"], preflight]):
        run.secrets.extend(_proxy.parse(model).secrets)
    return {
        "id": uuid.uuid4().hex,
        "run": params["run"],
        "units": units,
        "settings": _host_settings.checked(settings),
        "preflight": preflight,
        "verify": [[str(word) for word in command] for command in params["verify"]],
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


def _states(request: _transaction.Request) -> t.Dict[str, _units.State]:
    return _units.states([unit["name"] for unit in request["units"]])


def _wait(checkpoint: Checkpoint, request_id: t.Optional[str]) -> t.Dict[str, t.Any]:
    """Return the guard's result for a request (None: for any), however often the guard has to be started for it."""
    guard = _guard_units.service(checkpoint.name)
    began = time.monotonic()
    working = began  # when the guard was last seen at work
    while True:
        result = checkpoint.read("result.json")
        if result is not None and request_id in (None, result["id"]):
            return result
        time.sleep(_TICK)
        now = _units.states([guard])[guard]
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
        self.states = _checkpoint.states_before(self.commits)
        self._check(params["force"])

    def complete(self, request: _transaction.Request) -> None:
        """Fill in what the commits themselves know: their units, and which of them need a restart."""
        known = {unit["name"] for unit in request["units"]}
        for commit in reversed(self.commits):
            for unit in commit.about.get("units", []):
                how = commit.about.get("touched", {}).get(unit["name"])
                if unit["name"] not in known and how:
                    known.add(unit["name"])
                    request["units"].append({"name": unit["name"], "environment": {}, "restart": "always"})
            request.setdefault("daemon_json", {}).update(commit.about.get("daemon_json", {}))
        request["undoes"] = [commit.id for commit in self.commits]

    def put_back(self) -> None:
        """Make the files what they were, under the checkpoint as any other change."""
        actions = _checkpoint.actions_of(self.commits)
        for record, _wrote in self.states:
            self.checkpoint.keep(_host_file.read(self.checkpoint.root + record.path), record.content)
        for action in actions:
            self.checkpoint.after_restore(action)
        _checkpoint_restore.put_back(self.checkpoint, self.states, actions)

    def _check(self, force: bool) -> None:
        for record, wrote in self.states:
            found = _host_file.read(self.checkpoint.root + record.path).content
            self.run.diffs.append(masked_diff(record.path, found, record.content, self.run.secrets))
            if _checkpoint_record.digest(found) not in wrote and found != record.content and not force:
                raise Refused(
                    "was changed by someone else since; going back would lose that",
                    where=record.path,
                    instead="Look at the difference (--check --diff --extra-vars rollback_force=true), and say "
                    "rollback_force: true if it may go; a copy is kept on the host.",
                )
