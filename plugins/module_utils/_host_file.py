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

import errno
import os
import stat
import typing as t

from ._errors import Refused

MAX_BYTES = 4 * 1024 * 1024
_TRIES = 5

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
        raise refusal(exc, path, "cannot be read") from exc
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
        raise refusal(exc, path, "cannot be read") from exc
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
        had = None if found.status is None or after is None else access_of(found.status)
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
        from . import _host_file_write  # most files are what they are to be, and it is compiled in each run

        forget = None
        try:
            forget = keep(found, after) if keep else None
            backup_file = _host_file_write.commit(found, after, access, missing, backup, remove_empty_folder)
        except _host_file_write.ChangedMeanwhile:
            if forget:
                forget()
            continue
        except OSError as exc:
            raise refusal(exc, path, "cannot be written, and is as it was") from exc
        return Edit(path, found.content, after, True, backup_file, held)
    raise Refused(
        f"was changed by another process {_TRIES} times while we edited it",
        where=path,
        instead="Find out what writes it.",
    )


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
        raise refusal(exc, path, "cannot be read") from exc
    if link.st_uid not in (0, os.geteuid(), owner):
        raise Refused(
            f"is a symbolic link that user {link.st_uid} made to {target}, which belongs to user {owner}",
            where=path,
            instead="Name the file itself, if this is meant.",
        )
    return target


def owner_of(missing: Missing) -> t.Tuple[int, int]:
    """Return (uid, gid) for chown, -1 for what may stay."""
    return -1 if missing.owner is None else missing.owner, -1 if missing.group is None else missing.group


def _access(
    found: Snapshot,
    after: t.Optional[bytes],
    private: t.Union[bool, t.Callable[[bytes], bool]],
    missing: Missing,
    hold: bool,
) -> Access:
    access = Access(missing.mode, *owner_of(missing))
    if found.status is not None:
        had = access_of(found.status)
        # The running process's own owner and group are no wish to have an existing file given to them.
        access = (
            Access(access.mode, *(new if new >= 0 else old for new, old in zip(access[1:], had[1:]))) if hold else had
        )
    if after is not None and (private(after) if callable(private) else private):
        access = access._replace(mode=access.mode & 0o700)
    return access


def access_of(status: os.stat_result) -> Access:
    """Return the access that a file has."""
    return Access(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


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


def refusal(exc: OSError, path: str, what: str) -> Refused:
    """Return the refusal of a file that can't be dealt with, with what to do about it."""
    return Refused(f"{what}: {exc.strerror}", where=path, instead=_HINTS.get(exc.errno or 0, ""))
