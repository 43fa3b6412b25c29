# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What this collection raises for input or a host's state that it will not work with, and for what has failed."""

from __future__ import annotations

import typing as t


class Refused(Exception):
    """Something is refused, and nothing was written because of it.

    The message is for a person at 3 a.m.: `where` (file, line, key), what is wrong and why,
    and `instead`, what to write or to do in its place. It must never hold a secret.
    """

    def __init__(self, what: str, *, where: str = "", instead: str = "") -> None:
        self.what = what
        self.where = where
        self.instead = instead
        place = f"{where}: " if where else ""
        remedy = f" {instead}" if instead else ""
        super().__init__(f"{place}{what.rstrip('.')}.{remedy}")


class Failed(Refused):
    """What was tried has failed; `result` is the report that a module returns along with the message."""

    def __init__(self, what: str, *, result: t.Dict[str, t.Any], where: str = "", instead: str = "") -> None:
        super().__init__(what, where=where, instead=instead)
        self.result = result


def did_you_mean(name: str, known: list[str]) -> str:
    """Return ' Did you mean X?' for the known name nearest to `name`, or '' where none is near."""
    # Imported here because only a failure needs it, and every module run pays for what is imported above.
    import difflib

    lowered = {entry.lower(): entry for entry in reversed(known)}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean {lowered[near[0]]}?" if near else ""
