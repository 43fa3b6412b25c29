# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""createOptions of a module: JSON in a string, in pieces where it is long, and edited as text.

edgeAgent joins `createOptions`, `createOptions01` ... `createOptions99`, of 512 characters each, and stops at the first
that is missing (Azure/iotedge, edge-agent's `Constants.TwinValueMaxSize` and `CreateOptions` of its Docker part).
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

KEY = "createOptions"
CHUNK = 512  # UTF-16 units, as .NET counts a string's length
MOST = 100


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
    try:
        # A character of two UTF-16 units may be split between two pieces.
        return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as exc:
        raise Refused(
            "holds half of a UTF-16 surrogate pair, which is no text",
            where=f"{where}.{KEY}",
            instead="Write the character itself.",
        ) from exc


def parsed(text: str | None, where: str) -> dict[str, t.Any]:
    """Return the options; {} where there is no text."""
    if text is None or not text.strip():
        return {}
    return _json_document.load(text.encode(), name=where)


def edited(text: str | None, wanted: dict[str, t.Any], doomed: t.Sequence[t.Sequence[str]], where: str) -> str | None:
    """Return the text with `wanted` merged in and the paths of `doomed` taken out; None: no options at all.

    What is added stands on one line, unless the text itself has several; every other character stays.
    """
    # As a member of an object, what is new is laid out as its surroundings are, and goes without a trace again.
    start, end = '{"":0', "}"
    middle = "" if text is None else f',"{KEY}":{text if text.strip() else "{}"}'
    source = (start + middle + end).encode()
    changed = _json_document.edit(
        source, {KEY: wanted} if wanted else {}, [(KEY, *path) for path in doomed], name=where
    )
    if changed is None or changed == source:
        return text
    left = changed.decode()[len(start) : -len(end)]
    return left.partition(":")[2] if left else None


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


def chunks(text: str, where: str) -> dict[str, str]:
    """Return the text by key, in pieces of no more than CHUNK; raises Refused for one that is too long."""
    pieces = [""]
    room = CHUNK
    for char in text:
        units = 2 if ord(char) > 0xFFFF else 1
        if units > room:
            pieces.append("")
            room = CHUNK
        pieces[-1] += char
        room -= units
    if len(pieces) > MOST:
        raise Refused(
            f"is longer than the {MOST * CHUNK} characters that edgeAgent joins",
            where=where,
            instead="Move files and long values to a volume.",
        )
    return {_key(number): piece for number, piece in enumerate(pieces)}


def _key(number: int) -> str:
    return f"{KEY}{number:02d}" if number else KEY
