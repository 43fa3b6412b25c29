# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Takes a JSON text apart with the position of every part, and says of a broken one what is wrong and where.

The standard library's decoder reads the values, in C, and tells where each ends; only the members of the objects
that someone asks about are walked here, and each text is read once.
"""

from __future__ import annotations

import json
import re
import typing as t

from ._errors import Refused

BOM = "\ufeff"
BLANK = re.compile(r"[ \t\r\n]*")
PLAIN = r'[^"\\\x00-\x1f]*'  # a string's text without escapes
PLAIN_KEY = re.compile(rf'"({PLAIN})"{BLANK.pattern}:{BLANK.pattern}')
_MANY = 64  # members; for fewer, preparing to skip some costs more than it saves


class Member(t.NamedTuple):
    """One `"key": value` of an object; positions are indexes into the document's text."""

    key: str
    start: int  # of the key's opening quote
    key_end: int
    value_start: int
    end: int  # just past the value
    value: t.Any  # decoded, or an Object where someone asks for keys in it


class Object(t.NamedTuple):
    opening: int  # of the brace
    closing: int  # of the brace
    members: t.List[Member]


# The keys that someone asks for, each with those asked for in its object, if there are any.
Keys = t.Mapping[str, t.Any]


def decoded(source: bytes, name: str) -> str:
    """Return the text of `source`, a byte order mark included, or refuse what is not UTF-8."""
    if source[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in source[:4]:
        raise Refused("is not UTF-8 but UTF-16 or UTF-32", where=name, instead="Save it as UTF-8.")
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as exc:
        readable = source[: exc.start].decode("utf-8")
        raise Refused(
            f"byte 0x{source[exc.start]:02x} is not UTF-8",
            where=place(readable, len(readable), name),
            instead="Save it as UTF-8.",
        ) from exc


def skip_blank(text: str, position: int) -> int:
    """Return the position of the next character that is not white space."""
    return t.cast("re.Match[str]", BLANK.match(text, position)).end()


def top_object(text: str, name: str, keys: t.Optional[Keys] = None) -> t.Optional[Object]:
    """Return the document's object, or None where there is nothing but white space; `keys` as in object_at."""
    start = skip_blank(text, 1 if text.startswith(BOM) else 0)
    if start == len(text):
        return None
    if text[start] != "{":
        value, _end = _decode(text, start, name)
        raise Refused(
            f"the file holds {kind_of(value)}, not an object",
            where=place(text, start, name),
            instead="It must begin with { and end with }.",
        )
    top = object_at(text, start, name, keys)
    after = skip_blank(text, top.closing + 1)
    if after != len(text):
        raise _syntax_error(text, after, name, "text follows the end of the object")
    return top


def object_at(text: str, opening: int, name: str, keys: t.Optional[Keys] = None) -> Object:
    """Take apart the object whose brace is at `opening`: the C decoder reads the values.

    Who asks for some `keys` alone gets the members of these names, those beside them, the first and the last two; in an
    object that has very many members, others may be missing. The objects below in which keys are asked for are taken
    apart likewise.
    """
    members: t.List[Member] = []
    position = skip_blank(text, opening + 1)
    if text[position : position + 1] == "}":
        return Object(opening, position, members)
    while True:
        key, key_end, value_start = _key_at(text, position, name)
        below = keys.get(key) if keys else None
        value: t.Any
        if below and isinstance(below, dict) and text[value_start : value_start + 1] == "{":
            value = object_at(text, value_start, name, below)
            end = value.closing + 1
        else:
            value, end = _decode(text, value_start, name)
        members.append(Member(key, position, key_end, value_start, end, value))
        if keys is not None and len(members) >= _MANY and key not in keys:
            from . import _json_skip  # few files have as many

            end = _json_skip.others(text, end, keys, members)
        comma = skip_blank(text, end)
        if text[comma : comma + 1] == "}":
            return Object(opening, comma, members)
        if text[comma : comma + 1] != ",":
            raise _syntax_error(text, comma, name, "a comma or a closing brace is expected here")
        position = skip_blank(text, comma + 1)


def _key_at(text: str, position: int, name: str) -> t.Tuple[str, int, int]:
    """Return the key at `position`, the position just past it, and that of its value."""
    plain = PLAIN_KEY.match(text, position)
    if plain:
        return plain[1], plain.end(1) + 1, plain.end()
    if text[position : position + 1] != '"':
        raise _syntax_error(text, position, name, "a key is expected here")
    key, key_end = _decode(text, position, name)
    colon = skip_blank(text, key_end)
    if text[colon : colon + 1] != ":":
        raise _syntax_error(text, colon, name, "a colon is expected after the key")
    return key, key_end, skip_blank(text, colon + 1)


class _NotJson(ValueError):
    """A constant that Python's decoder takes and JSON doesn't have."""


def _no_constant(word: str) -> t.Any:
    raise _NotJson(word)


DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _decode(text: str, position: int, name: str) -> t.Tuple[t.Any, int]:
    """Return the value at `position` and the position just past it."""
    try:
        return DECODER.raw_decode(text, position)
    except json.JSONDecodeError as exc:
        raise _syntax_error(text, exc.pos, name, exc.msg) from exc
    except RecursionError as exc:
        raise Refused(
            "is nested too deeply", where=place(text, position, name), instead="Check what wrote the file."
        ) from exc
    except ValueError as exc:
        from . import _json_mistakes

        word = f"{exc}" if isinstance(exc, _NotJson) else ""
        raise _json_mistakes.of_a_number(text, position, name, word) from exc


def _syntax_error(text: str, position: int, name: str, what: str) -> Refused:
    from . import _json_mistakes  # all of it is compiled in each run, and hardly a file has one

    return _json_mistakes.at(text, position, name, what)


def place(text: str, position: int, name: str) -> str:
    """Return 'name, line N' for an error's `where`."""
    return (f"{name}, " if name else "") + f"line {line_at(text, position)}"


def line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def kind_of(value: t.Any) -> str:
    """Return what a decoded value is, for a message: 'a string', 'null', ..."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list"}
    return kinds.get(type(value), "an object")
