# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""This host's Docker daemon: its program and flags, whether it runs, since when, and what it says of itself."""

from __future__ import annotations

import glob
import os
import shutil
import typing as t

from . import _docker_api, _docker_flags, _units
from ._errors import Refused
from ._notice import Notice
from ._systemd_syntax import parse_file, words

_Told = t.Tuple[t.Dict[str, t.Any], t.List[Notice]]
_TIMES = ("ExecMainStartTimestampMonotonic", "StateChangeTimestampMonotonic")
_FOLDERS = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


class Daemon(t.NamedTuple):
    """The daemon of a unit. `pid` is 0 where it doesn't run; times are seconds since the epoch."""

    program: t.Optional[str]  # None: no engine is installed
    arguments: t.List[str]  # that it runs with, or would be started with
    pid: int = 0
    started: float = 0.0
    state_changed: float = 0.0  # when the unit was last started, reloaded or stopped

    @property
    def flags(self) -> t.Dict[str, t.List[str]]:
        """Its flags by long name."""
        return _docker_flags.parse(self.arguments)


def find(unit: str, root: str = "") -> Daemon:
    """Return the daemon of `unit`; where systemd doesn't run (an image build), just the installed program."""
    installed = shutil.which("dockerd", path=":".join(root + folder for folder in _FOLDERS.split(":")))
    if not _units.booted(root):
        return Daemon(installed, [])
    shown = _units.properties([unit])[0]
    if shown["LoadState"] == ["not-found"]:
        return Daemon(installed, [])
    pid = int(shown["MainPID"][0])
    argv = _docker_flags.of_process(pid) if pid else None
    if argv is None or "dockerd" not in os.path.basename(argv[0]):
        argv = _docker_flags.from_exec_start((shown["ExecStart"] or [""])[0], _environment(shown)) or [""]
    return Daemon(
        argv[0] if os.access(argv[0], os.X_OK) else installed,
        argv[1:],
        pid,
        *(_units.wall_clock(int("".join(shown[name]) or 0)) or 0.0 for name in _TIMES),
    )


def info(daemon: Daemon, root: str = "") -> _Told:
    """Return the running daemon's answer to GET /info; {} where there is none, with the reason unless it is down.

    It is asked once until _units.forget(): the answer takes it several milliseconds, as it starts runc and others.
    """
    if not daemon.pid:
        return {}, []
    socket = root + socket_of(daemon)
    return t.cast(_Told, _units.once(f"GET /info of {socket}", lambda: _ask(socket)))


def _ask(socket: str) -> _Told:
    try:
        answer = _docker_api.get("/info", socket)
    except Refused as refused:
        return {}, [Notice("dockerd", "GET /info", f"{refused} What it runs with is judged by its start alone")]
    return answer if isinstance(answer, dict) else {}, []


def socket_of(daemon: Daemon) -> str:
    """Return the path of the socket on which the daemon answers."""
    hosts = daemon.flags.get("host", [])
    sockets = [host[len("unix://") :] for host in hosts if host.startswith("unix://")]
    return sockets[0] if sockets and "fd://" not in hosts else _docker_api.SOCKET


def is_moby_engine(info: t.Mapping[str, t.Any], root: str = "") -> bool:
    """Tell whether the engine is Microsoft's package, by its version (20.10.25+azure-2) or its documentation."""
    return "+azure" in str(info.get("ServerVersion")) or os.path.isdir(f"{root}/usr/share/doc/moby-engine")


def _environment(shown: t.Dict[str, t.List[str]]) -> t.Dict[str, str]:
    found = {}
    for word in words(" ".join(shown["Environment"])):
        name, _equals, value = word.text.partition("=")
        found[name] = value
    for entry in shown["EnvironmentFiles"]:
        for path in sorted(glob.glob(entry.rpartition(" (")[0])):
            try:
                with open(path, "rb") as handle:
                    content = handle.read()
            except OSError:
                continue
            found.update({name: value for name, value, _line in parse_file(content.decode("utf-8", "replace"))})
    return found
