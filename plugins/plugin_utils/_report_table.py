# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The report as lines for a terminal: how many hosts have which verdict, each consumer's, and the findings."""

from __future__ import annotations

import typing as t

from ._report_model import OF_HOSTS, PROBLEMS, VERDICTS, Data
from ._report_text import visible

# A host may answer with a traceback, or with whatever its shell printed; the files have all of it.
_LONGEST = 500


def render(report: Data, *, rows: int) -> list[str]:
    """Return the lines. Of the findings, the first `rows`, the worst first; a last line says how many are left out."""
    totals = report["totals"]
    lines = [f"Proxy audit: {sentence(report)} ({report['made']})", ""]
    shown = [verdict for verdict in VERDICTS if totals["having"][verdict]]
    matrix = [["", *shown]]
    matrix += [
        [consumer, *("" if verdict in OF_HOSTS else str(counts[verdict]) for verdict in shown)]
        for consumer, counts in totals["consumers"].items()
        if any(count for verdict, count in counts.items() if verdict != "absent")
    ]
    matrix.append(["hosts", *(str(totals["verdicts"][verdict]) for verdict in shown)])
    lines += _columns(matrix, right=True)
    lines += _drift_lines(report)
    lines += _finding_lines(report, rows)
    return lines


def sentence(report: Data) -> str:
    """Say in a few words how the fleet is."""
    totals = report["totals"]
    count = totals["hosts"]
    hosts = f"{count} host{'' if count == 1 else 's'}"
    bad = sum(totals["verdicts"][verdict] for verdict in PROBLEMS)
    return f"{bad} of {hosts} need{'s' if bad == 1 else ''} attention" if bad else f"{hosts}, none needs attention"


def _drift_lines(report: Data) -> list[str]:
    drift = report["drift"]
    if drift is None:
        return []
    told = [f"{count} {change}" for change, count in drift["counts"].items() if count]
    return ["", f"Since {visible(drift['since'])}: {', '.join(told) or 'no change'}"]


def _finding_lines(report: Data, rows: int) -> list[str]:
    found = [
        (host, entry)
        for host in report["hosts"]
        for entry in host["consumers"] or [{"name": "", "verdict": host["verdict"], "why": host["why"], "mend": ""}]
        if entry["verdict"] in PROBLEMS
    ]
    if not found:
        return []
    found.sort(key=lambda pair: VERDICTS.index(pair[1]["verdict"]))
    names = [["HOST", "CONSUMER", "VERDICT"]]
    names += [[host["host"], entry["name"], entry["verdict"]] for host, entry in found[:rows]]
    lines = [""]
    told = _columns(names)
    lines.append(f"{told[0]}  WHY")
    for start, (_host, entry) in zip(told[1:], found[:rows], strict=True):
        lines.append(f"{start}  {_short(visible(entry['why']))}".rstrip())
        if entry["mend"]:
            lines.append(f"    mend: {visible(entry['mend'])}")
    if len(found) > rows:
        lines.append(f"and {len(found) - rows} more; the report's files have all of them")
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text) - _LONGEST} characters more)"


def _columns(matrix: t.Sequence[t.Sequence[str]], right: bool = False) -> list[str]:
    """Return rows of cells as lines, in columns as wide as their widest cell; `right` is for all but the first."""
    cells = [[visible(cell) for cell in row] for row in matrix]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if right and index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
