# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Makes keys of a JSON text what they are to be, and leaves every other character as it is.

What an edit adds, another one can take away without a memory of what was there (see _json_document), because the
layout tells. A member is added after the last one and taken away together with what separates it from the one before.
An object that was made here has white space before its closing brace and goes with its last member; one that was found
empty as `{W}` gets its members as `{W"key": value}`, with nothing before the brace, and becomes `{W}` again. At the top
level, where that would be ugly, the indentation tells: 4 spaces where there was no object, 2 in what was `{}`, a tab in
what was `{W}` with W over several lines.
"""

from __future__ import annotations

import json
import typing as t

from ._errors import Refused
from ._json_document import same
from ._json_syntax import Member, Object, kind_of, line_at, place, top_object
from ._key_paths import Path, dotted

_OBJECTS = (dict, Object)
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


def changed(
    text: t.Optional[str], top: t.Optional[Object], wanted: t.Dict[str, t.Any], doomed: t.Dict[str, t.Any], name: str
) -> t.Optional[str]:
    """Return `text`, whose object is `top`, with `wanted` merged in and the keys of `doomed` taken out.

    `doomed` maps a key to None, or to the doomed keys below it. None: no file.
    """
    after = text
    if wanted:
        after = _set(text, top, wanted, name)
    if doomed and after is not None:
        after = _remove(after, top if after == text else top_object(after, name, doomed), doomed, name)
    return after


def _places(parent: Object) -> t.Dict[str, t.List[int]]:
    """Return at which indexes each key stands."""
    places: t.Dict[str, t.List[int]] = {}
    for index, member in enumerate(parent.members):
        places.setdefault(member.key, []).append(index)
    return places


def _the_one(text: str, parent: Object, found: t.Sequence[int], path: Path, name: str) -> int:
    """Return the index of the member at `path`; refuse it where it stands twice."""
    if len(found) > 1:
        again = " and ".join(str(line_at(text, parent.members[index].start)) for index in found[1:])
        raise Refused(
            f"stands there more than once (again in line {again}), and readers differ in which one they take",
            where=f"{place(text, parent.members[found[0]].start, name)}: {dotted(path)}",
            instead="Leave one of them.",
        )
    return found[0]


def _refuse_kind(text: str, member: Member, path: Path, name: str, wanted: str) -> Refused:
    return Refused(
        f"holds {kind_of(member.value)}, not {wanted}",
        where=f"{place(text, member.start, name)}: {dotted(path)}",
        instead="Change the one or the other by hand.",
    )


# Setting ----------------------------------------------------------------------------------------------------------


def _set(text: t.Optional[str], top: t.Optional[Object], wanted: t.Dict[str, t.Any], name: str) -> str:
    if text is None or top is None:
        style = _Style("\n", "", _NEW_INDENT, ", ", ": ")
        body = _render(wanted, style)
        return body + "\n" if text is None else text + body
    return _spliced(text, setting(text, top, wanted, name))


def setting(text: str, top: Object, wanted: t.Dict[str, t.Any], name: str) -> t.List[Splice]:
    """Return what makes the members of `wanted` stand in the document's object."""
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
    places = _places(into)
    for key, value in wanted.items():
        here = (*path, key)
        if key not in places:
            added.append(f"{_quoted(key)}{style.colon}{_render(value, style)}")
            continue
        member = into.members[_the_one(text, into, places[key], here, name)]
        if isinstance(value, dict):
            below = member.value
            if not isinstance(below, _OBJECTS):
                raise _refuse_kind(text, member, here, name, "an object")
            if isinstance(below, Object):
                inner = _style(text, below) if below.members else _empty_style(text, below, style)
                _merge(text, below, value, here, inner, name, splices)
        elif isinstance(member.value, _OBJECTS):
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


# Removing ---------------------------------------------------------------------------------------------------------


def _remove(text: str, top: t.Optional[Object], doomed: t.Dict[str, t.Any], name: str) -> t.Optional[str]:
    if top is None:
        return text
    splices: t.List[Splice] = []
    if take(text, top, doomed, (), name, splices):
        return _emptied(text, top)
    return _spliced(text, splices)


def take(
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
    places = _places(from_)
    for key, below in doomed.items():
        here = (*path, key)
        if key not in places:
            continue
        index = _the_one(text, from_, places[key], here, name)
        member = from_.members[index]
        if below is None:
            gone.add(index)
            continue
        child = member.value
        if not isinstance(child, Object):
            raise _refuse_kind(text, member, here, name, "an object")
        if not take(text, child, below, here, name, inner):
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
