# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Lines that CircleCI's own terraform leaves in /etc/default/docker: `export no_proxy="true"`, `export http_proxy=...`.

systemd gives none of them to Docker, so they only mislead. It is a file for a shell, and not parsed but line by line.
"""

from __future__ import annotations

import re
import typing as t

from . import _proxy_environment

PATH = "/etc/default/docker"

_EXPORT = re.compile(rb"^[ \t]*export[ \t]+(?P<name>[A-Za-z_]+)=[^\n]*(?:\n|\Z)", re.MULTILINE)
# With one of these, a line may be a part of another statement, and what is around it is not ours to judge.
_ENTANGLED = re.compile(rb"\\\n?\Z|[;&|(){}`]|\$\(")


class Leftover(t.NamedTuple):
    """One line: its number, and the variable that it exports. Its value may be a secret, and is not here."""

    line: int
    variable: str


def find(content: t.Optional[bytes]) -> t.List[Leftover]:
    """Return the lines that export a proxy's variable and do nothing else."""
    text = content or b""
    return [Leftover(text.count(b"\n", 0, match.start()) + 1, match["name"].decode("ascii")) for match in _lines(text)]


def without(content: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the file without them, every other byte kept."""
    text = content
    for match in reversed(_lines(content or b"")):
        text = (text or b"")[: match.start()] + (text or b"")[match.end() :]
    return text


def _lines(text: bytes) -> t.List[t.Match[bytes]]:
    return [
        match
        for match in _EXPORT.finditer(text)
        if match["name"].decode("ascii") in _proxy_environment.NAMES
        and not _ENTANGLED.search(match[0])
        and not text[: match.start()].endswith(b"\\\n")
    ]
