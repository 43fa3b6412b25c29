# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one playbook and say what it cost: here, on the hosts, and in time."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import typing as t

from ..stage import playbook
from ..stage.host import Host


class Cost(t.NamedTuple):
    """Seconds: CPU of ansible-playbook with all its children, CPU of the hosts together, and the clock's."""

    controller: float
    hosts: float
    wall: float


class Measured(t.NamedTuple):
    """A run's cost, and how many tasks it reported as changed."""

    cost: Cost
    changed: int


def run(path: pathlib.Path, inventory: pathlib.Path, hosts: t.Sequence[Host]) -> Measured:
    """Run a playbook that must succeed."""
    command = ["ansible-playbook", "--inventory", str(inventory), str(path)]
    # The callback that records results would cost what a user does not pay.
    environment = playbook.environment() | {"ANSIBLE_CALLBACKS_ENABLED": ""}
    before, begun = sum(map(_used, hosts)), time.monotonic()
    # A file and not a pipe: nobody reads while wait4 waits.
    with open(os.devnull) as nothing, open(inventory.parent.parent / "benchmark.log", "w+b") as log:
        process = subprocess.Popen(command, env=environment, stdin=nothing, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read().decode(errors="replace")
    if process.returncode != 0:
        raise AssertionError(f"{path.name} exited {process.returncode}\n{said}")
    cost = Cost(usage.ru_utime + usage.ru_stime, sum(map(_used, hosts)) - before, wall)
    return Measured(cost, sum(int(count) for count in re.findall(r"changed=(\d+)", said)))


def _used(host: Host) -> float:
    """The CPU seconds that a host has used since it was made, as the engine counts them."""
    connection = _Engine()
    connection.request("GET", f"/containers/{host.container}/stats?stream=false&one-shot=true")
    told = json.load(connection.getresponse())
    connection.close()
    return int(told["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


class _Engine(http.client.HTTPConnection):
    """The engine's API: `docker stats` samples for two seconds to say the same."""

    def __init__(self) -> None:
        super().__init__("localhost")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
