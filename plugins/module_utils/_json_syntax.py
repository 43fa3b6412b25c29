# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Takes a JSON text apart with the position of every part, and says of a broken one what is wrong and where.

The standard library's decoder reads the values, in C, and tells where each ends; only the members of the objects
that someone asks about are walked here.
"""

from __future__ import annotations

import json
import re
import typing as t

from ._errors import Refused

BOM = "\ufeff"
_BLANK = re.compile(r"[ \t\r\n]*")
_PLAIN = r'[^"\\\x00-\x1f]*'  # a string's text without escapes
_PLAIN_KEY = re.compile(rf'"({_PLAIN})"{_BLANK.pattern}:{_BLANK.pattern}')
_MANY = 64  # members; for fewer, preparing to skip some costs more than it saves


class Member(t.NamedTuple):
    """One `"key": value` of an object; positions are indexes into the document's text."""

    key: str
    start: int  # of the key's opening quote
    key_end: int
    value_start: int
    end: int  # just past the value
    value: t.Any  # decoded


class Object(t.NamedTuple):
    opening: int  # of the brace
    closing: int  # of the brace
    members: t.List[Member]


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
    return t.cast("re.Match[str]", _BLANK.match(text, position)).end()


def top_object(text: str, name: str, keys: t.Optional[t.Collection[str]] = None) -> t.Optional[Object]:
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


def object_at(text: str, opening: int, name: str, keys: t.Optional[t.Collection[str]] = None) -> Object:
    """Take apart the object whose brace is at `opening`, one level deep: the C decoder skips the values.

    Who asks for some `keys` alone gets the members of these names, those beside them, the first and the last two; in an
    object that has very many members, others may be missing.
    """
    members: t.List[Member] = []
    others: t.Optional[t.Pattern[str]] = None
    position = skip_blank(text, opening + 1)
    if text[position : position + 1] == "}":
        return Object(opening, position, members)
    while True:
        key, key_end, value_start = _key_at(text, position, name)
        value, end = _decode(text, value_start, name)
        members.append(Member(key, position, key_end, value_start, end, value))
        comma = skip_blank(text, end)
        if text[comma : comma + 1] == "}":
            return Object(opening, comma, members)
        if text[comma : comma + 1] != ",":
            raise _syntax_error(text, comma, name, "a comma or a closing brace is expected here")
        position = skip_blank(text, comma + 1)
        if keys is not None and len(members) >= _MANY and key not in keys:
            others = others or _others(keys)
            position = t.cast("re.Match[str]", others.match(text, position)).end()


def _key_at(text: str, position: int, name: str) -> t.Tuple[str, int, int]:
    """Return the key at `position`, the position just past it, and that of its value."""
    plain = _PLAIN_KEY.match(text, position)
    if plain:
        return plain[1], plain.end(1) + 1, plain.end()
    if text[position : position + 1] != '"':
        raise _syntax_error(text, position, name, "a key is expected here")
    key, key_end = _decode(text, position, name)
    colon = skip_blank(text, key_end)
    if text[colon : colon + 1] != ":":
        raise _syntax_error(text, colon, name, "a colon is expected after the key")
    return key, key_end, skip_blank(text, colon + 1)


def _others(keys: t.Collection[str]) -> t.Pattern[str]:
    """Return what matches plain members of other names, each with its comma, but for the last one of them.

    One match goes over thousands of them some ten times as fast as a loop. What isn't plain, and so what is wrong,
    it leaves to the loop.
    """
    ours = "|".join(re.escape(key) for key in sorted(keys))
    name = rf'"(?!(?:{ours})"){_PLAIN}"'
    number = r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?"
    value = rf'(?:"{_PLAIN}"|{number}|true|false|null)'
    member = rf"{name}{_BLANK.pattern}:{_BLANK.pattern}{value}{_BLANK.pattern},{_BLANK.pattern}"
    return re.compile(rf"(?:(?:{member})+(?={member}))?")


class _NotJson(ValueError):
    """A constant that Python's decoder takes and JSON doesn't have."""


def _no_constant(word: str) -> t.Any:
    raise _NotJson(word)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_NUMBER_TROUBLE = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN|\d{1000,})', re.DOTALL)


def _decode(text: str, position: int, name: str) -> t.Tuple[t.Any, int]:
    """Return the value at `position` and the position just past it."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as exc:
        raise _syntax_error(text, exc.pos, name, exc.msg) from exc
    except RecursionError as exc:
        raise Refused(
            "is nested too deeply", where=place(text, position, name), instead="Check what wrote the file."
        ) from exc
    except ValueError as exc:
        # Python also refuses integers of more than 4300 digits, and says of neither where it stands.
        hits = (hit.start(1) for hit in _NUMBER_TROUBLE.finditer(text, position) if hit.group(1))
        what = f"{exc} is not JSON" if isinstance(exc, _NotJson) else "the number has too many digits"
        raise _syntax_error(text, next(hits, position), name, what) from exc


def _syntax_error(text: str, position: int, name: str, what: str) -> Refused:
    """Return the refusal of a document that is broken at or about `position`, with the likely slip named."""
    if "control character" not in what:
        position = skip_blank(text, position)
    before = text[:position].rstrip(" \t\r\n")
    here = text[position : position + 2]
    word = t.cast("re.Match[str]", re.compile(r"[^\s\"',:{}\[\]]{0,40}").match(text, position)).group()
    # The second case is Python 3.13, which points to the comma itself.
    if before.endswith(",") and here[:1] in ("}", "]"):
        position, what, instead = len(before) - 1, "a comma stands after the last entry", "Remove the comma."
    elif here[:1] == "," and text[skip_blank(text, position + 1) :][:1] in ("}", "]"):
        what, instead = "a comma stands after the last entry", "Remove the comma."
    elif here in ("//", "/*") or here[:1] == "#":
        what, instead = "a comment, which JSON has not", "Remove it."
    elif here[:1] == "'":
        what, instead = "a string in single quotes", 'Write it in double quotes: "...".'
    elif "control character" in what:
        what, instead = "a line break or tab inside a string, or its closing quote is missing", "Write \\n or \\t."
    elif "escape" in what:
        what, instead = "a backslash that escapes nothing", "Write \\\\ for one backslash."
    elif "Unterminated string" in what:
        what, instead = "the string that begins here has no closing quote", 'Close it with ".'
    elif position == len(text):
        what, instead = "the file ends in the middle of the document", "Close what is open with } or ]."
    elif word in _PYTHON:
        what, instead = f"{word} is Python, not JSON", f"Write {_PYTHON[word]}."
    elif word and what in ("a key is expected here", "Expecting property name enclosed in double quotes"):
        # Without a colon behind it, it may be a password that lacks its quotes.
        is_key = text[skip_blank(text, position + len(word)) :][:1] == ":"
        shown = (f"the key {word}", f'"{word}"') if is_key else ("what stands here", '"key": value')
        what, instead = f"{shown[0]} is not in quotes", f"Write {shown[1]}."
    elif word and what.startswith("Expecting value"):
        # The word itself stays unsaid: it may be a password that lacks its quotes.
        what, instead = "this is no JSON value", "Write a string in double quotes; bare words are true, false, null."
    elif here[:1] == '"' or here[:1] in ("{", "["):
        what, instead = "a comma is missing before this", "Write one after the entry before it."
    else:
        instead = ""
    column = position - text.rfind("\n", 0, position)
    return Refused(what, where=f"{place(text, position, name)}, column {column}", instead=instead)


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
