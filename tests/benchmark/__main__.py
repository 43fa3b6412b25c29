# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ...tests.benchmark`: measure every case on a fleet of its own; exit 1 when one is over its budget."""

from __future__ import annotations

import argparse
import pathlib
import re
import sys

from ..stage import engine, fleet
from ..stage.progress import step
from . import cases, edits, measure, payloads, report

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
    asked = parser.parse_args()
    if asked.parts:
        return _parts(asked.write)
    try:
        up = fleet.up(NAME, {"bookworm": asked.hosts - asked.hosts // 2, "trixie": asked.hosts // 2})
    except engine.StageError as refused:
        print(f"benchmark: {refused}", file=sys.stderr)
        return 1
    try:
        measured = {case: _measure(case, up, asked.rounds) for case in cases.CASES}
    finally:
        fleet.down(NAME)

    tables = [report.table(case.name, rounds, asked.hosts) for case, rounds in measured.items()]
    print("\n" + "\n\n".join(tables) + "\n")
    if asked.write:
        _write("figures", "\n\n".join(tables))
    too_dear = [complaint for case, rounds in measured.items() for complaint in _judge(case, rounds)]
    for complaint in too_dear:
        print(f"benchmark: {complaint}", file=sys.stderr)
    print(f"{len(measured) - len(too_dear)} passed, {len(too_dear)} failed")
    return 1 if too_dear else 0


def _measure(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[report.Round]:
    """Reach the steady state, then measure round by round; both ways have to see it as theirs."""
    with step(f"{case.name}: first run"):
        case.install(up)
        if case.prepare.exists():
            measure.run(case.prepare, up.inventory, up.hosts)
        measure.run(case.ours, up.inventory, up.hosts)
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
            costs = {what: _steady(paths[what], up) for what in turn}
        done.append(report.Round(**costs))
    return done


def _steady(path: pathlib.Path, up: fleet.Fleet) -> measure.Cost:
    """The cost of a run that has nothing to change; AssertionError for one that has."""
    cost, changed = measure.run(path, up.inventory, up.hosts)
    if changed:
        raise AssertionError(f"{path} changed {changed} tasks on hosts that should be done")
    return cost


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
    sections = {"edits": edited, "modules": payloads.table()}
    for name, text in sections.items():
        print(f"\n{text}\n")
        if write:
            _write(name, text)
    for complaint in too_dear:
        print(f"benchmark: {complaint}", file=sys.stderr)
    return 1 if too_dear else 0


def _write(section: str, tables: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    place = re.compile(rf"(?<=<!-- {section} -->\n).*(?=<!-- end of {section} -->)", re.DOTALL)
    DOCUMENT.write_text(place.sub(lambda _: f"{tables}\n", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
