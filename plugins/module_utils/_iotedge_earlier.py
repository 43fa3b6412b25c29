# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a config.toml was before we first changed it, so that all of it can be taken back.

The file itself can't tell: whether [agent] is there because of us, or since long before, is nowhere to be seen.
The note is JSON, and root's alone, as it holds what config.toml holds:

    {"keys": [[["agent", "env", "https_proxy"], []], [["hostname"], ["edge-1"]]],
     "whole": {"text": "...", "states": ["<digest>", "<digest>"]},
     "folders": {"/srv/edgeAgent": null, "/srv/edgeHub": [0, 0, 493]}}

`keys` are paths, and the value that each had, none in the first case. `whole` is the file itself (null: there was
none), for as long as nobody else has edited it: while it is in one of our states, it goes back to the last byte,
spelling and order included. Once someone has, only what was ours goes, key by key. `folders` are those for storage:
made by us, or the owner, group and mode that they had.
"""

from __future__ import annotations

import copy
import json
import math
import typing as t

from . import _checkpoint_record, _key_paths, _toml_document
from ._errors import Refused

Keys = t.Tuple[str, ...]
Mapping = t.Mapping[str, t.Any]

_Values = t.Dict[Keys, t.List[t.Any]]
_Whole = t.Optional[t.Dict[str, t.Any]]
Folders = t.Dict[str, t.Optional[t.List[int]]]


def noted(
    note: t.Optional[bytes],
    found: t.Optional[bytes],
    after: t.Optional[bytes],
    before: Mapping,
    settings: Mapping,
    remove: t.Sequence[Keys],
) -> t.Optional[bytes]:
    """Return the note to be there before the file becomes `after`; None: none is needed.

    `found` is the file now, `before` the document in it, `settings` and `remove` are what makes it `after`.
    """
    if found == after:
        return note
    values, whole, folders = _read(note)
    first = not values and not whole
    for path in _key_paths.leaf_paths(settings):
        now, wanted = _at(before, path), _at(settings, path)
        merged = now and isinstance(now[0], t.Mapping) and isinstance(wanted[0], t.Mapping)
        if not merged and not (now and _toml_document.same(now[0], wanted[0])):
            _note(values, before, path)
    for path in remove:
        if _at(before, path):
            _note(values, before, path)
    if first:
        whole = {"text": None if found is None else found.decode()}
    elif whole and not _is_ours(whole, found):
        whole = None
    if whole:
        # Both, for a run that dies before the file is written.
        whole["states"] = [_checkpoint_record.digest(found), _checkpoint_record.digest(after)]
    return _written(values, whole, folders)


def with_folders(note: t.Optional[bytes], folders: Folders) -> t.Optional[bytes]:
    """Return the note with what these folders are before they are first made or given away."""
    values, whole, known = _read(note)
    return _written(values, whole, {**folders, **known}) if folders else note


def folders_of(note: t.Optional[bytes]) -> Folders:
    """Return the folders that are noted, the innermost first."""
    folders = _read(note)[2]
    return {path: folders[path] for path in sorted(folders, key=len, reverse=True)}


def taken_back(note: t.Optional[bytes], found: t.Optional[bytes], *, name: str) -> t.Optional[bytes]:
    """Return the file as it was before all that is noted, or without that where others have edited it; None: no file.

    `name` is the file's, for error messages.
    """
    values, whole, _folders = _read(note)
    if whole and _is_ours(whole, found):
        return _first(whole)
    if found is None:
        return None
    document = _toml_document.load(found, name=name)
    settings: t.Dict[str, t.Any] = {}
    remove = []
    for path, was in values.items():
        now = _at(document, path)
        if now and (not was or isinstance(now[0], t.Mapping) != isinstance(was[0], t.Mapping)):
            remove.append(path)
        if was:
            _put(settings, path, was)
    return _toml_document.edit(_toml_document.edit(found, {}, remove, name=name), settings, name=name)


def _first(whole: t.Dict[str, t.Any]) -> t.Optional[bytes]:
    return None if whole["text"] is None else t.cast(str, whole["text"]).encode()


def _is_ours(whole: t.Dict[str, t.Any], found: t.Optional[bytes]) -> bool:
    """Tell whether nobody else has edited the file; a run that died may have taken it back, and left the note."""
    return found == _first(whole) or _checkpoint_record.digest(found) in whole["states"]


def _note(values: _Values, before: Mapping, path: Keys) -> None:
    """Note what was at a path before our first change there, above it or below it."""
    if path in values:
        return
    for end in range(1, len(path)):
        above = values.get(path[:end])
        if above is not None:
            values[path] = _at(above[0], path[end:]) if above else []
            return
    was = copy.deepcopy(_at(before, path))
    below = {known[len(path) :]: value for known, value in values.items() if known[: len(path)] == path}
    if was and isinstance(was[0], dict):
        for keys, value in below.items():
            _put(was[0], keys, value)
    if not below or was != [{}]:  # else all of it is ours
        values[path] = [_plain(value) for value in was]


def _put(table: t.Dict[str, t.Any], path: Keys, was: t.List[t.Any]) -> None:
    """Make the value at a path what it was; a table that becomes empty goes too."""
    if len(path) == 1:
        table.pop(path[0], None)
        if was:
            table[path[0]] = copy.deepcopy(was[0])
        return
    inner = table.get(path[0])
    if not isinstance(inner, dict):
        if not was:
            return
        inner = table[path[0]] = {}
    _put(inner, path[1:], was)
    if not inner:
        del table[path[0]]


def _plain(value: t.Any) -> t.Any:
    """Return a value as JSON and our TOML editor have it; what they don't have, IoT Edge doesn't either."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    writable = isinstance(value, (str, bool)) or (
        -(2**63) <= value < 2**63 if isinstance(value, int) else isinstance(value, float) and math.isfinite(value)
    )
    return value if writable else str(value)


def _written(values: _Values, whole: _Whole, folders: Folders) -> bytes:
    content = {"keys": [[list(path), was] for path, was in values.items()], "whole": whole, "folders": folders}
    return json.dumps(content, indent=1).encode() + b"\n"


def _read(note: t.Optional[bytes]) -> t.Tuple[_Values, _Whole, Folders]:
    try:
        content = {"keys": []} if note is None else json.loads(note)
        values = {tuple(path): list(was) for path, was in content["keys"]}
        return values, content.get("whole"), dict(content.get("folders", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Refused(
            f"can't be read ({type(exc).__name__}), so nobody knows what is ours",
            where="what was noted of config.toml",
            instead="Restore it from a backup, or remove it: then what is in config.toml now stays there.",
        ) from exc


def _at(document: t.Any, path: Keys) -> t.List[t.Any]:
    """Return the value at a path in a list of its own, [] for none."""
    node = document
    for key in path:
        if not isinstance(node, t.Mapping) or key not in node:
            return []
        node = node[key]
    return [node]
