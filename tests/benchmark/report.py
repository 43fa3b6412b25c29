# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From measured costs to ratios and a table; no measuring here."""

from __future__ import annotations

import statistics
import typing as t

from .measure import Cost


class Spread(t.NamedTuple):
    """The least, the middle and the most of some figures."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, figures: t.Sequence[float]) -> Spread:
        return cls(min(figures), statistics.median(figures), max(figures))

    def __str__(self) -> str:
        return f"{self.least:.2f} / **{self.median:.2f}** / {self.most:.2f}"


class Round(t.NamedTuple):
    """One round: each playbook run once, right after the other."""

    empty: Cost
    ping: Cost
    ours: Cost
    builtin: Cost


def whole(rounds: t.Sequence[Round], what: str) -> Spread:
    """Controller CPU of a playbook by that of the ping next to it."""
    return Spread.of([_cpu(each, what) / _cpu(each, "ping") for each in rounds])


def net(rounds: t.Sequence[Round], what: str) -> Spread:
    """The same with the start-up cost, which every playbook has, taken off both."""
    return Spread.of(
        [(_cpu(each, what) - _cpu(each, "empty")) / (_cpu(each, "ping") - _cpu(each, "empty")) for each in rounds]
    )


def table(name: str, rounds: t.Sequence[Round], hosts: int) -> str:
    """A Markdown table; ratios are least / median / most over the rounds, pair by pair."""
    lines = [
        f"{name}: {hosts} hosts, {len(rounds)} rounds",
        "",
        "| playbook | CPU here, s | CPU on the hosts, s | clock, s | by ping | by ping, start-up taken off |",
        "|---|---|---|---|---|---|",
    ]
    for what, title in (
        ("empty", "nothing"),
        ("ping", "one `ansible.builtin.ping`"),
        ("ours", f"role `{name}`, steady state"),
        ("builtin", "the same by `ansible.builtin` tasks"),
    ):
        costs = [t.cast("Cost", getattr(each, what)) for each in rounds]
        columns = [Spread.of([cost[column] for cost in costs]).median for column in (0, 1, 2)]
        ratios = [str(whole(rounds, what)), str(net(rounds, what)) if what != "empty" else ""]
        lines.append(f"| {title} | {columns[0]:.2f} | {columns[1]:.2f} | {columns[2]:.2f} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def _cpu(each: Round, what: str) -> float:
    return t.cast("Cost", getattr(each, what)).controller
