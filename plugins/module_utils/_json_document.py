# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Edits a JSON file's keys and leaves every other byte as it is: bytes in, bytes out.

Two laws hold for every document x, settings s and key paths r:

    edit(edit(x, s, r), s, r) == edit(x, s, r)
    edit(edit(x, s, []), {}, leaf_paths(s)) == x      where x had none of the keys of s

Most runs find nothing to do, and everything is compiled in each of them: what lays out a change is in _json_change.
"""

from __future__ import annotations

import math
import typing as t

from ._errors import Refused
from ._json_syntax import BOM, Member, Object, decoded, line_at, top_object
from ._key_paths import Path, checked_path, checked_text, checked_tree, dotted, refuse_conflict


def edit(
    source: t.Optional[bytes], settings: t.Mapping[str, t.Any], remove: t.Sequence[Path] = (), *, name: str = ""
) -> t.Optional[bytes]:
    """Return `source` with `settings` merged in and the key paths of `remove` taken out; None: no file.

    Objects merge, lists and scalars are replaced as a whole, and a value that already is equal keeps its spelling.
    `name` is the file's, for error messages. Raises Refused for a file that is no JSON object, and for a path that
    crosses something else than an object, or a key that stands there twice.
    """
    wanted = checked(settings)
    doomed = [checked_path(path) for path in remove]
    for path in doomed:
        refuse_conflict(wanted, path)
    going = tree(doomed)
    text = None if source is None else decoded(source, name)
    top = None
    if text is not None and (wanted or going):
        top = top_object(text, name, _together(wanted, going))
    if _holds(top, wanted, going):
        return source
    from . import _json_change

    after = _json_change.changed(text, top, wanted, going, name)
    return source if after == text else None if after is None else after.encode()


def load(source: bytes, *, name: str = "") -> t.Dict[str, t.Any]:
    """Return the object that `source` holds; of a key that stands there twice, the last value, as Go and Python do."""
    text = decoded(source, name)
    top = top_object(text, name)
    if top is None:
        raise Refused("is empty, which is not JSON", where=name, instead="Write {} or remove the file.")
    return {member.key: member.value for member in top.members}


def is_blank(source: t.Optional[bytes]) -> bool:
    """Tell whether there is no document: no file, or nothing but white space and a byte order mark in it."""
    return source is None or not source.decode("utf-8", "replace").lstrip(BOM).strip(" \t\r\n")


def line_of(source: bytes, path: Path) -> t.Optional[int]:
    """Return the line (from 1) on which the key at `path` stands, or None where it doesn't."""
    text = decoded(source, "")
    found = member_at(top_object(text, "", nested([path])), path)
    return None if found is None else line_at(text, found.start)


def member_at(top: t.Optional[Object], path: Path) -> t.Optional[Member]:
    """Return the member at `path` of an object that was taken apart for it (see nested); the last one of several."""
    found = None
    inside: t.Any = top
    for key in path:
        members = inside.members if isinstance(inside, Object) else []
        found = next((member for member in reversed(members) if member.key == key), None)
        inside = found and found.value
    return found


# What is asked for ------------------------------------------------------------------------------------------------


def checked(value: t.Any, path: t.Tuple[str, ...] = ()) -> t.Any:
    """Return `value` as plain JSON data, or refuse it naming its path."""
    return checked_tree(value, _checked_leaf, path)


def _checked_leaf(value: t.Any, path: t.Tuple[str, ...]) -> t.Any:
    if isinstance(value, str):
        checked_text(value, path)
        return value  # itself, as it may bring its spelling along
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"is {value}, which JSON cannot say", where=dotted(path))
    if isinstance(value, int) and value.bit_length() > 1024:
        raise Refused("is a number of more than 300 digits", where=dotted(path))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise Refused(f"is of type {type(value).__name__}, which JSON has not", where=dotted(path), instead="Quote it.")


def tree(paths: t.Iterable[Path]) -> t.Dict[str, t.Any]:
    """Return the keys of `paths` as nested objects that end in None; a path takes along what others name below it."""
    keys: t.Dict[str, t.Any] = {}
    for path in sorted(paths, key=len, reverse=True):
        _branch(keys, path[:-1])[path[-1]] = None
    return keys


def nested(paths: t.Iterable[Path]) -> t.Dict[str, t.Any]:
    """Return the keys of `paths` as nested objects, for top_object."""
    keys: t.Dict[str, t.Any] = {}
    for path in paths:
        _branch(keys, path)
    return keys


def _branch(keys: t.Dict[str, t.Any], path: Path) -> t.Dict[str, t.Any]:
    for key in path:
        keys = keys.setdefault(key, {})
    return keys


def _together(wanted: t.Dict[str, t.Any], doomed: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return all keys that are asked about; none of them is both."""
    keys = dict(wanted)
    for key, below in doomed.items():
        keys[key] = _together(keys.get(key) or {}, below or {})
    return keys


# Whether it is there ----------------------------------------------------------------------------------------------


def _holds(there: t.Optional[Object], wanted: t.Dict[str, t.Any], doomed: t.Dict[str, t.Any]) -> bool:
    """Tell whether an edit has nothing to do, and nothing to refuse. False: perhaps."""
    if there is None:
        return not wanted
    values = {member.key: member.value for member in there.members}
    if len(values) < len(there.members):
        return False  # a key stands there twice
    for key, value in wanted.items():
        if key not in values:
            return False
        inside = values[key]
        if not (_holds(inside, value, {}) if isinstance(inside, Object) else same(inside, value)):
            return False
    for key, below in doomed.items():
        if key in values:
            inside = values[key]
            if not (below and isinstance(inside, Object) and _holds(inside, {}, below)):
                return False
    return True


def same(found: t.Any, wanted: t.Any) -> bool:
    """Tell whether two values are the same to JSON's readers: 3 is 3.0, but true is not 1."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(same(found[key], inner) for key, inner in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(same(mine, theirs) for mine, theirs in zip(found, wanted))
        )
    return bool(found == wanted)
