# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""/etc/environment and its like, which pam_env reads, and shells too.

Source: linux-pam modules/pam_env/pam_env.c, _assemble_line and _parse_env_file; checked against a real session by
tests/conformance/proxy/test_environment_file.py.
"""

from __future__ import annotations

import re
import typing as t

from . import _environment_file_lines as _lines
from . import _proxy_pam
from ._environment_file_lines import Assignment
from ._errors import Refused
from ._notice import Notice

# A line, and those that continue it: pam_env joins lines at a backslash unless a # comes before it, and skips
# comments and empty lines in between.
_LOGICAL = re.compile(r"(?:(?=[ \t]*[^ \t\n#])[^\n#]*\\\n(?:[ \t]*(?:#[^\n]*)?\n)*)*[^\n]*(?:\n|\Z)")
_ASSIGNED = re.compile(r"[ \t]*(?:export )?(?P<set>(?P<name>[A-Za-z0-9_]+)(?:=[^\n]*|(?=[#\n]|\Z)))", re.DOTALL)
# What pam_env and a shell read alike.
_ALIKE = re.compile(r"""=(?:(?P<bare>[A-Za-z0-9_@%+=:,./-]*)|'(?P<single>[^'#]*)'|"(?P<double>[^"'#$`\\]*)")\Z""")
_VALUE = r"""=(?:'[^'\n]*'|"[^"\\\n]*"|[^\s#'"]*)"""
_COMMENTED = re.compile(_VALUE + r"[ \t]+(?P<comment>#[^\n]*)\Z")
_SEVERAL = re.compile(_VALUE + r"[ \t]+[A-Za-z_][A-Za-z0-9_]*=")
# A shell's quoting, as far as it takes to tell what stands between quotes.
_SHELL = re.compile(
    r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*"|(?:^|(?<=[\s;&|()]))#[^\n]*|[^'"\\#]+|[^'"]""", re.DOTALL | re.MULTILINE
)


def edit(content: t.Optional[bytes], wanted: t.Mapping[str, t.Optional[str]]) -> t.Optional[bytes]:
    """Return `content` with the variables as wanted (None: not there); see _environment_file_lines.edit."""
    text = _lines.decode(content)
    for found in _read(text):
        if found.name in wanted and _SEVERAL.match(text, found.begin + len(found.name)):
            raise Refused(
                "sets more than one variable for a shell, and one long value for pam_env",
                where=f"line {found.line}",
                instead="Write one variable a line.",
            )
    return _lines.edit(content, wanted, _GRAMMAR)


def notices(content: bytes, given: t.Mapping[str, str]) -> t.Tuple[Notice, ...]:
    """Return what some of its readers will not get of the variables, now that they are in the file."""
    text = _lines.decode(content)
    found = list(_proxy_pam.lines(given).notices)
    ours = [assignment for assignment in _read(text) if assignment.name in given]
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.encode("utf-8", "surrogateescape")) > _proxy_pam.MAX_LINE:
            below = [assignment.name for assignment in ours if assignment.line > number]
            if below:
                why = f"ends at line {number}, which is longer than {_proxy_pam.MAX_LINE} bytes; shorten it"
                found.append(Notice("pam_env before 1.7", ", ".join(below), why))
            break
    swallowed = _first_in_a_quote(text, ours)
    if swallowed:
        opened, first = swallowed
        names = ", ".join(assignment.name for assignment in ours if assignment.line >= first.line)
        found.append(Notice("a shell", names, f"is not set, because of a quote that opens in line {opened}; close it"))
    return tuple(found)


def assignments(content: bytes) -> t.List[Assignment]:
    """Return the variables of a file in order, as pam_env reads them; the last of a name counts."""
    text = _lines.decode(content)
    found = []
    for each in _read(text):
        raw = text[each.begin + len(each.name) : each.end]
        # Of a value that a shell would read otherwise, pam_env cuts what follows a #, and one quote at each end.
        value = re.sub(r"\A['\"]|['\"]\Z", "", raw[1:].partition("#")[0]) if each.value is None else each.value
        found.append(each._replace(value=value))
    return found


def _read(text: str) -> t.List[Assignment]:
    found: t.List[Assignment] = []
    line = 1
    for logical in _LOGICAL.finditer(text):
        raw = logical[0]
        match = _ASSIGNED.match(raw)
        # A line that is to be continued at the end of the file is one that pam_env 1.5 drops.
        if match and not (raw.endswith("\\\n") and "#" not in raw and logical.end() == len(text)):
            begin = logical.start() + match.start("set")
            end = logical.end() - raw.endswith("\n")
            alike = _ALIKE.match(text, begin + len(match["name"]), end) if "\\\n" not in raw else None
            value = next((part for part in alike.groups() if part is not None), None) if alike else None
            found.append(Assignment(match["name"], value, line, logical.start(), logical.end(), begin, end))
        line += raw.count("\n")
    return found


def _statement(name: str, value: str) -> str:
    return _proxy_pam.assignment(name, value)


def _instead_of(raw: str, name: str, value: str) -> str:
    commented = _COMMENTED.match(raw, len(name))
    # On the same line, the quotes would be a part of the value for pam_env.
    return _statement(name, value) + (f"\n{commented['comment']}" if commented else "")


def _first_in_a_quote(text: str, ours: t.Sequence[Assignment]) -> t.Optional[t.Tuple[int, Assignment]]:
    """Return the first of `ours` that a shell takes for a part of a quote, and the line in which that opens."""
    position = 0
    while position < len(text):
        token = _SHELL.match(text, position)
        end = token.end() if token else len(text)
        for assignment in ours if text[position] in "'\"" else ():
            if position < assignment.begin < end:
                return text.count("\n", 0, position) + 1, assignment
        position = end
    return None


_GRAMMAR = _lines.Grammar(_read, _statement, _instead_of)
