# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The report's files on the controller: the page's parts, and where the report is written and an earlier one read."""

from __future__ import annotations

import os
import typing as t

from ..module_utils import _host_file
from ..module_utils._errors import Refused
from . import _report_csv, _report_drift, _report_html, _report_json
from ._report_model import Data

JSON, CSV, HTML = "audit.json", "audit.csv", "audit.html"

# An audit of a hundred thousand hosts has some hundred megabytes.
_LIMIT = 1024 * 1024 * 1024
# What a report tells of a fleet is for its owner, though no secret is in it.
_PRIVATE = _host_file.Missing(mode=0o600, folder_mode=0o700)

_FOLDER = os.path.join(os.path.dirname(__file__), "audit_report")
_STYLES = ("page_theme.css", "page_layout.css", "page_matrix.css")
_PROGRAMS = ("page_data.js", "page_dom.js", "page_summary.js", "page_detail.js", "page_hosts.js", "page_main.js")


def earlier(path: str, *, required: bool) -> Data | None:
    """Return the report in a file. Raises Refused for one that is none, and where it is `required`, for none."""
    content = _host_file.read(path, limit=_LIMIT).content
    if content is None and required:
        raise Refused("there is no such file", where=path, instead="Name an audit.json of an earlier run, or none.")
    return None if content is None else _report_drift.parse(content, path)


def write(report: Data, folder: str, *, check_mode: bool) -> list[str]:
    """Write the report as JSON, CSV and HTML, or in check mode only make the texts; return the files' paths."""
    texts = {
        CSV: _report_csv.render(report),
        HTML: _report_html.render(report, page_parts()),
        # The last one, since the next run compares with it: it is only there once the others are.
        JSON: _report_json.render(report),
    }
    paths = []
    for name, text in texts.items():
        path = os.path.join(folder, name)
        _host_file.edit(
            path,
            _replacing(text.encode("utf-8", "backslashreplace")),
            check_mode=check_mode,
            private=True,
            missing=_PRIVATE,
            limit=_LIMIT,
        )
        paths.append(path)
    return sorted(paths)


def _replacing(content: bytes) -> t.Callable[[bytes | None], bytes]:
    return lambda _found: content


def page_parts() -> _report_html.Parts:
    """Return the page's own files, its program as one function so that its names are nobody else's."""
    program = "\n".join(map(_part, _PROGRAMS))
    return _report_html.Parts(
        frame=_part("page.html"),
        style="\n" + "\n".join(map(_part, _STYLES)),
        program=f'\n(() => {{\n"use strict";\n{program}\n}})();\n',
    )


def _part(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as handle:
        return handle.read()
