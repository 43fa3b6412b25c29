# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What files were before a change that is not yet proven, so that the host can go back to it by itself.

Everything of checkpoint NAME is in /var/lib/container_hosts/checkpoints/NAME, which only root can read:

    pending/      each file's first state since the last commit; there while a change is not proven. In it may be
                  deferred.json: all is proven but for units whose restart was left to others
    commits/ID/   the same of earlier changes, which are proven: what `rollback` goes back to
    request.json  what verified_restart asks of the guard; running.json once the guard has begun
    result.json   how that ended, until the controller has seen it
    foreign/      what others wrote between our changes, wherever we had to replace it
    guard.zip     the guard's code while a change is pending (see _guard_units)

What is to go as a whole gets a name that begins with a dot first, so that a run which dies leaves no half of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
import typing as t

from . import _checkpoint_record, _host_file, _host_file_write
from ._errors import Refused

FOLDER = "/var/lib/container_hosts/checkpoints"
# A transaction with restarts, a preflight and its way back is over in less.
LOCK_SECONDS = 900
KEPT_COMMITS = 5
# Seconds within which verified_restart must follow a change; in a large fleet, many other hosts come in between.
DEADLINE = 3600
# Of a deadline, in seconds: longer than any run of a fleet takes.
_LONGEST = 366 * 86400
DEFERRED = "pending/deferred.json"
_ABOUT = "about.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}\Z")
_COMMIT = re.compile(r"[0-9]+-[0-9TZ]+\Z")
_PRIVATE = _host_file.Missing(mode=0o600, folder_mode=0o700)
_LIMIT = 2 * _host_file.MAX_BYTES


class Commit(t.NamedTuple):
    """A proven change that can be taken back. `about` is what the transaction wrote down of it."""

    id: str
    path: str
    about: t.Dict[str, t.Any]


class Kept(t.NamedTuple):
    """What a file was, and what has come over it since."""

    record: _checkpoint_record.Record
    wrote: t.Set[str]  # digests of what we wrote
    aside: t.Tuple[str, ...] = ()  # where that is which others wrote over it and we replaced
    between: t.Tuple[bytes, ...] = ()  # what others wrote over it between two commits, and is in the later one only
    made_again: t.Tuple[str, ...] = ()  # folders that a later commit made, and so may have been others' before


class Checkpoint:
    """One checkpoint by name; `root` is where the host's file system begins."""

    def __init__(self, name: str, *, root: str = "", deadline: float = DEADLINE) -> None:
        if not _NAME.match(name):
            raise Refused(
                f"{name!r} is no name of a checkpoint",
                where="checkpoint",
                instead="Use lower-case letters, digits and `_`: moby.",
            )
        if not 1 <= deadline <= _LONGEST:
            raise Refused(
                f"is {deadline:g} seconds, and a change would be taken back at once, or never",
                where="the checkpoint's deadline",
                instead=f"Write a number from 1 to {_LONGEST}.",
            )
        self.name = name
        self.root = root
        self.deadline = deadline
        self.folder = f"{root}{FOLDER}/{name}"
        self.pending_folder = f"{self.folder}/pending"
        self.armed_with: t.Optional[t.Tuple[int, int]] = None  # see _guard_units.arm
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
        # The guard's code goes last, so where it lies, something of a run that was killed may lie too.
        return self.pending() or any(
            os.path.exists(self.file(name)) for name in ("request.json", "running.json", "result.json", "guard.zip")
        )

    def keep(self, found: _host_file.Snapshot, after: t.Optional[bytes]) -> t.Callable[[], None]:
        """Write down what is found, unless an earlier state since the last commit is there; a _host_file.Keep.

        Also which contents are ours, so that the way back can tell them from what others write in between; those are
        put aside.
        """
        self._begin()
        path = found.real[len(self.root) :]
        name = _checkpoint_record.name(path)
        record, wrote = (f"{self.pending_folder}/{name}.{suffix}" for suffix in ("record", "wrote"))
        new = not os.path.exists(record)
        if new:
            content = _checkpoint_record.encode(self._record(found))
            _host_file.edit(record, lambda _found: content, missing=_PRIVATE, limit=_LIMIT)
        else:
            if found.content is not None and is_foreign(found.content, _kept(self.pending_folder, name)):
                self.put_aside(path, found.content)
            for folder in self._lacking(found):
                self.note_folder(folder)
        line = _checkpoint_record.digest(after).encode("ascii") + b"\n"
        _host_file.edit(wrote, lambda before: (before or b"") + line, missing=_PRIVATE)

        def forget() -> None:
            if new:
                # The record first: without it, the other one means nothing.
                for path in (record, wrote):
                    _host_file.edit(path, lambda _found: None, limit=_LIMIT)

        return forget

    def _begin(self) -> None:
        if self._begun:
            return
        # Only a run that changes something pays for what arms the guard.
        from . import _guard_units

        self._begun = True
        _guard_units.arm(self)
        _host_file_write.make_folder(self.pending_folder, _PRIVATE)
        deferred = self.read(DEFERRED)
        if deferred and deferred["units"]:
            # What is changed from here on is not what was proven but for them.
            self.write(DEFERRED, {**deferred, "units": []})

    def _record(self, found: _host_file.Snapshot) -> _checkpoint_record.Record:
        made = self._lacking(found)
        return _checkpoint_record.Record(
            found.real[len(self.root) :],
            found.content,
            None if found.status is None else _host_file_write.attributes_of(found),
            None if made else self._first_folder(os.path.dirname(found.real)),
            tuple(made),
        )

    def _first_folder(self, folder: str) -> t.Optional[_host_file_write.Attributes]:
        """Return what a folder was, as the first record of a file in it tells: we may have made it again since."""
        path = folder[len(self.root) :]
        for kept in self.records():
            if os.path.dirname(kept.record.path) == path and kept.record.folder:
                return kept.record.folder
        return _host_file_write.attributes_of_folder(folder)

    def _lacking(self, found: _host_file.Snapshot) -> t.List[str]:
        """Return the folders above a file that aren't there, outermost first."""
        parent = os.path.dirname(found.real)
        lacking: t.List[str] = []
        while not os.path.isdir(parent):
            lacking.insert(0, parent[len(self.root) :])
            parent = os.path.dirname(parent)
        return lacking

    def after_restore(self, action: str) -> None:
        """Note what has to be done once files are restored; `action` is a name that _checkpoint_restore knows."""
        self._begin()
        _host_file.edit(f"{self.pending_folder}/{action}.action", lambda _found: b"", missing=_PRIVATE)

    def put_aside(self, path: str, content: bytes) -> str:
        """Keep what someone else wrote to `path`, since it is about to be replaced; return where it is kept."""
        digest = _checkpoint_record.digest(content)
        aside = self.file(f"foreign/{os.path.basename(path)}.{digest[:16]}")
        _host_file.edit(aside, lambda _found: content, missing=_PRIVATE)
        self.note_aside(path, aside[len(self.root) :])
        return aside[len(self.root) :]

    def note_aside(self, path: str, aside: str) -> None:
        """Note where that is which someone else put at `path`, for the report, however often it is begun anew."""
        line = json.dumps(aside).encode("ascii") + b"\n"
        _host_file.edit(
            f"{self.pending_folder}/{_checkpoint_record.name(path)}.aside",
            lambda before: before if line in (before or b"") else (before or b"") + line,
            missing=_PRIVATE,
        )

    def note_folder(self, folder: str) -> None:
        """Note that a folder is being made again, and so may not be what it was."""
        _host_file.edit(self._folder_note(folder), lambda _found: b"", missing=_PRIVATE)

    def noted_folder(self, folder: str) -> bool:
        """Tell whether a folder that stands was made again by us."""
        return os.path.exists(self._folder_note(folder))

    def _folder_note(self, folder: str) -> str:
        return f"{self.pending_folder}/{_checkpoint_record.name(folder)}.folder"

    def records(self) -> t.List[Kept]:
        """Return what is pending, by path."""
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
        self.sweep()
        if self.pending():
            os.rename(self.pending_folder, f"{self.folder}/.gone")
            _host_file_write.sync_folder(self.folder)
            self.sweep()

    def sweep(self) -> None:
        """Remove what runs that were killed left among the checkpoint's own files: the lock says it is nobody's."""
        for folder in (self.folder, self.file("foreign"), self.file("commits")):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                if name.startswith("."):
                    _remove(f"{folder}/{name}")

    # Commits ------------------------------------------------------------------------------------------------------

    def commit(self, about: t.Dict[str, t.Any]) -> t.Optional[str]:
        """Make what is pending a commit, in one step, and drop the oldest; return its ID, None where nothing is."""
        if not self.pending():
            return None
        last = self.commits()
        number = _number(last[-1].id) + 1 if last else 1
        commit_id = f"{number:04d}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        folder = f"{self.folder}/commits"
        _host_file_write.make_folder(folder, _PRIVATE)
        self.write(f"pending/{_ABOUT}", about)
        for name in os.listdir(self.pending_folder):
            if name.startswith("."):
                _remove(f"{self.pending_folder}/{name}")
        os.rename(self.pending_folder, f"{folder}/{commit_id}")
        _host_file_write.sync_folder(folder)
        _host_file_write.sync_folder(self.folder)
        self.drop(old.id for old in last[: max(0, len(last) + 1 - KEPT_COMMITS)])
        return commit_id

    def prove(self, run: t.Optional[str]) -> None:
        """Commit what is pending and needs no restart of a unit, and let the guard go; `run` as verified_restart's."""
        from . import _guard_units

        self.commit({"ended": time.time(), "run": run, "units": [], "touched": {}})
        _guard_units.disarm(self)

    def commits(self) -> t.List[Commit]:
        """Return what can be taken back, the oldest first."""
        folder = f"{self.folder}/commits"
        found = os.listdir(folder) if os.path.isdir(folder) else []
        names = sorted((name for name in found if _COMMIT.match(name)), key=_number)
        return [Commit(name, f"{folder}/{name}", _load(f"{folder}/{name}/{_ABOUT}") or {}) for name in names]

    def drop(self, ids: t.Iterable[str]) -> None:
        """Remove commits, the newest first: they have been taken back, or are too old."""
        folder = f"{self.folder}/commits"
        for commit_id in sorted(ids, key=_number, reverse=True):
            self.sweep()
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{folder}/{commit_id}", f"{folder}/.gone")
                _host_file_write.sync_folder(folder)
        self.sweep()

    # The transaction's own files ----------------------------------------------------------------------------------

    def read(self, name: str) -> t.Optional[t.Dict[str, t.Any]]:
        """Return the content of request.json and its like; None where there is none."""
        return _load(self.file(name))

    def write(self, name: str, content: t.Dict[str, t.Any]) -> None:
        """Write request.json and its like, down to the disk."""
        data = json.dumps(content, sort_keys=True).encode("ascii") + b"\n"
        _host_file.edit(self.file(name), lambda _found: data, missing=_PRIVATE, private=True)

    def remove(self, *names: str) -> None:
        """Remove some of these files, down to the disk: after a power loss, one of them would be news again.

        Raises Refused where that can't be done.
        """
        found = [name for name in names if os.path.lexists(self.file(name))]
        try:
            for name in found:
                with contextlib.suppress(FileNotFoundError):  # result.json is the controller's to remove, too
                    os.unlink(self.file(name))
            if found:
                _host_file_write.sync_folder(self.folder)
        except OSError as exc:
            raise _host_file.refusal(exc, self.folder, "cannot be changed") from exc

    @contextlib.contextmanager
    def locked(self, *, create: bool, seconds: float = LOCK_SECONDS) -> t.Iterator[bool]:
        """Hold the host's one lock: whoever edits under a checkpoint, restarts or restores has it alone.

        Without `create`, a host that never had a checkpoint is left as it is, and nothing is held: False.
        """
        folder = f"{self.root}{FOLDER}"
        if create:
            _host_file_write.make_folder(folder, _PRIVATE)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        try:
            _host_file_write.lock(descriptor, folder, seconds)
            yield True
        finally:
            os.close(descriptor)


def names(root: str = "") -> t.List[str]:
    """Return the names of the checkpoints that this host has."""
    folder = f"{root}{FOLDER}"
    found = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name for name in found if _NAME.match(name)]


def states_before(folders: t.Sequence[str]) -> t.List[Kept]:
    """Return the files as they were before the first of these commits, given by their folders in order."""
    found: t.Dict[str, Kept] = {}
    for folder in folders:
        for later in _records(folder):
            first = found.get(later.record.path)
            if first is None:
                found[later.record.path] = later
                continue
            content = later.record.content
            between = first.between
            if content is not None and is_foreign(content, first):
                between += (content,)
            found[later.record.path] = Kept(
                first.record,
                first.wrote | later.wrote,
                first.aside + later.aside,
                between,
                first.made_again + later.record.made,
            )
    return list(found.values())


def actions_of(folders: t.Sequence[str]) -> t.List[str]:
    """Return what is to be done after the files of these commits, given by their folders, are restored."""
    return list(dict.fromkeys(action for folder in folders for action in _named(folder, ".action")))


def is_foreign(content: bytes, kept: Kept) -> bool:
    """Tell whether bytes are neither what a file had at first nor what we wrote."""
    return content != kept.record.content and _checkpoint_record.digest(content) not in kept.wrote


def _records(folder: str) -> t.List[Kept]:
    return sorted((_kept(folder, name) for name in _named(folder, ".record")), key=lambda each: each.record.path)


def _kept(folder: str, name: str) -> Kept:
    path = f"{folder}/{name}.record"
    record = _checkpoint_record.decode(_host_file.read(path, limit=_LIMIT).content or b"", where=path)
    wrote, aside = (_host_file.read(f"{folder}/{name}.{suffix}").content or b"" for suffix in ("wrote", "aside"))
    return Kept(
        record, set(wrote.decode("ascii", "replace").split()), tuple(json.loads(line) for line in aside.splitlines())
    )


def _number(commit_id: str) -> int:
    return int(commit_id.partition("-")[0])


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _named(folder: str, suffix: str) -> t.List[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name[: -len(suffix)] for name in names if name.endswith(suffix) and not name.startswith(".")]


def _load(path: str) -> t.Optional[t.Dict[str, t.Any]]:
    content = _host_file.read(path).content
    try:
        return None if content is None else t.cast("t.Dict[str, t.Any]", json.loads(content))
    except ValueError as exc:
        raise Refused(f"is damaged: {exc}", where=path, instead="Remove it, and run again.") from exc
