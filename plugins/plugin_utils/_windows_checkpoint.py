# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""A checkpoint of a Windows host: what values and files were before each change, as one document. No host in here.

Its rules are those of module_utils/_checkpoint: the first state since the last commit wins, the last commits are kept,
and what is neither that state nor anything we wrote is somebody else's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint import KEPT_COMMITS
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import MULTI, Value, fold

FORMAT = 1
# What others wrote between our changes, of which the document can't hold any number.
KEPT_FOREIGN = 10

State = Value | bytes | None  # a value of the registry, a file's bytes, or that there is none


class Place(t.NamedTuple):
    """Where something is written."""

    where: str  # a key (HKLM:\...), or the path of a file
    name: str | None  # of the value in the key; None for a file

    def __str__(self) -> str:
        return self.where if self.name is None else f"{self.where}\\{self.name}"


class Write(t.NamedTuple):
    """A change of one place."""

    place: Place
    before: State
    after: State


class Record(t.NamedTuple):
    """What a place was before our first change, and what we wrote there since."""

    place: Place
    was: State
    wrote: tuple[str, ...]  # digests
    between: tuple[State, ...] = ()  # what others wrote there between two commits, and is in the later one only


class Change(t.NamedTuple):
    """A change that can be taken back, whole."""

    id: str  # '' while it is pending
    run: str
    ended: float
    services: tuple[str, ...]  # those that have to take it up
    running: tuple[str, ...]  # what ran before it, of them and of what depends on them, in the order of the start
    stays: tuple[str, ...]  # what was done by others' tools, and can't be taken back
    records: tuple[Record, ...]


class Document(t.NamedTuple):
    """All that a host keeps of one checkpoint; the commits are the oldest first."""

    commits: tuple[Change, ...] = ()
    pending: Change | None = None
    foreign: tuple[tuple[Place, State], ...] = ()


# Changes ----------------------------------------------------------------------------------------------------------


def keep(
    document: Document, writes: t.Iterable[Write], *, services: t.Iterable[str], running: t.Iterable[str], run: str
) -> Document:
    """Return the document with what is about to be written as pending; unless nothing is, and nothing is pending."""
    writes = list(writes)
    if not writes and document.pending is None:
        return document
    pending = document.pending or Change("", run, 0.0, (), (), (), ())
    records = {identity(record.place): record for record in pending.records}
    foreign = list(document.foreign)
    for write in writes:
        key = identity(write.place)
        record = records.get(key) or Record(write.place, normal(write.before), ())
        if is_foreign(write.before, record):
            foreign.append((write.place, normal(write.before)))
        records[key] = record._replace(wrote=_distinct([*record.wrote, digest(write.after)]))
    pending = pending._replace(
        run=run,
        services=_distinct([*pending.services, *services]),
        running=_distinct([*pending.running, *running]),
        records=tuple(records.values()),
    )
    return document._replace(pending=pending, foreign=tuple(foreign[-KEPT_FOREIGN:]))


def committed(document: Document, when: float, stays: t.Iterable[str] = ()) -> Document:
    """Return the document with what is pending as a commit, and without the oldest ones."""
    if document.pending is None:
        return document
    number = int(document.commits[-1].id.partition("-")[0]) + 1 if document.commits else 1
    commit_id = f"{number:04d}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(when))}"
    commit = document.pending._replace(id=commit_id, ended=when, stays=tuple(stays))
    return document._replace(commits=(*document.commits, commit)[-KEPT_COMMITS:], pending=None)


# The way back -----------------------------------------------------------------------------------------------------


def to_undo(document: Document, wanted: str | None, where: str) -> list[Change]:
    """Return what is to be taken back, the oldest first: what is pending, else the last commit; or all since one."""
    pending = [document.pending] if document.pending else []
    if not wanted:
        return pending or list(document.commits[-1:])
    found = [place for place, commit in enumerate(document.commits) if commit.id.startswith(wanted)]
    if len(found) != 1:
        raise Refused(
            f"{wanted!r} names {'no commit' if not found else 'more than one commit'} that is kept",
            where=where,
            instead=f"There are: {', '.join(commit.id for commit in document.commits) or 'none'}.",
        )
    return [*document.commits[found[0] :], *pending]


def states_before(changes: t.Iterable[Change]) -> list[Record]:
    """Return what each place was before the first of these changes, given in order."""
    found: dict[tuple[str, ...], Record] = {}
    for change in changes:
        for later in change.records:
            key = identity(later.place)
            first = found.get(key)
            if first is None:
                found[key] = later
                continue
            between = (*first.between, later.was) if is_foreign(later.was, first) else first.between
            found[key] = first._replace(wrote=_distinct([*first.wrote, *later.wrote]), between=between)
    return list(found.values())


def is_foreign(state: State, record: Record) -> bool:
    """Tell whether a state is neither what the place was at first nor what we wrote."""
    return digest(state) not in (digest(record.was), *record.wrote)


def undone(document: Document, changes: t.Iterable[Change], foreign: t.Iterable[tuple[Place, State]]) -> Document:
    """Return the document without changes that were taken back, and with what somebody else had written there."""
    ids = {change.id for change in changes}
    kept = (*document.foreign, *((place, normal(state)) for place, state in foreign))
    return Document(
        tuple(commit for commit in document.commits if commit.id not in ids),
        None if "" in ids else document.pending,
        kept[-KEPT_FOREIGN:],
    )


def last_run(documents: t.Mapping[str, Document], only: str | None = None) -> list[str]:
    """Return the checkpoints that the last run of a playbook changed something under, the last one first.

    None where that run is not `only`, if one is given.
    """
    last = {name: _last(document) for name, document in documents.items()}
    # What is pending has not ended, and is later than any commit of its run.
    order = sorted(
        ((name, change) for name, change in last.items() if change),
        key=lambda each: each[1].ended or float("inf"),
        reverse=True,
    )
    run = order[0][1].run if order else ""
    if only is not None and run != only:
        return []
    return [name for place, (name, change) in enumerate(order) if place == 0 or (run and change.run == run)]


def _last(document: Document) -> Change | None:
    return document.pending or (document.commits[-1] if document.commits else None)


# The document -----------------------------------------------------------------------------------------------------


def encode(document: Document) -> str:
    """Return the document's text, in ASCII."""
    pending = document.pending and _plain(document.pending)
    foreign = [{**place._asdict(), "state": _plain_state(state)} for place, state in document.foreign]
    commits = [_plain(commit) for commit in document.commits]
    return json.dumps({"format": FORMAT, "commits": commits, "pending": pending, "foreign": foreign}, sort_keys=True)


def decode(text: str, *, where: str) -> Document:
    """Return the document; '' is an empty one. Raises Refused for what `encode` didn't write."""
    if not text:
        return Document()
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']}")
        return Document(
            tuple(_change(each) for each in said["commits"]),
            _change(said["pending"]) if said["pending"] else None,
            tuple((_place(each), _state(each["state"])) for each in said["foreign"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        # Its class alone: the text may quote a value.
        raise Refused(
            f"is no checkpoint that this version can read ({type(exc).__name__})",
            where=where,
            instead="Was it written by another version of the collection? Restore by hand what it says, and remove it.",
        ) from None


def normal(state: State) -> State:
    """Return a state in the one form that it is compared and written down in."""
    if not isinstance(state, Value):
        return state
    if state.kind != MULTI:
        return Value(state.kind, "" if state.data is None else state.data)
    # A host's JSON may hold a list of one as the text alone. An empty list is none to Windows.
    entries = [state.data] if isinstance(state.data, str) else list(state.data or ())
    while entries and not entries[-1]:
        entries.pop()
    return Value(MULTI, entries) if entries else None


def digest(state: State) -> str:
    """Return what tells one state of a place from another; None, nothing there, has one too."""
    if normal(state) is None:
        return "absent"
    return hashlib.sha256(json.dumps(_plain_state(state), sort_keys=True).encode("ascii")).hexdigest()


def identity(place: Place) -> tuple[str, ...]:
    """Return what places that are one have in common: the case of their names does not count."""
    return (fold(place.where),) if place.name is None else (fold(place.where), fold(place.name))


def _distinct(texts: t.Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _plain(change: Change) -> dict[str, t.Any]:
    records = [
        {**record.place._asdict(), "was": _plain_state(record.was), "wrote": record.wrote} for record in change.records
    ]
    return {**change._asdict(), "records": records}


def _plain_state(state: State) -> dict[str, t.Any] | None:
    state = normal(state)
    if isinstance(state, bytes):
        return {"bytes": base64.b64encode(state).decode("ascii")}
    return None if state is None else state._asdict()


def _change(said: dict[str, t.Any]) -> Change:
    services, running, stays = (tuple(map(str, said[key])) for key in ("services", "running", "stays"))
    records = tuple(Record(_place(each), _state(each["was"]), tuple(each["wrote"])) for each in said["records"])
    return Change(str(said["id"]), str(said["run"]), float(said["ended"]), services, running, stays, records)


def _place(said: dict[str, t.Any]) -> Place:
    return Place(str(said["where"]), said["name"])


def _state(said: dict[str, t.Any] | None) -> State:
    if said is None:
        return None
    return base64.b64decode(said["bytes"], validate=True) if "bytes" in said else Value(said["kind"], said["data"])
