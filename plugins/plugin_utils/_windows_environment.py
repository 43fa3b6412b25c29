# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""An environment as Windows' registry keeps it: what is asked for, merged into what is there. No host in here.

Names are compared as Windows does, without regard to case. What others wrote stays as it is, in its order.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._proxy_environment import same

MULTI = "REG_MULTI_SZ"
PLAIN = "REG_SZ"
EXPAND = "REG_EXPAND_SZ"

# An environment variable, NAME=value with its NUL, has no more characters (UTF-16 units); .NET refuses longer names.
MAX_VARIABLE = 32767
MAX_NAME = 254

# What stands for a character that a conversion has lost, as the host's JSON does for half a surrogate pair.
_LOST = "\ufffd"

# Without them, or with another value, programs and the host itself don't start any more.
_OF_WINDOWS = frozenset(
    (
        "COMSPEC",
        "DRIVERDATA",
        "NUMBER_OF_PROCESSORS",
        "OS",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROCESSOR_IDENTIFIER",
        "PROCESSOR_LEVEL",
        "PROCESSOR_REVISION",
        "PSMODULEPATH",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "WINDIR",
    )
)


class Value(t.NamedTuple):
    """A value of the registry, not expanded."""

    kind: str  # 'REG_SZ', 'REG_MULTI_SZ', ...
    data: t.Any  # text; a list of texts for REG_MULTI_SZ


class Wanted(t.NamedTuple):
    """What to set and what to take away; no name is in both, whatever its case."""

    environment: dict[str, str]
    remove: tuple[str, ...]


class Change(t.NamedTuple):
    """One of the machine's variables that has to change. None: it is not there."""

    name: str  # as the registry spells it
    kind: str  # REG_SZ or REG_EXPAND_SZ
    before: str | None
    after: str | None


def fold(name: str) -> str:
    """Return what names that are one variable have in common; ours are ASCII, and other letters are left as they are.

    Python's own folding goes further than Windows': it would take HTTP\u017f_PROXY, with a long s, for HTTPS_PROXY.
    """
    return name.upper() if name.isascii() else name


def check_name(name: t.Any, where: str) -> str:
    """Return a variable's name, or raise Refused."""
    if not isinstance(name, str) or not name:
        raise Refused("has a name that is no text", where=where, instead='Write it in quotes: "NAME".')
    if "=" in name or not name.isascii() or not name.isprintable() or name != name.strip():
        raise Refused(
            f"{name!r} is no name of a variable", where=where, instead="Use ASCII letters, digits and underscores."
        )
    if len(name) > MAX_NAME:
        raise Refused(f"has a name of more than {MAX_NAME} characters", where=where, instead="Shorten it.")
    return name


def check_value(name: str, value: t.Any, where: str) -> str:
    """Return a variable's value as text, or raise Refused. No message quotes it."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        raise Refused(
            f"is {'a list or dict' if isinstance(value, (dict, list)) else value}, not text",
            where=where,
            instead='Quote it ("true"), or name the variable under `remove`.',
        )
    text = str(value)
    if not text:
        raise Refused(
            "is empty, which Windows takes for a variable that is to go",
            where=where,
            instead="Name the variable under `remove`.",
        )
    if "\0" in text:
        raise Refused("holds NUL, which ends a text in the registry", where=where, instead="Remove it.")
    if _LOST in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Refused(
            "holds half a surrogate pair, or the mark of a character that was lost",
            where=where,
            instead="Write it as UTF-8.",
        )
    size = len(f"{name}={text}".encode("utf-16-le")) // 2 + 1
    if size > MAX_VARIABLE:
        raise Refused(
            f"becomes a variable of {size} characters; Windows knows none of more than {MAX_VARIABLE}",
            where=where,
            instead="Shorten it.",
        )
    return text


def check_unique(names: t.Iterable[str], where: str) -> None:
    """Raise Refused where two names are one variable."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(fold(name), name)
        if first != name:
            raise Refused(
                f"{first} and {name} are one variable on Windows",
                where=where,
                instead="Leave one of them out.",
            )


def check_not_of_windows(names: t.Iterable[str], where: str) -> None:
    """Raise Refused for a variable of the machine that Windows itself needs."""
    for name in names:
        if fold(name) in _OF_WINDOWS:
            raise Refused(
                f"{name} is a variable that Windows itself needs",
                where=where,
                instead="Leave it out; ansible.windows.win_path edits Path.",
            )


def entries_of(value: Value | None, where: str) -> list[str]:
    """Return the NAME=value texts of a service's Environment; one of REG_SZ is a list of one.

    Raises Refused for another type, and for a list with an empty text within, which ends it for Windows.
    """
    if value is None:
        return []
    if value.kind not in (MULTI, PLAIN, EXPAND):
        raise Refused(
            f"is {value.kind}, and no list of variables",
            where=where,
            instead=f"Find out what wrote it; then delete it, or make it {MULTI}.",
        )
    # A host's JSON may hold a list of one as the text alone.
    entries = [value.data] if isinstance(value.data, str) else list(value.data or ())
    while entries and not entries[-1]:
        entries.pop()
    if "" in entries:
        raise Refused(
            f"has an empty text as entry {entries.index('') + 1} of {len(entries)}, which ends the list for Windows",
            where=where,
            instead="Take the empty text out of it (regedit.exe), and judge what is behind it.",
        )
    return entries


def split(entry: str) -> tuple[str, str] | None:
    """Return name and value of an entry, or None for one that is no NAME=value."""
    # A name may begin with `=`, as that of a drive's own folder does (=C:).
    place = entry.find("=", 1)
    return None if place < 0 else (entry[:place], entry[place + 1 :])


def merge(entries: t.Sequence[str], wanted: Wanted) -> list[str]:
    """Return the entries with what is wanted in place of what had its name; the rest stays, byte for byte.

    An entry that already says it is left as it is, in its own spelling. A second entry of the same name goes.
    """
    ours = {fold(name): (name, value) for name, value in wanted.environment.items()}
    gone = set(map(fold, wanted.remove))
    merged = []
    placed = set()
    for entry in entries:
        pair = split(entry)
        key = fold(pair[0]) if pair else ""
        if pair is None or not (key in ours or key in gone):
            merged.append(entry)
        elif key in ours and key not in placed:
            placed.add(key)
            name, value = ours[key]
            merged.append(entry if same(name, pair[1], value) else f"{name}={value}")
    return merged + [f"{name}={value}" for key, (name, value) in ours.items() if key not in placed]


def check_lossless(entries: t.Iterable[str], where: str) -> None:
    """Raise Refused where entries that are to be written again were not read as they are."""
    for number, entry in enumerate(entries, 1):
        if _LOST in entry:
            raise Refused(
                f"holds a character in entry {number} that gets lost on the way, so it can't be written again as it is",
                where=where,
                instead="Correct that entry on the host (regedit.exe) first.",
            )


def changes(found: t.Mapping[str, Value], wanted: Wanted, where: str) -> list[Change]:
    """Return which of the machine's variables have to change; a REG_EXPAND_SZ stays one.

    Raises Refused where something has such a name and is no text.
    """
    spelled = {fold(name): name for name in found}
    needed = []
    for name, after in [*wanted.environment.items(), *((name, None) for name in wanted.remove)]:
        spelling = spelled.get(fold(name))
        if spelling is None:
            if after is not None:
                needed.append(Change(name, PLAIN, None, after))
            continue
        value = found[spelling]
        if value.kind not in (PLAIN, EXPAND):
            raise Refused(
                f"is {value.kind}, and no variable, which is {PLAIN} or {EXPAND}",
                where=f"{where}\\{spelling}",
                instead="Find out what wrote it, and delete it.",
            )
        if after is None or not same(name, value.data, after):
            needed.append(Change(spelling, value.kind, value.data, after))
    return needed
