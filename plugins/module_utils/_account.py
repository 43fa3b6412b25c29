# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The numbers of users and groups of the host, for those to whom a file is to belong, and their names."""

from __future__ import annotations

import typing as t

from ._errors import Refused


def user_id(name: t.Optional[str]) -> t.Optional[int]:
    """Return a user's number; of a number, itself; of None, None."""
    # Imported here and below: hardly any call names an owner.
    import pwd

    return _id("owner", name, lambda known: pwd.getpwnam(known).pw_uid)


def group_id(name: t.Optional[str]) -> t.Optional[int]:
    """Return a group's number; of a number, itself; of None, None."""
    import grp

    return _id("group", name, lambda known: grp.getgrnam(known).gr_gid)


def user_name(number: int) -> str:
    """Return a user's name for a person to read; of a number that nobody has, the number."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Return a group's name for a person to read; of a number that none has, the number."""
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _id(option: str, name: t.Optional[str], look_up: t.Callable[[str], int]) -> t.Optional[int]:
    if name is None or (name.isascii() and name.isdigit() and len(name) < 11):
        return None if name is None else int(name)
    try:
        return look_up(name)
    except KeyError as exc:
        raise Refused(f"{name} does not exist on this host", where=option, instead="Create it first.") from exc
