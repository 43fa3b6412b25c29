# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hundred converges of one host in a row: no file, checkpoint, unit or process more, and no memory lost.

The first twenty bring a change each, the first half of which is to fill what is kept on the host. SOAK_RUNS and
SOAK_CHANGES are for smaller tries.
"""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, playbook, whole
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host

RUNS = int(os.environ.get("SOAK_RUNS", "200"))
CHANGES = int(os.environ.get("SOAK_CHANGES", "20"))
# Converges by one ansible-playbook, each a play of its own: its start is not what is looked at.
AT_ONCE = max(6, CHANGES // 2)
NAME = os.environ.get("STAGE_NAME", "soak")
COMMITS = "/var/lib/container_hosts/checkpoints/moby/commits"
KEPT = 5
# kB that a process may have more at the end than half-way. Until then the engine's heap grows to the size that it
# keeps, from 29,000 to 35,000; from there on it goes up and down by about 1,000.
NOISE = 4096
# Of one the password has a file of its own, so that files come and go too.
PROXIES = (
    {
        "http": "{{ stage_proxy_auth }}",
        "username": "{{ stage_proxy_user }}",
        "password": "{{ stage_proxy_password }}",
        "no_proxy": ["10.0.0.0/8"],
    },
    {"http": "{{ stage_proxy }}", "no_proxy": ["10.0.0.0/8", ".svc.example.com"]},
)
# systemd's own number for "a unit has been started" (systemd.journal-fields(7), SD_MESSAGE_UNIT_STARTED).
_STARTED = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf"


class Look(t.NamedTuple):
    """What a host has: paths without the commits, which have numbers, and of processes the memory in kB."""

    files: list[str]
    commits: list[str]
    checkpoints_kb: int
    units: list[str]
    processes: list[str]
    starts: int
    memory: dict[str, int]


@pytest.fixture
def soaked() -> t.Iterator[fleet.Fleet]:
    """A fleet of one host."""
    yield fleet.up(NAME, {"trixie": 1})
    fleet.down(NAME)


def test_two_hundred_converges(soaked: fleet.Fleet, tmp_path: pathlib.Path) -> None:
    host = soaked.hosts[0]
    looks: list[Look] = []
    for begun in range(0, RUNS, AT_ONCE):
        numbers = range(begun, min(begun + AT_ONCE, RUNS))
        run = playbook.run(written(tmp_path, numbers), soaked.inventory, timeout=3600).ok()
        changing = [number for number in numbers if number < CHANGES]
        if not changing:
            assert run.changed == [], f"of runs {numbers}"
        looks.append(look(host))
        print(f"{numbers.stop} of {RUNS}: {len(looks[-1].files)} files, {looks[-1].memory}", flush=True)
        assert looks[-1].starts - looks[0].starts == max(0, min(numbers.stop, CHANGES) - min(AT_ONCE, CHANGES))
    changes_end = max(0, CHANGES // AT_ONCE - 1)
    filled, changed, last = looks[0], looks[changes_end], looks[-1]

    for later in (changed, last):
        assert later.files == filled.files
        assert later.units == filled.units
        assert later.processes == filled.processes
        assert len(later.commits) == KEPT
        assert later.checkpoints_kb <= filled.checkpoints_kb + 8
    assert changed is filled or filled.commits != changed.commits  # so the older ones have gone
    assert last.commits == changed.commits
    # Without a change nothing is restarted, so what a process has lost would still be there.
    half = max(changes_end, (len(looks) - 1) // 2)
    for process, memory in last.memory.items():
        told = [each.memory[process] for each in looks]
        assert memory <= told[half] + NOISE, f"{process}: {told}"


def written(folder: pathlib.Path, numbers: t.Sequence[int]) -> pathlib.Path:
    """A playbook of one play a converge; each of the first ones has another proxy than the one before."""
    plays = [
        {
            "name": f"Converge {number}",
            "hosts": "moby",
            "gather_facts": False,
            "vars": {
                "container_hosts_proxy": PROXIES[min(number, CHANGES - 1) % 2],
            },
            "roles": ["fleetops.container_hosts.moby"],
        }
        for number in numbers
    ]
    path = folder / "converges.yml"
    path.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    return path


def look(host: Host) -> Look:
    """Once the host is at rest."""
    whole.settled(host)
    commits = sorted(host.exec("ls", COMMITS).out.split())
    # The journal grows with whatever anybody logs, and turns over by itself.
    found = host.exec("find", "/", "-xdev", "-not", "-path", "/var/log/journal/*").out
    return Look(
        sorted(path for path in found.splitlines() if not path.startswith(f"{COMMITS}/")),
        commits,
        int(host.exec("du", "-sk", "/var/lib/container_hosts").out.split()[0]),
        sorted(re.findall(r"^\S+", host.exec("systemctl", "list-units", "--all", "--plain", "--no-legend").out, re.M)),
        sorted(host.exec("ps", "-eo", "comm=").out.split("\n")),
        len(host.exec("journalctl", "-q", "-o", "cat", "UNIT=docker.service", _STARTED).out.splitlines()),
        {name: memory(host, pid) for name, pid in (("systemd", 1), ("dockerd", host.main_pid("docker.service")))},
    )


def memory(host: Host, pid: int) -> int:
    """What a process has in memory for itself, in kB."""
    told = host.read(f"/proc/{pid}/smaps_rollup")
    return sum(int(kb) for kb in re.findall(r"^Private_\w+:\s+(\d+) kB", told, re.MULTILINE))
