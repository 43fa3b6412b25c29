# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What another user of this host may read, as the vendor's check wants it."""

from __future__ import annotations

import os
import pwd
import typing as t

from . import _as_user


def denials(user: str, paths: t.Sequence[str], root: str = "") -> t.Optional[t.Dict[str, str]]:
    """Return for each path why `user` may not read it, "" where it may; None where there is no such user.

    A folder above must be readable too, and not only be passed through. `root` goes before the paths on the disk. Where
    it can't be asked, as by anyone but root, that is the reason.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    unknown = dict.fromkeys(paths, f"what {user} may read can't be told; run with become: true")
    if os.geteuid() != 0 or not paths:
        return unknown
    groups = os.getgrouplist(user, entry.pw_gid)
    found = _as_user.ask(
        entry.pw_uid, entry.pw_gid, groups, lambda: {path: _denial(user, path, root) for path in paths}
    )
    return unknown if found is None else t.cast("t.Dict[str, str]", found)


def _denial(user: str, path: str, root: str) -> str:
    folders = []
    folder = os.path.dirname(path)
    while folder not in ("", "/"):
        folders.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(folders):
        if not os.access(root + folder, os.R_OK | os.X_OK):
            return f"{user} may not look into {folder}"
    return "" if os.access(root + path, os.R_OK) else f"{user} may not read it"
