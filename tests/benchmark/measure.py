# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one playbook and say what it cost: here, on the hosts, and in time."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import subprocess
import time
import typing as t

from ..stage import engine, playbook
from ..stage.host import Host


class Cost(t.NamedTuple):
    """Seconds: CPU of ansible-playbook with all its children, CPU of the hosts together, and the clock's.

    `memory`: the most megabytes that ansible-playbook, or one of its children, has had.
    """

    controller: float
    hosts: float
    wall: float
    memory: float


class Measured(t.NamedTuple):
    """A run's cost, and how many tasks it reported as changed."""

    cost: Cost
    changed: int


def run(path: pathlib.Path, inventory: pathlib.Path, hosts: t.Sequence[Host]) -> Measured:
    """Run a playbook, which must succeed, on these hosts."""
    limit = ",".join(host.name for host in hosts)
    command = ["ansible-playbook", "--inventory", str(inventory), "--limit", limit, str(path)]
    before, begun = together(hosts), time.monotonic()
    # A file and not a pipe: nobody reads while wait4 waits.
    with open(os.devnull) as nothing, open(inventory.parent.parent / "benchmark.log", "w+b") as log:
        process = subprocess.Popen(
            command, env=playbook.environment(), stdin=nothing, stdout=log, stderr=subprocess.STDOUT
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read().decode(errors="replace")
    if process.returncode != 0:
        raise AssertionError(f"{path.name} exited {process.returncode}\n{said}")
    cost = Cost(usage.ru_utime + usage.ru_stime, together(hosts) - before, wall, usage.ru_maxrss / 1024)
    return Measured(cost, sum(int(count) for count in re.findall(r"changed=(\d+)", said)))


def steady(path: pathlib.Path, inventory: pathlib.Path, hosts: t.Sequence[Host]) -> Cost:
    """The cost of a run that has nothing to change; AssertionError for one that has."""
    cost, changed = run(path, inventory, hosts)
    if changed:
        raise AssertionError(f"{path} changed {changed} tasks on hosts that should be done")
    return cost


def together(hosts: t.Iterable[Host]) -> float:
    """The CPU seconds of all these hosts; one that is there by several names counts once."""
    return sum(map(used, {host.container: host for host in hosts}.values()))


def used(host: Host) -> float:
    """The CPU seconds that everything on a host has used since it was made, as the kernel counts them.

    Not by `docker stats`, which says nought of a container whose systemd has arranged its cgroups itself.
    """
    path, unit = _account(host.container)
    told = path.read_text(encoding="ascii")
    return int(told.split()[1] if unit == "us" else told) / (1e6 if unit == "us" else 1e9)


@functools.cache
def _account(container: str) -> tuple[pathlib.Path, str]:
    """The file in which the kernel keeps a container's CPU time, and its unit: cgroup v1 counts ns, v2 us."""
    pid = engine.inspect(container)["State"]["Pid"]
    mounted = pathlib.Path("/sys/fs/cgroup")
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines():
        _number, controllers, path = line.split(":", 2)
        inside = path.lstrip("/").removesuffix("init.scope")
        if "cpuacct" in controllers.split(","):
            return mounted / controllers / inside / "cpuacct.usage", "ns"
        if not controllers and (mounted / inside / "cpu.stat").exists():
            return mounted / inside / "cpu.stat", "us"
    raise engine.StageError(f"No CPU accounting for {container} under {mounted}.")
