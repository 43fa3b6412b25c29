# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that die, or whose disk fails, at each of their steps in turn: every call that changes something on the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from typing import Any

STEPS = (
    "chmod",
    "chown",
    "fchmod",
    "fchown",
    "fdopen",  # what is opened anew is written next
    "fsync",
    "link",
    "mkdir",
    "open",
    "rename",
    "replace",
    "rmdir",
    "setxattr",
    "symlink",
    "unlink",
    "utime",
)


@contextlib.contextmanager
def at_step(number: int, act: Callable[[str], None]) -> Iterator[list[str]]:
    """Call `act` with a step's name before the `number`-th and each later one; yields the names of those made."""
    made: list[str] = []
    real = {name: getattr(os, name) for name in STEPS}

    def wrapped(name: str) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if name != "open" or args[1] & os.O_CREAT:
                made.append(name)
                if len(made) >= number:
                    act(name)
            return real[name](*args, **kwargs)

        return step

    for name in STEPS:
        setattr(os, name, wrapped(name))
    try:
        yield made
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def killed_at(number: int, run: Callable[[], object]) -> bool:
    """Call `run` in a process that kill -9 ends at its `number`-th step; return whether it came so far."""

    def die(_name: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        status = 1
        try:
            with at_step(number, die):
                run()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "it failed by itself"
    return False


def failing(code: int, *, once: bool) -> Callable[[str], None]:
    """Return what fails each step with an error of errno's, or only the first; for at_step."""
    failed: list[str] = []
    # What a full disk and one that is mounted read-only still do.
    harmless = {errno.ENOSPC: {"unlink", "rmdir", "chmod", "fchmod"}, errno.EROFS: {"fsync", "fdopen"}}.get(code, set())

    def fail(name: str) -> None:
        if name in harmless or (once and failed):
            return
        failed.append(name)
        raise OSError(code, os.strerror(code))

    return fail
