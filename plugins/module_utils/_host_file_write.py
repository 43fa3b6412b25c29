# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Behind _host_file's door: writes a file to the disk as a whole, keeps what it has besides its bytes, and locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import stat
import time
import typing as t

from . import _host_file
from ._errors import Refused

LOCK_SECONDS = 60
_TEMPORARY = ".container_hosts-"
_ACL = "system.posix_acl_access"


class Attributes(t.NamedTuple):
    """What a file has besides its bytes. Owner and group -1: those of the running process."""

    mode: int
    owner: int
    group: int
    extended: t.Dict[str, bytes]  # SELinux label, ACL, capabilities, user attributes
    modified: t.Optional[int] = None  # nanoseconds since the epoch; None: now


def put_back(
    path: str,
    content: t.Optional[bytes],
    attributes: t.Optional[Attributes],
    over: t.Optional[_host_file.Snapshot] = None,
) -> bool:
    """Make the file at the real `path` be exactly this again; None and None: no file.

    Returns False, with nothing done, where the file is no longer what was found `over` there. Its folder must be
    there. Raises Refused where it can't be done, and then the file is as it was.
    """
    parent, name = os.path.split(path)
    try:
        folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as exc:
        if content is None and isinstance(exc, FileNotFoundError):
            return True
        raise _host_file.refusal(exc, path, "cannot be restored") from exc
    try:
        lock(folder, parent)
        _sweep(folder, name)
        expect = functools.partial(_expect, folder, name, over) if over else _anything
        if content is not None and attributes is not None:
            _place(folder, name, content, attributes, expect)
        else:
            expect()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        os.fsync(folder)
    except ChangedMeanwhile:
        return False
    except OSError as exc:
        raise _host_file.refusal(exc, path, "cannot be restored") from exc
    finally:
        os.close(folder)
    return True


def sweep(path: str) -> None:
    """Remove what a run that was killed while it wrote the file at the real `path` left beside it."""
    parent, name = os.path.split(path)
    try:
        folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise _host_file.refusal(exc, parent, "cannot be read") from exc
    try:
        lock(folder, parent)
        _sweep(folder, name)
    except OSError as exc:
        raise _host_file.refusal(exc, parent, "cannot be swept") from exc
    finally:
        os.close(folder)


def attributes_of(found: _host_file.Snapshot) -> Attributes:
    """Return what a file that was found has besides its bytes."""
    status = _present(found)
    extended = extended_attributes(found.real)
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, extended, status.st_mtime_ns)


def attributes_of_folder(path: str) -> Attributes:
    """Return what a folder has besides its entries."""
    status = os.stat(path)
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, extended_attributes(path))


def extended_attributes(path: str) -> t.Dict[str, bytes]:
    """Return a file's or folder's extended attributes, none where its file system knows none."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    except OSError as exc:
        if exc.errno == errno.ENOTSUP:
            return {}
        raise


class ChangedMeanwhile(Exception):
    """The file is no longer what was found."""


def commit(
    found: _host_file.Snapshot,
    after: t.Optional[bytes],
    access: _host_file.Access,
    missing: _host_file.Missing,
    backup: bool,
    remove_empty_folder: bool,
) -> t.Optional[str]:
    """Replace the file by `after`, under the folder's lock, if it still is what was found; return the backup's path."""
    parent, name = os.path.split(found.real)
    if after is not None:
        make_folder(parent, missing)
    folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(folder, parent)
        _sweep(folder, name)
        backup_name = None
        if backup and found.content is not None:
            backup_name = f"{name}.{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}~"
            had = _host_file.access_of(_present(found))
            _place(folder, backup_name, found.content, _kept(found, had._replace(mode=had.mode & 0o700)), beside=name)
        expect = functools.partial(_expect, folder, name, found)
        if after is None:
            expect()
            os.unlink(name, dir_fd=folder)
        elif after == found.content and access[1:] == _host_file.access_of(_present(found))[1:]:
            _set_mode(folder, name, found, access.mode)
        else:
            # A file anew also where only the owner is another: owner and mode can't be changed in one step, what has
            # another name elsewhere (a hard link) is not ours to give away, and to the new owner it is news.
            _place(folder, name, after, _kept(found, access), expect)
        os.fsync(folder)
    finally:
        os.close(folder)
    if after is None and remove_empty_folder:
        # It stays where something else is in it.
        with contextlib.suppress(OSError):
            os.rmdir(parent)
    return os.path.join(parent, backup_name) if backup_name else None


def make_folder(folder: str, missing: _host_file.Missing) -> None:
    """Make a folder, and those above it, unless they are there."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    make_folder(parent, missing.above or missing)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, missing.folder_mode)
        os.chmod(folder, missing.folder_mode)  # whatever the umask
        if missing.owner is not None or missing.group is not None:
            os.chown(folder, *_host_file.owner_of(missing))
        sync_folder(parent)


def sync_folder(path: str) -> None:
    """Have what was renamed, made or removed in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(folder: int, path: str, seconds: t.Optional[float] = None) -> None:
    """Wait for the lock of an opened folder. It is on the folder itself, so it leaves nothing behind."""
    seconds = LOCK_SECONDS if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as exc:
            if time.monotonic() > deadline:
                raise Refused(
                    f"is locked by another run for more than {seconds:g} s",
                    where=path,
                    instead="Wait for it, or end it.",
                ) from exc
            time.sleep(0.05)


def _sweep(folder: int, name: str) -> None:
    """Remove what a run that was killed in its write left behind; the lock says that it is nobody's."""
    for entry in os.listdir(folder):
        if entry.startswith(f".{name}{_TEMPORARY}"):
            os.unlink(entry, dir_fd=folder)


def _anything() -> None:
    """Expect nothing of the file that is replaced."""


def _place(
    folder: int,
    name: str,
    content: bytes,
    attributes: Attributes,
    expect: t.Callable[[], None] = _anything,
    *,
    beside: str = "",
) -> None:
    """Write a file with these attributes down to the disk, and only then give it its name.

    `beside` is the file that it is a backup of, by whose name _sweep finds what a killed run left.
    """
    temporary = f".{beside or name}{_TEMPORARY}{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            if (attributes.owner, attributes.group) != (-1, -1):
                os.fchown(descriptor, attributes.owner, attributes.group)
            for attribute, value in attributes.extended.items():
                os.setxattr(descriptor, attribute, value)
            os.fchmod(descriptor, attributes.mode)  # last: an ACL brings a mode of its own
            if attributes.modified is not None:
                os.utime(descriptor, ns=(attributes.modified, attributes.modified))
            os.fsync(descriptor)
        expect()
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _kept(found: _host_file.Snapshot, access: _host_file.Access) -> Attributes:
    """Return what the file keeps through an edit, or gets as a new one."""
    extended = {} if found.status is None else extended_attributes(found.real)
    if not access.mode & 0o077:
        # An ACL is a mode by another name: on a file that only its owner may read, it would let others in.
        extended.pop(_ACL, None)
    return Attributes(*access, extended)


def _expect(folder: int, name: str, found: _host_file.Snapshot) -> None:
    """Raise ChangedMeanwhile unless the file is still the one that was read."""
    try:
        now: t.Optional[os.stat_result] = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        now = None
    if _identity(now) != _identity(found.status):
        raise ChangedMeanwhile


def _identity(status: t.Optional[os.stat_result]) -> t.Any:
    return status and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _set_mode(folder: int, name: str, found: _host_file.Snapshot, mode: int) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if _identity(os.fstat(descriptor)) != _identity(found.status):
            raise ChangedMeanwhile
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _present(found: _host_file.Snapshot) -> os.stat_result:
    if found.status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), found.path)
    return found.status
