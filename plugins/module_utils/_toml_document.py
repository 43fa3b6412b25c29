# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Edits a TOML file's keys and leaves every other byte as it is: bytes in, bytes out.

Two laws hold for every document x, settings s and key paths r:

    edit(edit(x, s, r), s, r) == edit(x, s, r)
    edit(edit(x, s, []), {}, leaf_paths(s)) == x      where x had none of the keys of s

The second needs no memory of what was there, because the layout tells. A key goes below the last one of its table, and
a new table gets a header of its own, an empty line before that, and its keys indented by two spaces: where it looks so,
a header whose last key goes is taken away with the empty line, while the keys put into a table that was found empty are
not indented. An inline table that is made here is tight (`{a = 1}`), one that was found as `{}` becomes `{ a = 1}`. The
last line has a line end if the last line had one before. A file that is made here says so in its first line.

Where a key stands, and how a value is written, is tomlkit's word; tomllib reads the document before and after, and
an edit that would do anything else than what was asked is refused.
"""

from __future__ import annotations

import copy
import math
import typing as t

from ._errors import Refused
from ._json_syntax import BOM, decoded, line_at
from ._key_paths import Path, checked_path, checked_text, checked_tree, dotted, refuse_conflict
from ._toml_editor import Changes, Editor, Keys
from ._toml_syntax import ELEMENT, KEY, Entry, Member, entries, is_inline, load_text, members

_MADE_HERE = "# Made by Ansible (fleetops.container_hosts).\n"


def edit(
    source: t.Optional[bytes], settings: t.Mapping[str, t.Any], remove: t.Sequence[Path] = (), *, name: str = ""
) -> t.Optional[bytes]:
    """Return `source` with `settings` merged in and the key paths of `remove` taken out; None: no file.

    Tables merge, arrays and scalars are replaced as a whole, and a value that already is equal keeps its spelling.
    `name` is the file's, for error messages. Raises Refused for a file that is not TOML, for a path that crosses
    something else than a table, and where the edit can't be made without changing more than it should.
    """
    wanted = checked_tree(settings, _checked_leaf)
    doomed = [checked_path(path) for path in remove]
    for path in doomed:
        refuse_conflict(wanted, path)
    if source is None and not wanted:
        return None
    before = _MADE_HERE if source is None else decoded(source, name)
    mark = BOM if before.startswith(BOM) else ""
    body = before[len(mark) :]
    tree = load_text(body, name)
    plan = _Plan(wanted, doomed, tree, body, name)
    if not any(plan.changes):
        return source
    after = plan.carry_out()
    return None if after == _MADE_HERE else (mark + after).encode()


def load(source: bytes, *, name: str = "") -> t.Dict[str, t.Any]:
    """Return the table that `source` holds, as plain Python; raises Refused for what is not TOML."""
    text = decoded(source, name)
    return load_text(text[len(BOM) :] if text.startswith(BOM) else text, name)


def line_of(source: bytes, path: Path) -> t.Optional[int]:
    """Return the line (from 1) on which the key or table at `path` begins, or None where it doesn't."""
    text = decoded(source, "")
    body = text[len(BOM) :] if text.startswith(BOM) else text
    found = _place_of(body, tuple(path))
    return None if found is None else line_at(body, found)


def spelling(source: bytes, path: Path) -> t.Optional[str]:
    """Return how the text at `path` is written in the file, without its quotes; None where it isn't."""
    text = decoded(source, "")
    body = text[len(BOM) :] if text.startswith(BOM) else text
    for entry in entries(body):
        if entry.path == tuple(path):
            return _unquoted(body[entry.value_start : entry.value_end])
        if entry.kind == KEY and is_inline(entry.item):
            found = _member_at(entry, body, tuple(path))
            if found is not None:
                return _unquoted(body[found.value_start : found.end])
    return None


def _unquoted(value: str) -> str:
    quotes = 3 if value[:3] in ('"""', "'''") else 1
    return value[quotes:-quotes] if value[:1] in "\"'" else value


def same(found: t.Any, wanted: t.Any) -> bool:
    """Tell whether two values are the same to TOML, to which 1, 1.0 and true are three."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return type(found) is type(wanted) and (found == wanted or (_is_nan(found) and _is_nan(wanted)))


def _is_nan(value: t.Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


# What is asked for ------------------------------------------------------------------------------------------------


def _checked_leaf(value: t.Any, path: Keys) -> t.Any:
    """Return a value that TOML can say, or refuse it naming its path."""
    if isinstance(value, str):
        return checked_text(value, path)
    if value is None:
        raise Refused("is null, which TOML has not", where=dotted(path), instead="Name the key in remove.")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"is {value}, which no setting is", where=dotted(path), instead="Write a number.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Refused("is a number that does not fit into 64 bits", where=dotted(path), instead="Quote it.")
    if isinstance(value, (bool, int, float)):
        return value
    raise Refused(f"is of type {type(value).__name__}, which is not written", where=dotted(path), instead="Quote it.")


# The plan ---------------------------------------------------------------------------------------------------------


class _Plan:
    """What is to be done to a document, found out from its values alone, and then how, from its statements."""

    def __init__(
        self, wanted: t.Dict[str, t.Any], doomed: t.Sequence[Keys], tree: t.Dict[str, t.Any], text: str, name: str
    ) -> None:
        self.name = name
        self.source = text
        self.changes = Changes({}, {}, [])
        self.expected = copy.deepcopy(tree)
        self._compare(wanted, tree, self.expected, ())
        self.changes.doomed.extend(path for path in doomed if self._take(path))

    def _compare(self, wanted: t.Dict[str, t.Any], found: t.Any, expected: t.Any, path: Keys) -> None:
        for key, value in wanted.items():
            here = (*path, key)
            if key not in found:
                self.changes.added.setdefault(path, {})[key] = value
                expected[key] = copy.deepcopy(value)
            elif isinstance(value, dict) and isinstance(found[key], dict):
                self._compare(value, found[key], expected[key], here)
            elif isinstance(value, dict) or isinstance(found[key], dict):
                raise self._in_the_way(here, found[key], "a table" if isinstance(value, dict) else "a value")
            elif not same(found[key], value):
                self.changes.replaced[here] = value
                expected[key] = copy.deepcopy(value)

    def _take(self, path: Keys) -> bool:
        """Take a path out of what is expected; return whether it was there."""
        node = self.expected
        for depth, key in enumerate(path[:-1], 1):
            if key not in node:
                return False
            if not isinstance(node[key], dict):
                raise self._in_the_way(path[:depth], node[key], "a table")
            node = node[key]
        return node.pop(path[-1], node) is not node

    def _in_the_way(self, path: Keys, found: t.Any, wanted: str) -> Refused:
        position = _place_of(self.source, path)
        line = f"line {line_at(self.source, position)}" if position is not None else ""
        where = ", ".join(filter(None, (self.name, line)))
        return Refused(
            f"holds {_kind_of(found)}, not {wanted}",
            where=f"{where}: {dotted(path)}" if where else dotted(path),
            instead="Change the one or the other by hand, or remove it first.",
        )

    def carry_out(self) -> str:
        """Return the edited text, once tomllib has read in it what is expected, and nothing else."""
        # Worked on with a line end in any case, so that one rule does for all lines.
        newline = "\r\n" if "\r\n" in self.source else "\n"
        open_end = not self.source.endswith("\n")
        text = self.source + newline if self.source and open_end else self.source
        statements = _with_line_end(entries(self.source), len(self.source), len(text))
        for entry in statements:
            if entry.kind == ELEMENT and entry.path[:-1] in self.changes.replaced:
                path = t.cast(Keys, entry.path[:-1])
                raise self._in_the_way(path, [{}], "a value")
        after = Editor(self.changes, text, statements, newline).edited()
        if open_end and after.endswith(newline):
            after = after[: -len(newline)]
        try:
            found = load_text(after, "")
        except Refused:
            found = None
        for path in self.changes.doomed:
            _prune(self.expected, path)
            if found is not None:
                _prune(found, path)
        if not same(found, self.expected):
            raise Refused(
                "can't be edited without changing more than what is asked",
                where=self.name,
                instead="Write the tables that are concerned in a simpler style, or make the edit by hand.",
            )
        return after


def _with_line_end(statements: t.Sequence[Entry], length: int, longer: int) -> t.List[Entry]:
    return [entry._replace(end=longer) if entry.end == length else entry for entry in statements]


def _prune(tree: t.Dict[str, t.Any], path: Keys) -> None:
    """Take out the tables above `path` that are empty: whether they go with it is the layout's affair."""
    for end in range(len(path) - 1, 0, -1):
        node: t.Any = tree
        for key in path[: end - 1]:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict) and node.get(path[end - 1]) == {}:
            del node[path[end - 1]]


def _kind_of(value: t.Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array of tables" if value and all(isinstance(entry, dict) for entry in value) else "an array"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "a date or time")


def _place_of(text: str, path: Keys) -> t.Optional[int]:
    """Return the position of the statement or member at `path`, or of the first one below it."""
    try:
        statements = entries(text)
    except Refused:
        return None  # this is for a message, and one without a line is better than another message
    for entry in statements:
        names = tuple(step for step in entry.path if isinstance(step, str))
        if names[: len(path)] == path:
            return entry.start
        if entry.kind == KEY and is_inline(entry.item):
            member = _member_at(entry, text, path)
            if member:
                return member.start
    return None


def _member_at(entry: Entry, text: str, path: Keys) -> t.Optional[Member]:
    """Return the member at `path` of the inline table that is an entry's value, or of one in that."""
    above: Keys = t.cast(Keys, entry.path)
    item, opening = entry.item, entry.value_start
    while path[: len(above)] == above and is_inline(item):
        for member in members(item, text, opening):
            here = (*above, *member.path)
            if here[: len(path)] == path:
                return member
            if path[: len(here)] == here:
                above, item, opening = here, member.item, member.value_start
                break
        else:
            return None
    return None
