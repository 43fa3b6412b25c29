# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What those need of a JSON document's edits who edit JSON in a string of JSON, as deployment manifests have it."""

from __future__ import annotations

import typing as t

from . import _json_change, _json_document
from ._json_change import Splice
from ._json_syntax import decoded, top_object
from ._key_paths import Path, checked_path


def literals_of(source: bytes, paths: t.Collection[Path]) -> t.List[t.Optional[str]]:
    """Return the value at each of `paths` as it is spelled there, or None where there is none."""
    text = decoded(source, "")
    top = top_object(text, "", _json_document.nested(paths))
    found = [_json_document.member_at(top, path) for path in paths]
    return [None if member is None else text[member.value_start : member.end] for member in found]


def splices(
    text: str, settings: t.Mapping[str, t.Any], remove: t.Sequence[Path] = (), *, name: str = ""
) -> t.List[Splice]:
    """Return what `edit` does to an object that has a member which stays, either for `settings` or for `remove`."""
    wanted, doomed = _json_document.checked(settings), _json_document.tree([checked_path(path) for path in remove])
    top = top_object(text, name, wanted or doomed)
    made: t.List[Splice] = []
    if top is not None and wanted:
        made = _json_change.setting(text, top, wanted, name)
    elif top is not None:
        _json_change.take(text, top, doomed, (), name, made)
    return made
