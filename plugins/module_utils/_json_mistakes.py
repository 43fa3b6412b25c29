# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Says of a broken JSON text what is wrong, where, and what to write instead."""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused
from ._json_syntax import place, skip_blank

_PYTHON = {"True": "true", "False": "false", "None": "null"}
_NUMBER_TROUBLE = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN|\d{1000,})', re.DOTALL)


def at(text: str, position: int, name: str, what: str) -> Refused:
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


def of_a_number(text: str, position: int, name: str, word: str = "") -> Refused:
    """Return the refusal of a number in the value at `position`: of `word`, or of one that has too many digits.

    Python refuses integers of more than 4300 digits, and says of neither where it stands.
    """
    hits = (hit.start(1) for hit in _NUMBER_TROUBLE.finditer(text, position) if hit.group(1))
    what = f"{word} is not JSON" if word else "the number has too many digits"
    return at(text, next(hits, position), name, what)
