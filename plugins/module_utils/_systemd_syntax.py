# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""systemd's spelling of an environment: `Environment=` words and environment files, written and read.

Source of the grammars: systemd's config-parser.c, extract-word.c and env-file.c, checked against systemd 252
and 257 by tests/conformance/test_systemd.py.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# The kernel's MAX_ARG_STRLEN: a longer NAME=value fails the service at exec, with no word about which one it was.
MAX_BYTES = 131071

_BLANKS = " \t\r\n"
_C_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_NUMERIC_ESCAPES = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}
_SPECIFIERS = frozenset("aAbBCdDEfgGhHiIjJlLmMnNopPqsSTtuUvVwWyY")
_IN_QUOTES = {"\\": "\\\\", '"': '\\"', "%": "%%", "\n": "\\n", "\t": "\\t"}


def check(name: str, value: str, *, where: str) -> None:
    """Refuse a variable that no exec could pass on, or that systemd would drop without a word."""
    if not NAME.match(name):
        raise Refused(
            f"{name!r} is no variable name",
            where=where,
            instead="Use letters, digits and underscores, not beginning with a digit.",
        )
    if "\0" in value:
        raise Refused(
            f"{name} holds a NUL character, which no environment can carry", where=where, instead="Remove it."
        )
    if len(name) + 1 + len(value.encode("utf-8", errors="replace")) > MAX_BYTES:
        raise Refused(
            f"{name} is longer than the kernel's {MAX_BYTES} bytes for one variable",
            where=where,
            instead="Shorten it; a no_proxy list can be summarised to networks and domains.",
        )
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Refused(f"{name} is not UTF-8", where=where, instead="Write it as UTF-8 text.")


def environment_line(name: str, value: str) -> str:
    """Return the `Environment=` line, without its newline, from which systemd reads exactly `value`."""
    encoded = "".join(_IN_QUOTES.get(char) or (char if char.isprintable() else _hex(char)) for char in value)
    return f'Environment="{name}={encoded}"'


def file_line(name: str, value: str, *, where: str) -> str:
    """Return the line of an EnvironmentFile, without its newline, from which systemd reads exactly `value`."""
    for char in "\r\n":
        if char in value:
            raise Refused(
                f"{name} holds a line break, which an EnvironmentFile can't carry reliably",
                where=where,
                instead="Remove it, or use exposure: environment if it is no secret.",
            )
    return '{}="{}"'.format(name, re.sub(r'([\\"$`])', r"\\\1", value))


class Word(t.NamedTuple):
    """One word of a value: its text after quotes and escapes, and where its raw form begins and ends."""

    text: str
    start: int
    end: int


def words(value: str) -> t.List[Word]:
    """Split an `Environment=` value as systemd does. From a word that it can't read on, it ignores the rest."""
    found: t.List[Word] = []
    position = 0
    while True:
        while position < len(value) and value[position] in _BLANKS:
            position += 1
        if position == len(value):
            return found
        word = _word(value, position)
        if word is None:
            return found
        found.append(word)
        position = word.end


def assignment(word: str) -> t.Optional[t.Tuple[str, t.Optional[str]]]:
    """Return (name, value) of an unquoted `Environment=` word, or None where systemd ignores it.

    The value is None where it depends on a specifier, which only systemd itself can resolve.
    """
    name, equals, value = word.partition("=")
    if not equals or not NAME.match(name):
        return None
    parts = value.split("%%")
    for part in parts:
        for specifier in re.findall(r"%(.?)", part, re.DOTALL):
            if specifier not in _SPECIFIERS or not specifier:
                # systemd: "Failed to resolve specifiers …, ignoring", and the variable is silently missing.
                return None
    if any("%" in part for part in parts):
        return name, None
    return name, "%".join(parts)


class FileAssignment(t.NamedTuple):
    """`name=value` in an EnvironmentFile: what systemd reads, and where it stands in the text.

    The name begins at `start`, its raw value stands from `begin` to `end`. systemd ignores it if the name is none.
    """

    name: str
    value: str
    line: int
    start: int
    begin: int
    end: int


def parse_file(text: str) -> t.List[t.Tuple[str, str, int]]:
    """Return (name, value, line number) for each assignment that systemd reads from an EnvironmentFile."""
    return [(found.name, found.value, found.line) for found in file_assignments(text) if NAME.match(found.name)]


def file_assignments(text: str) -> t.Iterator[FileAssignment]:
    """Yield what systemd's parse_env_file_internal() finds, with its quirks: `"a" #b` reads as `a#b`."""
    position, line = 0, 1
    while position < len(text):
        char = text[position]
        if char in _BLANKS:
            line += char == "\n"
            position += 1
            continue
        if char in "#;":
            end = _comment_end(text, position)
            line += text.count("\n", position, end)
            position = end
            continue
        key_end = re.compile(r"[=\r\n]").search(text, position)
        if key_end is None:
            return
        if key_end.group() != "=":
            position = key_end.start()
            continue
        key = text[position : key_end.start()].rstrip(_BLANKS)
        value, end = _file_value(text, key_end.end())
        yield FileAssignment(key, value, line, position, key_end.end(), end)
        line += text.count("\n", position, end)
        position = end


def _comment_end(text: str, position: int) -> int:
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] in "\r\n":
            return position
        else:
            position += 1
    return len(text)


def _file_value(text: str, position: int) -> t.Tuple[str, int]:
    """Return the value that begins at `position`, and where the reader goes on."""
    value: t.List[str] = []
    kept = 0  # how much of `value` is safe from the trimming of trailing blanks
    started = False  # in the unquoted state, where blanks count and quotes are ordinary characters
    while position < len(text):
        char = text[position]
        if char in "\r\n":
            break
        if char == "\\":
            position += 1
            following = text[position : position + 1]
            if following and following not in "\r\n":
                value.append(following)
            kept = len(value)
            started = True
        elif not started and char in "'\"":
            closing, part = _quoted(text, position)
            value.append(part)
            kept = len(value)
            position = closing
        elif started or char not in _BLANKS:
            started = True
            value.append(char)
            if char not in _BLANKS:
                kept = len(value)
        position += 1
    return "".join(value[:kept]), position


def _quoted(text: str, position: int) -> t.Tuple[int, str]:
    """Return the position of the closing quote (or the end of the file) and what stands between."""
    quote = text[position]
    part: t.List[str] = []
    position += 1
    while position < len(text) and text[position] != quote:
        char = text[position]
        if quote == '"' and char == "\\":
            position += 1
            following = text[position : position + 1]
            if following and following in '"\\`$':
                part.append(following)
            elif following and following != "\n":
                part.append("\\" + following)
        else:
            part.append(char)
        position += 1
    return position, "".join(part)


def _word(value: str, start: int) -> t.Optional[Word]:
    text: t.List[str] = []
    quote = ""
    position = start
    while position < len(value):
        char = value[position]
        if char == "\\":
            escaped = _unescape(value, position + 1)
            if escaped is None:
                return None
            text.append(escaped[0])
            position = escaped[1]
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                text.append(char)
        elif char in "'\"":
            quote = char
        elif char in _BLANKS:
            break
        else:
            text.append(char)
        position += 1
    return None if quote else Word("".join(text), start, position)


def _unescape(value: str, position: int) -> t.Optional[t.Tuple[str, int]]:
    """Return the character of the escape that begins after the backslash, and where it ends; None if it is none."""
    char = value[position : position + 1]
    if char in _C_ESCAPES:
        return _C_ESCAPES[char], position + 1
    if char and char in "\\\"'":
        return char, position + 1
    if char in _NUMERIC_ESCAPES:
        length, base = _NUMERIC_ESCAPES[char]
        position += 1
    elif char and char in "01234567":
        length, base = 3, 8
    else:
        return None
    digits = value[position : position + length]
    try:
        code = int(digits, base) if len(digits) == length and digits.isalnum() else 0
        return (chr(code), position + length) if code else None
    except (ValueError, OverflowError):
        return None


def _hex(char: str) -> str:
    # A printable character stands for itself; of the others only ASCII controls need the escape, and
    # \xNN means one byte, so a character of several bytes is left as it is.
    return f"\\x{ord(char):02x}" if ord(char) < 0x80 else char
