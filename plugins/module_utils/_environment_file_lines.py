# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Variables in a file of one statement each, as its reader reads them: set in place, added at the end, taken out."""

from __future__ import annotations

import typing as t

from ._errors import Refused

# So that a file which we made can be told from one that was there and empty.
MADE_FILE = "# This file was made by fleetops.container_hosts."


class Assignment(t.NamedTuple):
    """One variable that is set. `value` is None where its readers don't agree on it, or only the reader can tell.

    Its lines go from `start` to `finish` (behind the line end), what sets it from `begin` to `end`.
    """

    name: str
    value: t.Optional[str]
    line: int
    start: int
    finish: int
    begin: int
    end: int


class Grammar(t.NamedTuple):
    """How one dialect is read and written."""

    read: t.Callable[[str], t.List[Assignment]]
    statement: t.Callable[[str, str], str]  # (name, value): a whole line without its end
    instead_of: t.Callable[[str, str, str], str]  # (raw text, name, value): what stands in place of an assignment
    ends: t.Tuple[str, ...] = ("\n",)  # what ends a line, each one character


def decode(content: t.Optional[bytes]) -> str:
    """Return a file's text, from which `encode` makes the same bytes again, also where they are no UTF-8."""
    return (content or b"").decode("utf-8", errors="surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes of what `decode` gave."""
    return text.encode("utf-8", errors="surrogateescape")


def edit(content: t.Optional[bytes], wanted: t.Mapping[str, t.Optional[str]], grammar: Grammar) -> t.Optional[bytes]:
    """Return `content` with the variables set, or taken out where their value is None. No file is None.

    A variable that is set already keeps its place; its doubles go. Raises Refused where the reader would not get to
    what is written.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    text = decode(content)
    found = grammar.read(text)
    ours = [assignment for assignment in found if assignment.name in wanted]
    if not given and not ours:
        return content
    if "\0" in text:
        raise Refused("holds a NUL character, at which its readers stop", instead="Find out what wrote it.")
    first = {assignment.name: assignment for assignment in reversed(ours)}
    for assignment in reversed(ours):
        value = given.get(assignment.name)
        if value is None or first[assignment.name] != assignment:
            text = cut(text, assignment.start, assignment.finish, grammar.ends)
        elif assignment.value != value:
            raw = text[assignment.begin : assignment.end]
            new = grammar.instead_of(raw, assignment.name, value)
            text = text[: assignment.begin] + new + text[assignment.end :]
    added = [grammar.statement(name, value) for name, value in given.items() if name not in first]
    result = append(None if content is None else text, added) if added else text
    _check(decode(content), found, result, wanted, grammar)
    return None if result == MADE_FILE + "\n" else encode(result)


def append(text: t.Optional[str], lines: t.Sequence[str]) -> str:
    """Return the text with lines at its end. Where its last line has no end, the last of ours has none either."""
    if text is None:
        text = MADE_FILE + "\n"
    if not text or text.endswith("\n"):
        return text + "".join(f"{line}\n" for line in lines)
    return text + "".join(f"\n{line}" for line in lines)


def cut(text: str, start: int, finish: int, ends: t.Tuple[str, ...] = ("\n",)) -> str:
    """Return the text without these lines. Where the last of them has no end, the one before them loses its own."""
    before, after = text[:start], text[finish:]
    if finish >= len(text) and not text.endswith(ends) and before.endswith(ends):
        before = before[:-1]
    return before + after


def _check(
    before: str,
    found: t.Sequence[Assignment],
    after: str,
    wanted: t.Mapping[str, t.Optional[str]],
    grammar: Grammar,
) -> None:
    """Raise Refused unless the reader finds what is wanted, and of the others just what it found before."""
    now = grammar.read(after)
    ours = {assignment.name: assignment.value for assignment in now if assignment.name in wanted}
    foreign = [
        [(one.name, one.value, text[one.begin : one.end]) for one in assignments if one.name not in wanted]
        for text, assignments in ((before, found), (after, now))
    ]
    if ours == {name: value for name, value in wanted.items() if value is not None} and foreign[0] == foreign[1]:
        return
    last = max((one.line for one in found if one.name not in wanted), default=1)
    raise Refused(
        "has an open quote or a continued line that takes in what stands below it",
        where=f"line {last} or below",
        instead="Close the quote, or remove the backslash at the end of the line.",
    )
