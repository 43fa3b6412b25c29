# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Files that a shell sources, and in which people may have programmed: never parsed, never rewritten.

Ours is a marked block of `export` lines, at the end unless it stands elsewhere already.
"""

from __future__ import annotations

import re
import typing as t

from . import _marked_block, _proxy_shell

# What can be seen without running the file: a line that sets the variable, or takes it away, and nothing before that.
_SEEN = re.compile(
    rb"^[ \t]*(?:(?:export|readonly|declare(?:[ \t]+-[a-z]+)*|typeset(?:[ \t]+-[a-z]+)*)[ \t]+)?"
    rb"(?P<set>[A-Za-z_][A-Za-z0-9_]*)(?:\+?=)|^[ \t]*unset[ \t]+(?:-v[ \t]+)?(?P<unset>[A-Za-z_][A-Za-z0-9_]*)\b",
    re.MULTILINE,
)


class Elsewhere(t.NamedTuple):
    """A line outside of our block that seems to set, or to take away, one of our variables."""

    variable: str
    line: int
    wins: bool  # it comes after our block


def apply(content: t.Optional[bytes], variables: t.Mapping[str, str]) -> bytes:
    """Return the file with our block setting just these variables. Raises Refused for a value of several lines."""
    # Not splitlines(), for which U+2028 and others in a value would end a line too.
    return _marked_block.apply(content, _proxy_shell.lines(variables).split("\n")[:-1])


def remove(content: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the file without our block; None where nothing else was in it."""
    return _marked_block.remove(content)


def elsewhere(content: bytes, names: t.Container[str]) -> t.List[Elsewhere]:
    """Return where else the file seems to set the variables; what functions, conditions or text do isn't known."""
    start, end = _marked_block.span(content) or (len(content), len(content))
    found = []
    for match in _SEEN.finditer(content):
        name = (match["set"] or match["unset"]).decode("ascii")
        if name in names and not start <= match.start() < end:
            found.append(Elsewhere(name, content.count(b"\n", 0, match.start()) + 1, match.start() >= end))
    return found
