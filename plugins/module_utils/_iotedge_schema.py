# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Judges IoT Edge's config.toml: what `iotedge config apply` would refuse, and what it would ignore in silence.

The vendor's parser ignores unknown keys at every level, and so a top-level key that has slipped below a table's header;
where a table has several forms it says no more than that none fits. The reasons here name the key.
"""

from __future__ import annotations

import typing as t

from . import _iotedge_schema_doubts as doubts
from . import _iotedge_schema_values as values
from ._errors import Refused, did_you_mean
from ._iotedge_schema_keys import (
    INSTEAD,
    STRAYS,
    STRUCTURES,
    Array,
    ByType,
    Names,
    Structure,
    Table,
    Tagged,
    Untagged,
)
from ._iotedge_schema_problem import Path, Problem
from ._iotedge_schema_unknown import explain, fields
from ._notice import Notice

_Problems = t.Iterator[Problem]
_Mapping = t.Mapping[str, t.Any]

_LISTED = 4  # so many further problems are told along with the first


def check(document: _Mapping, *, locate: t.Callable[[t.Sequence[str]], str]) -> t.List[Notice]:
    """Refuse what IoT Edge would refuse or ignore in `document`; return what it accepts but should be looked at.

    `document` is the whole file as plain Python (what tomllib gives). `locate` makes a message's `where` of a key path;
    the path may be that of a key that is missing. The first problem is the one that is raised, the next ones are
    listed in its message. No message and no notice holds a value that may be secret.
    """
    problems = list(_structure("", document, ()))
    if not problems:
        problems = list(doubts.conflicts(document))
    if problems:
        first, others = problems[0], problems[1:]
        instead = first.instead
        if others:
            told = "; ".join(f"{locate(problem.path)}: {problem.what}" for problem in others[:_LISTED])
            more = f"; and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
            instead = f"{instead} Also: {told}{more}.".lstrip()
        raise Refused(first.what, where=locate(first.path), instead=instead)
    return list(doubts.notices(document))


# The walk ---------------------------------------------------------------------------------------------------------


def _value(kind: str, value: t.Any, path: Path) -> _Problems:
    if kind in STRUCTURES:
        yield from _structure(kind, value, path)
        return
    wrong = values.judge(kind, value)
    if wrong:
        yield Problem(path, *wrong)


def _structure(name: str, value: t.Any, path: Path) -> _Problems:
    structure = STRUCTURES[name]
    if isinstance(structure, Array):
        if not isinstance(value, list):
            yield _wrong_type(value, "an array", structure, path)
            return
        for index, entry in enumerate(value):
            yield from _value(structure.kind, entry, (*path, str(index)))
    elif isinstance(structure, ByType):
        yield from _by_type(structure, value, path)
    elif not isinstance(value, t.Mapping):
        yield _wrong_type(value, "a table", structure, path)
    elif isinstance(structure, Names):
        for key, entry in value.items():
            if name == "aziot_keys" and key in INSTEAD:
                yield Problem((*path, key), "has no effect", INSTEAD[key])
            elif key in STRAYS and not structure.any_name:
                yield _stray(key, path)
            else:
                yield from _value(structure.kind, entry, (*path, key))
    else:
        yield from _table(structure, value, path)


def _stray(key: str, path: Path) -> Problem:
    what = f"is no setting here: IoT Edge would take it for an entry of [{'.'.join(path)}]"
    return Problem((*path, key), what, explain(key, [], path)[1])


def _by_type(structure: ByType, value: t.Any, path: Path) -> _Problems:
    for kind, types in ((structure.string, str), (structure.table, t.Mapping), (structure.array, list)):
        if kind and isinstance(value, types):
            yield from _value(kind, value, path)
            return
    wanted = ["a string"] + ["a table"] * bool(structure.table) + ["an array"] * bool(structure.array)
    yield _wrong_type(value, " or ".join(wanted), structure, path)


def _wrong_type(value: t.Any, wanted: str, structure: Structure, path: Path) -> Problem:
    instead = structure.example
    if not instead:
        instead = f"Write a table, [{'.'.join(path)}]." if wanted == "a table" else f"Write {wanted}."
    return Problem(path, f"is {values.type_name(value)}, not {wanted}", instead)


def _table(structure: t.Union[Table, Tagged, Untagged], value: _Mapping, path: Path) -> _Problems:
    if isinstance(structure, Tagged):
        yield from _tagged(structure, value, path)
    elif isinstance(structure, Untagged):
        yield from _untagged(structure, value, path)
    else:
        # First, since a missing key is often there under another name.
        yield from _unknown(structure, value, path)
        yield from _members(structure, value, path)


def _first(keys: t.Iterable[str], among: t.Container[str]) -> str:
    return next(key for key in keys if key in among)


# Tables with one form ---------------------------------------------------------------------------------------------


def _members(table: Table, value: _Mapping, path: Path, meaning: str = "") -> _Problems:
    missing = [key for key, entry in table.keys.items() if entry.required and key not in value]
    for certificate, key in table.key_of:
        yield from _key_of(certificate, key, value, path)
    if missing and not path:
        yield Problem((missing[0],), "is missing", table.example)
    elif missing:
        # Which of a table's forms was meant is what the vendor's parser never says.
        meant = f"means {meaning} and " if meaning else ""
        yield Problem(path, f"{meant}lacks {_and(missing)}, and IoT Edge takes the table only whole", table.example)
    for group in table.together:
        absent = [key for key in group if key not in value]
        if absent and len(absent) < len(group):
            present = _first(group, value)
            yield Problem((*path, present), f"has no effect without {absent[0]}", f"Write {absent[0]} beside it.")
    for groups in table.apart:
        found = [_first(group, value) for group in groups if any(key in value for key in group)]
        for loser in found[1:]:
            yield _apart(found[0], loser, path)
    for key, entry in value.items():
        if key in table.keys:
            yield from _value(table.keys[key].kind, entry, (*path, key))


def _key_of(certificate: str, key: str, value: _Mapping, path: Path) -> _Problems:
    if isinstance(value.get(certificate), str) and key not in value:
        yield Problem(
            path,
            f"lacks {key}, and {certificate} is a file",
            f'Write {key} = "file:///..." or "pkcs11:...", or make {certificate} a table with method = ... .',
        )
    elif isinstance(value.get(certificate), t.Mapping) and key in value:
        yield Problem(
            (*path, key),
            f"has no effect, since {certificate} is a table: an issued certificate gets a key of its own",
            f'Take it out, or write {certificate} = "file:///...".',
        )


def _apart(winner: str, loser: str, path: Path) -> Problem:
    return Problem(
        (*path, loser),
        f"does not go together with {winner}: IoT Edge would refuse the two or ignore one",
        "Take the one or the other out.",
    )


# Tables with several forms ----------------------------------------------------------------------------------------


def _tagged(structure: Tagged, value: _Mapping, path: Path) -> _Problems:
    wanted = " or ".join(f'"{name}"' for name in structure.variants)
    rest = {key: entry for key, entry in value.items() if key != structure.tag}
    if structure.tag not in value:
        meant = [
            name
            for name, variant in structure.variants.items()
            if _own(variant, structure.variants.values()) & set(rest)
        ]
        guess = f'; its keys are those of {structure.tag} = "{meant[0]}"' if len(meant) == 1 else ""
        yield from _unknown(_union(structure), value, path)
        yield Problem(path, f"lacks {structure.tag}{guess}", f"Write {structure.tag} = {wanted}.")
        yield from _members(_union(structure), value, path)
        return
    tag = value[structure.tag]
    if not isinstance(tag, str) or tag not in structure.variants:
        what, near = f"is {values.type_name(tag)}, not a string", ""
        if isinstance(tag, str):
            what, near = f"is {tag[:40]!r}, not {wanted}; case counts", did_you_mean(tag, list(structure.variants))
        yield Problem((*path, structure.tag), what, near.strip() or f"Write {wanted}.")
        return
    variant = STRUCTURES[structure.variants[tag]]
    others = {
        key: f'{structure.tag} = "{name}"'
        for name, other in structure.variants.items()
        if name != tag
        for key in fields(STRUCTURES[other])
    }
    if isinstance(variant, Table):
        yield from _unknown(variant, rest, path, others=others, chosen=f'{structure.tag} = "{tag}"', tag=structure.tag)
        yield from _members(variant, rest, path)
    else:
        # The keys of other variants are told here: further down they would be merely unknown.
        strangers = {key for key in rest if key in others and key not in fields(variant)}
        for key in rest:
            if key in strangers:
                yield _of_other(key, f'{structure.tag} = "{tag}"', others[key], path)
        own = {key: entry for key, entry in rest.items() if key not in strangers}
        yield from _table(t.cast(t.Union[Table, Tagged, Untagged], variant), own, path)


def _untagged(structure: Untagged, value: _Mapping, path: Path) -> _Problems:
    names = [name for name in structure.variants if _own(name, structure.variants) & set(value)]
    if not names:
        what = f"is neither {' nor '.join(structure.variants.values())}"
        yield from _unknown(_union(structure), value, path)
        yield Problem(path, what, structure.example)
        yield from _members(_union(structure), value, path)
        return
    if len(names) > 1:
        # In the order of the variants, which is that in which the daemon tries them.
        keys = [_first(value, _own(name, structure.variants)) for name in names]
        for loser in keys[1:]:
            yield _apart(keys[0], loser, path)
        return
    variant = STRUCTURES[names[0]]
    meaning = structure.variants[names[0]]
    others = {
        key: structure.variants[name]
        for name in structure.variants
        if name != names[0]
        for key in fields(STRUCTURES[name])
    }
    if isinstance(variant, Table):
        yield from _unknown(variant, value, path, others=others, chosen=meaning)
        yield from _members(variant, value, path, meaning)
    else:
        yield from _table(t.cast(t.Union[Table, Tagged, Untagged], variant), value, path)


def _of_other(key: str, chosen: str, other: str, path: Path) -> Problem:
    return Problem((*path, key), f"has no effect with {chosen}", f"It goes with {other}. Take it out, or choose that.")


def _own(name: str, names: t.Iterable[str]) -> t.Set[str]:
    """Return the keys that only the structure `name` has, of all the structures in `names`."""
    others = [fields(STRUCTURES[other]) for other in names if other != name]
    return set(fields(STRUCTURES[name])).difference(*others)


def _union(structure: t.Union[Tagged, Untagged]) -> Table:
    """Return the keys of all of a table's forms, none of them required."""
    return Table({name: key._replace(required=False) for name, key in fields(structure).items()})


# Unknown keys -----------------------------------------------------------------------------------------------------


def _unknown(
    table: Table,
    value: _Mapping,
    path: Path,
    *,
    others: t.Optional[t.Mapping[str, str]] = None,
    chosen: str = "",
    tag: str = "",
) -> _Problems:
    """Yield the keys that IoT Edge would ignore. `others`: keys of the table's other forms, and when they count."""
    for key in value:
        if key in table.keys:
            continue
        if table.open:
            if key in STRAYS:
                yield _stray(key, path)
        elif others and key in others:
            yield _of_other(key, chosen, others[key], path)
        else:
            siblings = [*table.keys, *(others or ()), *([tag] if tag else [])]
            yield Problem((*path, key), *explain(key, siblings, path))


def _and(names: t.List[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
