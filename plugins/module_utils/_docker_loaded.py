# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the running dockerd has read of its daemon.json, and what it still owes us.

/info tells a few keys. For the others there are times: a daemon that started after the file was last written has
read it, and one that was reloaded since has read what a reload takes. When a run is about to change the file it
leaves a stamp with digests of what the daemon had read until then, so that the next run still knows: whether the
restart was made or the run died before it, and that a change of one key is no reason to restart for the others.
The stamp is in /run, so it goes when the daemon certainly does, and it holds for one process.
"""

from __future__ import annotations

import json
import typing as t

from ._docker_daemon import NONE, RELOAD, RESTART, Document, fingerprint, key_change
from ._docker_daemon_keys import KEYS, RESET
from ._docker_info import Info, in_effect

FOLDER = "/run/container_hosts"


class Loaded(t.NamedTuple):
    """The digests (see _docker_daemon.fingerprint) of the keys that the daemon is known to have read.

    `complete`: a key that isn't among them wasn't in the file. Otherwise nothing is known of it.
    """

    keys: t.Dict[str, str]
    complete: bool


class Times(t.NamedTuple):
    """When things happened, in seconds since the epoch. `written` is None where there is no file."""

    written: t.Optional[float]
    started: float
    state_changed: float


def stamp_path(path: str) -> str:
    """Return where the stamp for the file at `path` is."""
    return f"{FOLDER}/{path.strip('/').replace('/', '-')}.loaded"


def stamp(loaded: Loaded, pid: int) -> bytes:
    """Return the stamp's content."""
    return json.dumps({"pid": pid, "keys": loaded.keys, "complete": loaded.complete}, sort_keys=True).encode() + b"\n"


def loaded(found: Document, times: Times, pid: int, stamped: t.Optional[bytes]) -> Loaded:
    """Return what the daemon `pid` has read, where the file holds `found` and the stamp, if there is one, `stamped`."""
    now = fingerprint(found)
    if times.written is not None and times.written <= times.started:
        return Loaded(now, True)
    known = _of_stamp(stamped, pid)
    if known is None:
        known = Loaded({}, times.written is None)
    if times.written is None or times.state_changed <= times.written:
        return known
    keys = {key: digest for key, digest in known.keys.items() if key in now or not _resets(key)}
    keys.update({key: digest for key, digest in now.items() if key_change(key, True) == RELOAD})
    return Loaded(keys, known.complete)


def _of_stamp(stamped: t.Optional[bytes], pid: int) -> t.Optional[Loaded]:
    try:
        content = json.loads(stamped or b"")
        return Loaded(dict(content["keys"]), bool(content["complete"])) if content["pid"] == pid else None
    except (ValueError, KeyError, TypeError):
        return None


def _resets(key: str) -> bool:
    top = key.partition(".")[0]
    return top in KEYS and KEYS[top].on_reload == RESET and key_change(key, False) == RELOAD


def owed(keys: t.Container[str], before: Document, after: Document, known: Loaded, info: Info) -> str:
    """Return what the daemon needs to run with `after`, as to the top-level `keys`: 'none', 'reload' or 'restart'.

    `before` is what the file holds until this run.
    """
    wanted, formerly = fingerprint(after), fingerprint(before)
    verdicts = in_effect({key: value for key, value in after.items() if key in keys}, info)
    needs = set()
    for key in {*wanted, *known.keys, *formerly}:
        top = key.partition(".")[0]
        if top not in keys or verdicts.get(top) is True:
            continue
        sure = known.complete or key in known.keys
        read = known.keys.get(key) if sure else formerly.get(key) if key not in wanted else None
        if read == wanted.get(key) and verdicts.get(top) is not False:
            continue
        needs.add(key_change(key, key in wanted))
    return RESTART if RESTART in needs else RELOAD if needs else NONE
