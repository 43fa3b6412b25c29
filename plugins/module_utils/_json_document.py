# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Edits a JSON file's keys and leaves every other byte as it is: bytes in, bytes out.

Two laws hold for every document x, settings s and key paths r:

    edit(edit(x, s, r), s, r) == edit(x, s, r)
    edit(edit(x, s, []), {}, leaf_paths(s)) == x      where x had none of the keys of s

The second needs no memory of what was there, because the layout tells. A member is added after the last one and
taken away together with what separates it from the one before. An object that was made here has white space
before its closing brace and goes with its last member; one that was found empty as `{W}` gets its members as
`{W"key": value}`, with nothing before the brace, and becomes `{W}` again. At the top level, where that would be
ugly, the indentation tells: 4 spaces where there was no object, 2 in what was `{}`, a tab in what was `{W}` with
W over several lines.
"""

from __future__ import annotations

import json
import math
import typing as t

from ._errors import Refused
from ._json_syntax import BOM, Member, Object, decoded, kind_of, line_at, object_at, place, top_object
from ._key_paths import MAX_DEPTH, Path, checked_path, checked_text, dotted, refuse_conflict

_NEW_INDENT = "    "
_WAS_EMPTY_INDENT = "  "
_WAS_MULTILINE_INDENT = "\t"


class _Style(t.NamedTuple):
    """How an object's members are laid out."""

    newline: str  # between members: '\n', '\r\n', or '' where all is on one line
    indent: str  # of a member's line
    unit: str  # what one level more adds to it
    comma: str  # between things on one line
    colon: str  # between key and value


class Splice(t.NamedTuple):
    """What stands from `start` to `end` gives way to `text`."""

    start: int
    end: int
    text: str

    def moved(self, by: int) -> Splice:
        return Splice(self.start + by, self.end + by, self.text)


class Spelled(str):
    """A text that brings its own spelling along: JSON has several for one, such as \u00e9, and readers see none."""

    literal: str

    def __new__(cls, literal: str) -> Spelled:
        """Take the JSON string `literal`, quotes included."""
        self = super().__new__(cls, json.loads(literal))
        self.literal = literal
        return self


def edit(
    source: t.Optional[bytes], settings: t.Mapping[str, t.Any], remove: t.Sequence[Path] = (), *, name: str = ""
) -> t.Optional[bytes]:
    """Return `source` with `settings` merged in and the key paths of `remove` taken out; None: no file.

    Objects merge, lists and scalars are replaced as a whole, and a value that already is equal keeps its spelling.
    `name` is the file's, for error messages. Raises Refused for a file that is no JSON object, and for a path that
    crosses something else than an object, or a key that stands there twice.
    """
    wanted = _checked(settings, ())
    doomed = [checked_path(path) for path in remove]
    for path in doomed:
        refuse_conflict(wanted, path)
    before = None if source is None else decoded(source, name)
    after = before
    if wanted:
        after = _set(after, wanted, name)
    if doomed and after is not None:
        after = _remove(after, doomed, name)
    return source if after == before else None if after is None else after.encode()


def load(source: bytes, *, name: str = "") -> t.Dict[str, t.Any]:
    """Return the object that `source` holds; of a key that stands there twice, the last value, as Go and Python do."""
    text = decoded(source, name)
    top = top_object(text, name)
    if top is None:
        raise Refused("is empty, which is not JSON", where=name, instead="Write {} or remove the file.")
    return {member.key: member.value for member in top.members}


def is_blank(source: t.Optional[bytes]) -> bool:
    """Tell whether there is no document: no file, or nothing but white space and a byte order mark in it."""
    return source is None or not source.decode("utf-8", "replace").lstrip(BOM).strip(" \t\r\n")


def line_of(source: bytes, path: Path) -> t.Optional[int]:
    """Return the line (from 1) on which the key at `path` stands, or None where it doesn't."""
    text = decoded(source, "")
    found = _member_at(text, path, path, {})
    return None if found is None else line_at(text, found.start)


def literals_of(source: bytes, paths: t.Collection[Path]) -> t.List[t.Optional[str]]:
    """Return the value at each of `paths` as it is spelled there, or None where there is none."""
    text = decoded(source, "")
    known: t.Dict[int, Object] = {}  # so that what many paths share is taken apart once
    keys = {key for path in paths for key in path}
    found = [_member_at(text, path, keys, known) for path in paths]
    return [None if member is None else text[member.value_start : member.end] for member in found]


def _member_at(text: str, path: Path, keys: t.Collection[str], known: t.Dict[int, Object]) -> t.Optional[Member]:
    parent = known.get(-1) or top_object(text, "", keys)
    known[-1] = parent or Object(0, 0, [])
    for depth, key in enumerate(path):
        found = next((member for member in reversed(parent.members) if member.key == key), None) if parent else None
        if found is None or depth == len(path) - 1:
            return found
        if not isinstance(found.value, dict):
            return None
        parent = known.get(found.value_start) or object_at(text, found.value_start, "", keys)
        known[found.value_start] = parent
    return None


def steps(
    text: str, settings: t.Mapping[str, t.Any], remove: t.Sequence[Path] = (), *, name: str = ""
) -> t.Iterator[t.List[Splice]]:
    """Yield what `edit` does to an object that has a member which stays: for `text`, then for what that made of it."""
    doomed = _tree([checked_path(path) for path in remove])
    top = top_object(text, name, settings or doomed)
    if settings and top is not None:
        splices = _setting(text, top, _checked(settings, ()), name)
        yield splices
        text = _spliced(text, splices)
        top = top_object(text, name, doomed)
    if doomed and top is not None:
        splices = []
        _take(text, top, doomed, (), name, splices)
        yield splices


# What is asked for ------------------------------------------------------------------------------------------------


def _checked(value: t.Any, path: t.Tuple[str, ...]) -> t.Any:
    """Return `value` as plain JSON data, or refuse it naming its path."""
    if len(path) > MAX_DEPTH:
        raise Refused(f"is nested more than {MAX_DEPTH} levels deep", where=dotted(path[:3]) + "...")
    if isinstance(value, t.Mapping):
        for key in value:
            if not isinstance(key, str):
                raise Refused(
                    f"key {key!r} is not a string", where=dotted(path) or "settings", instead=f'Write "{key}".'
                )
            checked_text(key, path)
        return {str(key): _checked(inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_checked(inner, (*path, str(index))) for index, inner in enumerate(value)]
    if isinstance(value, str):
        text = checked_text(value, path)
        return value if isinstance(value, Spelled) else text
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"is {value}, which JSON cannot say", where=dotted(path))
    if isinstance(value, int) and value.bit_length() > 1024:
        raise Refused("is a number of more than 300 digits", where=dotted(path))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise Refused(f"is of type {type(value).__name__}, which JSON has not", where=dotted(path), instead="Quote it.")


# Where it stands ------------------------------------------------------------------------------------------------


def _find(text: str, parent: Object, key: str, path: Path, name: str) -> t.Optional[int]:
    """Return the index of the member `key`, None where there is none; refuse it where it stands twice."""
    found = [index for index, member in enumerate(parent.members) if member.key == key]
    if len(found) > 1:
        again = " and ".join(str(line_at(text, parent.members[index].start)) for index in found[1:])
        raise Refused(
            f"stands there more than once (again in line {again}), and readers differ in which one they take",
            where=f"{place(text, parent.members[found[0]].start, name)}: {dotted(path)}",
            instead="Leave one of them.",
        )
    return found[0] if found else None


def _refuse_kind(text: str, member: Member, path: Path, name: str, wanted: str) -> Refused:
    return Refused(
        f"holds {kind_of(member.value)}, not {wanted}",
        where=f"{place(text, member.start, name)}: {dotted(path)}",
        instead="Change the one or the other by hand.",
    )


# Setting ----------------------------------------------------------------------------------------------------------


def _set(text: t.Optional[str], wanted: t.Dict[str, t.Any], name: str) -> str:
    top = None if text is None else top_object(text, name, wanted)
    if text is None or top is None:
        style = _Style("\n", "", _NEW_INDENT, ", ", ": ")
        body = _render(wanted, style)
        return body + "\n" if text is None else text + body
    return _spliced(text, _setting(text, top, wanted, name))


def _setting(text: str, top: Object, wanted: t.Dict[str, t.Any], name: str) -> t.List[Splice]:
    if not top.members:
        return [_fill_top(text, top, wanted)]
    splices: t.List[Splice] = []
    _merge(text, top, wanted, (), _style(text, top), name, splices)
    return splices


def _merge(
    text: str,
    into: Object,
    wanted: t.Dict[str, t.Any],
    path: t.Tuple[str, ...],
    style: _Style,
    name: str,
    splices: t.List[Splice],
) -> None:
    """Add to `splices` what makes the members of `wanted` stand in the object `into`."""
    added = []
    for key, value in wanted.items():
        here = (*path, key)
        index = _find(text, into, key, here, name)
        if index is None:
            added.append(f"{_quoted(key)}{style.colon}{_render(value, style)}")
            continue
        member = into.members[index]
        if isinstance(value, dict):
            if not isinstance(member.value, dict):
                raise _refuse_kind(text, member, here, name, "an object")
            if value:
                below = object_at(text, member.value_start, name, value)
                inner = _style(text, below) if below.members else _empty_style(text, below, style)
                _merge(text, below, value, here, inner, name, splices)
        elif isinstance(member.value, dict):
            raise _refuse_kind(text, member, here, name, kind_of(value))
        elif not same(member.value, value):
            old = text[member.value_start : member.end]
            inline = isinstance(member.value, list) and bool(member.value) and "\n" not in old
            splices.append(Splice(member.value_start, member.end, _render(value, style, inline)))
    if added and into.members:
        separator = _separator(text, into, style)
        splices.append(Splice(into.members[-1].end, into.members[-1].end, "".join(separator + new for new in added)))
    elif added:
        between = "," + style.newline + style.indent if style.newline else style.comma
        splices.append(Splice(into.closing, into.closing, between.join(added)))


def _fill_top(text: str, top: Object, wanted: t.Dict[str, t.Any]) -> Splice:
    """Fill a document that was an empty object, so that its removal can tell what it was."""
    inside = text[top.opening + 1 : top.closing]
    newline = "\r\n" if "\r\n" in text else "\n"
    if not inside:
        before, after, unit = newline + _WAS_EMPTY_INDENT, newline, _WAS_EMPTY_INDENT
    elif "\n" in inside:
        before, after, unit = inside + _WAS_MULTILINE_INDENT, inside, _WAS_MULTILINE_INDENT
    else:
        before, after, unit, newline = inside, "", "", ""
    style = _Style(newline, _last_line(before) if newline else "", unit, ", ", ": ")
    between = "," + newline + style.indent if newline else style.comma
    members = between.join(f"{_quoted(key)}{style.colon}{_render(value, style)}" for key, value in wanted.items())
    return Splice(top.opening + 1, top.closing, before + members + after)


def _style(text: str, around: Object) -> _Style:
    """Return how the members of an object that has some are laid out; the last one sets the example."""
    last = around.members[-1]
    colon = text[last.key_end : last.value_start]
    colon = ": " if "\n" in colon else colon
    comma = "," if colon == ":" else ", "
    before = text[_before_last(around) : last.start]
    if "\n" not in before:
        return _Style("", "", "", comma, colon)
    newline = "\r\n" if "\r\n" in before else "\n"
    line = _last_line(before)  # with a comma in it, where commas begin the lines
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    tail = text[last.end : around.closing]
    outer = _last_line(tail) if "\n" in tail else None
    if outer is not None and indent.startswith(outer) and indent != outer:
        unit = indent[len(outer) :]
    else:
        unit = "\t" if "\t" in indent else _NEW_INDENT if len(indent) % len(_NEW_INDENT) == 0 else "  "
    return _Style(newline, indent, unit, comma, colon)


def _empty_style(text: str, empty: Object, around: _Style) -> _Style:
    """Return how to lay out the members of an object that is empty, in one that has the style `around`."""
    inside = text[empty.opening + 1 : empty.closing]
    if "\n" not in inside:
        return around._replace(newline="", indent="", unit="")
    newline = "\r\n" if "\r\n" in inside else "\n"
    return around._replace(newline=newline, indent=_last_line(inside), unit=around.unit or _NEW_INDENT)


def _before_last(around: Object) -> int:
    """Return where the white space before the last member begins (with the comma in it, if there is one)."""
    return around.members[-2].end if len(around.members) > 1 else around.opening + 1


def _separator(text: str, around: Object, style: _Style) -> str:
    """Return what to write between the last member and a new one: what stands before the last one, less blank lines."""
    before = text[_before_last(around) : around.members[-1].start]
    if len(around.members) > 1:
        ahead, _comma, behind = before.partition(",")
        return _without_blank_lines(ahead) + "," + _without_blank_lines(behind)
    return "," + _without_blank_lines(before) if style.newline else style.comma


def _without_blank_lines(space: str) -> str:
    cut = space.rfind("\n")
    return space[cut - 1 :] if cut > 0 and space[cut - 1] == "\r" else space[max(cut, 0) :]


def _last_line(space: str) -> str:
    return space[space.rfind("\n") + 1 :]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _render(value: t.Any, style: _Style, inline: bool = False) -> str:
    """Return `value` as JSON for a place whose line has the indentation `style.indent`.

    An object always has white space before its closing brace: this says, when its last member goes, that it is ours.
    """
    if isinstance(value, Spelled):
        return value.literal
    if not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if not value:
        return opening + closing
    deeper = style._replace(indent=style.indent + style.unit)
    if isinstance(value, dict):
        entries = [f"{_quoted(key)}{style.colon}{_render(inner, deeper, inline)}" for key, inner in value.items()]
    else:
        entries = [_render(inner, deeper, inline) for inner in value]
    if style.newline and not inline:
        line = style.newline + deeper.indent
        return opening + line + ("," + line).join(entries) + style.newline + style.indent + closing
    edge = " " if isinstance(value, dict) else ""
    return opening + edge + style.comma.join(entries) + edge + closing


def same(found: t.Any, wanted: t.Any) -> bool:
    """Tell whether two values are the same to JSON's readers: 3 is 3.0, but true is not 1."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(same(found[key], inner) for key, inner in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(same(mine, theirs) for mine, theirs in zip(found, wanted))
        )
    return bool(found == wanted)


# Removing ---------------------------------------------------------------------------------------------------------


def _remove(text: str, paths: t.Sequence[t.Tuple[str, ...]], name: str) -> t.Optional[str]:
    doomed = _tree(paths)
    top = top_object(text, name, doomed)
    if top is None:
        return text
    splices: t.List[Splice] = []
    if _take(text, top, doomed, (), name, splices):
        return _emptied(text, top)
    return _spliced(text, splices)


def _tree(paths: t.Sequence[Path]) -> t.Dict[str, t.Any]:
    """Return the keys of `paths` as nested objects that end in None, as `_take` wants them."""
    doomed: t.Dict[str, t.Any] = {}
    for path in sorted(paths, key=len, reverse=True):
        node = doomed
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = None  # a shorter path comes later and takes what was under it along
    return doomed


def _take(
    text: str,
    from_: Object,
    doomed: t.Dict[str, t.Any],
    path: t.Tuple[str, ...],
    name: str,
    splices: t.List[Splice],
) -> bool:
    """Add to `splices` what takes the `doomed` keys away; True, and nothing, where no member would stay.

    `doomed` maps a key to None, or to the doomed keys below it.
    """
    gone = set()
    inner: t.List[Splice] = []
    for key, below in doomed.items():
        here = (*path, key)
        index = _find(text, from_, key, here, name)
        if index is None:
            continue
        member = from_.members[index]
        if below is None:
            gone.add(index)
            continue
        if not isinstance(member.value, dict):
            raise _refuse_kind(text, member, here, name, "an object")
        child = object_at(text, member.value_start, name, below)
        if not _take(text, child, below, here, name, inner):
            continue
        if text[child.members[-1].end : child.closing]:
            gone.add(index)
        else:
            inner.append(Splice(child.members[0].start, child.closing, ""))
    if gone and len(gone) == len(from_.members):
        return True
    kept = min((index for index in range(len(from_.members)) if index not in gone), default=0)
    for index in sorted(gone):
        if index > kept:
            inner.append(Splice(from_.members[index - 1].end, from_.members[index].end, ""))
        else:
            inner.append(Splice(from_.members[index].start, from_.members[index + 1].start, ""))
    splices.extend(inner)
    return False


def _emptied(text: str, top: Object) -> t.Optional[str]:
    """Return what is left of a document whose last member went: what it was before it got its first, if that was us."""
    prefix, suffix = text[: top.opening], text[top.closing + 1 :]
    before = text[top.opening + 1 : top.members[0].start]
    after = text[top.members[-1].end : top.closing]
    if not after:
        inside = before
    elif before == "\n" + _NEW_INDENT and after == "\n" and (not suffix or (not prefix and suffix == "\n")):
        return None if suffix else prefix
    elif after in ("\n", "\r\n") and before == after + _WAS_EMPTY_INDENT:
        inside = ""
    else:
        inside = after if "\n" in after else ""
    return f"{prefix}{{{inside}}}{suffix}"


def _spliced(text: str, splices: t.Sequence[Splice]) -> str:
    pieces = []
    position = 0
    for splice in sorted(splices):
        pieces += [text[position : splice.start], splice.text]
        position = splice.end
    return "".join((*pieces, text[position:]))
