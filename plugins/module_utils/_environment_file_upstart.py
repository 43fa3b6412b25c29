# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""`env NAME=value` stanzas in an Upstart job's override file, such as /etc/init/ecs.override.

Source of the grammar: init(5), libnih's nih/config.c (nih_config_next_arg, nih_config_block_end) and Upstart's
init/parse_job.c (stanza_env). No distribution that is still maintained has Upstart, so none reads it in a test.
"""

from __future__ import annotations

import re
import typing as t

from . import _environment_file_lines as _lines
from . import _proxy_shell
from ._environment_file_lines import Assignment
from ._errors import Refused

_BLANKS = " \t\r"
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./*-]*\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Stanzas that end only at `end script`; in between is a shell's text.
_BEFORE_SCRIPT = ("pre-start", "post-start", "pre-stop", "post-stop")
_END_OF_SCRIPT = re.compile(r"^[ \t\r]*end[ \t\r]+script[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)", re.MULTILINE)


class _Token(t.NamedTuple):
    text: str  # without quotes and escapes
    start: int
    end: int


def edit(content: t.Optional[bytes], wanted: t.Mapping[str, t.Optional[str]]) -> t.Optional[bytes]:
    """Return `content` with the variables as wanted (None: not there); see _environment_file_lines.edit.

    Raises Refused for a file that Upstart can't read either.
    """
    for name, value in wanted.items():
        if value is not None:
            _proxy_shell.check(name, value)
    return _lines.edit(content, wanted, _GRAMMAR)


def _read(text: str) -> t.List[Assignment]:
    found: t.List[Assignment] = []
    position = 0
    while position < len(text):
        if text[position] in _BLANKS:
            position += 1
            continue
        start = position
        tokens = []
        while position < len(text) and text[position] not in "#\n":
            token = _token(text, position)
            tokens.append(token)
            position = _behind_blanks(text, token.end)
        end = text.find("\n", position)
        position = len(text) if end < 0 else end + 1
        words = [token.text for token in tokens]
        if words[:1] == ["script"] or (words[1:2] == ["script"] and words[0] in _BEFORE_SCRIPT):
            closing = _END_OF_SCRIPT.search(text, position)
            if closing is None:
                raise _unreadable(text, start, "a script that no `end script` ends")
            position = closing.end()
        elif words[:1] == ["env"]:
            if len(words) != 2:
                raise _unreadable(text, start, "an `env` that does not name one variable")
            name, equals, value = words[1].partition("=")
            if _NAME.match(name):
                # Without a value, it is that of init's own environment.
                known = value if equals else None
                line = text.count("\n", 0, start) + 1
                first = text.rfind("\n", 0, start) + 1
                # The file's last line end stays, also where a backslash before it makes it a part of the value.
                last = tokens[1].end - (tokens[1].end == len(text) and text.endswith("\n"))
                found.append(Assignment(name, known, line, first, position, tokens[1].start, last))
    return found


def _token(text: str, start: int) -> _Token:
    """Return the token that begins at `start`; a quote may begin anywhere in it, and a backslash works in both."""
    value: t.List[str] = []
    quote = ""
    position = start
    while position < len(text):
        char = text[position]
        if char == "\\":
            following = text[position + 1 : position + 2]
            if not following:
                raise _unreadable(text, start, "a backslash at its very end")
            value.append(following)
            position += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                value.append(char)
        elif char in "\"'":
            quote = char
        elif char in " \t\r#\n":
            break
        else:
            value.append(char)
        position += 1
    if quote:
        raise _unreadable(text, start, "a quote that is never closed")
    # A line break, in quotes or behind a backslash, counts as one blank, with the blanks around it.
    return _Token(re.sub(r"[ \t\r]*\n[ \t\r\n]*", " ", "".join(value)), start, position)


def _behind_blanks(text: str, position: int) -> int:
    while True:
        if text[position : position + 1] and text[position] in _BLANKS:
            position += 1
        elif text[position : position + 2] == "\\\n":
            position += 2
        else:
            return position


def _unreadable(text: str, position: int, what: str) -> Refused:
    return Refused(
        f"has {what}, and so Upstart reads nothing of the file",
        where=f"line {text.count(chr(10), 0, position) + 1}",
        instead="Correct it first.",
    )


def _statement(name: str, value: str) -> str:
    return "env " + _instead_of("", name, value)


def _instead_of(_raw: str, name: str, value: str) -> str:
    if _PLAIN.match(value):
        return f"{name}={value}"
    return '{}="{}"'.format(name, re.sub(r'([\\"])', r"\\\1", value))


_GRAMMAR = _lines.Grammar(_read, _statement, _instead_of)
