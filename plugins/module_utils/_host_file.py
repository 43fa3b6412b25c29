# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The one door to the disk: read a file, compare, and replace it as a whole or not at all.

An interrupted write leaves the old file; two writers never lose each other's edit; a file whose bytes
would not change is never touched. Owner, mode, extended attributes (SELinux label, ACL) and a symbolic
link that leads to the file are kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import stat
import time
import typing as t

from ._errors import Refused

MAX_BYTES = 4 * 1024 * 1024
LOCK_SECONDS = 60
_TRIES = 5
_TEMPORARY = ".container_hosts-"
_ACL = "system.posix_acl_access"

_HINTS = {
    errno.EROFS: "The file system is mounted read-only; remount it or choose another path.",
    errno.ENOSPC: "The disk is full; free some space and run again.",
    errno.EDQUOT: "The quota is used up; free some space and run again.",
    errno.EACCES: "Run with become: true, or let the user have access to it.",
    errno.EPERM: "Run with become: true; if root is refused too, look for an immutable flag (lsattr).",
    errno.EBUSY: "Is it mounted on its own, as a container's file? Then change it where it is mounted from.",
}


class Snapshot(t.NamedTuple):
    """A file as it was found. `content` is None where there is no file, and then `status` is None too."""

    path: str  # as the caller named it
    real: str  # where the bytes are, after symbolic links
    content: t.Optional[bytes]
    status: t.Optional[os.stat_result]


class Edit(t.NamedTuple):
    """What an edit did, or in check mode would do."""

    path: str
    before: t.Optional[bytes]
    after: t.Optional[bytes]
    changed: bool
    backup_file: t.Optional[str]
    # What it was and is to be, where an existing file did not have the access that was to be held.
    access: t.Optional[t.Tuple[Access, Access]] = None


class Access(t.NamedTuple):
    """Who may do what with a file. Owner and group -1: those of the running process."""

    mode: int
    owner: int
    group: int


class Missing(t.NamedTuple):
    """How to make what does not exist yet. Owner and group None: those of the running process."""

    mode: int = 0o644
    folder_mode: int = 0o755
    owner: t.Optional[int] = None
    group: t.Optional[int] = None
    above: t.Optional[Missing] = None  # for the folders above the file's own; None: they are made like that one


NEW_FILE = Missing()


class Attributes(t.NamedTuple):
    """What a file has besides its bytes. Owner and group -1: those of the running process."""

    mode: int
    owner: int
    group: int
    extended: t.Dict[str, bytes]  # SELinux label, ACL, capabilities, user attributes
    modified: t.Optional[int] = None  # nanoseconds since the epoch; None: now


# Called with what is found and what is about to be written, before anything is: the place to keep the former. What it
# returns is called if the write is tried again, since the file was changed by someone else in between.
Keep = t.Callable[[Snapshot, t.Optional[bytes]], t.Callable[[], None]]


def read(path: str, *, limit: int = MAX_BYTES) -> Snapshot:
    """Return the file's bytes and status.

    Raises Refused for what is not a regular file, is larger than `limit` bytes, can't be read, or is
    reached by a symbolic link that its owner could use to have a stranger's file replaced.
    """
    real = _follow(path)
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Snapshot(path, real, None, None)
    except OSError as exc:
        raise _refusal(exc, path, "cannot be read") from exc
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"is {_kind(status.st_mode)}, not a regular file", where=path, instead="Name a file.")
        if status.st_size > limit:
            raise Refused(
                f"has {status.st_size} bytes; more than {limit} is no configuration file",
                where=path,
                instead="Check what wrote it, and the path.",
            )
        with os.fdopen(descriptor, "rb", closefd=False) as handle:
            return Snapshot(path, real, handle.read(), status)
    except OSError as exc:
        raise _refusal(exc, path, "cannot be read") from exc
    finally:
        os.close(descriptor)


def edit(
    path: str,
    transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]],
    *,
    check_mode: bool = False,
    private: t.Union[bool, t.Callable[[bytes], bool]] = False,
    missing: Missing = NEW_FILE,
    backup: bool = False,
    validate: t.Optional[t.Callable[[bytes], None]] = None,
    remove_empty_folder: bool = False,
    limit: int = MAX_BYTES,
    keep: t.Optional[Keep] = None,
    hold: bool = False,
) -> Edit:
    """Make the file at `path` what `transform` says it should be.

    `transform` takes the present bytes (None: no file) and returns the wanted ones (None: no file); it must be
    pure, since it is called again if another process changed the file in the meantime. `private` (or its answer
    for the wanted bytes) takes group's and others' access away, and never gives any. `validate` may raise
    Refused for bytes that differ from the present ones; it is called in check mode too. With `hold`, a file that
    exists gets the mode, and the owner and group unless None, that `missing` has for a new one.
    """
    for _try in range(_TRIES):
        found = read(path, limit=limit)
        after = transform(found.content)
        access = _access(found, after, private, missing, hold)
        had = None if found.status is None or after is None else _access_of(found.status)
        other_access = had is not None and had != access
        if after == found.content and not other_access:
            return Edit(path, found.content, after, False, None)
        held = (had, access) if hold and had is not None and other_access else None
        if after is not None and after != found.content and validate is not None:
            validate(after)
        if after is None and os.path.islink(path):
            raise Refused(
                "is a symbolic link, and what it leads to is not ours to remove",
                where=path,
                instead="Remove it by hand.",
            )
        if check_mode:
            return Edit(path, found.content, after, True, None, held)
        forget = None
        try:
            forget = keep(found, after) if keep else None
            backup_file = _commit(found, after, access, missing, backup, remove_empty_folder)
        except _ChangedMeanwhile:
            if forget:
                forget()
            continue
        except OSError as exc:
            raise _refusal(exc, path, "cannot be written, and is as it was") from exc
        return Edit(path, found.content, after, True, backup_file, held)
    raise Refused(
        f"was changed by another process {_TRIES} times while we edited it",
        where=path,
        instead="Find out what writes it.",
    )


def put_back(
    path: str, content: t.Optional[bytes], attributes: t.Optional[Attributes], over: t.Optional[Snapshot] = None
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
        raise _refusal(exc, path, "cannot be restored") from exc
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
    except _ChangedMeanwhile:
        return False
    except OSError as exc:
        raise _refusal(exc, path, "cannot be restored") from exc
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
        raise _refusal(exc, parent, "cannot be read") from exc
    try:
        lock(folder, parent)
        _sweep(folder, name)
    except OSError as exc:
        raise _refusal(exc, parent, "cannot be swept") from exc
    finally:
        os.close(folder)


def attributes_of(found: Snapshot) -> Attributes:
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


class _ChangedMeanwhile(Exception):
    pass


def _commit(
    found: Snapshot,
    after: t.Optional[bytes],
    access: Access,
    missing: Missing,
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
            had = _access_of(_present(found))
            _place(folder, backup_name, found.content, _kept(found, had._replace(mode=had.mode & 0o700)), beside=name)
        expect = functools.partial(_expect, folder, name, found)
        if after is None:
            expect()
            os.unlink(name, dir_fd=folder)
        elif after == found.content and access[1:] == _access_of(_present(found))[1:]:
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


def _follow(path: str) -> str:
    """Return where the bytes of `path` are; a link may only lead where its owner could write anyway."""
    if not os.path.isabs(path):
        raise Refused("is not an absolute path", where=path, instead="Begin it with /.")
    parent, name = os.path.split(os.path.normpath(path))
    try:
        real = os.path.join(os.path.realpath(parent), name)
        link = os.lstat(real)
        if not stat.S_ISLNK(link.st_mode):
            return real
        target = os.path.realpath(real)
        owner = os.stat(target).st_uid
    except FileNotFoundError as exc:
        if os.path.islink(path):
            raise Refused(
                f"is a symbolic link to {os.readlink(path)}, which does not exist",
                where=path,
                instead="Remove the link, or make its target.",
            ) from exc
        return real
    except OSError as exc:
        raise _refusal(exc, path, "cannot be read") from exc
    if link.st_uid not in (0, os.geteuid(), owner):
        raise Refused(
            f"is a symbolic link that user {link.st_uid} made to {target}, which belongs to user {owner}",
            where=path,
            instead="Name the file itself, if this is meant.",
        )
    return target


def make_folder(folder: str, missing: Missing) -> None:
    """Make a folder, and those above it, unless they are there."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    make_folder(parent, missing.above or missing)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, missing.folder_mode)
        os.chmod(folder, missing.folder_mode)  # whatever the umask
        if missing.owner is not None or missing.group is not None:
            os.chown(folder, *_owner(missing))
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


def _kept(found: Snapshot, access: Access) -> Attributes:
    """Return what the file keeps through an edit, or gets as a new one."""
    extended = {} if found.status is None else extended_attributes(found.real)
    if not access.mode & 0o077:
        # An ACL is a mode by another name: on a file that only its owner may read, it would let others in.
        extended.pop(_ACL, None)
    return Attributes(*access, extended)


def _owner(missing: Missing) -> t.Tuple[int, int]:
    """Return (uid, gid) for chown, -1 for what may stay."""
    return -1 if missing.owner is None else missing.owner, -1 if missing.group is None else missing.group


def _expect(folder: int, name: str, found: Snapshot) -> None:
    """Raise _ChangedMeanwhile unless the file is still the one that was read."""
    try:
        now: t.Optional[os.stat_result] = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        now = None
    if _identity(now) != _identity(found.status):
        raise _ChangedMeanwhile


def _identity(status: t.Optional[os.stat_result]) -> t.Any:
    return status and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _set_mode(folder: int, name: str, found: Snapshot, mode: int) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if _identity(os.fstat(descriptor)) != _identity(found.status):
            raise _ChangedMeanwhile
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _access(
    found: Snapshot,
    after: t.Optional[bytes],
    private: t.Union[bool, t.Callable[[bytes], bool]],
    missing: Missing,
    hold: bool,
) -> Access:
    access = Access(missing.mode, *_owner(missing))
    if found.status is not None:
        had = _access_of(found.status)
        # The running process's own owner and group are no wish to have an existing file given to them.
        access = (
            Access(access.mode, *(new if new >= 0 else old for new, old in zip(access[1:], had[1:]))) if hold else had
        )
    if after is not None and (private(after) if callable(private) else private):
        access = access._replace(mode=access.mode & 0o700)
    return access


def _access_of(status: os.stat_result) -> Access:
    return Access(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _present(found: Snapshot) -> os.stat_result:
    if found.status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), found.path)
    return found.status


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return name
    return "of an unknown kind"


def _refusal(exc: OSError, path: str, what: str) -> Refused:
    return Refused(f"{what}: {exc.strerror}", where=path, instead=_HINTS.get(exc.errno or 0, ""))
