# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""One change of a host, from its preflight to its commit, or all the way back. Run by the guard, alone on the host.

A request (see _guard_request) says: `units` in order, `settings` that must hold afterwards, `preflight`, `verify`
commands, and `was`, what the units did before. Each restart is written down before it is made, so that a guard which
is killed knows on its next start which daemons it has touched.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import subprocess
import time
import typing as t

from . import _docker_restart, _due, _proxy, _proxy_environment, _unit_jobs, _units
from ._checkpoint import DEFERRED, Checkpoint
from ._errors import Refused
from ._notice import Notice
from ._redaction import redact

# Seconds between two looks at a unit that has to stay up. One that fell in between and came back has another process.
_TICK = 1.0
_LINES = 5  # of a unit's log in a report
_COMMAND_SECONDS = 120.0
_QUEUED = "waits for cloud-init, which is at work, and is started with its new settings as soon as that has ended"


def _nomad_drain() -> t.Any:
    # Not by an import statement, as few hosts have Nomad; see _host_settings.
    return importlib.import_module(f"{__package__}._nomad_drain")


class Transaction:
    """Carries out one request under its checkpoint."""

    def __init__(self, checkpoint: Checkpoint, request: _due.Request) -> None:
        self.checkpoint = checkpoint
        self.request = request
        self.units: t.List[str] = [unit["name"] for unit in request["units"]]
        self.touched: t.Dict[str, str] = request.setdefault("touched", {})
        self.notices: t.List[Notice] = []
        self._queued: t.Set[str] = set()  # units that start once cloud-init has ended
        self._now: t.Set[str] = set()  # units touched here, and not by a run that left something to be restarted
        self._at_start: t.Dict[str, _unit_jobs.State] = {}
        self._at_end: t.Dict[str, _unit_jobs.State] = {}  # where nothing has been done since that takes time

    def carry_out(self) -> None:
        """Preflight, restart, verify; then commit, or take everything back. Leaves result.json either way.

        Raises Refused or OSError only where the way back is blocked; then the guard is to try again.
        """
        try:
            self._preflight()
            self._bring_to_settings()
            if self.request.get("undoes"):
                self._take_back_applied()
            left = self._verify(self._wait_until_stable(self.units))
            commit = None if left and self._was_pending() else self._commit()
        # Whatever it was, a mistake of ours included: the host must not stay with what isn't proven.
        except Exception as exc:
            if self._was_pending() and not self.checkpoint.pending():
                self._end_committed()  # it's done; what failed is to tidy up behind it
            else:
                self._take_back(str(exc) if isinstance(exc, Refused) else f"{type(exc).__name__}: {exc}")
            return
        if left:
            # Not proven, so no commit: the run that makes the restart goes back to what was before, if it must.
            self._end("deferred", left=left)
        else:
            self._end("committed", commit=commit)

    def after_a_crash(self) -> None:
        """End what a guard that was killed began: its commit if it got that far, else the way back."""
        result = self.checkpoint.read("result.json")
        if result is not None and result.get("id") == self.request["id"]:
            if result["state"] in ("rolled_back", "failed"):
                self.checkpoint.forget()
        elif self.checkpoint.pending():
            self._take_back("it was cut off (the guard's process was killed)")
        elif self._was_pending():
            self._end_committed()
        else:
            self.carry_out()

    # Forward ------------------------------------------------------------------------------------------------------

    def _preflight(self) -> None:
        if self.request["preflight"]:
            self.notices = check_preflight(self.request["preflight"])

    def _bring_to_settings(self) -> None:
        due = _due.find(self.request)
        self._at_start = due.states
        now = {
            name: {"running": state.running, "started": state.started, "failing": state.failing}
            for name, state in due.states.items()
        }
        self.request["was"] = {**now, **self.request["was"]}
        self.request["due"] = {"apply": due.apply, "restart": due.restart, "reload": due.reload, "left": due.left}
        for unit in due.reload:
            self._touch(unit, "reload")
            _unit_jobs.reload(unit, self.request["seconds"])
        for unit in due.left:
            path = _daemon_json(self.request, unit)
            if path:
                _docker_restart.prepare(unit, path, self.request["seconds"])
        # What is applied restarts its units by itself, and may need those of others, so it comes behind them.
        applied = {unit for name in due.apply for unit in _due.applier(name).UNITS}
        if due.restart or due.apply:
            self._drain()
        # What the change first brought up, as daemons without any configuration: those that ask others come down first.
        down = [unit for unit in due.restart if unit in self.request.get("down", ())]
        for unit in reversed(down):
            self._touch(unit, "stop")
            self._stop(unit)
        for unit in self.units:
            if unit in applied or unit in down or self._followed(unit):
                continue
            # Also what another one's restart has taken down and not brought up again.
            if unit in due.restart or self._fell(unit):
                self._touch(unit, "restart")
                self._restart(unit)
        for name in due.apply:
            self._apply(name)

    def _drain(self) -> None:
        """Have the host's work moved elsewhere, as whoever started this run has said."""
        drain = self.request.get("drain")
        if drain and not self.request.get("drained"):
            # First, so that a guard which is killed in between still has it undone.
            self.request["drained"] = True
            unit = drain.get("nomad")
            self.request["nomad_was"] = _nomad_drain().before(unit) if unit else None
            self.checkpoint.write("running.json", self.request)
            if unit:
                _nomad_drain().drain(unit, self.request["nomad_was"], drain["seconds"])
            for step in drain["before"]:
                _ask(step, drain["seconds"], "drain")
            _units.forget()  # that may have taken minutes

    def _followed(self, unit: str) -> bool:
        """Tell whether a unit that ran was restarted along with another one (PartOf=, Requires=), or will be.

        That has been its restart then: it has started since all files were written.
        """
        if "restart" not in map(self.touched.get, self._now) or not self._ran(unit) or unit in self._now:
            return False
        before, now = self._at_start.get(unit), self._settled(unit)
        restarted = now.running and before is not None and _process(now) != _process(before)
        if restarted or unit in self._queued:
            self._touch(unit, "restart")
            return True
        return False

    def _fell(self, unit: str) -> bool:
        """Tell whether a unit that ran before the change is down, and not by what was done to it."""
        if not self.touched or unit in self._now or not self._ran(unit):
            return False
        return not self._settled(unit).running and unit not in self._queued

    def _settled(self, unit: str) -> _unit_jobs.State:
        """Return what a unit is doing once the restart of another one has had its effect on it."""
        now = _unit_jobs.states([unit])[unit]
        if not now.moving:
            return now
        if _unit_jobs.waits_for_cloud_init(unit):
            if now.job:
                self._queued.add(unit)
            return now
        return _unit_jobs.settled(unit, self.request["seconds"])

    def _apply(self, name: str) -> None:
        part = _due.applier(name)
        entries = self.request["settings"][part.KIND]
        self.request.setdefault("applied", {})[name] = part.remembered(entries)
        for unit in self.units:
            if unit in part.UNITS:
                self._touch(unit, "apply")
        try:
            part.apply(entries, self.request["seconds"], self.checkpoint.keep)
        except Refused as refused:
            log = _log(refused.where) if refused.where in part.UNITS else ""
            raise Refused(f"{refused.what.rstrip('.')}. {log}".strip(), where=refused.where) from refused

    def _touch(self, unit: str, how: str) -> None:
        self.touched[unit] = how
        self._now.add(unit)
        self.checkpoint.write("running.json", self.request)

    def _stop(self, unit: str) -> None:
        """Stop a unit. The sockets that start it on demand go on listening, also those that are closed with it."""
        sockets = [name for name, state in _unit_jobs.states(_unit_jobs.sockets(unit)).items() if state.running]
        _unit_jobs.stop(unit, self.request["seconds"])
        for socket in sockets:
            _units.systemctl("start", "--", socket, seconds=self.request["seconds"])

    def _restart(self, unit: str) -> None:
        seconds = self.request["seconds"]
        try:
            path = _daemon_json(self.request, unit)
            if path:
                _docker_restart.restart(unit, path, seconds, self.checkpoint.keep)
            elif _unit_jobs.waits_for_cloud_init(unit):
                _unit_jobs.restart(unit, seconds, wait=False)
                self._queued.add(unit)
            else:
                _unit_jobs.restart(unit, seconds)
        except Refused as refused:
            raise Refused(f"{refused.what.rstrip('.')}. {_log(unit)}", where=unit) from refused

    def _wait_until_stable(self, units: t.Sequence[str]) -> t.Dict[str, _unit_jobs.State]:
        """Watch the touched units for as long as they are to stay up with one and the same process.

        Returns what they are doing then.
        """
        waited = [unit for unit in units if self.touched.get(unit, "stop") != "stop" and unit not in self._queued]
        _units.forget()
        first = now = _unit_jobs.states(waited)
        # Of those that were applied to, some are started by their sockets only, when they are asked for something.
        watched = [unit for unit, state in first.items() if state.running or self.touched[unit] != "apply"]
        deadline = time.monotonic() + self.request["stable"]
        while first:
            for unit, then in first.items():
                fell = not now[unit].running or now[unit].main_pid != then.main_pid
                # What failed long before, as aziot-tpmd does without a TPM, is not ours to judge.
                dies = now[unit].failing and not self.request["was"].get(unit, {}).get("failing")
                if fell if unit in watched else dies:
                    state = f"{now[unit].active} ({now[unit].sub}, {now[unit].result})"
                    if now[unit].running:
                        state += ", but with another process"
                    raise Refused(f"did not stay up: it is {state}. {_log(unit)}", where=unit)
            if time.monotonic() >= deadline:
                break
            # While all of their processes live, systemd need not be asked, which costs a process each time.
            quiet = len(watched) == len(first)
            while time.monotonic() < deadline:
                time.sleep(min(_TICK, max(0.0, deadline - time.monotonic())))
                if not (quiet and all(_unit_jobs.lives(state) for state in first.values())):
                    break
            _units.forget()
            now = _unit_jobs.states(list(first))
        return now

    def _verify(self, seen: t.Dict[str, _unit_jobs.State]) -> t.List[str]:
        """Raise Refused for what doesn't hold; return the units that are still to be restarted, by others.

        `seen`: what touched units are doing, as systemd has just said.
        """
        left = _due.find(self.request, again=True, seen=seen)
        for name in left.apply:
            raise Refused("is still due after it was done", where=name, instead="Did something write to its files?")
        for unit in (*left.restart, *left.reload):
            if unit in self._queued:
                continue
            raise Refused(
                "even after its restart, it runs with something else than its files say. Does its ExecStart= set the "
                f"environment or flags by itself (systemctl cat)? Its process has {_shown_proxies(unit)}",
                where=unit,
            )
        if self.request["preflight"]:
            tried: t.List[t.Dict[str, t.Any]] = []
            for unit in self.touched:
                model = _running_proxy(left.states[unit].main_pid)
                if model and model not in tried:
                    tried.append(model)
                    check_preflight({**self.request["preflight"], "proxy": model, "from_container": False}, unit)
        for command in self.request["verify"]:
            _check_command(command)
        if not self.request["verify"]:
            self._at_end = left.states
        if left.left and self._was_pending():
            noted = {"units": left.left, "touched": self.touched, "was": self.request["was"]}
            self.checkpoint.write(DEFERRED, noted)
        return left.left

    def _commit(self) -> t.Optional[str]:
        if self._was_pending() and not self.request.get("undoes"):
            return self.checkpoint.commit(self._about())
        # Of what took a commit back, nothing is left to go back to. Where nothing was changed, all that may be pending
        # is what a restart of Docker has put back already.
        self.checkpoint.forget()
        self.checkpoint.drop(self.request.get("undoes", ()))
        return None

    def _was_pending(self) -> bool:
        return bool(self.request["pending"])

    def _end_committed(self) -> None:
        """End what is committed already, and may lack only the word of it."""
        self.checkpoint.drop(self.request.get("undoes", ()))
        ids = [commit.id for commit in self.checkpoint.commits() if commit.about.get("request") == self.request["id"]]
        self._end("committed", commit=ids[-1] if ids else None)

    # Back ---------------------------------------------------------------------------------------------------------

    def _take_back(self, reason: str) -> None:
        from . import _checkpoint_restore  # in here, since most changes are proven

        self._keep_down()
        restored = _checkpoint_restore.restore(self.checkpoint)
        self._note_stale()
        for name in self.request.get("applied", {}):
            self._troubles(_due.applier(name).unblock)
        troubles = [trouble for unit in self.units for trouble in self._bring_back(unit)]
        if not troubles:
            troubles = self._troubles(lambda: self._wait_until_stable([unit for unit in self.units if self._ran(unit)]))
        troubles += self._troubles(self._take_back_applied)
        self._end(
            "failed" if troubles else "rolled_back",
            reason=reason,
            troubles=troubles,
            restored=restored.paths,
            foreign=restored.foreign,
        )
        self.checkpoint.forget()

    def _take_back_applied(self) -> None:
        """Do what is left to do for what was applied, now that its files are restored and its units run."""
        for name, remembered in self.request.get("applied", {}).items():
            _due.applier(name).take_back(remembered)

    def _bring_back(self, unit: str) -> t.List[str]:
        how = self.touched.get(unit)
        if how is None:
            # It may have gone down with one that it needs, and systemd doesn't bring it up again with that.
            return self._troubles(lambda: self._restart(unit)) if self._fell(unit) else []
        if not self._ran(unit):
            # It had failed, and what it may have come up with isn't proven.
            return self._troubles(lambda: self._stop(unit))
        if how == "reload":
            return self._troubles(lambda: _unit_jobs.reload(unit, self.request["seconds"]))
        # Once more where it fails: what the broken daemon left (a lock, a socket) may be gone by then.
        return self._troubles(lambda: self._restart_if_stale(unit)) and self._troubles(lambda: self._restart(unit))

    def _keep_down(self) -> None:
        """Have systemd not start a failing Docker daemon again the moment its daemon.json is restored.

        Where that is without live-restore, such a start would end the containers which the last daemon left running.
        """
        for unit, state in _unit_jobs.states(
            [unit for unit in self.touched if _daemon_json(self.request, unit)]
        ).items():
            if not state.running:
                self._troubles(functools.partial(_unit_jobs.stop, unit, self.request["seconds"]))

    def _note_stale(self) -> None:
        """Note which processes may have read the changed files, for a guard that is killed between here and the end.

        A needless restart is not harmless: it ends the containers of a Docker daemon without live-restore.
        """
        if self.touched and "stale" not in self.request:
            states = _unit_jobs.states(list(self.touched))
            self.request["stale"] = {unit: state.started for unit, state in states.items()}
            with contextlib.suppress(Refused):  # on a full disk, a daemon that works comes first
                self.checkpoint.write("running.json", self.request)

    def _restart_if_stale(self, unit: str) -> None:
        now = self._settled(unit)
        if unit in self._queued:
            return
        before, stale = self.request["was"][unit].get("started"), self.request["stale"].get(unit)
        # The process from before the change, or one since the files were restored. 0: systemd knows of none.
        if now.running and now.started and (now.started == before or now.started != stale):
            path = _daemon_json(self.request, unit)
            if not path or not _docker_restart.is_half_done(unit, path):
                return
        self._restart(unit)

    def _ran(self, unit: str) -> bool:
        """Tell whether a unit was up before the change."""
        return bool(self.request["was"].get(unit, {}).get("running"))

    @staticmethod
    def _troubles(step: t.Callable[[], object]) -> t.List[str]:
        try:
            step()
        except Refused as refused:
            return [str(refused)]
        return []

    def _undrain(self) -> t.List[str]:
        """Have the host get its work again, proven or taken back; what fails is told, and undoes nothing."""
        drain = self.request.get("drain")
        if not drain or not self.request.get("drained"):
            return []
        steps = [functools.partial(_ask, step, drain["seconds"], "drain") for step in drain["after"]]
        if drain.get("nomad"):
            was, seconds = self.request.get("nomad_was"), self.request["seconds"]
            steps.insert(0, functools.partial(_nomad_drain().undrain, drain["nomad"], was, seconds))
        return [trouble for step in steps for trouble in self._troubles(step)]

    # The report ---------------------------------------------------------------------------------------------------

    def _about(self) -> t.Dict[str, t.Any]:
        """Return what a later rollback has to know of this change."""
        return {
            "request": self.request["id"],
            "ended": time.time(),
            "run": self.request.get("run"),
            "units": self.request["units"],
            "touched": self.touched,
            "down": [unit for unit in self.touched if not self._ran(unit)],
            "applied": self.request.get("applied", {}),
            "drain": self.request.get("drain"),
            "daemon_json": {unit: _daemon_json(self.request, unit) for unit in self.touched},
        }

    def _end(self, state: str, **more: t.Any) -> None:
        troubles = self._undrain()
        states = self._at_end if state == "committed" and self._at_end else _unit_jobs.states(self.units)
        secrets = self.request["secrets"]
        self.notices += [Notice(unit, "restart", _QUEUED) for unit in self.units if unit in self._queued]
        self.notices += [Notice("drain", "after", redact(trouble, secrets)) for trouble in troubles]
        result = {
            "id": self.request["id"],
            "ended": time.time(),
            "state": state,
            "restarted": [unit for unit, how in self.touched.items() if how in ("restart", "apply")],
            "reloaded": [unit for unit, how in self.touched.items() if how == "reload"],
            "due": self.request.get("due"),
            "units": {unit: {"active": now.active, "main_pid": now.main_pid} for unit, now in states.items()},
            "foreign": self.request.get("foreign", {}),
            "notices": [list(notice) for notice in self.notices],
            **more,
        }
        for key in ("reason", "troubles"):
            if key in result:
                texts = result[key] if isinstance(result[key], list) else [result[key]]
                masked = [redact(text, secrets) for text in texts]
                result[key] = masked if isinstance(result[key], list) else masked[0]
        self.checkpoint.write("result.json", result)


def _process(state: _unit_jobs.State) -> t.Tuple[int, int]:
    return state.main_pid, state.started


def check_preflight(params: t.Dict[str, t.Any], whose: str = "") -> t.List[Notice]:
    """Return what the preflight has to remark; raises Refused with what it found wrong."""
    from . import _preflight

    report = _preflight.check(params)
    if not report.ok:
        raise Refused(
            " ".join(report.failures), where=f"preflight with what {whose} runs with" if whose else "preflight"
        )
    return report.notices


def _shown_proxies(unit: str) -> str:
    running = _units.process_environment(_unit_jobs.states([unit])[unit].main_pid) or {}
    return ", ".join(f"{name}={running[name]}" for name in _proxy_environment.NAMES if name in running) or "no proxy"


def _running_proxy(main_pid: int) -> t.Dict[str, t.Any]:
    """Return the proxy with which a process runs, as the model says it; {} for none."""
    running = _units.process_environment(main_pid) or {}
    model: t.Dict[str, t.Any] = {}
    for key, names in (("http", ("HTTP_PROXY", "http_proxy")), ("https", ("HTTPS_PROXY", "https_proxy"))):
        url = next((running[name] for name in names if running.get(name)), None)
        if url:
            end = _proxy.endpoint(url)
            model.update({key: end.origin, "username": end.username, "password": end.password})
    if model:
        model["no_proxy"] = running.get("NO_PROXY") or running.get("no_proxy") or ""
    return model


def _daemon_json(request: _due.Request, unit: str) -> t.Optional[str]:
    """Return the path of the daemon.json that a unit reads, None for a unit that is no Docker daemon."""
    if unit in request.get("daemon_json", {}):
        return t.cast("t.Optional[str]", request["daemon_json"][unit])
    for entry in (request["settings"] or {}).get("config_json", []):
        if entry["schema"] == "docker" and entry["unit"] == unit:
            return entry["path"] or "/etc/docker/daemon.json"
    return None


def _ask(step: t.Union[str, t.List[str]], seconds: float, what: str) -> None:
    """Run a command, or send a POST request to a URL, and wait for its end; raises Refused where it fails."""
    if not isinstance(step, str):
        _check_command(step, seconds, what)
        return
    # Imported here, as few ask for it.
    import urllib.error
    import urllib.request

    # Without a proxy: which one the host has is what is being changed.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        # The scheme was checked to be http:// or https:// when it was asked for.
        with opener.open(urllib.request.Request(step, data=b"", method="POST"), timeout=seconds):  # noqa: S310
            return
    except (OSError, ValueError, urllib.error.URLError) as exc:
        raise Refused(f"can't be asked: {exc}", where=f"{what}: {step}") from exc


def _check_command(command: t.List[str], seconds: t.Optional[float] = None, what: str = "verify") -> None:
    where = f"{what}: {' '.join(command)}"
    try:
        done = subprocess.run(  # noqa: S603 - what the user asked for, and no shell is asked
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds or _COMMAND_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Refused(f"can't be run: {exc}", where=where) from exc
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-_LINES:]
        raise Refused(f"ended with {done.returncode}: {' / '.join(said)}", where=where)


def _log(unit: str) -> str:
    """Return the end of a unit's log, for a person who can't reach the host."""
    command = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={_LINES}", f"--unit={unit}"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=20)  # noqa: S603 - fixed, no shell
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return f"Its log ends: {' / '.join(lines)}" if lines else ""
