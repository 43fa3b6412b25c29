# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""The units of this host: what systemd knows of them, and what their processes run with."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t

from ._errors import Refused
from ._systemd_syntax import words

# systemctl's own time-out for a unit is 90 s; a question that takes longer than this will not be answered.
_SECONDS = 60
_PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "Job",
    "MainPID",
    "NeedDaemonReload",
    "FragmentPath",
    "ExecMainStartTimestampMonotonic",
    "StateChangeTimestampMonotonic",
    "ExecStart",
    "Environment",
    "EnvironmentFiles",
    "DropInPaths",
)
# What systemd said, by unit: a call costs ten times what reading its answer does, so each unit is asked about once.
_told: t.Dict[str, t.Dict[str, t.List[str]]] = {}
# What daemons said, by what they were asked (see once).
_answered: t.Dict[str, t.Any] = {}


class Unit(t.NamedTuple):
    """A unit as systemd has it loaded. Without a running systemd: what can be said from its file."""

    name: str
    names: t.Tuple[str, ...]
    fragment: t.Optional[str]
    active: bool
    main_pid: int
    need_reload: bool
    started: t.Optional[float] = None  # seconds since the epoch, when the main process started
    dropins: t.Optional[t.Tuple[str, ...]] = (
        None  # those that systemd has read; None where it reads none, or tells none
    )


MANAGE_RUNTIME_SPEC: t.Dict[str, t.Any] = {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"}
# What the task said, for the whole process: whatever asks `booted` then takes this for an image that is being built.
_left_alone = False


def manage_runtime(wanted: str) -> None:
    """Say once whether processes are this run's business (auto, true, false).

    Raises Refused for true where systemd doesn't run.
    """
    global _left_alone
    _left_alone = wanted == "false"
    if wanted == "true" and not booted():
        raise Refused(
            "is true, and systemd does not run here (there is no /run/systemd/system)",
            where="manage_runtime",
            instead="Write auto, or false for an image that is being built.",
        )


def left_alone() -> bool:
    """Tell whether the task asked for files only."""
    return _left_alone


def booted(root: str = "") -> bool:
    """Tell whether systemd runs here and is this run's business.

    It runs by sd_booted(3)'s rule, which also holds in containers and image builds.
    """
    return not _left_alone and os.path.isdir(f"{root}/run/systemd/system")


def show(names: t.Sequence[str]) -> t.List[t.Optional[Unit]]:
    """Return the named units in order, None for one that doesn't exist; one call for all of them."""
    return [_unit(name, values) for name, values in zip(names, properties(names))]


def properties(names: t.Sequence[str]) -> t.List[t.Dict[str, t.List[str]]]:
    """Return each unit's properties, as systemctl prints them; one that it prints several times has several values.

    They are those of the first call, until forget() or what calls it.
    """
    unknown = [name for name in dict.fromkeys(names) if name not in _told]
    if unknown:
        properties_now(unknown)
    return [_told[name] for name in names]


def properties_now(names: t.Sequence[str]) -> t.List[t.Dict[str, t.List[str]]]:
    """Return the same as they are right now."""
    asked = list(dict.fromkeys(names))
    output = systemctl("show", "--property=" + ",".join(_PROPERTIES), "--", *asked)
    for name, block in zip(asked, output.rstrip("\n").split("\n\n")):
        values: t.Dict[str, t.List[str]] = {key: [] for key in _PROPERTIES}
        for line in block.splitlines():
            key, _equals, value = line.partition("=")
            values.setdefault(key, []).append(value)
        _told[name] = values
    return [_told[name] for name in names]


def _unit(name: str, properties_: t.Dict[str, t.List[str]]) -> t.Optional[Unit]:
    values = {key: lines[-1] for key, lines in properties_.items() if lines}
    if values.get("LoadState") == "not-found":
        return None
    return Unit(
        name=name,
        # systemctl quotes a name that holds a backslash, as it does any list.
        names=tuple(word.text for word in words(values.get("Names", name))),
        fragment=values.get("FragmentPath") or None,
        active=values.get("ActiveState") in ("active", "reloading", "activating"),
        main_pid=int(values.get("MainPID") or 0),
        # systemd 252 says it of a masked unit for ever, since it reads no drop-ins for one.
        need_reload=values.get("NeedDaemonReload") == "yes" and values.get("LoadState") != "masked",
        started=wall_clock(int(values.get("ExecMainStartTimestampMonotonic") or 0)),
        dropins=None
        if "DropInPaths" not in values or values.get("LoadState") == "masked"
        else tuple(word.text for word in words(values["DropInPaths"])),
    )


def wall_clock(microseconds: int) -> t.Optional[float]:
    """Return when a monotonic time stamp of systemd's was, in seconds since the epoch; None for 0, never."""
    # By the monotonic clock, since systemd prints the other one in whole seconds and in the host's language.
    return time.time() - (time.monotonic() - microseconds / 1e6) if microseconds else None


def once(question: str, ask: t.Callable[[], t.Any]) -> t.Any:
    """Return what `ask` returns, or what it returned to the same question since forget(): for what a daemon tells."""
    if question not in _answered:
        _answered[question] = ask()
    return _answered[question]


def forget() -> None:
    """Ask systemd and daemons anew from now on."""
    _told.clear()
    _answered.clear()


def daemon_reload() -> None:
    """Have systemd read the unit files and drop-ins anew."""
    forget()
    systemctl("daemon-reload")


def manager_environment() -> t.Dict[str, str]:
    """Return what every service gets from systemd itself (system.conf's DefaultEnvironment= and its like)."""
    # Lines are NAME=value, quoted as by a shell ($'…') where needed: strip that form before the escapes are read.
    found = {}
    for line in systemctl("show-environment").splitlines():
        name, _equals, value = line.partition("=")
        parsed = words(value[1:] if value.startswith("$'") else value)
        found[name] = parsed[0].text if len(parsed) == 1 else value
    return found


def process_environment(pid: int) -> t.Optional[t.Dict[str, str]]:
    """Return the environment with which a process was started; None where it is gone, or not ours to read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            content = handle.read()
    except OSError:
        return None
    pairs = (entry.partition(b"=") for entry in content.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _equals, value in pairs}


def systemctl(*arguments: str, seconds: float = _SECONDS) -> str:
    """Return what systemctl prints; raises Refused where there is none, or it fails or hangs."""
    command = ["systemctl", "--no-pager", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; unit names were checked, and no shell is asked
            command, check=False, capture_output=True, timeout=seconds, env={**os.environ, "LC_ALL": "C"}
        )
    except FileNotFoundError as exc:
        raise Refused(
            "there is no systemctl on this host", where="systemd", instead="Only hosts with systemd have units."
        ) from exc
    except subprocess.TimeoutExpired as exc:
        raise Refused(
            f"did not answer within {seconds:g} s", where=" ".join(command), instead="Look at systemctl status."
        ) from exc
    if done.returncode:
        raise Refused(
            f"failed: {done.stderr.decode(errors='replace').strip()}",
            where=" ".join(command),
            instead="Look at journalctl -b -u init.scope.",
        )
    return done.stdout.decode(errors="surrogateescape")
