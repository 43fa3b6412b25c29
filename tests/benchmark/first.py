# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a first converge costs by a steady state, the restarts of the engine aside."""

from __future__ import annotations

import statistics
import time
import typing as t

from ..stage import fleet
from ..stage.progress import step
from . import cases, measure

BUDGET = 2.5
# What a restart leaves to do is done by then: the engine looks after its containers, and clients ask it again.
SETTLED = 10


class Round(t.NamedTuple):
    """CPU seconds, here and on the hosts: `restart` is the engine's own, with nothing of Ansible's around it."""

    nothing: float
    first: float
    restart: float
    steady: float

    @property
    def ratio(self) -> float:
        """A first converge without its restart by a steady state, start-up taken off both."""
        return (self.first - self.nothing - self.restart) / (self.steady - self.nothing)


def measured(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[Round]:
    """Take all away and bring it back, round by round."""
    done = []
    for number in range(rounds):
        with step(f"{case.name}: first converge {number + 1} of {rounds}"):
            measure.run(case.absent, up.inventory, up.hosts)
            time.sleep(SETTLED)
            first, changed = measure.run(case.ours, up.inventory, up.hosts)
            if not changed:
                raise AssertionError("a first converge changed nothing")
            costs = (measure.steady(path, up.inventory, up.hosts) for path in (cases.EMPTY, case.ours))
            nothing, steady = (cost.controller + cost.hosts for cost in costs)
            done.append(Round(nothing, first.controller + first.hosts, _restart(up), steady))
    return done


def _restart(up: fleet.Fleet) -> float:
    """What the hosts need to restart their engines, with the seconds of settling that the role waits for."""
    before = sum(map(measure.used, up.hosts))
    for host in up.hosts:
        host.exec("systemctl", "restart", "docker")
    time.sleep(SETTLED)
    return sum(map(measure.used, up.hosts)) - before


def table(name: str, rounds: t.Sequence[Round], hosts: int) -> str:
    """A Markdown table of medians."""
    seconds = " | ".join(f"{statistics.median(column):.2f}" for column in list(zip(*rounds, strict=True))[1:])
    return "\n".join(
        (
            f"Role `{name}`: {hosts} hosts, {len(rounds)} rounds; CPU seconds here and on the hosts together.",
            "",
            "| first converge | its restarts alone | steady state | **first without restarts, by steady** | budget |",
            "|---|---|---|---|---|",
            f"| {seconds} | **{middle(rounds):.2f}** | {BUDGET:g} |",
        )
    )


def judge(rounds: t.Sequence[Round]) -> list[str]:
    """What is wrong with the figures."""
    if middle(rounds) <= BUDGET:
        return []
    return [f"a first converge costs {middle(rounds):.2f} times a steady state, and the budget is {BUDGET:g}"]


def middle(rounds: t.Sequence[Round]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(each.ratio for each in rounds)
