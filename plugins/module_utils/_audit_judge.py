# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a consumer was found with, and the verdict on it: pure, whatever it was read from."""

from __future__ import annotations

import typing as t

from . import _audit_values as values
from ._audit_values import SETTINGS

DRIFTED, SHADOWED, RESTART_NEEDED, LEGACY = "drifted", "shadowed", "restart_needed", "legacy"
UNMANAGED, IN_SYNC, ABSENT = "unmanaged", "in_sync", "absent"
VERDICTS = (DRIFTED, SHADOWED, RESTART_NEEDED, LEGACY, UNMANAGED, IN_SYNC, ABSENT)

UNIT, CONTAINER, FILE = "unit", "container", "file"

Wanted = t.Optional[t.Mapping[str, str]]  # by setting; None: no proxy is wanted


class Place(t.NamedTuple):
    """A value, and what sets it. `path` None: no file; `value` None: only its reader could tell.

    `said` is what a message calls it where file and line don't tell.
    """

    value: t.Optional[str]
    variable: str
    path: t.Optional[str]
    line: t.Optional[int]
    said: str = ""

    @property
    def where(self) -> str:
        """It as a message says it."""
        if self.path is None:
            return self.said or self.variable
        return f"{self.variable} in {self.path}" + (f", line {self.line}" if self.line else "")


class Leftover(t.NamedTuple):
    """What another tool has left for a consumer. `read`: the consumer reads it."""

    tool: str
    path: str
    line: t.Optional[int]
    variables: t.List[str]
    read: bool
    why: str


class Mend(t.NamedTuple):
    """What mends a consumer: where its files are wrong, where only what runs is, and where another file wins.

    `remove` takes away what the collection has set, where no proxy is wanted any more.
    """

    configure: str
    restart: str
    unshadow: str
    remove: str


class Found(t.NamedTuple):
    """A consumer as it was found. A mapping has no key for a setting that isn't set."""

    consumer: str
    name: str
    kind: str
    settings: t.Sequence[str]  # those that it reads
    configured: t.Mapping[str, Place]
    mend: Mend
    running: t.Optional[t.Mapping[str, str]] = None  # None: nothing runs, or it can't be told with what
    unsure: t.Sequence[str] = ()  # settings that may run with other credentials than `running` has
    active: t.Optional[bool] = None
    seen_in: t.Sequence[str] = ()
    ours: t.Mapping[str, t.Sequence[Place]] = {}  # what the collection's own files set
    winners: t.Mapping[str, Place] = {}  # what wins over them, where that is no assignment of `configured`
    leftovers: t.Sequence[Leftover] = ()
    go: bool = True  # no_proxy as Go reads it
    optional: bool = False  # need not have a proxy
    due: str = ""  # why a restart is due, where what runs can't be told


def absent(consumer: str, kind: str) -> t.Dict[str, t.Any]:
    """Return the entry of a consumer that is not on the host."""
    empty = Found(consumer, consumer, kind, (), {}, Mend("", "", "", ""))
    return _entry(empty, ABSENT, None, "", "", [], [])


def judge(found: Found, wanted: Wanted, key: str = "") -> t.Dict[str, t.Any]:
    """Return the entry (see the module's RETURN) of a consumer; `wanted` has a value for each of its settings.

    `key` is that of the digests, '' for none.
    """
    rows = [_Row(found, name, None if wanted is None else wanted.get(name) or None) for name in found.settings]
    shadowed = [row for row in rows if row.shadowed]
    wrong = [row for row in rows if row.configured_otherwise]
    stale = [row for row in rows if row.stale]
    verdict = _verdict(found, rows, wanted)
    reasons = {
        DRIFTED: [row.drift for row in wrong] or ["the collection's settings are still there, and no proxy is wanted"],
        SHADOWED: [f"{row.winner.where} wins over the collection's own" for row in shadowed if row.winner],
        RESTART_NEEDED: [f"{row.name} {row.stale}" for row in stale] or [found.due],
        LEGACY: [f"{each.path} ({each.tool}): {each.why}" for each in found.leftovers],
        UNMANAGED: ["no proxy is wanted, and one is set" if wanted is None else "has no proxy, and needs none"],
    }
    # A role that is given no proxy leaves its units alone.
    restart = found.mend.restart if wanted is not None or found.kind != UNIT else f"systemctl restart {found.name}"
    mends = {
        DRIFTED: found.mend.remove if wanted is None else found.mend.configure,
        SHADOWED: found.mend.unshadow,
        RESTART_NEEDED: restart,
        LEGACY: _mend_leftovers(found, wrong),
    }
    uses = None
    if wanted is not None and (found.running is not None or found.kind == FILE):
        uses = not any(row.uses_other for row in rows)
        if uses and any(row.name in found.unsure for row in rows):
            uses = None
    return _entry(
        found,
        verdict,
        uses,
        _sentence(reasons.get(verdict, [])),
        mends.get(verdict, ""),
        [row.shown(key) for row in rows],
        [row.winner for row in shadowed if row.winner],
    )


def _verdict(found: Found, rows: t.Sequence[_Row], wanted: Wanted) -> str:
    wrong = any(row.configured_otherwise for row in rows)
    managed = bool(found.ours)
    if wanted is not None and wrong:
        if any(row.shadowed for row in rows):
            return SHADOWED
        if managed:
            return DRIFTED
        if found.leftovers:
            return LEGACY
        return UNMANAGED if found.optional and not found.configured else DRIFTED
    if wanted is None and managed:
        return DRIFTED
    if found.due or any(row.stale for row in rows):
        return RESTART_NEEDED
    if found.leftovers:
        return LEGACY
    if wanted is None and (found.configured or found.running):
        return UNMANAGED
    return IN_SYNC


class _Row:
    """One setting of a consumer."""

    def __init__(self, found: Found, name: str, wanted: t.Optional[str]) -> None:
        self.found = found
        self.name = name
        self.wanted = wanted
        self.place = found.configured.get(name)
        self.configured = self.place.value if self.place else None
        self.running = found.running.get(name) if found.running is not None else None
        # What a specifier stands for, only systemd can tell: the process shows it.
        self.untold = self.place is not None and self.place.value is None

    def differs(self, one: t.Optional[str], other: t.Optional[str]) -> str:
        return values.difference(self.name, one, other, go=self.found.go)

    @property
    def configured_otherwise(self) -> str:
        """What is configured in contrast to the wanted; '' where they mean the same, or nothing is wanted."""
        if self.wanted is None or (self.untold and not self.differs(self.running, self.wanted)):
            return ""
        return self.differs(self.configured, self.wanted)

    @property
    def stale(self) -> str:
        """What runs in contrast to what is configured."""
        if self.found.running is None or self.untold:
            return ""
        said = self.differs(self.running, self.configured)
        if said:
            return f"runs with {said}"
        if self.name in self.found.unsure:
            return "may run with other credentials, which nobody shows, as its file is newer than the process"
        return ""

    @property
    def uses_other(self) -> bool:
        now = self.configured if self.found.kind == FILE else self.running
        return self.wanted is not None and bool(self.differs(now, self.wanted))

    @property
    def drift(self) -> str:
        if self.place is None:
            return f"{self.name} is not set"
        return f"{self.place.where} has {self.configured_otherwise}"

    @property
    def winner(self) -> t.Optional[Place]:
        return self.found.winners.get(self.name) or self.place

    @property
    def shadowed(self) -> bool:
        """Whether ours say what is wanted, and something else wins."""
        if not self.configured_otherwise:
            return False
        return any(not self.differs(place.value, self.wanted) for place in self.found.ours.get(self.name, ()))

    def shown(self, key: str) -> t.Dict[str, t.Any]:
        parts = [f"is configured with {self.configured_otherwise}"] if self.configured_otherwise else []
        if self.found.running is not None and self.uses_other:
            parts.append(f"runs with {self.differs(self.running, self.wanted)}")
        elif self.stale:
            parts.append(self.stale)
        return {
            "setting": self.name,
            "wanted": values.masked(self.name, self.wanted),
            "configured": values.masked(self.name, self.configured),
            "running": values.masked(self.name, self.running),
            "same": not parts,
            "difference": "; ".join(parts),
            "variable": self.place.variable if self.place else None,
            "path": self.place.path if self.place else None,
            "line": self.place.line if self.place else None,
            "digests": {
                "wanted": values.digest(self._url(self.wanted), key),
                "configured": values.digest(self._url(self.configured), key),
                "running": None if self.name in self.found.unsure else values.digest(self._url(self.running), key),
            },
        }

    def _url(self, value: t.Optional[str]) -> t.Optional[str]:
        return None if self.name == values.NO_PROXY else value


def _mend_leftovers(found: Found, wrong: t.Sequence[_Row]) -> str:
    if wrong or not found.ours:
        return found.mend.unshadow
    # Ours is right already: a run would change nothing, and what lies beside it is another tool's to remove.
    places = [f"{each.path}" + (f", line {each.line}" if each.line else "") for each in found.leftovers]
    return "Remove " + ", ".join(places) + "."


def _sentence(reasons: t.Sequence[str]) -> str:
    text = "; ".join(dict.fromkeys(reason.rstrip(".") for reason in reasons))
    if text.partition(" ")[0].isalpha():  # and no variable or path
        text = text[0].upper() + text[1:]
    return text and f"{text}."


def _entry(
    found: Found,
    verdict: str,
    uses: t.Optional[bool],
    why: str,
    mend: str,
    rows: t.List[t.Dict[str, t.Any]],
    winners: t.Sequence[Place],
) -> t.Dict[str, t.Any]:
    return {
        "consumer": found.consumer,
        "name": found.name,
        "kind": found.kind,
        "verdict": verdict,
        "uses_wanted": uses,
        "active": found.active,
        "why": why,
        "mend": mend,
        "settings": rows,
        "seen_in": list(found.seen_in),
        "shadowed_by": [
            {"variable": each.variable, "path": each.path, "line": each.line} for each in dict.fromkeys(winners)
        ],
        "leftovers": [each._asdict() for each in found.leftovers],
    }


def worst(verdicts: t.Collection[str]) -> str:
    """Return the first of VERDICTS that occurs; a host without any consumer has nothing to judge."""
    return next((each for each in VERDICTS if each in verdicts), ABSENT)


def pick(environment: t.Mapping[str, str], names: values.Names) -> t.Dict[str, str]:
    """Return an environment's settings, as who reads `names` takes them."""
    found = {}
    for setting in SETTINGS:
        value = next((environment[name] for name in names.get(setting, ()) if environment.get(name)), None)
        if value:
            found[setting] = value
    return found
