# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""What runs where Upstart starts the daemons."""

from __future__ import annotations

import os
import re
import subprocess
import time

_SECONDS = 30


def main_pid(job: str) -> int:
    """Return the PID of a job's process; 0 where it doesn't run, or there is no Upstart."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program and one of our own names
            ["/sbin/initctl", "status", job], check=False, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    said = done.stdout.decode(errors="replace")
    found = re.search(rf"^{re.escape(job)} start/running, process ([0-9]+)$", said, re.MULTILINE)
    return int(found[1]) if found else 0


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
