# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host more costs: one role over few hosts and over many, beside a ping of the same hosts.

A machine carries some fifty hosts. Beyond them, the same hosts are in the inventory by further names: to the controller
these are hosts like all others, with variables, tasks and results of their own, and only their connections are shared.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import statistics
import time
import typing as t

from ..stage import fleet
from ..stage.progress import step
from . import cases, first, measure, report

HOSTS = 50
NAMES = 4  # of each host
NUMBERS = (1, 10, HOSTS, HOSTS * NAMES)
# A host among fifty or more may cost so much of what it costs among ten.
FLAT = 1.15
# Megabytes of ansible-playbook that a host more may take, beyond what it takes for a ping.
MEMORY = 0.5


class Point(t.NamedTuple):
    """The rounds of one number of hosts."""

    hosts: int
    rounds: list[report.Round]


def measured(case: cases.Case, up: fleet.Fleet, rounds: int, in_doubt: int) -> list[Point]:
    """Reach the steady state on all hosts, then measure over the first few, more, and all of them, round by round.

    What is not flat by then gets the rounds `in_doubt`: a machine's own swings are as large as what is looked for.
    """
    # One of each suite in turn, so that few hosts are of the same kinds as many.
    hosts = sorted(up.hosts, key=lambda host: int(host.name.rpartition("-")[2]))
    with step(f"{case.name}: first run, {len(hosts)} hosts"):
        measure.run(case.ours, up.inventory, hosts)
        time.sleep(first.SETTLED)
    hosts = [dataclasses.replace(host, name=_name(host.name, number)) for number in range(NAMES) for host in hosts]
    inventory = _inventory(up.inventory)
    paths = {"empty": cases.EMPTY, "ping": cases.PING, "ours": case.ours}
    points = [Point(number, []) for number in NUMBERS]
    for each in range(in_doubt):
        if each >= rounds and not judge(points):
            break
        for point in points:
            with step(f"{case.name}: {point.hosts} hosts, round {each + 1}"):
                costs = {what: measure.steady(path, inventory, hosts[: point.hosts]) for what, path in paths.items()}
            point.rounds.append(report.Round(**costs))
    return points


def _name(name: str, number: int) -> str:
    return f"{name}-name-{number + 1}" if number else name


def _inventory(path: pathlib.Path) -> pathlib.Path:
    """Write the inventory with all names of each host, beside the fleet's and so with the same group_vars."""
    known = json.loads(path.read_text(encoding="utf-8"))
    (group,) = known["container_hosts"]["children"].values()
    group["hosts"] = {_name(name, number): of for number in range(NAMES) for name, of in group["hosts"].items()}
    written = path.with_name("names.json")
    written.touch(mode=0o600)
    written.write_text(json.dumps(known), encoding="utf-8")
    return written


def table(name: str, points: t.Sequence[Point]) -> str:
    """A Markdown table: medians of a host's share, and the most memory that a process of the controller had."""
    lines = [
        f"Role `{name}`, {len(points[0].rounds)} rounds.",
        "",
        "| hosts | a ping, CPU s per host | the role, CPU s per host | **the role, in pings**"
        " | memory, ping, MB | memory, the role, MB |",
        "|---|---|---|---|---|---|",
    ]
    for point in points:
        figures = [f"{share(point, what):.3f}" for what in ("ping", "ours")]
        figures.append(str(report.everywhere(point.rounds, "ours")))
        figures += [f"{memory(point, what):.1f}" for what in ("ping", "ours")]
        lines.append(f"| {point.hosts} | {' | '.join(figures)} |")
    return "\n".join(lines)


def judge(points: t.Sequence[Point]) -> list[str]:
    """What is wrong with the figures."""
    complaints = []
    one, few, *many = points
    for point in many:
        by = share(point, "ours") / share(few, "ours")
        if by > FLAT:
            complaints.append(f"a host among {point.hosts} costs {by:.2f} times what it costs among {few.hosts}")
        more = point.hosts - one.hosts
        ping, ours = ((memory(point, what) - memory(one, what)) / more for what in ("ping", "ours"))
        if ours > ping + MEMORY:
            complaints.append(f"a host more takes {ours:.2f} MB of ansible-playbook, and {ping:.2f} MB for a ping")
    return complaints


def share(point: Point, what: str) -> float:
    """CPU seconds of one host's share, here and there, start-up taken off."""
    return statistics.median(
        (cost.controller + cost.hosts - each.empty.controller - each.empty.hosts) / point.hosts
        for each, cost in report.having(point.rounds, what)
    )


def memory(point: Point, what: str) -> float:
    """The most megabytes that ansible-playbook, or a process that it started, has had."""
    return statistics.median(cost.memory for _round, cost in report.having(point.rounds, what))
