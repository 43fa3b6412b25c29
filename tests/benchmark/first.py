# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a first converge costs by a steady state, the restarts of the daemons aside."""

from __future__ import annotations

import concurrent.futures
import statistics
import time
import typing as t

from ..stage import fleet
from ..stage.progress import step
from . import cases, measure

BUDGET = 2.5
# What a restart leaves to do is done by then: daemons look after their containers, and clients ask them again.
SETTLED = 10


class Round(t.NamedTuple):
    """CPU seconds, here and on the hosts: `restart` is the daemons' own, with nothing of Ansible's around it."""

    nothing: float
    first: float
    restart: float
    steady: float

    @property
    def ratio(self) -> float:
        """A first converge without its restart by a steady state, start-up taken off both."""
        return (self.first - self.nothing - self.restart) / (self.steady - self.nothing)


def measured(case: cases.Case, up: fleet.Fleet, rounds: int, in_doubt: int) -> list[Round]:
    """Take all away and bring it back, round by round; who is over the budget by then gets the rounds `in_doubt`."""
    done: list[Round] = []
    while len(done) < rounds or (len(done) < in_doubt and middle(done) > BUDGET):
        number = len(done)
        with step(f"{case.name}: first converge {number + 1} of {rounds if number < rounds else in_doubt}"):
            measure.run(case.absent, up.inventory, up.hosts)
            time.sleep(SETTLED)
            first, changed = measure.run(case.ours, up.inventory, up.hosts)
            if not changed:
                raise AssertionError("a first converge changed nothing")
            costs = (measure.steady(path, up.inventory, up.hosts) for path in (cases.EMPTY, case.ours))
            nothing, steady = (cost.controller + cost.hosts for cost in costs)
            done.append(Round(nothing, first.controller + first.hosts, _restart(case, up), steady))
    return done


def _restart(case: cases.Case, up: fleet.Fleet) -> float:
    """What the hosts need to restart their daemons, with the seconds of settling that the role waits for.

    All at once, as a converge does it: what a host does by itself while others restart would count as a restart's.
    """
    before = measure.together(up.hosts)
    with concurrent.futures.ThreadPoolExecutor(len(up.hosts)) as at_once:
        restarted = list(at_once.map(case.restart, up.hosts))
    for host, done in zip(up.hosts, restarted, strict=True):
        if done.rc != 0:
            raise AssertionError(f"{host.name}: {done.err or done.out}")
    time.sleep(SETTLED)
    return measure.together(up.hosts) - before


def table(figures: t.Mapping[str, t.Sequence[Round]], hosts: int) -> str:
    """A Markdown table of medians, a row for each role."""
    numbers = " or ".join(map(str, sorted({len(rounds) for rounds in figures.values()})))
    lines = [
        f"{hosts} hosts, {numbers} rounds; CPU seconds here and on the hosts together.",
        "",
        "| role | first converge | its restarts alone | steady state | **without restarts, by steady** | budget |",
        "|---|---|---|---|---|---|",
    ]
    for name, rounds in figures.items():
        seconds = (f"{statistics.median(column):.2f}" for column in list(zip(*rounds, strict=True))[1:])
        lines.append(f"| {name} | {' | '.join(seconds)} | **{middle(rounds):.2f}** | {BUDGET:g} |")
    return "\n".join(lines)


def judge(figures: t.Mapping[str, t.Sequence[Round]]) -> list[str]:
    """What is wrong with the figures of each role."""
    return [
        f"{name}: a first converge costs {middle(rounds):.2f} times a steady state, and the budget is {BUDGET:g}"
        for name, rounds in figures.items()
        if middle(rounds) > BUDGET
    ]


def middle(rounds: t.Sequence[Round]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(each.ratio for each in rounds)
