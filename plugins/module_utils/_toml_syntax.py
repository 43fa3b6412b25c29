# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Takes a TOML text apart with the position of every statement, and says of a broken one what is wrong and where.

tomllib judges and reads the values. tomlkit's document has every blank and comment too, but no positions; they come
from adding up the lengths of its parts, which must give the text again. Where they don't, tomlkit would damage the
file, and it is refused.
"""

from __future__ import annotations

import functools
import re
import typing as t

from . import _toml_library
from ._errors import Refused
from ._json_syntax import line_at
from ._key_paths import MAX_DEPTH

# Of a key; the number of an element in an array of tables.
Step = t.Union[str, int]
Steps = t.Tuple[Step, ...]

HEADER, ELEMENT, KEY = "[", "[[", "="


class Entry(t.NamedTuple):
    """One statement: a table's header, that of an element of an array of tables, or a key with its value."""

    kind: str  # HEADER, ELEMENT or KEY
    path: Steps  # from the top
    section: int  # index of the header that it stands under, -1 for none; of a header, its own
    start: int  # of its first line
    end: int  # just past its last line
    value_start: int  # of a KEY's value
    value_end: int
    item: t.Any  # tomlkit's, of a KEY


class Member(t.NamedTuple):
    """One `key = value` of an inline table; positions are indexes into the document's text."""

    path: t.Tuple[str, ...]  # from the inline table on
    start: int
    value_start: int
    end: int
    item: t.Any


# Reading ----------------------------------------------------------------------------------------------------------


def load_text(text: str, name: str) -> t.Dict[str, t.Any]:
    """Return the document as plain Python; raises Refused, with line and key, for what is not TOML."""
    tomllib = _toml_library.tomllib()
    try:
        tree = t.cast("t.Dict[str, t.Any]", tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(text, str(exc), name) from exc
    except RecursionError as exc:
        raise _too_deep(name) from exc
    except ValueError as exc:
        # Of a date that is none (2025-02-30), or a number of more than 4300 digits, which lack their place.
        raise Refused(f"holds a value that is none: {exc}", where=name, instead="Correct it.") from exc
    # Dotted keys nest without tomllib's recursion; tomlkit takes minutes for what is deeper, and then fails.
    level: t.List[t.Any] = [tree]
    for _depth in range(MAX_DEPTH):
        level = [inner for node in level for inner in (node.values() if isinstance(node, dict) else node)]
        level = [node for node in level if isinstance(node, (dict, list))]
        if not level:
            return tree
    raise _too_deep(name)


def _too_deep(name: str) -> Refused:
    return Refused("is nested too deeply", where=name, instead="Check what wrote the file.")


@functools.lru_cache(maxsize=4)
def entries(text: str) -> t.Tuple[Entry, ...]:
    """Return every statement of a document that `load_text` takes; raises Refused where tomlkit can't keep it."""
    tomlkit = _toml_library.tomlkit()
    try:
        document = tomlkit.parse(text)
        walk = _Walk(tomlkit)
        walk.body(document, ())
    except Exception as exc:  # tomlkit's own kinds, and what its mistakes end in
        raise _unfaithful(f"tomlkit can't read it ({type(exc).__name__})") from exc
    if "".join(walk.parts) != text:
        raise _unfaithful("tomlkit would not write it back as it is")
    return tuple(walk.entries)


def members(entry_item: t.Any, text: str, opening: int) -> t.List[Member]:
    """Return the members of the inline table whose brace is at `opening`."""
    found: t.List[Member] = []
    position = opening + 1
    for key, item in entry_item.value.body:
        if key is None:
            continue
        names = [_name(key)]
        while key.is_dotted():  # tomlkit has a table of one key for each dot
            [(key, item)] = item.value.body
            names.append(_name(key))
        start = _past_blanks(text, position, ",")
        assignment = text.index("=", _past_key(text, start))
        value_start = _past_blanks(text, assignment + 1)
        value = item.as_string()
        if not text.startswith(value, value_start):
            raise _unfaithful("tomlkit would not write its inline table back as it is")
        position = value_start + len(value)
        found.append(Member(tuple(names), start, value_start, position, item))
    return found


def is_inline(item: t.Any) -> bool:
    """Tell whether a value of tomlkit's is an inline table."""
    return type(item).__name__ == "InlineTable"


class _Walk:
    """Adds up the parts of tomlkit's document in the order of the text."""

    def __init__(self, tomlkit: t.Any) -> None:
        self.items = tomlkit.items
        self.parts: t.List[str] = []
        self.entries: t.List[Entry] = []
        self.position = 0
        self.section = -1
        self.counts: t.Dict[Steps, int] = {}

    def body(self, container: t.Any, path: Steps, prefix: str = "", spelled: str = "") -> None:
        """Walk a table's parts: `prefix` is what dotted keys of it begin with, `spelled` what headers in it do."""
        for key, item in container.body:
            if isinstance(item, self.items.Null):
                continue
            if key is None:
                self.add(item.as_string())
                continue
            here = (*path, _name(key))
            if isinstance(item, self.items.AoT):
                for table in item.body:
                    number = self.counts[here] = self.counts.get(here, -1) + 1
                    self.table(key, table, (*here, number), spelled + key.as_string(), element=True)
            elif isinstance(item, self.items.Table):
                if key.is_dotted():
                    self.body(item.value, here, prefix + key.as_string() + ".", spelled + key.as_string() + ".")
                else:
                    self.table(key, item, here, spelled + key.as_string())
            else:
                self.key(key, item, here, prefix)

    def table(self, key: t.Any, table: t.Any, path: Steps, spelled: str, element: bool = False) -> None:
        """Walk a table that has a header, or is there by the headers of those below it."""
        trivia = table.trivia
        if element or not table.is_super_table():
            opening, closing = ("[[", "]]") if element else ("[", "]")
            written = table.display_name or spelled
            self.section = len(self.entries)
            start = self.position
            self.add(
                f"{trivia.indent}{opening}{written}{closing}{trivia.comment_ws}{trivia.comment}{trivia.trail}",
            )
            kind = ELEMENT if element else HEADER
            self.entries.append(Entry(kind, path, self.section, start, self.position, -1, -1, None))
        self.body(table.value, path, spelled=spelled + ".")

    def key(self, key: t.Any, item: t.Any, path: Steps, prefix: str) -> None:
        start = self.position
        self.add(f"{item.trivia.indent}{prefix}{key.as_string()}{key.sep}")
        value_start = self.position
        self.add(item.as_string())
        value_end = self.position
        self.add(f"{item.trivia.comment_ws}{item.trivia.comment}{item.trivia.trail}")
        self.entries.append(Entry(KEY, path, self.section, start, self.position, value_start, value_end, item))

    def add(self, part: str) -> None:
        self.parts.append(part)
        self.position += len(part)


def _name(key: t.Any) -> str:
    """Return the key that tomlkit read; it leaves the escapes in a quoted one as they are."""
    if "\\" in key.as_string():
        [name] = _toml_library.tomllib().loads(key.as_string().strip() + "=0")
        return str(name)
    return str(key.key)


_BLANKS = re.compile(r"[ \t]*")
_KEY = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_. \t-])+""")


def _past_blanks(text: str, position: int, more: str = "") -> int:
    while position < len(text) and text[position] in " \t" + more:
        position += 1
    return position


def _past_key(text: str, position: int) -> int:
    found = _KEY.match(text, position)
    return found.end() if found else position


def _unfaithful(why: str) -> Refused:
    return Refused(
        f"{why}, and an edit must not change what it isn't asked to",
        instead="Make the edit by hand, or write the file in a simpler style.",
    )


# What is wrong with a text ----------------------------------------------------------------------------------------

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_HINTS = (
    ("overwrite", "Leave one of them."),
    ("Cannot declare", "A table has one header; move what is below the second one to the first."),
    ("immutable", "An inline table or array is complete where it stands; write the key in it."),
    ("Duplicate inline", "Leave one of them."),
    ("Expected newline", "A line holds one key; a text stands in quotes, and quotes in it are escaped."),
    ("Expected '='", "Write key = value, or # before a comment."),
    ("Expected ']'", "Write [name]."),
    ("Invalid value", "A text stands in double quotes; bare words are true and false."),
    ("Unterminated", "Its closing quotes are missing."),
    ("Unclosed", "Its closing bracket is missing; was the file cut off?"),
    ("Illegal character", "Its closing quote is missing, or the character must be escaped."),
    ("Invalid initial character", "A key of other characters than A-Za-z0-9_- stands in quotes."),
    ("Found invalid character", "Remove it."),
    ("Unescaped", "Write two backslashes for one, or put the text into single quotes."),
)


def _syntax_error(text: str, said: str, name: str) -> Refused:
    found = _PLACE.search(said)
    what = said[: found.start()] if found else said
    instead = next((hint for word, hint in _HINTS if word in what), "")
    if found is None or found.group(1) is None:
        line, column = line_at(text, len(text.rstrip("\r\n"))), ""
        what = f"{what}; the file ends in the middle of it"
    else:
        line, column = int(found.group(1)), f", column {found.group(2)}"
    where = (f"{name}, " if name else "") + f"line {line}"
    if "overwrite" in what:
        again = _repeated(text, line)
        if again:
            return Refused(f"stands there more than once{again[1]}", where=f"{where}: {again[0]}", instead=instead)
    return Refused(what[:1].lower() + what[1:], where=where + column, instead=instead)


def _repeated(text: str, line: int) -> t.Optional[t.Tuple[str, str]]:
    """Return the path of the key on a line, and where it stands before that, if that can be told."""
    lines = text.split("\n")
    try:
        ahead = "\n".join(lines[: line - 1]) + "\n"
        key = t.cast("re.Match[str]", _KEY.match(lines[line - 1])).group()
        inner: t.Any = _toml_library.tomllib().loads(f"{key}=0")
        _toml_library.tomllib().loads(ahead)
        before = entries(ahead)
    except (Refused, ValueError, AttributeError):
        return None  # it is of several lines, or in an inline table
    path: Steps = next((entry.path for entry in reversed(before) if entry.kind != KEY), ())
    while isinstance(inner, dict):
        [(word, inner)] = inner.items()
        path = (*path, word)
    first = next((entry for entry in before if entry.path[: len(path)] == path), None)
    told = f" (first in line {line_at(text, first.start)})" if first else ""
    return ".".join(str(step) for step in path if isinstance(step, str)), told
