# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host more costs: one role over few hosts and over many, beside a ping of the same hosts."""

from __future__ import annotations

import statistics
import typing as t

from ..stage import fleet
from ..stage.progress import step
from . import cases, measure, report

NUMBERS = (1, 10, 50)
# A host among fifty may cost so much of what it costs among ten.
FLAT = 1.15
# Megabytes of ansible-playbook that a host more may take, beyond what it takes for a ping.
MEMORY = 0.5


class Point(t.NamedTuple):
    """The rounds of one number of hosts."""

    hosts: int
    rounds: list[report.Round]


def measured(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[Point]:
    """Reach the steady state on all hosts, then measure over the first few, more, and all of them."""
    # One of each suite in turn, so that few hosts are of the same kinds as many.
    hosts = sorted(up.hosts, key=lambda host: int(host.name.rpartition("-")[2]))
    with step(f"{case.name}: first run, {len(hosts)} hosts"):
        measure.run(case.ours, up.inventory, hosts)
    points = []
    for number in NUMBERS:
        done = []
        for each in range(rounds):
            with step(f"{case.name}: {number} hosts, round {each + 1} of {rounds}"):
                paths = {"empty": cases.EMPTY, "ping": cases.PING, "ours": case.ours}
                costs = {what: measure.steady(path, up.inventory, hosts[:number]) for what, path in paths.items()}
            done.append(report.Round(**costs))
        points.append(Point(number, done))
    return points


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
    few, many = points[-2:]
    by = share(many, "ours") / share(few, "ours")
    if by > FLAT:
        complaints.append(f"a host among {many.hosts} costs {by:.2f} times what it costs among {few.hosts}")
    hosts = many.hosts - points[0].hosts
    ping, ours = ((memory(many, what) - memory(points[0], what)) / hosts for what in ("ping", "ours"))
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
