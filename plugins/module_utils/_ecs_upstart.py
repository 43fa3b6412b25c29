# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What runs on the Amazon Linux AMI, where Upstart and scripts of init start the daemons, and with what."""

from __future__ import annotations

import os
import typing as t

from . import _proxy_environment, _units, _upstart

# In the order in which they are started.
DOCKER, ECS = "docker", "ecs"
_PID_FILE = "/var/run/docker.pid"


def main_pid(job: str, root: str = "") -> int:
    """Return the PID of dockerd, or of ecs-init; 0 where it doesn't run."""
    if job == DOCKER:
        try:
            with open(root + _PID_FILE, encoding="ascii") as handle:
                pid = int(handle.read())
        except (OSError, ValueError):
            return 0
        return pid if os.path.exists(f"/proc/{pid}") else 0
    return _upstart.main_pid(job)


def differs(pid: int, wanted: t.Mapping[str, t.Optional[str]]) -> bool:
    """Tell whether a process was started with other values of the variables; None for one that is not to be there."""
    running = _units.process_environment(pid)
    return running is not None and any(
        not _proxy_environment.same(name, running.get(name), value) for name, value in wanted.items()
    )
