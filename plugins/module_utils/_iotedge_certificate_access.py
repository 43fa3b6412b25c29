# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Whether the user that a service runs as can get at a file: the kernel is asked, as that user."""

from __future__ import annotations

import os
import stat
import typing as t

from . import _account, _as_user, _iotedge_install
from ._errors import Refused

LIST, ENTER = os.R_OK | os.X_OK, os.X_OK
_WORDS = {LIST: ("list and enter", "rx"), ENTER: ("enter", "x")}
# Of whom the runtime's packages make users.
_OF_THE_RUNTIME = ("aziotcs", "aziotks")


class Reader(t.NamedTuple):
    """Who is to read a file."""

    name: str
    user: int
    group: int
    groups: t.Tuple[int, ...]  # all of them, the first included


def reader(owner: str, group: str, root: str = "") -> Reader:
    """Return the reader with these names (or numbers); raises Refused where the host doesn't know them."""
    try:
        user, gid = _account.user_id(owner), _account.group_id(group)
    except Refused as refused:
        if owner not in _OF_THE_RUNTIME:
            raise
        # Another generation of the runtime has other users, and the reason is to be that.
        unsupported = _iotedge_install.unsupported(_iotedge_install.find(root))
        if unsupported:
            raise unsupported from None
        raise Refused(
            f"{refused.what}: the runtime of Azure IoT Edge is not installed",
            where=refused.where,
            instead="Install the packages aziot-identity-service and aziot-edge first.",
        ) from None
    if user is None or gid is None:
        raise Refused("is empty", where="owner" if user is None else "group", instead="Name the service's user.")
    name = _account.user_name(user)
    return Reader(name, user, gid, tuple({gid, *(os.getgrouplist(name, gid) if name != str(user) else ())}))


def check_folders(who: Reader, folders: t.Sequence[str], asked: int, *, root: str, home: str) -> None:
    """Refuse the first of these folders, outermost first, that `who` may not enter (or list); `home`: where it may."""
    number = _barred(who, folders, asked)
    if number:
        path = folders[number - 1]
        status = os.stat(path)
        whose = "u" if status.st_uid == who.user else "g" if status.st_gid in who.groups else "o"
        words, bits = _WORDS[asked]
        shown = path[len(root) :]
        raise Refused(
            f"user {who.name} may not {words} it ({_access_of(status)})",
            where=shown,
            instead=f"Run chmod {whose}+{bits} {shown}, or keep the file in {home}.",
        )


def check_file(who: Reader, path: str, *, root: str, instead: str) -> None:
    """Refuse a file that `who` may not read."""
    if _barred(who, [path], os.R_OK):
        what = f"user {who.name} may not read it ({_access_of(os.stat(path))})"
        raise Refused(what, where=path[len(root) :], instead=instead)


def _access_of(status: os.stat_result) -> str:
    owner, group = _account.user_name(status.st_uid), _account.group_name(status.st_gid)
    return f"mode {stat.S_IMODE(status.st_mode):04o}, {owner}:{group}"


def folders_above(*paths: str, root: str) -> t.List[str]:
    """Return the folders above these paths that are there, outermost first, each once."""
    found: t.Dict[str, None] = {}
    for path in paths:
        folder = os.path.dirname(path)
        above = []
        while len(folder) > max(len(root), 1):
            above.append(folder)
            folder = os.path.dirname(folder)
        found.update(dict.fromkeys(folder for folder in reversed(above) if os.path.isdir(folder)))
    return list(found)


def _barred(who: Reader, paths: t.Sequence[str], asked: int) -> int:
    """Return the number, from 1, of the first path on which `who` may not do what is asked; 0 where there is none."""
    if os.geteuid() != 0:
        raise Refused("needs the rights of root", where="host", instead="Run with become: true.")
    found = _as_user.ask(
        who.user,
        who.group,
        who.groups,
        lambda: next((number for number, path in enumerate(paths, 1) if not os.access(path, asked)), 0),
    )
    if found is None:
        raise Refused(f"no process could be run as user {who.name}", where="host", instead="Run this as the real root.")
    return t.cast(int, found)
