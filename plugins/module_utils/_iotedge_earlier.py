# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What stood in a config.toml before we first changed it, key by key, so that all of it can be taken back.

The file itself can't tell: whether [agent] is there because of us, or since long before, is nowhere to be seen.
The note is JSON: `{"keys": [[["agent", "env", "https_proxy"], []], [["hostname"], ["edge-1"]]]}`: a path, and the value
that it had, none in the first case.
"""

from __future__ import annotations

import json
import typing as t

from . import _key_paths, _toml_document
from ._errors import Refused

Keys = t.Tuple[str, ...]
Mapping = t.Mapping[str, t.Any]


class Earlier(t.NamedTuple):
    """What has to be done to a document for it to be as before."""

    settings: t.Dict[str, t.Any]
    remove: t.List[Keys]


def noted(note: t.Optional[bytes], before: Mapping, settings: Mapping, remove: t.Sequence[Keys]) -> t.Optional[bytes]:
    """Return the note with every key in it that `settings` and `remove` change in `before` for the first time."""
    known = _read(note)
    for path in _key_paths.leaf_paths(settings):
        now = _at(before, path)
        if path not in known and not (now and _toml_document.same(now[0], _at(settings, path)[0])):
            known[path] = now
    for path in remove:
        now = _at(before, path)
        if now:
            known.setdefault(path, now)
    if not known:
        return note
    return json.dumps({"keys": [[list(path), value] for path, value in known.items()]}, indent=1).encode() + b"\n"


def of(note: t.Optional[bytes]) -> Earlier:
    """Return how to take back all that is noted."""
    settings: t.Dict[str, t.Any] = {}
    remove = []
    for path, value in _read(note).items():
        if not value:
            remove.append(path)
            continue
        table = settings
        for key in path[:-1]:
            table = table.setdefault(key, {})
        table[path[-1]] = value[0]
    return Earlier(settings, remove)


def _read(note: t.Optional[bytes]) -> t.Dict[Keys, t.List[t.Any]]:
    try:
        return {} if note is None else {tuple(path): value for path, value in json.loads(note)["keys"]}
    except (ValueError, KeyError, TypeError) as exc:
        raise Refused(
            f"can't be read ({type(exc).__name__}), so nobody knows what is ours",
            where="what was noted of config.toml",
            instead="Restore it from a backup, or remove it: then what is in config.toml now stays there.",
        ) from exc


def _at(document: Mapping, path: Keys) -> t.List[t.Any]:
    """Return the value at a path in a list of its own, [] for none."""
    node: t.Any = document
    for key in path:
        if not isinstance(node, t.Mapping) or key not in node:
            return []
        node = node[key]
    return [node]
