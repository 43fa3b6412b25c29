# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""How a JSON string spells each character of its text, kept while the text is edited.

`é`, `\\u00e9` and `\\u00E9` are one text, and so are `\\"` and `\\u0022`, as .NET writes it. Who edits JSON that stands
in a string of JSON wants the rest of it spelled as before.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_change import Spelled, Splice

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# A character beyond U+FFFF is one, though it may be spelled as two.
_CHARACTER = re.compile(rf"{_HIGH}{_LOW}|\\u[0-9a-fA-F]{{4}}|\\.|[^\\]", re.DOTALL)


class Spelling(t.NamedTuple):
    """A text, and how each of its characters is spelled: `''.join(how)` in quotes is a JSON string of it."""

    text: str
    how: tuple[str, ...]

    def edited(self, splices: t.Sequence[Splice]) -> Spelling:
        """Return the text with the splices made in it: what is new is spelled as the same characters are elsewhere."""
        known: dict[str, str] = {}
        for char, how in zip(self.text, self.how, strict=True):
            known.setdefault(char, how)
        escape = not self.text.isascii() and "".join(self.how).isascii()
        text: list[str] = []
        spelled: list[str] = []
        position = 0
        for splice in sorted(splices):
            text += [self.text[position : splice.start], splice.text]
            spelled += self.how[position : splice.start]
            spelled += [known.get(char) or _spelled(char, escape) for char in splice.text]
            position = splice.end
        return Spelling("".join((*text, self.text[position:])), (*spelled, *self.how[position:]))

    def then(self, other: Spelling) -> Spelling:
        return Spelling(self.text + other.text, self.how + other.how)

    def part(self, start: int, end: int) -> Spelling:
        """Return the characters from `start` to `end`."""
        return Spelling(self.text[start:end], self.how[start:end])

    def value(self) -> Spelled:
        """Return the text as a value for `_json_document.edit`."""
        return Spelled('"' + "".join(self.how) + '"')


def of_literals(literals: t.Iterable[str]) -> Spelling:
    """Return the text that JSON strings say together; two halves of a character may be in two of them."""
    how = tuple(_CHARACTER.findall("".join(literal[1:-1] for literal in literals)))
    return Spelling("".join(each if each[0] != "\\" else json.loads(f'"{each}"') for each in how), how)


def of_text(text: str) -> Spelling:
    """Return a text spelled with no more escapes than JSON needs."""
    return Spelling(text, tuple(_spelled(char, False) for char in text))


def _spelled(char: str, escape: bool) -> str:
    return json.dumps(char, ensure_ascii=escape)[1:-1]
