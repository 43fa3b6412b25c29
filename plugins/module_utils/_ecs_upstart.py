# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What runs on the Amazon Linux AMI, where Upstart and scripts of init start the daemons, and with what."""

from __future__ import annotations

import os
import re
import subprocess
import time
import typing as t

from . import _proxy_environment, _units

# In the order in which they are started.
DOCKER, ECS = "docker", "ecs"
_PID_FILE = "/var/run/docker.pid"
_PROCESS = re.compile(r"^ecs start/running, process ([0-9]+)$", re.MULTILINE)
_SECONDS = 30


def main_pid(job: str, root: str = "") -> int:
    """Return the PID of dockerd, or of ecs-init; 0 where it doesn't run."""
    if job == DOCKER:
        try:
            with open(root + _PID_FILE, encoding="ascii") as handle:
                pid = int(handle.read())
        except (OSError, ValueError):
            return 0
        return pid if os.path.exists(f"/proc/{pid}") else 0
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program and one of our own names
            ["/sbin/initctl", "status", job], check=False, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _PROCESS.search(done.stdout.decode(errors="replace"))
    return int(found[1]) if found else 0


def differs(pid: int, wanted: t.Mapping[str, t.Optional[str]]) -> bool:
    """Tell whether a process was started with other values of the variables; None for one that is not to be there."""
    running = _units.process_environment(pid)
    return running is not None and any(
        not _proxy_environment.same(name, running.get(name), value) for name, value in wanted.items()
    )


def older_than(pid: int, path: str) -> bool:
    """Tell whether a process was started before a file was last written, or taken away from its folder."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            ticks = int(handle.read().rpartition(")")[2].split()[19])
        written = os.stat(path if os.path.exists(path) else os.path.dirname(path)).st_mtime
    except (OSError, IndexError, ValueError):
        return False
    # Both since the boot, as /proc counts; the wall clock may have been set since.
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return written > time.time() - age
