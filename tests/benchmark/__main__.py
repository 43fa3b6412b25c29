# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ...tests.benchmark`: measure every case on a fleet of its own; exit 1 when one is over its budget."""

from __future__ import annotations

import argparse
import re
import sys
import time

from ..stage import engine, fleet
from ..stage.progress import step
from . import cases, edits, first, growth, measure, payloads, peer, report

NAME = "benchmark"
# Its bar is far off, and it takes most of the time: two rounds tell as much as all of them.
BUILTIN_ROUNDS = 2
# The median of few rounds strays by some hundredths of a ping. A role over its budget gets so many times as many,
# and is judged by all of them.
DOUBT = 3
DOCUMENT = fleet.ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="benchmark", description="What a steady state costs, in pings.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--hosts", type=int, default=4, help="half bookworm, half trixie")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {DOCUMENT.name}")
    parser.add_argument("--parts", action="store_true", help="without a fleet: edits of documents, and modules")
    parser.add_argument("--growth", action="store_true", help=f"the first role over {growth.NUMBERS} names of hosts")
    parser.add_argument("--first", action="store_true", help="a first converge of each role")
    parser.add_argument("--peer", action="store_true", help=f"the first role beside that of {peer.PACKAGE}")
    asked = parser.parse_args()
    if asked.parts:
        return _parts(asked.write)
    hosts = growth.HOSTS if asked.growth else asked.hosts
    try:
        if asked.peer:
            peer.install()
        up = fleet.up(NAME, {"bookworm": hosts - hosts // 2, "trixie": hosts // 2})
    except engine.StageError as refused:
        print(f"benchmark: {refused}", file=sys.stderr)
        return 1
    try:
        if asked.growth:
            points = growth.measured(cases.CASES[0], up, asked.rounds, DOUBT * asked.rounds)
            return _told("growth", growth.table(cases.CASES[0].name, points), growth.judge(points), asked.write)
        if asked.first:
            firsts = {case.name: _first(case, up, asked.rounds) for case in cases.CASES}
            return _told("first", first.table(firsts, hosts), first.judge(firsts), asked.write)
        if asked.peer:
            rounds = peer.measured(cases.CASES[0], up, asked.rounds)
            return _told("peer", peer.table(cases.CASES[0].name, rounds, hosts), [], asked.write)
        measured = {case: _measure(case, up, asked.rounds) for case in cases.CASES}
    finally:
        fleet.down(NAME)

    tables = [report.table(case.name, rounds, asked.hosts) for case, rounds in measured.items()]
    too_dear = [complaint for case, rounds in measured.items() for complaint in _judge(case, rounds)]
    failed = _told("figures", "\n\n".join(tables), too_dear, asked.write)
    print(f"{len(measured) - len(too_dear)} passed, {len(too_dear)} failed")
    return failed


def _told(section: str, text: str, complaints: list[str], write: bool) -> int:
    """Say what was measured, and what is wrong with it: the exit code."""
    print(f"\n{text}\n")
    if write:
        _write(section, text)
    for complaint in complaints:
        print(f"benchmark: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def _begin(case: cases.Case, up: fleet.Fleet) -> None:
    """Reach the steady state."""
    with step(f"{case.name}: first run"):
        case.install(up)
        if case.prepare.exists():
            measure.run(case.prepare, up.inventory, up.hosts)
        measure.run(case.ours, up.inventory, up.hosts)
        time.sleep(first.SETTLED)


def _first(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[first.Round]:
    _begin(case, up)
    return first.measured(case, up, rounds, DOUBT * rounds)


def _measure(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[report.Round]:
    """Reach the steady state, then measure round by round; both ways have to see it as theirs."""
    _begin(case, up)
    order = ["empty", "ping", "ours", "builtin"]
    paths = {"empty": cases.EMPTY, "ping": cases.PING, "ours": case.ours, "builtin": case.builtin}
    done: list[report.Round] = []
    while len(done) < rounds or (len(done) < DOUBT * rounds and _judge(case, done)):
        number = len(done)
        with step(f"{case.name}: round {number + 1} of {rounds if number < rounds else DOUBT * rounds}"):
            # Each round begins with another one, so that no playbook always runs after the same.
            turn = order[number % 4 :] + order[: number % 4]
            if number >= BUILTIN_ROUNDS:
                turn.remove("builtin")
            costs = {what: measure.steady(paths[what], up.inventory, up.hosts) for what in turn}
        done.append(report.Round(**costs))
    return done


def _judge(case: cases.Case, rounds: list[report.Round]) -> list[str]:
    """What is wrong with a case's figures, by its medians."""
    ours, builtin = (report.everywhere(rounds, what).median for what in ("ours", "builtin"))
    complaints = []
    if ours > case.budget:
        complaints.append(f"{case.name}: {ours:.2f} pings, and the budget is {case.budget:g}")
    if builtin < case.gain * ours:
        complaints.append(
            f"{case.name}: ansible.builtin tasks cost {builtin / ours:.1f} times as much, not {case.gain:g}"
        )
    return ["; ".join(complaints)] if complaints else []


def _parts(write: bool) -> int:
    """What needs no host: the exit code."""
    edited, too_dear = edits.table()
    return _told("modules", payloads.table(), [], write) or _told("edits", edited, too_dear, write)


def _write(section: str, tables: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    place = re.compile(rf"(?<=<!-- {section} -->\n).*(?=<!-- end of {section} -->)", re.DOTALL)
    DOCUMENT.write_text(place.sub(lambda _: f"{tables}\n", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
