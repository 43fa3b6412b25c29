# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""A value in one reader's dialect, with what that reader will not do."""

from __future__ import annotations

import typing as t

from ._notice import Notice

_NAMED = 5


class Rendered(t.NamedTuple):
    """What to write, and what to tell the user about it."""

    value: t.Any
    notices: t.Tuple[Notice, ...] = ()


class Notices:
    """Gathers notices. Those of one reader for one reason become one: a thousand networks are one warning."""

    def __init__(self) -> None:
        self._entries: t.Dict[t.Tuple[str, str], t.Dict[str, None]] = {}

    def add(self, reader: str, entry: str, why: str) -> None:
        self._entries.setdefault((reader, why), {})[entry] = None

    def all(self) -> t.Tuple[Notice, ...]:
        return tuple(Notice(reader, _joined(list(entries)), why) for (reader, why), entries in self._entries.items())


def _joined(entries: t.List[str]) -> str:
    more = len(entries) - _NAMED
    return ", ".join(entries[:_NAMED]) + (f" and {more} more" if more > 0 else "")
