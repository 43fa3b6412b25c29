# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Makes a changed config.toml count: `iotedge config apply`, and a new edgeAgent where the old one runs with less.

apply can't be asked to try, restarts every daemon at each call, and ends with 0 where one doesn't come up. So what it
replaces is kept first, and the way back needs no second apply: the files are put back, and their daemons restarted.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import typing as t

from . import (
    _host_file,
    _iotedge_agent,
    _iotedge_applied,
    _iotedge_config,
    _iotedge_settings,
    _toml_document,
    _unit_jobs,
    _units,
)
from ._errors import Refused
from ._redaction import redact, secrets_in

KIND = "iotedge_config"
UNITS = _iotedge_applied.UNITS

_TICK = 1.0
_LINES = 5  # of what apply says in a message


def apply(entries: t.Sequence[t.Dict[str, t.Any]], seconds: float, keep: _host_file.Keep, root: str = "") -> None:
    """Do what is due for these entries of iotedge_config, of which a host has one; `seconds` are apply's.

    Raises Refused where it fails; then the caller restores what `keep` was given, and restarts UNITS.
    """
    for entry in entries:
        content = _host_file.read(root + entry["path"]).content
        if content is None:
            continue
        document = _toml_document.load(content, name=entry["path"])
        former: t.List[str] = []
        with contextlib.suppress(Refused):  # a file that is the vendor's own affair
            former = _variables(_iotedge_applied.FILES[-1], root)
        if _iotedge_applied.outdated([entry["path"], *entry["read_at_apply"]], root):
            _apply(entry, secrets_in(document), seconds, keep, root)
        # Where a device reaches its hub through the proxy alone, no agent comes back once that is taken away.
        _renew_agent(document, former, 0 if entry["state"] == "absent" else entry["agent_seconds"])


def remembered(entries: t.Sequence[t.Dict[str, t.Any]], root: str = "") -> t.List[t.Dict[str, t.Any]]:
    """Return what take_back() has to know later: paths and names of the agent's variables, and no credential."""
    return [{"path": entry["path"], "former": _variables(entry["path"], root)} for entry in entries]


def _variables(path: str, root: str) -> t.List[str]:
    """Return the names in [agent.env] of a file; none where there is no such file."""
    content = _host_file.read(root + path).content
    document = {} if content is None else _toml_document.load(content, name=path)
    return sorted(_iotedge_settings.table(_iotedge_settings.table(document, "agent"), "env"))


def take_back(changes: t.Sequence[t.Dict[str, t.Any]], root: str = "") -> None:
    """Have edgeAgent made anew where it runs with what was taken back. The files are restored, the daemons run.

    Only where that takes no network: one that runs with too much is better than none at all.
    """
    if not _unit_jobs.states([_iotedge_applied.EDGED])[_iotedge_applied.EDGED].running:
        return
    for change in changes:
        path = change["path"]
        content = _host_file.read(root + path).content
        if content is None:
            continue
        document = _toml_document.load(content, name=path)
        socket = _iotedge_config.socket_of(document)
        agent = _iotedge_settings.table(document, "agent")
        if _iotedge_agent.judge(_iotedge_agent.find(socket), agent, change["former"]) == _iotedge_agent.STALE:
            image = _iotedge_agent.image_of(agent)
            if not image or _iotedge_agent.has_image(socket, image):
                _iotedge_agent.remove(socket)


def unblock() -> None:
    """Have systemd forget how often the units were started of late.

    Their sockets are closed and opened with them, and at the sixth time within ten seconds systemd opens none of them
    any more; apply ends well all the same.
    """
    _units.systemctl("reset-failed", "--", _iotedge_applied.PATTERN)


def _apply(
    entry: t.Dict[str, t.Any], secrets: t.Sequence[str], seconds: float, keep: _host_file.Keep, root: str
) -> None:
    sources = [entry["path"], *entry["read_at_apply"]]
    _refuse_future(sources, root)
    before = _unit_jobs.states(UNITS)
    # Somebody's wish, unless it has never run.
    stopped = not _iotedge_applied.missing(root) and before[_iotedge_applied.EDGED].active == "inactive"
    replaced = [_host_file.read(root + path) for path in (*_iotedge_applied.FILES, *_iotedge_applied.SECRETS)]
    for found in replaced:
        keep(found, found.content)
    unblock()
    try:
        _run(["iotedge", "config", "apply", "-c", root + entry["path"]], seconds, secrets)
    finally:
        for found in replaced:
            # So that the way back knows them as ours, and not as another one's edit.
            with contextlib.suppress(Refused):
                keep(found, _host_file.read(found.real).content)
    _units.forget()
    if _iotedge_applied.outdated(sources, root):
        raise Refused(
            "ended well, but did not write all of " + ", ".join(map(os.path.dirname, _iotedge_applied.FILES)),
            where="iotedge config apply",
        )
    _wait_until_up(before, 0 if stopped else seconds)
    if stopped:
        _unit_jobs.stop(_iotedge_applied.EDGED, seconds)


def _refuse_future(sources: t.Sequence[str], root: str) -> None:
    """Refuse what would stay newer than all that apply writes, however often it runs."""
    for path in sources:
        if os.path.exists(root + path) and os.stat(root + path).st_mtime > time.time() + _TICK:
            raise Refused(
                "was last changed in the future by this host's clock, so IoT Edge would never be up to date with it",
                where=path,
                instead=f"Set the clock if it is wrong; else: touch {path}",
            )


def _run(command: t.List[str], seconds: float, secrets: t.Sequence[str]) -> None:
    where = " ".join(command[:3])
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and the path of config.toml, and no shell is asked
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as exc:
        raise Refused(f"did not end within {seconds:g} s", where=where) from exc
    except OSError as exc:
        raise Refused(f"can't be run: {exc}", where=where, instead="Is the package aziot-edge whole?") from exc
    if done.returncode:
        # A parser's message may show the very line that it fails at.
        text = redact((done.stderr or done.stdout).decode(errors="replace"), secrets)
        raise Refused(f"ended with {done.returncode}: {' / '.join(text.strip().splitlines()[-_LINES:])}", where=where)


def _wait_until_up(before: t.Mapping[str, _unit_jobs.State], seconds: float) -> None:
    """Wait until aziot-edged is up; raise Refused where it isn't in time, or any of the daemons has failed since.

    With 0 `seconds` it need not be up.
    """
    edged = _iotedge_applied.EDGED
    deadline = time.monotonic() + seconds
    while True:
        states = _unit_jobs.states(UNITS)
        # What failed long ago, as aziot-tpmd does without a TPM, stays so until somebody asks for it.
        failed = [
            unit
            for unit, state in states.items()
            if state.failing and (unit == edged or not before[unit].failing or before[unit].started != state.started)
        ]
        if not failed and (states[edged].running or not seconds):
            return
        if failed or time.monotonic() > deadline:
            unit = (failed or [edged])[0]
            raise Refused(
                f"is {states[unit].active} ({states[unit].result}) after iotedge config apply, which itself ends well "
                "whatever becomes of the daemons",
                where=unit,
            )
        time.sleep(_TICK)


def _renew_agent(document: t.Mapping[str, t.Any], former: t.Sequence[str], seconds: float) -> None:
    """Remove an edgeAgent that runs with something else than [agent] says, and wait until the new one runs.

    `former` are the names of the variables that it had before.
    With 0 `seconds` it isn't waited for.
    """
    if not _unit_jobs.states([_iotedge_applied.EDGED])[_iotedge_applied.EDGED].running:
        return
    socket = _iotedge_config.socket_of(document)
    agent = _iotedge_settings.table(document, "agent")
    if _iotedge_agent.judge(_iotedge_agent.find(socket), agent, former) != _iotedge_agent.STALE:
        return
    _iotedge_agent.remove(socket)
    deadline = time.monotonic() + seconds
    while seconds:
        container = None
        with contextlib.suppress(Refused):  # an engine that pulls an image on a slow disk may take its time
            container = _iotedge_agent.find(socket)
        if _iotedge_agent.is_up(container):
            now = _iotedge_agent.judge(container, agent, former)
            if now != _iotedge_agent.STALE:
                return
        if time.monotonic() > deadline:
            raise Refused(
                f"was removed to be made anew, and does not run with what config.toml says within {seconds:g} s; its "
                f"state: {_iotedge_agent.said(container)}",
                where="edgeAgent",
                instead="Can its image be pulled? iotedge system logs tells.",
            )
        time.sleep(_TICK)
