# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break a process on a host at one exact system call, with strace: kill it there, or have the call fail.

`calls` says which calls a run makes, and so at which ones another run can be broken.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import posixpath
import re
import time
import typing as t

from . import engine
from .host import Host

# What changes a disk. openat is among them for the files that it creates. Those with "?" are not on every machine.
CHANGES = (
    *("?open", "openat", "write", "fsync", "fdatasync", "ftruncate", "?link", "linkat", "?symlink", "symlinkat"),
    *("?rename", "renameat", "renameat2", "?unlink", "unlinkat", "?rmdir", "?mkdir", "mkdirat"),
    *("?chmod", "fchmod", "fchmodat", "?chown", "fchown", "fchownat", "setxattr", "fsetxattr", "utimensat"),
)

_LOG = "/run/stage-strace.log"
_TRACED = "/usr/local/bin/stage-python3"
# Options with which strace writes down what `traced` reads.
TRACE = ("-qq", "--decode-fds=path", f"--output={_LOG}", f"--trace={','.join(CHANGES)}")
_LINE = re.compile(r"^(?P<syscall>\w+)\((?P<arguments>.*)\)\s+= (?P<result>.*)$")
_DESCRIPTOR = re.compile(r'(?:AT_FDCWD|\d+)<(?P<file>/[^>]*)>(?:, "(?P<name>[^"]*)")?')
_NAME = re.compile(r'"(?P<name>[^"]*)"')


class Call(t.NamedTuple):
    """One call of a process that changes the file `path`: the `number`-th of all its `syscall`s."""

    syscall: str
    number: int
    path: str
    line: str


@dataclasses.dataclass(frozen=True)
class Fault:
    """The `number`-th `syscall` of a process (its main thread) fails with `error`; without one the process is killed.

    Killed with SIGKILL, and before the call has any effect.
    """

    syscall: str
    number: int
    error: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        what = f"error={self.error}" if self.error else "signal=SIGKILL"
        inject = f"inject={self.syscall}:{what}:when={self.number}"
        return ("-qq", f"--output={_LOG}", f"--trace={self.syscall}", "-e", inject)

    def command(self, *command: str) -> tuple[str, ...]:
        """A command's arguments that run it with the fault; its exit code is 137 when it was killed."""
        return ("strace", *self.options, *command)

    def python(self, host: Host) -> str:
        """Make an interpreter on the host that has the fault, for `ansible_python_interpreter` of a task.

        What such a process starts is without it: sys.executable is the host's own Python.
        """
        return _interpreter(host, self.options)

    @contextlib.contextmanager
    def attached(self, host: Host, pid: int) -> t.Iterator[None]:
        """Inflict it on a process that runs already, counting its calls from now on."""
        engine.docker("exec", "--detach", host.container, "strace", *self.options, f"--attach={pid}")
        _wait_for_tracer(host, pid)
        try:
            yield
        finally:
            host.exec("pkill", "--full", f"^strace .*--attach={pid}$")


def happened(host: Host) -> bool:
    """Whether the last fault on this host came to pass; a process may make fewer calls than thought."""
    log = host.read(_LOG)
    return "(INJECTED)" in log or "+++ killed by SIGKILL" in log


def calls(host: Host, *command: str) -> list[Call]:
    """Run a command, and say by which calls its main thread changed files."""
    host.exec("strace", *TRACE, *command)
    return parse(host.read(_LOG))


def tracing_python(host: Host) -> str:
    """Make an interpreter, for `ansible_python_interpreter`, whose calls `traced` then tells."""
    return _interpreter(host, TRACE)


def traced(host: Host) -> list[Call]:
    """The calls of the last process that was started by `tracing_python`'s interpreter."""
    return parse(host.read(_LOG))


def parse(log: str) -> list[Call]:
    """Read strace's lines, counting the calls of each name as strace itself does."""
    counts: collections.Counter[str] = collections.Counter()
    found = []
    for line in log.splitlines():
        matched = _LINE.match(line)
        if matched:
            name = matched["syscall"]
            counts[name] += 1
            path = _path(name, matched["arguments"])
            if path and not path.startswith(("/dev/", "/proc/")):
                found.append(Call(name, counts[name], path, line))
    return found


def _path(syscall: str, arguments: str) -> str:
    """The path of a call's first file; '' if it changes none."""
    if syscall.startswith("open") and not re.search("O_WRONLY|O_RDWR|O_CREAT", arguments):
        return ""
    named = _NAME.match(arguments)
    if named:
        return named["name"]
    opened = _DESCRIPTOR.match(arguments)
    if not opened:
        return ""
    takes_name = "at" in syscall and syscall != "ftruncate"
    return posixpath.join(opened["file"], opened["name"] or "") if takes_name else opened["file"]


def _interpreter(host: Host, options: tuple[str, ...]) -> str:
    words = " ".join(f"'{option}'" for option in options)
    engine.put(host.container, {_TRACED: (f'#!/bin/sh\nexec strace {words} /usr/bin/python3 "$@"\n'.encode(), 0o755)})
    return _TRACED


def _wait_for_tracer(host: Host, pid: int, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while "TracerPid:\t0\n" in host.read(f"/proc/{pid}/status") + "\n":
        if time.monotonic() > deadline:
            raise engine.StageError(f"strace did not attach to process {pid} of {host.name}.")
        time.sleep(0.05)
