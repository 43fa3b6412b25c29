# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Makes changes to a TOML text as splices of it; where things go, and how they look, is told in _toml_document."""

from __future__ import annotations

import typing as t

from . import _toml_library
from ._toml_syntax import ELEMENT, HEADER, KEY, Entry, Member, is_inline, members

_INDENT = "  "

Keys = t.Tuple[str, ...]


class Changes(t.NamedTuple):
    """What is to be done; every path and every table that is added to is there."""

    replaced: t.Dict[Keys, t.Any]
    added: t.Dict[Keys, t.Dict[str, t.Any]]  # by the path of the table that they go into
    doomed: t.List[Keys]


class _Splice(t.NamedTuple):
    start: int
    end: int
    text: str
    is_table: bool = False  # goes behind the keys that are put in the same place


class Editor:
    """Edits a text of which every line has an end; `newline` is that of new lines, `statements` are its entries."""

    def __init__(self, changes: Changes, text: str, statements: t.Sequence[Entry], newline: str) -> None:
        self.changes = changes
        self.text = text
        self.statements = statements
        self.newline = newline
        self.splices: t.List[_Splice] = []
        self.gone: t.Set[int] = set()  # indexes of statements

    def edited(self) -> str:
        """Return the text with all changes made."""
        inline = self._inline()
        self._replace()
        self._remove()
        for path, values in self.changes.added.items():
            if not any(path[: len(above)] == above for above in inline):
                self._add(path, values)
        return _spliced(self.text, self.splices)

    # Inline tables

    def _inline(self) -> t.List[Keys]:
        """Rewrite the inline tables in which something changes; return their paths."""
        changed = [*self.changes.replaced, *self.changes.doomed]
        done: t.List[Keys] = []
        for entry in self.statements:
            if entry.kind != KEY or not is_inline(entry.item):
                continue
            path = t.cast(Keys, entry.path)
            inside = any(len(each) > len(path) and each[: len(path)] == path for each in changed)
            if inside or any(each[: len(path)] == path for each in self.changes.added):
                inner = self._inline_text(entry.item, entry.value_start, path)
                self.splices.append(_Splice(entry.value_start, entry.value_end, inner or "{}"))
                done.append(path)
        return done

    def _inline_text(self, item: t.Any, opening: int, path: Keys) -> str:
        """Return what is to stand in place of an inline table; '' for one that was made here and has lost its last."""
        whole = item.as_string()
        closing = opening + len(whole) - 1
        found = members(item, self.text, opening)
        kept: t.List[t.Tuple[Member, str]] = []
        for member in found:
            here = (*path, *member.path)
            value = self.text[member.value_start : member.end]
            if any(here[: len(each)] == each for each in self.changes.doomed):
                continue
            if is_inline(member.item):
                value = self._inline_text(member.item, member.value_start, here)
                if not value:
                    continue
            elif here in self.changes.replaced:
                value = _rendered(self.changes.replaced[here])
            kept.append((member, self.text[member.start : member.value_start] + value))
        new = self._new_members(path, found)
        if not found:
            blank = self.text[opening + 1 : closing]
            return "{" + (blank or " ") + ", ".join(new) + blank + "}" if new else whole
        lead, tail = self.text[opening + 1 : found[0].start], self.text[found[-1].end : closing]
        if not kept and not new:
            return "" if not lead and not tail else "{" + (lead if lead == tail else "") + "}"
        written = ""
        for number, (member, text) in enumerate(kept):
            index = found.index(member)
            ahead = self.text[found[index - 1].end : member.start] if number else ""
            written += ahead + text
        between = ", " if written and new else ""
        return "{" + lead + written + between + ", ".join(new) + tail + "}"

    def _new_members(self, path: Keys, found: t.Sequence[Member]) -> t.List[str]:
        """Return the members to add, those of tables below that are written with dotted keys included."""
        new = [f"{_key(key)} = {_rendered(value)}" for key, value in self.changes.added.get(path, {}).items()]
        above = {member.path[:end] for member in found for end in range(1, len(member.path))}
        for names in sorted(above):
            for key, value in self.changes.added.get((*path, *names), {}).items():
                new.append(f"{'.'.join(map(_key, (*names, key)))} = {_rendered(value)}")
        return new

    # Statements

    def _replace(self) -> None:
        for entry in self.statements:
            if entry.kind != KEY or entry.path not in self.changes.replaced:
                continue
            old = self.text[entry.value_start : entry.value_end]
            new = self.changes.replaced[t.cast(Keys, entry.path)]
            self.splices.append(_Splice(entry.value_start, entry.value_end, self._like(old, new)))

    def _like(self, old: str, new: t.Any) -> str:
        """Return a value in the layout of the one it replaces: an array with an element a line keeps that."""
        first, line_end, rest = old.partition(self.newline)
        if not (isinstance(new, list) and new and first.rstrip() == "[" and line_end):
            return _rendered(new)
        indent = rest[: len(rest) - len(rest.lstrip(" \t"))] or _INDENT
        last = old[old.rfind("\n") + 1 : -1]
        lines = "".join(f"{self.newline}{indent}{_rendered(value)}," for value in new)
        return f"[{lines}{self.newline}{last if not last.strip() else ''}]"

    def _remove(self) -> None:
        if not self.changes.doomed:
            return
        for index, entry in enumerate(self.statements):
            if any(entry.path[: len(path)] == path for path in self.changes.doomed):
                self.gone.add(index)
                if entry.kind == KEY:
                    self.splices.append(_Splice(entry.start, entry.end, ""))
        touched = {self.statements[index].section for index in self.gone}
        for index in sorted(touched | self.gone):
            if index >= 0 and self.statements[index].kind != KEY:
                entry = self.statements[index]
                if index in self.gone or self._lost_its_last_key(index, entry):
                    start = self._with_blank_before(entry.start) if self._is_bare(entry) else entry.start
                    self.splices.append(_Splice(start, entry.end, ""))
        self._close_up_top()

    def _close_up_top(self) -> None:
        """Take away the empty line that sets the top level's keys apart, when the last of them goes."""
        top = [index for index, entry in enumerate(self.statements) if entry.kind == KEY and entry.section == -1]
        gone = [self.statements[index] for index in top if index in self.gone]
        if not gone or len(gone) < len(top) or self.changes.added.get(()):
            return
        start, end = gone[0].start, gone[-1].end
        if start == 0 and self.text.startswith(self.newline, end):
            self.splices.append(_Splice(end, end + len(self.newline), ""))
        elif start:
            self.splices.append(_Splice(self._with_blank_before(start), start, ""))

    def _lost_its_last_key(self, index: int, header: Entry) -> bool:
        """Tell whether a table's header was made here for keys that are all gone now."""
        path = t.cast(Keys, header.path)
        keys = [number for number, entry in enumerate(self.statements) if entry.kind == KEY and entry.section == index]
        if header.kind != HEADER or not keys or not self.gone.issuperset(keys) or self.changes.added.get(path):
            return False
        indented = all(self._indent(self.statements[number]) == _INDENT for number in keys)
        apart = not header.start or self._with_blank_before(header.start) != header.start
        return indented and apart and self._is_bare(header)

    def _is_bare(self, header: Entry) -> bool:
        """Tell whether a header is as they are made here: not indented, and without a comment."""
        line = self.text[header.start : header.end]
        return line.startswith("[") and line.endswith("]" + self.newline)

    def _with_blank_before(self, start: int) -> int:
        """Return where the empty line before `start` begins, or `start` where there is none."""
        before = self.text[:start]
        if not before.endswith(self.newline):
            return start
        rest = before[: -len(self.newline)]
        return len(rest) if not rest or rest.endswith("\n") else start

    def _indent(self, entry: Entry) -> str:
        line = self.text[entry.start : entry.end]
        return line[: len(line) - len(line.lstrip(" \t"))]

    # New keys

    def _add(self, path: Keys, values: t.Dict[str, t.Any]) -> None:
        """Add keys to a table that is there: by a header, by dotted keys, or by the headers of tables below it."""
        dotted_keys = [
            entry
            for entry in self.statements
            if entry.kind == KEY and entry.path[: len(path)] == path and self._section_path(entry) < len(path)
        ]
        if path and dotted_keys:
            last = dotted_keys[-1]
            names = path[self._section_path(last) :]
            lines = [
                f"{self._indent(last)}{'.'.join(map(_key, keys))} = {_rendered(value)}{self.newline}"
                for keys, value in _leaves(values, names)
            ]
            self.splices.append(_Splice(last.end, last.end, "".join(lines)))
            return
        header = next(
            (index for index, entry in enumerate(self.statements) if entry.kind == HEADER and entry.path == path), None
        )
        below = {key: value for key, value in values.items() if isinstance(value, dict)}
        here = {key: value for key, value in values.items() if key not in below}
        if here and (header is not None or not path):
            self._add_lines(-1 if header is None else header, here)
            here = {}
        tables = [] if not here else [(path, here)]
        for key, value in below.items():
            tables += _tables((*path, key), value)
        self._add_tables(path, tables)

    def _section_path(self, entry: Entry) -> int:
        """Return the length of the path of the table under whose header a key stands."""
        return len(self.statements[entry.section].path) if entry.section >= 0 else 0

    def _add_lines(self, section: int, values: t.Dict[str, t.Any]) -> None:
        keys = [entry for entry in self.statements if entry.kind == KEY and entry.section == section]
        indent, position, before, after = "", 0, "", ""
        if keys:
            indent, position = self._indent(keys[-1]), keys[-1].end
        elif section >= 0:
            indent, position = self._indent(self.statements[section]), self.statements[section].end
        else:
            position = self._top()
            before = self.newline if position else ""
            after = self.newline if self.text and not position else ""
        lines = "".join(f"{indent}{_key(key)} = {_rendered(value)}{self.newline}" for key, value in values.items())
        self.splices.append(_Splice(position, position, before + lines + after))

    def _top(self) -> int:
        """Return where keys of the top level go that has none yet: above the first header and the comment on it."""
        if not self.statements:
            return len(self.text)
        lines = self.text[: self.statements[0].start].splitlines(keepends=True)
        while lines and lines[-1].strip():
            lines.pop()
        while lines and not lines[-1].strip():
            lines.pop()
        return sum(map(len, lines))

    def _add_tables(self, path: Keys, tables: t.Sequence[t.Tuple[Keys, t.Dict[str, t.Any]]]) -> None:
        if not tables:
            return
        position = self._behind(path) if path else len(self.text)
        alone = not self.text and not self.splices
        written = ""
        for keys, values in tables:
            lines = [f"{_INDENT}{_key(key)} = {_rendered(value)}{self.newline}" for key, value in values.items()]
            written += f"{self.newline}[{'.'.join(map(_key, keys))}]{self.newline}{''.join(lines)}"
        self.splices.append(
            _Splice(position, position, written[len(self.newline) :] if alone else written, is_table=True)
        )

    def _behind(self, path: Keys) -> int:
        """Return where a new table goes: below the last one of its family, and the comments that go on from that."""
        family = [
            index
            for index, entry in enumerate(self.statements)
            if entry.kind in (HEADER, ELEMENT) and entry.path[: len(path)] == path
        ]
        last = [entry for entry in self.statements if entry.section == family[-1]][-1]
        position = last.end
        starts = {entry.start for entry in self.statements if entry.kind != KEY}
        while position < len(self.text):
            if position in starts:
                return last.end  # what stands above a header without an empty line is about that
            end = self.text.find("\n", position) + 1 or len(self.text)
            if not self.text[position:end].strip():
                return position
            position = end
        return position


def _leaves(values: t.Dict[str, t.Any], above: Keys) -> t.Iterator[t.Tuple[Keys, t.Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _tables(path: Keys, values: t.Dict[str, t.Any]) -> t.Iterator[t.Tuple[Keys, t.Dict[str, t.Any]]]:
    """Return the tables, each with the keys it has itself, that say what `values` says."""
    own = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if own or not values:
        yield path, own
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _tables((*path, key), value)


def _key(name: str) -> str:
    return str(_toml_library.tomlkit().items.SingleKey(name).as_string())


def _rendered(value: t.Any) -> str:
    """Return a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_rendered(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_rendered, value)) + "]"
    return str(_toml_library.tomlkit().item(value).as_string())


def _spliced(text: str, splices: t.Sequence[_Splice]) -> str:
    """Return the text with the splices made; what is cut may overlap."""
    pieces = []
    position = 0
    for splice in sorted(splices, key=lambda each: (each.start, each.is_table)):
        pieces += [text[position : splice.start], splice.text]
        position = max(position, splice.end)
    return "".join((*pieces, text[position:]))
