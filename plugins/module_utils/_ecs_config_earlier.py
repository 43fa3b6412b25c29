# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What an ecs.config was before we first changed it, so that all of it, and nothing else, can be taken back.

The file itself can't tell: whether ECS_CLUSTER is there because of us, or of who launched the instance, is nowhere to
be seen. The note is JSON, and root's alone, as it holds what ecs.config holds:

    {"variables": {"HTTP_PROXY": null, "ECS_CLUSTER": "default"},
     "whole": {"text": "...", "states": ["<digest>", "<digest>"]}}

`variables` are those that we changed, and the value that each had; null: there was none. `whole` is the file itself
(null: there was none), for as long as nobody else has edited it: while it is in one of our states, it goes back to the
last byte. Once someone has, only what was ours goes, name by name.
"""

from __future__ import annotations

import json
import typing as t

from . import _checkpoint_record, _ecs_config_document
from ._errors import Refused

_Variables = t.Dict[str, t.Optional[str]]
_Whole = t.Optional[t.Dict[str, t.Any]]


def noted(note: t.Optional[bytes], found: t.Optional[bytes], after: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the note to be there before the file that is `found` becomes `after`; None: none is needed."""
    if found == after:
        return note
    variables, whole = _read(note)
    was, will_be = _values(found), _values(after)
    for name in sorted({*was, *will_be}):
        if was.get(name) != will_be.get(name):
            variables.setdefault(name, was.get(name))
    if note is None:
        whole = {"text": None if found is None else found.decode("utf-8", "surrogateescape")}
    elif whole and not _is_ours(whole, found):
        whole = None
    if whole:
        # Both, for a run that dies before the file is written.
        whole["states"] = [_checkpoint_record.digest(found), _checkpoint_record.digest(after)]
    return json.dumps({"variables": variables, "whole": whole}, indent=1).encode() + b"\n"


def names(note: t.Optional[bytes]) -> t.List[str]:
    """Return the variables that we changed."""
    return sorted(_read(note)[0])


def taken_back(note: t.Optional[bytes], found: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the file as it was before all that is noted, or without that where others have edited it; None: no file.

    Variables that someone else has set or removed since then are taken back all the same: nobody can tell them apart.
    """
    variables, whole = _read(note)
    if whole and _is_ours(whole, found):
        return _first(whole)
    if found is None:
        return None
    earlier = {name: value for name, value in variables.items() if value is not None}
    return _ecs_config_document.put(found, earlier, [name for name in variables if name not in earlier])


def _values(content: t.Optional[bytes]) -> t.Dict[str, str]:
    """Return name -> value, the last one of each, with names as `_ecs_config_document.edit` tells them apart."""
    return {line.meant: line.value for line in _ecs_config_document.lines(content or b"") if line.meant}


def _first(whole: t.Dict[str, t.Any]) -> t.Optional[bytes]:
    return None if whole["text"] is None else t.cast(str, whole["text"]).encode("utf-8", "surrogateescape")


def _is_ours(whole: t.Dict[str, t.Any], found: t.Optional[bytes]) -> bool:
    """Tell whether nobody else has edited the file; a run that died may have taken it back, and left the note."""
    return found == _first(whole) or _checkpoint_record.digest(found) in whole["states"]


def _read(note: t.Optional[bytes]) -> t.Tuple[_Variables, _Whole]:
    if note is None:
        return {}, None
    try:
        content = json.loads(note)
        return dict(content["variables"]), content["whole"]
    except (ValueError, KeyError, TypeError) as exc:
        raise Refused(
            f"can't be read ({type(exc).__name__}), so nobody knows what is ours",
            where="what was noted of ecs.config",
            instead="Restore it from a backup, or remove it: then what is in ecs.config now stays there.",
        ) from exc
