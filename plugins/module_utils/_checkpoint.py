# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What files were before a change that is not yet proven, so that the host can go back to it by itself.

Everything of checkpoint NAME is in /var/lib/container_hosts/checkpoints/NAME, which only root can read:

    pending/      each file's first state since the last commit; there while a change is not proven
    commits/ID/   the same of earlier changes, which are proven: what `rollback` goes back to
    request.json  what verified_restart asks of the guard; running.json once the guard has begun
    result.json   how that ended, until the controller has seen it
    guard.zip     the guard's code while a change is pending (see _guard_units)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
import typing as t

from . import _checkpoint_record, _host_file
from ._errors import Refused

FOLDER = "/var/lib/container_hosts/checkpoints"
# A transaction with restarts, a preflight and its way back is over in less.
LOCK_SECONDS = 900
KEPT_COMMITS = 5
# Seconds within which verified_restart must follow a change; in a large fleet, many other hosts come in between.
DEADLINE = 3600
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}\Z")
_PRIVATE = _host_file.Missing(mode=0o600, folder_mode=0o700)
_LIMIT = 2 * _host_file.MAX_BYTES


class Commit(t.NamedTuple):
    """A proven change that can be taken back. `about` is what the transaction wrote down of it."""

    id: str
    path: str
    about: t.Dict[str, t.Any]


class Checkpoint:
    """One checkpoint by name; `root` is where the host's file system begins."""

    def __init__(self, name: str, *, root: str = "", deadline: float = DEADLINE) -> None:
        if not _NAME.match(name):
            raise Refused(
                f"{name!r} is no name of a checkpoint",
                where="checkpoint",
                instead="Use lower-case letters, digits and `_`: moby.",
            )
        self.name = name
        self.root = root
        self.deadline = deadline
        self.folder = f"{root}{FOLDER}/{name}"
        self.pending_folder = f"{self.folder}/pending"
        self._begun = False

    def file(self, name: str) -> str:
        """Return the path of one of the checkpoint's own files."""
        return f"{self.folder}/{name}"

    # Changes ------------------------------------------------------------------------------------------------------

    def pending(self) -> bool:
        """Tell whether something was changed that is neither proven nor taken back."""
        return os.path.isdir(self.pending_folder)

    def to_end(self) -> bool:
        """Tell whether verified_restart has something to do: a change to prove, or an outcome that nobody heard of."""
        return self.pending() or os.path.exists(self.file("result.json"))

    def keep(self, found: _host_file.Snapshot, after: t.Optional[bytes]) -> t.Callable[[], None]:
        """Write down what is found, unless an earlier state since the last commit is there; a _host_file.Keep.

        Also which contents are ours, so that the way back can tell them from what others write in between.
        """
        self._begin()
        name = _checkpoint_record.name(found.real[len(self.root) :])
        record = f"{self.pending_folder}/{name}.record"
        new = not os.path.exists(record)
        if new:
            content = _checkpoint_record.encode(self._record(found))
            _host_file.edit(record, lambda _found: content, missing=_PRIVATE, limit=_LIMIT)
        wrote = f"{self.pending_folder}/{name}.wrote"
        line = _checkpoint_record.digest(after).encode("ascii") + b"\n"
        _host_file.edit(wrote, lambda before: (before or b"") + line, missing=_PRIVATE)

        def forget() -> None:
            if new:
                for path in (wrote, record):
                    _host_file.edit(path, lambda _found: None)

        return forget

    def _begin(self) -> None:
        if self._begun:
            return
        # Only a run that changes something pays for what arms the guard.
        from . import _guard_units

        self._begun = True
        _guard_units.arm(self)
        _host_file.make_folder(self.pending_folder, _PRIVATE)

    def _record(self, found: _host_file.Snapshot) -> _checkpoint_record.Record:
        parent = os.path.dirname(found.real)
        made = []
        while not os.path.isdir(parent):
            made.append(parent[len(self.root) :])
            parent = os.path.dirname(parent)
        return _checkpoint_record.Record(
            found.real[len(self.root) :],
            found.content,
            None if found.status is None else _host_file.attributes_of(found),
            None if made else _host_file.attributes_of_folder(parent),
            tuple(reversed(made)),
        )

    def after_restore(self, action: str) -> None:
        """Note what has to be done once files are restored; `action` is a name that _checkpoint_restore knows."""
        self._begin()
        _host_file.edit(f"{self.pending_folder}/{action}.action", lambda _found: b"", missing=_PRIVATE)

    def records(self) -> t.List[t.Tuple[_checkpoint_record.Record, t.Set[str]]]:
        """Return each pending record with the digests of what we wrote over it."""
        return _records(self.pending_folder)

    def actions(self) -> t.List[str]:
        """Return what is to be done after the pending records are restored."""
        return _named(self.pending_folder, ".action")

    def take_back(self) -> None:
        """Make all that is pending undone, now or, where something blocks the way, by the guard."""
        if not (self._begun or self.pending()):
            return
        # Only a run that failed half-way needs it.
        from . import _checkpoint_restore

        _checkpoint_restore.take_back(self)

    def forget(self) -> None:
        """Drop what is pending: it has been taken back, or is proven without a commit."""
        if self.pending():
            gone = f"{self.folder}/.gone-{os.getpid()}"
            os.rename(self.pending_folder, gone)  # at once, or a run that dies in between leaves half of it
            _host_file.sync_folder(self.folder)
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else []:
            if name.startswith(".gone-"):
                shutil.rmtree(f"{self.folder}/{name}")

    # Commits ------------------------------------------------------------------------------------------------------

    def commit(self, about: t.Dict[str, t.Any]) -> t.Optional[str]:
        """Make what is pending a commit, in one step, and drop the oldest; return its ID, None where nothing is."""
        if not self.pending():
            return None
        last = self.commits()
        number = int(last[-1].id.partition("-")[0]) + 1 if last else 1
        commit_id = f"{number:04d}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        folder = f"{self.folder}/commits"
        _host_file.make_folder(folder, _PRIVATE)
        self.write(f"pending/{_ABOUT}", about)
        os.rename(self.pending_folder, f"{folder}/{commit_id}")
        _host_file.sync_folder(folder)
        _host_file.sync_folder(self.folder)
        for old in last[: max(0, len(last) + 1 - KEPT_COMMITS)]:
            shutil.rmtree(old.path)
        return commit_id

    def prove(self, run: t.Optional[str]) -> None:
        """Commit what is pending and needs no unit to be restarted, and let the guard go; `run` as verified_restart's."""
        from . import _guard_units

        self.commit({"ended": time.time(), "run": run, "units": [], "touched": {}})
        _guard_units.disarm(self)

    def commits(self) -> t.List[Commit]:
        """Return what can be taken back, the oldest first."""
        folder = f"{self.folder}/commits"
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [Commit(name, f"{folder}/{name}", _load(f"{folder}/{name}/{_ABOUT}") or {}) for name in names]

    def drop(self, ids: t.Iterable[str]) -> None:
        """Remove commits, the newest first: they have been taken back."""
        for commit_id in sorted(ids, reverse=True):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(f"{self.folder}/commits/{commit_id}")

    # The transaction's own files ----------------------------------------------------------------------------------

    def read(self, name: str) -> t.Optional[t.Dict[str, t.Any]]:
        """Return the content of request.json and its like; None where there is none."""
        return _load(self.file(name))

    def write(self, name: str, content: t.Dict[str, t.Any]) -> None:
        """Write request.json and its like, down to the disk."""
        data = json.dumps(content, sort_keys=True).encode("ascii") + b"\n"
        _host_file.edit(self.file(name), lambda _found: data, missing=_PRIVATE, private=True)

    def remove(self, *names: str) -> None:
        """Remove some of these files."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.file(name))

    @contextlib.contextmanager
    def locked(self, *, create: bool, seconds: float = LOCK_SECONDS) -> t.Iterator[None]:
        """Hold the host's one lock: whoever edits under a checkpoint, restarts or restores has it alone.

        Without `create`, a host that never had a checkpoint is left as it is, and nothing is held.
        """
        folder = f"{self.root}{FOLDER}"
        if create:
            _host_file.make_folder(folder, _PRIVATE)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield
            return
        try:
            _host_file.lock(descriptor, folder, seconds)
            yield
        finally:
            os.close(descriptor)


_ABOUT = "about.json"


def names(root: str = "") -> t.List[str]:
    """Return the names of the checkpoints that this host has."""
    folder = f"{root}{FOLDER}"
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def states_before(commits: t.Sequence[Commit]) -> t.List[t.Tuple[_checkpoint_record.Record, t.Set[str]]]:
    """Return the files as they were before the first of these commits, with the digests of the last one's writing."""
    found: t.Dict[str, t.Tuple[_checkpoint_record.Record, t.Set[str]]] = {}
    for commit in commits:
        for record, wrote in _records(commit.path):
            found[record.path] = (found[record.path][0] if record.path in found else record, wrote)
    return list(found.values())


def actions_of(commits: t.Sequence[Commit]) -> t.List[str]:
    """Return what is to be done after these commits' files are restored."""
    return list(dict.fromkeys(action for commit in commits for action in _named(commit.path, ".action")))


def _records(folder: str) -> t.List[t.Tuple[_checkpoint_record.Record, t.Set[str]]]:
    found = []
    for name in _named(folder, ".record"):
        path = f"{folder}/{name}.record"
        content = _host_file.read(path, limit=_LIMIT).content or b""
        wrote = _host_file.read(f"{folder}/{name}.wrote").content or b""
        found.append((_checkpoint_record.decode(content, where=path), set(wrote.decode("ascii").split())))
    return sorted(found, key=lambda each: each[0].path)


def _named(folder: str, suffix: str) -> t.List[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name[: -len(suffix)] for name in names if name.endswith(suffix) and not name.startswith(".")]


def _load(path: str) -> t.Optional[t.Dict[str, t.Any]]:
    content = _host_file.read(path).content
    return None if content is None else t.cast("t.Dict[str, t.Any]", json.loads(content))
