# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Lines of ours between two marks in somebody else's file, whose every other byte stays. Its comments begin with #."""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused

BEGIN = b"# BEGIN fleetops.container_hosts"
END = b"# END fleetops.container_hosts"
_BEGINS = re.compile(re.escape(BEGIN) + rb"(?=\n|\Z)")
_NOTE = b"# Written by Ansible: what stands between these two marks is replaced by the next run."
# Before our block, in a file that already holds something. The first ends a last line that had no newline, the
# second ends a statement whose last line was to be continued; always both, so that taking away is exact.
_GAP = b"\n\n"


def apply(source: t.Optional[bytes], lines: t.Sequence[str]) -> bytes:
    """Return the file with our block holding `lines`: where it stands, or at the end; the rest byte for byte."""
    body = "".join(f"{line}\n" for line in lines).encode("utf-8")
    block = b"\n".join((BEGIN, _NOTE, body + END, b""))
    if source is None:
        return block
    found = span(source)
    if found is None:
        return source + _GAP + block
    # More than one is a file that was pasted into itself: the last one has the last word, and the others go.
    before = remove(source[: found[0]] or None) or b""
    return before + block + source[found[1] :]


def remove(source: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the file without our block, and None where nothing was in it but our block."""
    found = span(source) if source else None
    while source and found:
        before, after = source[: found[0]], source[found[1] :]
        if not before and not after:
            return None
        source = (before[: -len(_GAP)] if before.endswith(_GAP) else before) + after
        found = span(source)
    return source


def ours(source: t.Optional[bytes]) -> bytes:
    """Return our block, or nothing."""
    found = source and span(source)
    return source[slice(*found)] if source and found else b""


def span(source: bytes) -> t.Optional[t.Tuple[int, int]]:
    """Return where our block begins and where it ends; None without one. Raises Refused where its end is missing."""
    begins = list(_BEGINS.finditer(source))
    if not begins:
        return None
    start = begins[-1].start()
    end = source.find(b"\n" + END, start)
    if end < 0:
        raise Refused(
            "has the mark where our block begins, and none where it ends",
            where=f"line {source.count(10, 0, start) + 1}",
            instead=f"Put the line {END.decode()} back, or remove the block by hand.",
        )
    end += 1 + len(END)
    return start, end + (source[end : end + 1] == b"\n")
