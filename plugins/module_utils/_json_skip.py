# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Goes over members of a JSON object that nobody asks about, where there are very many."""

from __future__ import annotations

import re
import typing as t

from ._json_syntax import BLANK, DECODER, PLAIN, PLAIN_KEY, Keys, Member

_FEW = 16  # keys; the expression that skips the others tries each of them at each member
_NOTHING = re.compile("")
_NEXT_KEY = re.compile(rf"{BLANK.pattern},{BLANK.pattern}{PLAIN_KEY.pattern}")


def others(text: str, end: int, keys: Keys, members: t.List[Member]) -> int:
    """Go over the members behind `end` that nobody asks about, and return where the last one's value ends.

    Adds the last two to `members`. What isn't plain, and so what is wrong, is left to the caller.
    """
    run = _run(keys)
    before = last = None
    while True:
        if text[end - 1] not in "}]":  # more texts or numbers are likely, where one was
            end = t.cast("re.Match[str]", run.match(text, end)).end()
        found = _NEXT_KEY.match(text, end)
        if found is None or found[1] in keys:
            break
        try:
            value, end = DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            break
        before, last = last, (found, end, value)
    for found, value_end, value in filter(None, (before, last)):
        key_start, key_end = found.span(1)
        members.append(Member(found[1], key_start - 1, key_end + 1, found.end(), value_end, value))
    return end


def _run(keys: Keys) -> t.Pattern[str]:
    """Return what matches plain members of other names, each with the comma before it, but for the last or two.

    One match goes over thousands of texts and numbers some ten times as fast as a loop.
    """
    if len(keys) > _FEW:
        return _NOTHING
    ours = "|".join(re.escape(key) for key in sorted(keys))
    name = rf'"(?!(?:{ours})"){PLAIN}"'
    number = r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?"
    value = rf'(?:"{PLAIN}"|{number}|true|false|null)'
    comma = rf"{BLANK.pattern},{BLANK.pattern}"
    member = rf"{comma}{name}{BLANK.pattern}:{BLANK.pattern}{value}"
    return re.compile(rf"(?:(?:{member})+(?={member}{comma}))?")
