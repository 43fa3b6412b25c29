# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Files that systemd reads by EnvironmentFile=, such as /etc/sysconfig/docker. The grammar is _systemd_syntax's."""

from __future__ import annotations

import re
import typing as t

from . import _environment_file_lines as _lines
from . import _systemd_syntax
from ._environment_file_lines import Assignment
from ._errors import Refused
from ._notice import Notice


def edit(content: t.Optional[bytes], wanted: t.Mapping[str, t.Optional[str]]) -> t.Optional[bytes]:
    """Return `content` with the variables as wanted (None: not there); see _environment_file_lines.edit."""
    for name, value in wanted.items():
        if value is not None:
            check(name, value)
    return _lines.edit(content, wanted, _GRAMMAR)


def check(name: str, value: str) -> None:
    """Raise Refused for what no EnvironmentFile can carry."""
    _systemd_syntax.check(name, value, where=name)
    if "\n" in value or "\r" in value:
        raise Refused(
            "holds a line break, which an EnvironmentFile can't carry reliably",
            where=name,
            instead="Remove it, or set the variable in a drop-in (systemd_environment).",
        )


def notices(content: bytes, given: t.Mapping[str, str]) -> t.Tuple[Notice, ...]:
    """Return a notice for each line with `export` before a variable of ours."""
    found = []
    for assignment in _systemd_syntax.file_assignments(_lines.decode(content)):
        exported = re.fullmatch(r"export[ \t]+(\w+)", assignment.name)
        if exported and exported[1] in given:
            why = f"ignores line {assignment.line}, because of its `export`; it can go"
            found.append(Notice("systemd", exported[1], why))
    return tuple(found)


def line_of(text: str, found: _systemd_syntax.FileAssignment) -> t.Tuple[int, int]:
    """Return where the lines of an assignment begin, and where they end, with their line end."""
    start = max(text.rfind("\n", 0, found.start), text.rfind("\r", 0, found.start)) + 1
    end = min(found.end, len(text))
    ending = re.compile(r"\r?\n|\r|").match(text, end)
    return start, ending.end() if ending else end


def _read(text: str) -> t.List[Assignment]:
    return [
        Assignment(found.name, found.value, found.line, *line_of(text, found), found.start, _end_of(text, found))
        for found in _systemd_syntax.file_assignments(text)
        if _systemd_syntax.NAME.match(found.name)
    ]


def _end_of(text: str, found: _systemd_syntax.FileAssignment) -> int:
    end = min(found.end, len(text))
    # The file's last line end stays, also where a backslash or an open quote before it makes it a part of the value.
    return end - 1 if end == len(text) and text.endswith(("\n", "\r")) else end


def _statement(name: str, value: str) -> str:
    return _systemd_syntax.file_line(name, value, where=name)


def _instead_of(raw: str, name: str, value: str) -> str:
    return raw[: raw.index("=")] + _statement(name, value)[len(name) :]


_GRAMMAR = _lines.Grammar(_read, _statement, _instead_of, ends=("\n", "\r"))
