# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break a change at each of its steps: in the module, as Ansible sends it, and in the guard that systemd starts."""

from __future__ import annotations

import contextlib
import os
import typing as t

from . import engine, strace, whole
from .strace import Call
from .trial import Shipped, Trial

# All steps, in a nightly run; a sample of them otherwise.
EVERY = float(os.environ.get("FAULT_SCALE") or os.environ.get("CONFORMANCE_SCALE") or 1) > 1
GUARD = "container-hosts-moby-guard.service"
FOLDER = "/var/lib/container_hosts/checkpoints/moby"
# What a change may touch, and nothing that Python or Ansible do for themselves.
_PLACES = ("/etc/", "/var/lib/container_hosts", "/run/container_hosts", '"../container-hosts-')
_OPTIONS = "/run/stage-guard"
_WRAPPER = "/usr/local/bin/stage-guard"
_WRAP = f"""\
#!/bin/sh
[ -e {_OPTIONS} ] || exec "$@"
options=$(cat {_OPTIONS})
rm {_OPTIONS}
exec strace $options "$@"
"""


def suites(usual: str) -> list[str]:
    """One suite for a sample of steps, both for all."""
    return ["bookworm", "trixie"] if EVERY else [usual]


def sample(steps: list[Call], number: int, first: int = 0) -> list[Call]:
    """All steps, or about as many as that, from all over; another `first`, others."""
    distance = 1 if EVERY else max(1, len(steps) // number)
    return steps[first % distance :: distance]


def of_module(trial: Trial, module: Shipped) -> list[Call]:
    """Run a module, and say by which steps it changes the host."""
    return _ours(strace.calls(trial.host, *module.command()))


def killed(trial: Trial, module: Shipped, step: Call) -> tuple[bool, bool]:
    """Run it and kill it before a step; whether it got there, and whether the host is new then.

    It is the old one afterwards.
    """
    done = trial.host.exec(*strace.Fault(step.syscall, step.number).command(*module.command()))
    return done.rc == 137, assert_either(trial)


def of_guard(trial: Trial, module: Shipped) -> list[Call]:
    """The same of the guard, for what the module does and asks; the host is the old one afterwards."""
    at_next_start(trial, strace.TRACE)
    module()
    assert_either(trial)
    return _ours(strace.traced(trial.host))


@contextlib.contextmanager
def guard_wrapped(trial: Trial) -> t.Iterator[None]:
    """The guard is started so that strace can be put before its next start."""
    engine.put(trial.host.container, {_WRAPPER: (_WRAP.encode(), 0o755)})
    folder = f"/run/systemd/system/{GUARD}.d"
    start = f"ExecStart={_WRAPPER} /usr/bin/python3 -I -B {FOLDER}/guard.zip moby"
    _write(trial, f"{folder}/stage.conf", f"[Service]\nExecStart=\n{start}\n")
    trial.host.exec("systemctl", "daemon-reload")
    yield
    trial.host.exec("rm", "-rf", folder, _WRAPPER, _OPTIONS)
    trial.host.exec("systemctl", "daemon-reload")


def at_next_start(trial: Trial, options: t.Sequence[str]) -> None:
    """Have the guard run under strace once."""
    _write(trial, _OPTIONS, " ".join(options) + "\n")


def assert_either(trial: Trial, new: bool | None = None) -> bool:
    """The host is wholly new or wholly old, once it is at rest, and then old; returns whether it was new."""
    is_new = "HTTPS_PROXY" in whole.settled(trial.host, 20).environ
    assert new in (None, is_new)
    whole.assert_whole(trial.host, trial.old, new=is_new)
    if is_new:
        trial.go_back()
    return is_new


def _ours(calls: list[Call]) -> list[Call]:
    found = [call for call in calls if any(place in call.line for place in _PLACES)]
    assert len(found) > 20, found
    return found


def _write(trial: Trial, path: str, content: str) -> None:
    """Not engine.put: that doesn't reach /run, which is a file system of its own."""
    done = trial.host.exec("sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", path, stdin=content.encode())
    assert done.rc == 0, done.err
