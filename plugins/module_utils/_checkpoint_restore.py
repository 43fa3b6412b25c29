# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The way back: files as a checkpoint's records say they were. Every step may be done twice, so it may be cut off."""

from __future__ import annotations

import contextlib
import os
import typing as t

from . import _checkpoint_record, _guard_units, _host_file, _trusted_certificate, _units
from ._checkpoint import Checkpoint
from ._errors import Refused

# What has to be done once files are restored, by the name under which a checkpoint notes it.
ACTIONS: t.Dict[str, t.Callable[[], None]] = {"trust_store": _trusted_certificate.refresh}


class Restored(t.NamedTuple):
    """What a restore did: paths, and for those that someone else had changed in between, where their bytes are now."""

    paths: t.List[str]
    foreign: t.Dict[str, str]


def restore(checkpoint: Checkpoint) -> Restored:
    """Make every file under the checkpoint what it was, and have systemd and others know.

    What is pending stays so, for a run that is cut off here: call checkpoint.forget() when all is done.
    """
    return put_back(checkpoint, checkpoint.records(), checkpoint.actions())


def put_back(
    checkpoint: Checkpoint,
    records: t.Sequence[t.Tuple[_checkpoint_record.Record, t.Set[str]]],
    actions: t.Sequence[str],
) -> Restored:
    """Make files what their records say, each given with the digests of what we wrote over it."""
    done = Restored([], {})
    for record, wrote in records:
        _restore_file(checkpoint, record, wrote, done)
    for action in actions:
        ACTIONS[action]()
    if _units.booted(checkpoint.root):
        _units.daemon_reload()
    return done


def take_back(checkpoint: Checkpoint) -> None:
    """Restore what is pending where no daemon has been touched yet, and leave nothing of the change behind.

    Where that can't be done either, the guard tries on.
    """
    try:
        restore(checkpoint)
        checkpoint.forget()
        _guard_units.disarm(checkpoint)
    except (Refused, OSError):
        # Where not even that goes, the caller's own error is still the one to tell; the next run takes it up.
        with contextlib.suppress(Refused, OSError):
            _guard_units.call_to_take_back(checkpoint)


def _restore_file(checkpoint: Checkpoint, record: _checkpoint_record.Record, wrote: t.Set[str], done: Restored) -> None:
    path = checkpoint.root + record.path
    found = _host_file.read(path)
    if found.content == record.content and _same(found, record):
        _remove_folders(checkpoint.root, record)
        return
    if found.content is not None and found.content != record.content:
        now = _checkpoint_record.digest(found.content)
        if now not in wrote:
            done.foreign[record.path] = _put_aside(checkpoint, record, found.content, now)
    _make_folders(checkpoint.root, record)
    _host_file.put_back(path, record.content, record.attributes)
    _remove_folders(checkpoint.root, record)
    done.paths.append(record.path)


def _same(found: _host_file.Snapshot, record: _checkpoint_record.Record) -> bool:
    return found.content is None or _host_file.attributes_of(found) == record.attributes


def _put_aside(checkpoint: Checkpoint, record: _checkpoint_record.Record, content: bytes, digest: str) -> str:
    """Keep what someone else wrote over ours: no byte that isn't ours may be lost."""
    aside = checkpoint.file(f"foreign/{os.path.basename(record.path)}.{digest[:16]}")
    missing = _host_file.Missing(mode=0o600, folder_mode=0o700)
    _host_file.edit(aside, lambda _found: content, missing=missing)
    return aside[len(checkpoint.root) :]


def _make_folders(root: str, record: _checkpoint_record.Record) -> None:
    parent = root + os.path.dirname(record.path)
    if record.content is None or record.folder is None or os.path.isdir(parent):
        return
    # A drop-in's folder that went with our last file in it: those above it are systemd's own and still there.
    _host_file.make_folder(parent, _host_file.Missing(folder_mode=record.folder.mode))
    os.chown(parent, record.folder.owner, record.folder.group)
    for name, value in record.folder.extended.items():
        os.setxattr(parent, name, value)


def _remove_folders(root: str, record: _checkpoint_record.Record) -> None:
    for folder in reversed(record.made):
        # It stays where something else is in it by now.
        with contextlib.suppress(OSError):
            os.rmdir(root + folder)
