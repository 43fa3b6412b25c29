# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Drop-ins of a systemd unit as bytes: our marked block in one, and other people's statements in another."""

from __future__ import annotations

import re
import typing as t

from . import _marked_block
from ._systemd_syntax import Word, assignment, words

BEGIN, END = _marked_block.BEGIN, _marked_block.END
remove = _marked_block.remove
ours = _marked_block.ours
# Not str.splitlines(), for which a form feed or U+2028 ends a line too: systemd's read_line() knows only these.
_LINE = re.compile(r"[^\n\r\0]*(?:\r\n|[\n\r\0])|[^\n\r\0]+")


class Statement(t.NamedTuple):
    """`key=value` of a unit file, continued lines joined.

    `offsets[i]` is where the i-th character of `value` stands in the file's text; start and end bound its lines.
    """

    section: str
    key: str
    value: str
    line: int
    start: int
    end: int
    offsets: t.Tuple[int, ...]


def apply(source: t.Optional[bytes], lines: t.Sequence[str]) -> bytes:
    """Return the drop-in with our block holding `lines` below a [Service] header; the rest byte for byte."""
    return _marked_block.apply(source, ["[Service]", *lines])


def statements(text: str) -> t.List[Statement]:
    """Return a unit file's statements in order, as systemd reads them."""
    found: t.List[Statement] = []
    section = ""
    position = 1 if text.startswith("\ufeff") else 0
    number = 0
    lines = _LINE.findall(text, position)
    index = 0
    while index < len(lines):
        first, first_number = position, number + 1
        logical: t.List[str] = []
        offsets: t.List[int] = []
        continued = True
        while continued and index < len(lines):
            line = lines[index]
            stripped = line.rstrip("\r\n\0")
            comment = stripped.lstrip(" \t").startswith(("#", ";"))
            if comment and logical:
                pass  # a comment within a continued statement is skipped, and the statement goes on
            else:
                continued = stripped.endswith("\\") and not comment
                part = stripped[:-1] + " " if continued else stripped
                logical.append(part)
                offsets.extend(range(position, position + len(part)))
            position += len(line)
            number += 1
            index += 1
        joined = "".join(logical)
        lead = len(joined) - len(joined.lstrip(" \t"))
        whole = joined.strip(" \t\r\n")
        if not whole or whole[0] in "#;":
            continue
        if whole[0] == "[" and whole[-1] == "]":
            section = whole[1:-1]
            continue
        key, equals, value = whole.partition("=")
        if equals:
            begin = lead + len(key) + 1
            begin += len(value) - len(value.lstrip(" \t"))
            value = value.strip(" \t")
            found.append(
                Statement(
                    section,
                    key.rstrip(" \t"),
                    value,
                    first_number,
                    first,
                    position,
                    tuple(offsets[begin : begin + len(value)]),
                )
            )
    return found


def assigned(statement: Statement) -> t.List[t.Tuple[Word, str, t.Optional[str]]]:
    """Return (word, name, value) for each variable that an `Environment=` statement sets."""
    found = []
    for word in words(statement.value):
        pair = assignment(word.text)
        if pair is not None:
            found.append((word, pair[0], pair[1]))
    return found


def without(source: bytes, names: t.Container[str]) -> bytes:
    """Return a drop-in without its `Environment=` assignments of `names`; every other byte stays.

    A statement that sets nothing else goes as a whole, with its line.
    """
    text = source.decode("utf-8", errors="surrogateescape")
    for statement in reversed(statements(text)):
        if statement.section != "Service" or statement.key != "Environment":
            continue
        everything = words(statement.value)
        leaving = [word for word, name, _value in assigned(statement) if name in names]
        if not leaving:
            continue
        if len(leaving) == len(everything) and everything[-1].end == len(statement.value):
            text = text[: statement.start] + text[statement.end :]
            continue
        for start, end in reversed(_spans(statement, everything, leaving)):
            text = text[:start] + text[end:]
    return text.encode("utf-8", errors="surrogateescape")


def _spans(statement: Statement, everything: t.List[Word], leaving: t.List[Word]) -> t.List[t.Tuple[int, int]]:
    """Return what to cut out of the file's text, in order: each run of leaving words with the blanks on one side."""
    spans = []
    for index, word in enumerate(everything):
        if word not in leaving or (index and everything[index - 1] in leaving):
            continue
        last = index
        while last + 1 < len(everything) and everything[last + 1] in leaving:
            last += 1
        if everything[last].end == len(statement.value):
            spans.append((statement.offsets[everything[index - 1].end - 1] + 1, statement.offsets[-1] + 1))
        else:
            end = everything[last].end
            while statement.value[end] in " \t":
                end += 1
            spans.append((statement.offsets[word.start], statement.offsets[end]))
    return spans
