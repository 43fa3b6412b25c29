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
    """One round: each playbook run once, right after the other. `builtin` is so dear that not every round has it.

    `peer`: another project's role, where it is compared.
    """

    empty: Cost
    ping: Cost
    ours: Cost
    builtin: Cost | None = None
    peer: Cost | None = None


def whole(rounds: t.Sequence[Round], what: str) -> Spread:
    """A playbook's CPU time on the controller by that of the ping next to it, as `time` would show it."""
    return Spread.of([cost.controller / each.ping.controller for each, cost in having(rounds, what)])


def here(rounds: t.Sequence[Round], what: str) -> Spread:
    """The same with the start-up, which every playbook has, taken off both."""
    return _by_ping(rounds, what, lambda cost: cost.controller)


def everywhere(rounds: t.Sequence[Round], what: str) -> Spread:
    """CPU time on the controller and on the hosts together, start-up taken off: what a run costs. Budgets mean this."""
    return _by_ping(rounds, what, lambda cost: cost.controller + cost.hosts)


def table(name: str, rounds: t.Sequence[Round], hosts: int, peer: str = "") -> str:
    """A Markdown table; ratios are least / median / most over the rounds, pair by pair. `peer`: what it is."""
    other = ("peer", peer) if peer else ("builtin", "the same by `ansible.builtin` tasks")
    compared = len(having(rounds, other[0]))
    lines = [
        f"Role `{name}`: {hosts} hosts, {len(rounds)} rounds, {compared} of them with the last row.",
        "",
        "| playbook | CPU here, s | CPU on hosts, s | clock, s | whole command | here | **here and on hosts** |",
        "|---|---|---|---|---|---|---|",
    ]
    for what, title in (
        ("empty", "nothing"),
        ("ping", "one `ansible.builtin.ping`"),
        ("ours", "the role's steady state"),
        other,
    ):
        costs = [cost for _round, cost in having(rounds, what)]
        seconds = [f"{Spread.of([cost[column] for cost in costs]).median:.2f}" for column in (0, 1, 2)]
        ratios = [str(whole(rounds, what))]
        ratios += ["", ""] if what == "empty" else [str(here(rounds, what)), str(everywhere(rounds, what))]
        lines.append(f"| {' | '.join([title, *seconds, *ratios])} |")
    return "\n".join(lines)


def _by_ping(rounds: t.Sequence[Round], what: str, spent: t.Callable[[Cost], float]) -> Spread:
    # The start-up is the same in every round: its median is surer than the one beside.
    start_up = statistics.median(spent(each.empty) for each in rounds)
    return Spread.of([(spent(cost) - start_up) / (spent(each.ping) - start_up) for each, cost in having(rounds, what)])


def having(rounds: t.Sequence[Round], what: str) -> list[tuple[Round, Cost]]:
    """The rounds in which a playbook was run, each with its cost."""
    return [(each, cost) for each in rounds if (cost := t.cast("Cost | None", getattr(each, what)))]
