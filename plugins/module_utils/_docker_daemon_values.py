# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What daemon.json's values must look like to dockerd's JSON decoder, by the kinds of _docker_daemon_keys.

What they must mean besides is in _docker_daemon_meanings.
"""

from __future__ import annotations

import re
import typing as t

from ._docker_daemon_keys import PROXY_KEYS


class Problem(t.NamedTuple):
    """What is wrong, where below the key (a path), and what to write instead."""

    path: t.Tuple[str, ...]
    what: str
    instead: str


# Kinds of which every value of the right shape is fine.
SHAPE_IS_ALL = ("bool", "integer", "string", "strings", "texts", "bools", "ulimits", "network options", "object")
_LISTS = ("strings", "options", "labels", "ips", "mirrors", "insecure registries")
_OBJECTS = {
    "texts": str,
    "bools": bool,
    "proxies": str,
    "runtimes": dict,
    "ulimits": dict,
    "network options": dict,
    "object": None,
}
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?([kmgtp]i?)?b?\Z", re.IGNORECASE)
CLI_FORM = " The form with default and httpProxy is that of the CLI's config.json (schema: docker_client)."
_TYPES = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}


def shape(kind: str, value: t.Any) -> t.Optional[Problem]:
    """Return what dockerd's decoder would not take, or None. null is nothing to it."""
    if value is None:
        return None
    if kind == "bool":
        return None if isinstance(value, bool) else _not(value, "true or false", "Write true or false, without quotes.")
    if kind in ("integer", "count"):
        return _integer(value)
    if kind in _LISTS:
        return _list(value)
    if kind == "address pools":
        return _pools(value)
    if kind in _OBJECTS:
        return _object(value, kind, _OBJECTS[kind])
    return None if isinstance(value, str) else _not(value, "a string", 'Write it in double quotes: "...".')


def _integer(value: t.Any) -> t.Optional[Problem]:
    if isinstance(value, float) and value.is_integer():
        return Problem((), "is a number with a fraction or exponent", f"Write {int(value)}; dockerd takes digits only.")
    if isinstance(value, bool) or not isinstance(value, int):
        return _not(value, "a whole number", "Write digits only, without quotes.")
    return None


def _list(value: t.Any) -> t.Optional[Problem]:
    if not isinstance(value, list):
        return _not(value, "a list", f'Write ["{value}"].' if isinstance(value, str) else 'Write ["..."].')
    for index, entry in enumerate(value):
        if not isinstance(entry, str):
            return _not(entry, "a string", 'Write it in double quotes: "...".', (str(index),))
    return None


def _object(value: t.Any, kind: str, inner: t.Optional[type]) -> t.Optional[Problem]:
    if not isinstance(value, dict):
        return _not(value, "an object", 'Write {"name": ...}.')
    for name, entry in value.items():
        if inner is None or isinstance(entry, inner) or entry is None:
            continue
        if kind == "proxies" and isinstance(entry, list):
            instead = 'Write one string with commas: "10.0.0.0/8,.example.com".'
        elif kind == "proxies" and isinstance(entry, dict):
            instead = f"Write {', '.join(PROXY_KEYS)} right under proxies.{CLI_FORM}"
        elif inner is str:
            instead = 'Write it in double quotes: "...".'
        else:
            instead = "Write true or false, without quotes." if inner is bool else "Write {...}."
        return _not(entry, _TYPES[inner], instead, (name,))
    if kind == "network options":
        for name, options in value.items():
            problem = _object(options or {}, "texts", str)
            if problem:
                return problem._replace(path=(name, *problem.path))
    return None


def _pools(value: t.Any) -> t.Optional[Problem]:
    example = 'Write [{"base": "10.200.0.0/16", "size": 24}].'
    if not isinstance(value, list):
        return _not(value, "a list", example)
    for index, pool in enumerate(value):
        here = (str(index),)
        if not isinstance(pool, dict):
            return _not(pool, "an object", example, here)
        # Go finds a struct's fields whatever the case of their names.
        fields = {name.lower(): inner for name, inner in pool.items()}
        if sorted(fields) != ["base", "size"]:
            return Problem(here, "has other members than base and size", example)
        if not isinstance(fields["base"], str):
            return _not(fields["base"], "a string", example, (*here, "base"))
        if not isinstance(fields["size"], int) or isinstance(fields["size"], bool):
            return _not(fields["size"], "a whole number", example, (*here, "size"))
    return None


def _not(value: t.Any, wanted: str, instead: str, path: t.Tuple[str, ...] = ()) -> Problem:
    return Problem(path, f"is {_TYPES.get(type(value), 'null')}, not {wanted}", instead)


def is_size(entry: str) -> bool:
    """Tell whether Docker takes `entry` for a size, such as 10m or 1.5GiB."""
    return bool(_SIZE.match(entry))
