# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""How a checkpoint writes down what a file was: one line of JSON about it, then its bytes as they were."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from ._errors import Refused
from ._host_file_write import Attributes

FORMAT = 1


class Record(t.NamedTuple):
    """A file as it was before our first change of it."""

    path: str  # where its bytes are, after symbolic links; without the root
    content: t.Optional[bytes]  # None: there was no file
    attributes: t.Optional[Attributes]  # None with `content`
    folder: t.Optional[Attributes]  # of the folder that it is in; None: there was none
    made: t.Tuple[str, ...] = ()  # the folders above it that weren't there, outermost first


def name(path: str) -> str:
    """Return the name of a path's record: short, and another for each path."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def digest(content: t.Optional[bytes]) -> str:
    """Return what tells one content of a file from another; None, no file, has one too."""
    return "absent" if content is None else hashlib.sha256(content).hexdigest()


def encode(record: Record) -> bytes:
    """Return the record's bytes."""
    head = {
        "format": FORMAT,
        "path": record.path,
        "file": _plain(record.attributes),
        "folder": _plain(record.folder),
        "made": list(record.made),
    }
    return json.dumps(head, sort_keys=True).encode("ascii") + b"\n" + (record.content or b"")


def decode(data: bytes, *, where: str) -> Record:
    """Return the record; raises Refused for what `encode` didn't write."""
    head, newline, content = data.partition(b"\n")
    try:
        said = json.loads(head)
        if said["format"] != FORMAT or not newline:
            raise ValueError(f"format {said['format']}")
        attributes = _attributes(said["file"])
        path, made = said["path"], said["made"]
        if not isinstance(made, list) or not all(isinstance(each, str) and each[:1] == "/" for each in (path, *made)):
            raise ValueError("its paths")
        if attributes is None and content:
            raise ValueError("bytes of a file that was not there")
        folder = _attributes(said["folder"])
        return Record(path, None if attributes is None else content, attributes, folder, tuple(made))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise Refused(
            f"is no record of a file that this version can read: {exc}",
            where=where,
            instead="Was it written by another version of the collection? Restore the file by hand, from this one.",
        ) from exc


def _plain(attributes: t.Optional[Attributes]) -> t.Optional[t.Dict[str, t.Any]]:
    if attributes is None:
        return None
    extended = {key: base64.b64encode(value).decode("ascii") for key, value in attributes.extended.items()}
    return {**attributes._asdict(), "extended": extended}


def _attributes(said: t.Optional[t.Dict[str, t.Any]]) -> t.Optional[Attributes]:
    if said is None:
        return None
    mode, owner, group, modified = (said[key] for key in ("mode", "owner", "group", "modified"))
    if not all(
        isinstance(number, int) and not isinstance(number, bool) for number in (mode, owner, group, modified or 0)
    ):
        raise ValueError("its attributes")
    extended = {key: base64.b64decode(value, validate=True) for key, value in said["extended"].items()}
    return Attributes(mode, owner, group, extended, modified)
