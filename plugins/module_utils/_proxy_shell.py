# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Variables for a file that a POSIX shell sources. Such a file is code: a value must never become more than a value."""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def lines(variables: t.Mapping[str, str]) -> str:
    """Return one `export NAME='value'` line for each variable."""
    return "".join(f"export {assignment(name, value)}\n" for name, value in variables.items())


def assignment(name: str, value: str) -> str:
    """Return NAME='value'. Raises Refused for a value that is not one line of text, without showing it."""
    check(name, value)
    # Between single quotes every character is itself; the single quote alone has to step outside.
    return "{}='{}'".format(name, value.replace("'", "'\"'\"'"))


def check(name: str, value: str) -> None:
    """Raise Refused for a name that is none in a shell, and for control characters in a value (tab excepted)."""
    if not _NAME.fullmatch(name):
        raise Refused("is no variable name", where=name, instead="Use letters, digits and _, no digit first.")
    for char in value:
        if (ord(char) < 32 and char != "\t") or ord(char) == 127:
            raise Refused(
                f"holds the control character {char!r}, which ends or garbles the line",
                where=name,
                instead="Remove it.",
            )
