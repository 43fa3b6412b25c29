# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The report as one HTML page, which needs nothing else: styles, program and data are in it.

What hosts say gets into the page in two ways only: as JSON in a data block, in which no character can end the block,
and escaped in the few words for a browser without scripts. The page's program makes text of it, never markup. Its
policy (CSP) allows the one style and the one program whose hashes it names, and no connection at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import typing as t

from ._report_model import PROBLEMS, VERDICTS, Data
from ._report_table import sentence
from ._report_text import visible

# How a consumer's fields are told to the page, in this order; page_data.js reads them.
_FIELDS = (
    "consumer",
    "name",
    "kind",
    "verdict",
    "uses_wanted",
    "active",
    "why",
    "mend",
    "mend_is_ours",
    "settings",
    "seen_in",
    "shadowed_by",
    "leftovers",
)


class Parts(t.NamedTuple):
    """The page's own files: the frame with its placeholders, and the contents of its one style and one program."""

    frame: str
    style: str
    program: str


def render(report: Data, parts: Parts) -> str:
    """Return the page."""
    words = {
        "policy": _policy(parts),
        "title": html.escape(visible(report["title"])),
        "sentence": html.escape(sentence(report)),
        "totals": _totals(report),
        "style": parts.style,
        "data": _as_data_block(_packed(report)),
        "program": parts.program,
    }
    # In one pass over the frame, so that a value that looks like a placeholder stays what it is.
    pieces = parts.frame.split("{{")
    page = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        page += [words[name.strip()], rest]
    return "".join(page)


def _policy(parts: Parts) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(parts.style)}",
            f"script-src {_hash(parts.program)}",
            "img-src data:",  # the empty icon, without which browsers ask for one
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_data_block(value: t.Any) -> str:
    """Return JSON in ASCII which also HTML takes for nothing but text."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _packed(report: Data) -> Data:
    """Return the report with each value that comes more than once said once.

    Hosts of a fleet are alike: `pool` has each text, list or consumer once, and all else says its number there.
    """
    pool = _Pool()
    hosts = [
        [
            host["host"],
            pool.add(host["groups"]),
            VERDICTS.index(host["verdict"]),
            pool.add(host["why"]),
            [pool.add([pool.add(entry[field]) for field in _FIELDS], consumer=True) for entry in host["consumers"]],
            pool.add(host["notices"]),
        ]
        for host in report["hosts"]
    ]
    return {
        "made": report["made"],
        "title": report["title"],
        "verdicts": VERDICTS,
        "problems": PROBLEMS,
        "fail_on": report["fail_on"],
        "failing": report["failing"],
        "totals": report["totals"],
        "drift": report["drift"],
        "fields": _FIELDS,
        "pool": pool.values,
        "consumers": sorted(pool.consumers),
        "hosts": hosts,
    }


class _Pool:
    def __init__(self) -> None:
        self.values: list[t.Any] = []
        self.consumers: set[int] = set()
        self._places: dict[str, int] = {}

    def add(self, value: t.Any, consumer: bool = False) -> int:
        """Return the value's number."""
        key = json.dumps([value, consumer])
        place = self._places.setdefault(key, len(self.values))
        if place == len(self.values):
            self.values.append(value)
            if consumer:
                self.consumers.add(place)
        return place


def _totals(report: Data) -> str:
    """Return the rows of what a browser without scripts shows."""
    counts = report["totals"]["verdicts"]
    return "".join(
        f'<tr><th scope="row">{verdict}</th><td>{counts[verdict]}</td></tr>' for verdict in VERDICTS if counts[verdict]
    )
