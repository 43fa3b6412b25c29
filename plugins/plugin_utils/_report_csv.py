# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The report as CSV: a row for each consumer of each host, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
import typing as t

from ._report_model import Data
from ._report_text import visible

_SETTINGS = ("http_proxy", "https_proxy", "no_proxy")
_SIDES = ("wanted", "configured", "running")
COLUMNS = (
    "host",
    "groups",
    "host_verdict",
    "consumer",
    "name",
    "verdict",
    "active",
    "uses_wanted",
    *(f"{setting}_{side}" for setting in _SETTINGS for side in _SIDES),
    "configured_in",
    "shadowed_by",
    "leftovers",
    "why",
    "mend",
)
# A spreadsheet takes a cell that begins so for a formula, and carries it out.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(report: Data) -> str:
    """Return the report as CSV with a header, in lines that end with LF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for host in report["hosts"]:
        common = {"host": host["host"], "groups": " ".join(host["groups"]), "host_verdict": host["verdict"]}
        for row in [_row(entry) for entry in host["consumers"]] or [{"why": host["why"]}]:
            writer.writerow({key: _cell(value) for key, value in {**common, **row}.items()})
    return text.getvalue()


def place(entry: Data) -> str:
    """Return `path:line` of something that has both, or one."""
    path = entry["path"] or ""
    return f"{path}:{entry['line']}" if path and entry["line"] else path


def _row(entry: Data) -> Data:
    row = {key: entry[key] for key in ("consumer", "name", "verdict", "active", "uses_wanted", "why", "mend")}
    for setting in entry["settings"]:
        if setting["setting"] in _SETTINGS:
            row.update({f"{setting['setting']}_{side}": setting[side] for side in _SIDES})
    row["configured_in"] = _joined(map(place, entry["settings"]))
    row["shadowed_by"] = _joined(map(place, entry["shadowed_by"]))
    row["leftovers"] = _joined(place(left) for left in entry["leftovers"])
    return row


def _joined(texts: t.Iterable[str]) -> str:
    return " ".join(dict.fromkeys(filter(None, texts)))


def _cell(value: t.Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return visible("'" + text if text.startswith(_FORMULA) else text)
