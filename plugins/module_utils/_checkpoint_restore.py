# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The way back: files as a checkpoint's records say they were. Every step may be done twice, so it may be cut off."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t

from . import _guard_units, _host_file, _host_file_write, _units
from ._checkpoint import Checkpoint, Kept, is_foreign
from ._checkpoint_record import Record
from ._errors import Refused


def _refresh_trust_store() -> None:
    from . import _trusted_certificate  # in here, since few changes are about certificates

    _trusted_certificate.refresh()


# What has to be done once files are restored, by the name under which a checkpoint notes it.
ACTIONS: t.Dict[str, t.Callable[[], None]] = {"trust_store": _refresh_trust_store}
_TRIES = 5


class Restored(t.NamedTuple):
    """What a restore did: paths, and for those that someone else had changed in between, where their bytes are now."""

    paths: t.List[str]
    foreign: t.Dict[str, t.List[str]]


def restore(checkpoint: Checkpoint) -> Restored:
    """Make every file under the checkpoint what it was, and have systemd and others know.

    What is pending stays so, for a run that is cut off here: call checkpoint.forget() when all is done.
    """
    return put_back(checkpoint, checkpoint.records(), checkpoint.actions())


def put_back(checkpoint: Checkpoint, files: t.Sequence[Kept], actions: t.Sequence[str]) -> Restored:
    """Make files what they were before our changes, while something is pending.

    What can be restored is, before Refused or OSError is raised for the rest.
    """
    done = Restored([], {})
    troubles: t.List[Exception] = []
    made = {folder for kept in files for folder in kept.record.made}
    ours = made.union(*(kept.made_again for kept in files))
    steps: t.List[t.Callable[[], None]] = [_file_step(checkpoint, kept, ours, done) for kept in files]
    steps.append(lambda: _remove_folders(checkpoint.root, made))
    steps.extend(_action_step(name) for name in actions)
    if _units.booted(checkpoint.root):
        steps.append(_units.daemon_reload)
    for step in steps:
        try:
            step()
        except (Refused, OSError) as trouble:
            troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return done


def take_back(checkpoint: Checkpoint) -> None:
    """Restore what is pending where no daemon has been touched yet, and leave nothing of the change behind.

    Where that can't be done either, the guard tries on.
    """
    try:
        restore(checkpoint)
        checkpoint.forget()
        _guard_units.disarm(checkpoint)
    # Whatever it is: the caller's own error is the one to tell, and the next run takes this up.
    except Exception:
        with contextlib.suppress(Exception):
            _guard_units.call_to_take_back(checkpoint)


def _action_step(name: str) -> t.Callable[[], None]:
    def act() -> None:
        if name not in ACTIONS:
            raise Refused(f"knows no {name}", where="checkpoint", instead="Was it written by another version?")
        ACTIONS[name]()

    return act


def _file_step(checkpoint: Checkpoint, kept: Kept, ours: t.Set[str], done: Restored) -> t.Callable[[], None]:
    return lambda: _restore_file(checkpoint, kept, ours, done)


def _restore_file(checkpoint: Checkpoint, kept: Kept, ours: t.Set[str], done: Restored) -> None:
    record = kept.record
    path = checkpoint.root + record.path
    aside = list(kept.aside)
    for content in kept.between:
        aside.append(checkpoint.put_aside(record.path, content))
    _host_file_write.sweep(path)
    _make_folder(checkpoint, record, ours)
    for _try in range(_TRIES):
        moved = _clear(checkpoint, record)
        aside.extend([moved] if moved else [])
        found = _host_file.read(path)
        if found.content == record.content and _same(found, record):
            break
        if found.content is not None and is_foreign(found.content, kept):
            aside.append(checkpoint.put_aside(record.path, found.content))
        if _host_file_write.put_back(path, record.content, record.attributes, found):
            done.paths.append(record.path)
            break
    else:
        raise Refused(f"was changed by another process {_TRIES} times while it was restored", where=record.path)
    if aside:
        done.foreign[record.path] = list(dict.fromkeys(aside))


def _same(found: _host_file.Snapshot, record: Record) -> bool:
    return found.content is None or _host_file_write.attributes_of(found) == record.attributes


def _clear(checkpoint: Checkpoint, record: Record) -> t.Optional[str]:
    """Move what is no file, or is too large for one, out of a file's way; return where it is now.

    A link is moved too: the file was not one, and what a link leads to was never ours to change.
    """
    path = checkpoint.root + record.path
    try:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size <= _host_file.MAX_BYTES:
            return None
        if stat.S_ISDIR(status.st_mode):
            # Docker makes an empty folder where a container is to see a file that isn't there.
            with contextlib.suppress(OSError):
                os.rmdir(path)
                return None
        number = 1
        while os.path.lexists(f"{path}.foreign-{number}"):
            number += 1
        aside = f"{record.path}.foreign-{number}"
        checkpoint.note_aside(record.path, aside)
        os.rename(path, checkpoint.root + aside)
        _host_file_write.sync_folder(os.path.dirname(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise Refused(
            f"cannot be restored, since something else stands there: {exc.strerror}",
            where=record.path,
            instead="Move that out of the way.",
        ) from exc
    return aside


def _make_folder(checkpoint: Checkpoint, record: Record, ours: t.Set[str]) -> None:
    """Make a folder again that went with our last file in it, as it was: those above it are systemd's own.

    One of our own making stands for it where a later edit needed it again, or where the way back was cut off.
    """
    folder = os.path.dirname(record.path)
    path = checkpoint.root + folder
    was = record.folder
    if was is None or (os.path.isdir(path) and folder not in ours and not checkpoint.noted_folder(folder)):
        return
    checkpoint.note_folder(folder)
    # Those above it are for others too, who need not be root: /var/secrets of /var/secrets/aziot/keyd, which is 0700.
    above = _host_file.Missing(folder_mode=0o755)
    _host_file_write.make_folder(path, _host_file.Missing(folder_mode=was.mode, above=above))
    os.chown(path, was.owner, was.group)
    os.chmod(path, was.mode)
    for name, value in was.extended.items():
        os.setxattr(path, name, value)


def _remove_folders(root: str, made: t.Set[str]) -> None:
    for folder in sorted(made, key=len, reverse=True):
        try:
            os.rmdir(root + folder)
        except OSError as exc:
            # It stays where something else is in it by now.
            if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY):
                raise Refused(f"cannot be removed: {exc.strerror}", where=folder) from exc
