# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a key may have meant that IoT Edge's config.toml does not have where it stands."""

from __future__ import annotations

import typing as t

from ._errors import did_you_mean
from ._iotedge_schema_keys import INSTEAD, STRUCTURES, ByType, Key, Structure, Table, Tagged, Untagged
from ._iotedge_schema_problem import Path


def fields(structure: Structure) -> t.Dict[str, Key]:
    """Return the keys that a table of this structure may have, in any of its forms."""
    if isinstance(structure, Table):
        return dict(structure.keys)
    found: t.Dict[str, Key] = {}
    if isinstance(structure, Tagged):
        found[structure.tag] = Key("string")
        for name in structure.variants.values():
            found.update(fields(STRUCTURES[name]))
    if isinstance(structure, Untagged):
        for name in structure.variants:
            found.update(fields(STRUCTURES[name]))
    return found


def explain(key: str, siblings: t.List[str], path: Path) -> t.Tuple[str, str]:
    """Return what is wrong with `key` in the table at `path`, and what to write instead.

    `siblings` are the keys that the table may have.
    """
    ignored = "is no key here, and IoT Edge would ignore it in silence"
    if key in INSTEAD:
        return ignored, INSTEAD[key]
    spelled = [sibling for sibling in siblings if _bare(sibling) == _bare(key)]
    if spelled:
        return ignored, f"Did you mean {spelled[0]}?"
    root = fields(STRUCTURES[""])
    if path and key in root:
        table = root[key].kind in STRUCTURES
        where = f"[{key}] is a table of its own" if table else "It belongs before the first table of the file"
        why = "" if table else f", and what stands below the header [{'.'.join(path)}] is that table's"
        return ignored, f"{where}{why}."
    homes = _homes(key, path)
    near = did_you_mean(key, siblings).strip()
    if homes and not near:
        return ignored, f"It is a key of {' and of '.join(homes)}."
    return ignored, near or (f"The keys here are {', '.join(sorted(siblings))}." if siblings else "Take it out.")


def _bare(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _homes(key: str, path: Path) -> t.List[str]:
    """Return the tables, as one writes their headers, that have a key of this name: the nearest to `path`, or two."""
    found: t.List[Path] = []

    def visit(name: str, here: Path) -> None:
        structure = STRUCTURES.get(name)
        if isinstance(structure, Table):
            if not structure.open and here and _bare(key) in map(_bare, structure.keys):
                found.append(here)
            for member, entry in structure.keys.items():
                visit(entry.kind, (*here, member))
        elif isinstance(structure, Tagged):
            if key == structure.tag:
                found.append(here)
            for variant in structure.variants.values():
                visit(variant, here)
        elif isinstance(structure, Untagged):
            for variant in structure.variants:
                visit(variant, here)
        elif isinstance(structure, ByType) and structure.table:
            visit(structure.table, here)

    def shared(home: Path) -> int:
        return next((at for at, names in enumerate(zip(home, path)) if names[0] != names[1]), min(len(home), len(path)))

    visit("", ())
    homes = sorted(dict.fromkeys(found), key=lambda home: (-shared(home), len(home)))
    return [f"[{'.'.join(home)}]" for home in homes[: 1 if homes and shared(homes[0]) else 2]]
