# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Restarts the Docker daemon so that the containers which run on through it still run afterwards.

With live-restore, a daemon leaves its containers running when it stops, and takes them up when it starts; it can be
switched by a reload. So it is switched on before a restart that brings it. And where a restart takes it away, the new
daemon would end every container that the old one left: it is started with live-restore once more, and then switched
over by a reload (seen on Docker 20.10 and 26.1).
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from . import _docker_unit, _host_file, _host_file_write, _json_document, _unit_jobs, _units
from ._docker_info import swarm_active
from ._errors import Refused

# A reload answers before it is done; on a slow device with many containers it takes seconds.
_SECONDS = 30.0
_TICK = 0.2


def restart(unit: str, path: str, seconds: float, keep: _host_file.Keep, root: str = "") -> None:
    """Restart the daemon of `unit`, which reads the file at `path`, keeping containers where it can.

    `seconds` is what the restart may take. Raises Refused where the daemon doesn't come up. The file is as it was then
    too, but for what the first state that `keep` was given takes back.
    """
    prepare(unit, path, seconds, root)
    found = _host_file.read(root + path)
    if not _wants(found.content, path):
        running = _switched_on(_docker_unit.find(unit, root), root)
        try:
            if running is not False:
                _restart_and_switch_off(unit, found, seconds, keep, root)
                return
        except Refused:
            # A daemon that didn't answer may be in a swarm, where it starts only without.
            if running:
                raise
    _unit_jobs.restart(unit, seconds)


def prepare(unit: str, path: str, seconds: float, root: str = "") -> None:
    """Have the running daemon leave its containers running when it stops, if its file wants that, whoever stops it."""
    if not _wants(_host_file.read(root + path).content, path):
        return
    daemon = _docker_unit.find(unit, root)
    if _switched_on(daemon, root) is False:
        _unit_jobs.reload(unit, seconds)
        _wait(unit, daemon, True, root)


def is_half_done(unit: str, path: str, root: str = "") -> bool:
    """Tell whether a restart was cut off that has switched live-restore on only for its own time."""
    return not _wants(_host_file.read(root + path).content, path) and (
        _switched_on(_docker_unit.find(unit, root), root) is True
    )


def _restart_and_switch_off(
    unit: str, found: _host_file.Snapshot, seconds: float, keep: _host_file.Keep, root: str
) -> None:
    attributes = None if found.status is None else _host_file_write.attributes_of(found)
    folder = os.path.dirname(found.real)
    made = not os.path.isdir(folder)
    try:
        _write(found, True, keep)
        _unit_jobs.restart(unit, seconds)
        _write(found, False, keep)
        _await_parts(unit)
        _unit_jobs.reload(unit, seconds)
        _wait(unit, _docker_unit.find(unit, root), False, root)
    finally:
        # With its time too: the daemon has started since, so it counts as having read it.
        _host_file_write.put_back(found.real, found.content, attributes)
        if made:
            with contextlib.suppress(OSError):  # the daemon may have put something into it
                os.rmdir(folder)


def _await_parts(unit: str) -> None:
    """Let those that were restarted along with the daemon come up first.

    While it reloads, it is not "active", for which the unit of the ECS agent on Amazon Linux 2023 asks at its start.
    """
    for part in _unit_jobs.parts(unit):
        if not _unit_jobs.waits_for_cloud_init(part):
            _unit_jobs.settled(part, _SECONDS)


def _write(found: _host_file.Snapshot, value: bool, keep: _host_file.Keep) -> None:
    content = _json_document.edit(found.content, {"live-restore": value}, [], name=found.path)
    _host_file.edit(found.path, lambda _found: content, keep=keep)


def _wants(content: t.Optional[bytes], path: str) -> bool:
    if content is None or _json_document.is_blank(content):
        return False
    return _json_document.load(content, name=path).get("live-restore") is True


def _switched_on(daemon: _docker_unit.Daemon, root: str) -> t.Optional[bool]:
    """Tell whether the daemon leaves its containers running when it stops; None where it doesn't answer."""
    info = _docker_unit.info(daemon, root)[0]
    if not info or "LiveRestoreEnabled" not in info:
        return None
    # In a swarm it can't be, and a daemon there refuses to start with it.
    return False if swarm_active(info) else bool(info["LiveRestoreEnabled"])


def _wait(unit: str, daemon: _docker_unit.Daemon, value: bool, root: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        time.sleep(_TICK)  # also at first: it is never done at once, and each question costs it something
        _units.forget()
        if _switched_on(daemon, root) is value:
            return
    raise Refused(
        f"does not switch live-restore {'on' if value else 'off'} within {_SECONDS:g} s of its reload",
        where=unit,
        instead="Look at its log: journalctl -u docker.",
    )
