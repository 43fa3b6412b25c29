# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""createOptions of a module: JSON in a string, in pieces where it is long, and edited as text.

edgeAgent joins `createOptions`, `createOptions01` ... `createOptions99`, of 512 characters each, and stops at the first
that is missing (Azure/iotedge, edge-agent's `Constants.TwinValueMaxSize` and `CreateOptions` of its Docker part).
"""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_document, _json_parts
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

from ._json_spelling import Spelling, of_literals, of_text

KEY = "createOptions"
CHUNK = 512  # UTF-16 units, as .NET counts a string's length
MOST = 100
_BLANKS = " \t\r\n"  # of JSON; what else Unicode takes for one is no JSON


def keys(settings: t.Mapping[str, t.Any]) -> list[str]:
    """Return the keys that edgeAgent joins, in order."""
    found = [KEY] if KEY in settings else []
    while found and len(found) < MOST and _key(len(found)) in settings:
        found.append(_key(len(found)))
    return found


def stray(settings: t.Mapping[str, t.Any]) -> list[str]:
    """Return the keys that look like pieces, and that edgeAgent doesn't reach."""
    known = keys(settings)
    return [key for key in settings if key.startswith(KEY) and key[len(KEY) :].isdigit() and key not in known]


def joined(settings: t.Mapping[str, t.Any], where: str) -> str | None:
    """Return the whole text, or None where there is none; raises Refused for pieces that are no text."""
    found = keys(settings)
    pieces = [settings[key] for key in found]
    if not pieces or pieces == [None]:
        return None
    for key, piece in zip(found, pieces, strict=True):
        if not isinstance(piece, str):
            raise Refused("is not text", where=f"{where}.{key}", instead="Write the options as JSON in a string.")
    # Who cuts by UTF-16 units, as JavaScript does, may leave the halves of a character in two pieces.
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def parsed(text: str | None, where: str) -> dict[str, t.Any]:
    """Return the options; {} where there is no text."""
    if text is None or not text.strip(_BLANKS):
        return {}
    try:
        return _json_document.load(text.encode(), name=where)
    except UnicodeEncodeError as exc:
        raise Refused("holds half of a UTF-16 surrogate pair, which is no text", where=where) from exc


def spelled(literals: t.Iterable[str | None]) -> Spelling | None:
    """Return the whole text of the pieces' values, given as they stand in the manifest."""
    texts = [literal for literal in literals if literal and literal[0] == '"']
    return of_literals(texts) if texts else None


def edited(
    before: Spelling | None, wanted: dict[str, t.Any], doomed: t.Sequence[t.Sequence[str]], where: str
) -> Spelling | None:
    """Return the text with `wanted` merged in and the paths of `doomed` taken out; None: no options at all.

    What is added stands on one line, unless the text itself has several; every other character stays as it is spelled.
    """
    text = before
    if wanted:
        text = _step(text, {KEY: wanted}, [], where)
    if doomed:
        text = _step(text, {}, [(KEY, *path) for path in doomed], where)
    return text


def _step(
    before: Spelling | None, wanted: dict[str, t.Any], doomed: t.Sequence[t.Sequence[str]], where: str
) -> Spelling | None:
    blank = before is None or not before.text.strip(_BLANKS)
    # As a member of an object, what is new is laid out as its surroundings are, and goes without a trace again.
    start, end = '{"":0', "}"
    around = start if blank else f'{start},"{KEY}":'
    options = "" if before is None or blank else before.text
    splices = _json_parts.splices(around + options + end, wanted, doomed, name=where)
    if before is None or blank:
        made = "".join(splice.text for splice in splices).partition(":")[2]
        # The blank before it tells later that there was a text, and what was in it.
        if not made or before is None:
            return of_text(made) if made else before
        return of_text(" ").then(before).then(of_text(made))
    if any(splice.start < len(around) for splice in splices):
        blanks = len(before.text) - len(before.text.lstrip(_BLANKS))
        return before.part(1, blanks) if blanks else None
    return before.edited([splice.moved(-len(around)) for splice in splices])


def refuse_revived(settings: t.Mapping[str, t.Any], pieces: t.Mapping[str, str], where: str) -> None:
    """Raise Refused for a piece out of edgeAgent's reach that `pieces`, put before it, would bring back into it."""
    left = {key: value for key, value in settings.items() if key not in keys(settings)}
    revived = [key for key in keys({**left, **pieces}) if key not in pieces] if pieces else []
    if revived:
        raise Refused(
            "is out of edgeAgent's reach, as a piece before it is missing, and what is added would bring it back",
            where=f"{where}.{revived[0]}",
            instead="Take it out, or give the missing piece.",
        )


def chunks(options: Spelling, where: str) -> dict[str, str]:
    """Return the text by key, in pieces of no more than CHUNK; raises Refused for one that is too long."""
    ends = []
    room = 0
    for position, char in enumerate(options.text):
        units = 2 if ord(char) > 0xFFFF else 1
        if units > room:
            ends.append(position)
            room = CHUNK
        room -= units
    ends = [*(ends or [0]), len(options.text)]
    if len(ends) > MOST + 1:
        raise Refused(
            f"is longer than the {MOST * CHUNK} characters that edgeAgent joins",
            where=where,
            instead="Move files and long values to a volume.",
        )
    return {_key(number): options.part(*bounds).value() for number, bounds in enumerate(itertools.pairwise(ends))}


def _key(number: int) -> str:
    return f"{KEY}{number:02d}" if number else KEY
