# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Paths of keys in nested settings, as the editors of JSON and TOML take them."""

from __future__ import annotations

import typing as t

from ._errors import Refused

Path = t.Sequence[str]

MAX_DEPTH = 100  # levels of settings; far more than any configuration has, far less than Python can recurse


def leaf_paths(settings: t.Mapping[str, t.Any]) -> t.List[t.Tuple[str, ...]]:
    """Return the path of every value in `settings` that isn't a non-empty object."""
    paths: t.List[t.Tuple[str, ...]] = []
    for key, value in settings.items():
        if isinstance(value, t.Mapping) and value:
            paths.extend((key, *inner) for inner in leaf_paths(value))
        else:
            paths.append((key,))
    return paths


def from_option(entry: t.Any) -> t.Tuple[str, ...]:
    """Return the path that one entry of the option `remove` names: text with dots, or a list of keys of any form."""
    keys = entry.split(".") if isinstance(entry, str) else entry
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        raise Refused(
            f"{entry!r} names no key",
            where="remove",
            instead="Write log-opts.max-size, or a list of keys where one has a dot in it.",
        )
    return tuple(keys)


def dotted(path: Path) -> str:
    """Return a path as messages show it."""
    return ".".join(path)


def checked_path(path: Path) -> t.Tuple[str, ...]:
    """Return a path of keys, or refuse what is none."""
    if isinstance(path, str) or not path or not all(isinstance(key, str) for key in path):
        raise Refused(f"{path!r} is not a list of keys", where="remove", instead='Write ["log-opts", "max-size"].')
    if len(path) > MAX_DEPTH:
        raise Refused(f"names more than {MAX_DEPTH} levels", where=f"remove: {dotted(path[:3])}...")
    return tuple(path)


def checked_text(text: str, path: Path) -> str:
    """Return a text of the settings, or refuse one that no file could hold."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise Refused("holds half of a UTF-16 surrogate pair, which is no text", where=dotted(path)) from exc
    return str(text)


def checked_tree(
    value: t.Any, leaf: t.Callable[[t.Any, t.Tuple[str, ...]], t.Any], path: t.Tuple[str, ...] = ()
) -> t.Any:
    """Return settings as plain objects and lists with what `leaf` makes of all else; refuse what no file could hold."""
    if len(path) > MAX_DEPTH:
        raise Refused(f"is nested more than {MAX_DEPTH} levels deep", where=dotted(path[:3]) + "...")
    if isinstance(value, t.Mapping):
        for key in value:
            if not isinstance(key, str):
                raise Refused(
                    f"key {key!r} is not a string", where=dotted(path) or "settings", instead=f'Write "{key}".'
                )
            checked_text(key, path)
        return {str(key): checked_tree(inner, leaf, (*path, key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [checked_tree(inner, leaf, (*path, str(index))) for index, inner in enumerate(value)]
    return leaf(value, path)


def refuse_conflict(wanted: t.Any, path: Path) -> None:
    """Refuse a path to remove that the settings need."""
    node = wanted
    for key in path:
        if isinstance(node, dict) and key not in node:
            return
        node = node[key] if isinstance(node, dict) else None
    raise Refused("is both set and removed", where=dotted(path), instead="Take it out of settings or of remove.")
