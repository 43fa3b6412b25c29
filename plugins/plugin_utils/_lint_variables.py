# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Which variables of a host decide what a role gets, so that hosts which have the same ones are judged once.

Nothing is worked out here: variables are compared as they are written, with all that their templates name.
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
import re
import typing as t

import jinja2
from jinja2 import nodes

Variables = t.Mapping[str, t.Any]

# With these, a template may reach any variable.
_ANY = frozenset(("vars", "ansible.builtin.vars", "varnames", "ansible.builtin.varnames"))
_NOT_SHARED = _ANY | {"lookup", "query", "q"}
_WHOLE = "inventory_hostname"
_NEAR = 0.85
PLACEHOLDER = "placeholder"

_parser = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)


class Layers:
    """A role's variables of one host: those that its own vars say, over the inventory's, over its defaults.

    Those that a pattern of `hidden` fits are secrets which are not looked at, or are not here: a text stands for each.
    """

    def __init__(
        self, of_role: Variables, of_host: Variables, defaults: Variables, hidden: t.Callable[[str], bool]
    ) -> None:
        self.layers = (of_role, of_host, defaults)
        self.hidden = hidden

    def __contains__(self, name: str) -> bool:
        return any(name in layer for layer in self.layers) or self.hidden(name)

    def __getitem__(self, name: str) -> t.Any:
        for layer in self.layers:
            if name in layer:
                value = layer[name]
                # A dictionary of secrets is looked into for its keys.
                return PLACEHOLDER if not isinstance(value, dict | list) and self.hidden(name) else value
        if self.hidden(name):
            return PLACEHOLDER
        raise KeyError(name)

    def flat(self, named: t.Iterable[str]) -> dict[str, t.Any]:
        """Return all of them, with a placeholder for what is hidden of those that are `named`."""
        of_role, of_host, defaults = self.layers
        return {**defaults, **of_host, **of_role, **{name: self[name] for name in named if self.hidden(name)}}


def hidden_by(patterns: t.Sequence[str]) -> t.Callable[[str], bool]:
    """Return what tells whether a name fits one of the patterns, as a shell has them."""
    if not patterns:
        return lambda name: False
    match = re.compile("|".join(map(fnmatch.translate, patterns))).match
    return functools.cache(lambda name: match(name) is not None)


class Fingerprints:
    """Makes keys which are alike where hosts can't differ in what the named variables come to."""

    def __init__(self) -> None:
        self._frozen: dict[int, tuple[t.Any, t.Any, frozenset[str]]] = {}

    def of(self, names: t.Iterable[str], layers: Layers) -> tuple[t.Any, frozenset[str]]:
        """Return the key, and all names that it rests on, those included which are nowhere."""
        parts: dict[str, t.Any] = {}
        due = list(names)
        while due:
            name = due.pop()
            if name in parts:
                continue
            if name not in layers:
                parts[name] = None
                continue
            frozen, named = self._of_value(layers[name])
            parts[name] = (frozen,)
            due.extend(named)
            if named & _ANY:
                due.append(_WHOLE)
        return tuple(sorted(parts.items(), key=lambda part: part[0])), frozenset(parts)

    def order(self, names: t.Iterable[str], layers: Layers) -> list[str]:
        """Return those of the names that have templates, each behind those that it rests on.

        One that may reach any variable, or looks something up, has no value that others could share.
        """
        found: dict[str, None] = {}
        seen: set[str] = set()

        def visit(name: str) -> None:
            if name in seen or name not in layers:
                return
            seen.add(name)
            named = self._of_value(layers[name])[1]
            for each in named:
                visit(each)
            if named and not named & _NOT_SHARED:
                found[name] = None

        for name in names:
            visit(name)
        return list(found)

    def _of_value(self, value: t.Any) -> tuple[t.Any, frozenset[str]]:
        if not isinstance(value, dict | list | tuple):
            return _scalar(value)
        known = self._frozen.get(id(value))
        if known is not None and known[0] is value:
            return known[1], known[2]
        items = value.items() if isinstance(value, dict) else enumerate(value)
        frozen: list[t.Any] = ["dict" if isinstance(value, dict) else "list"]
        named: frozenset[str] = frozenset()
        for key, inner in items:
            part, names = self._of_value(inner)
            frozen.append((str(key), part))
            named |= names
        result = tuple(frozen)
        # The value is kept too, or another one could come to have its number.
        self._frozen[id(value)] = (value, result, named)
        return result, named


def _scalar(value: t.Any) -> tuple[t.Any, frozenset[str]]:
    if isinstance(value, str):
        text = str(value)
        return text, names_in(text) if "{" in text else frozenset()
    if value is None or isinstance(value, bool | int | float):
        return (type(value).__name__, value), frozenset()
    # Such as a value that is encrypted: the same object, or another one.
    return (type(value).__name__, id(value)), frozenset()


@functools.lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """Return the names that a template may look up; more than it does where some are its own."""
    if "{{" not in text and "{%" not in text:
        return frozenset()
    try:
        tree = _parser.parse(text)
    except jinja2.TemplateSyntaxError:
        return frozenset()  # told where it is worked out
    found = {node.name for node in tree.find_all(nodes.Name)}
    # lookup('vars', 'x') names a variable by a text.
    found |= {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str) and node.value in _ANY}
    return frozenset(found)


def near_misses(names: t.Iterable[str], known: t.Collection[str], prefixes: t.Sequence[str]) -> dict[str, str]:
    """Return, of names with one of the prefixes which no role has, those that are nearly one that is there."""
    unknown = [name for name in names if name.startswith(tuple(prefixes)) and name not in known]
    near = {name: difflib.get_close_matches(name, known, n=1, cutoff=_NEAR) for name in unknown}
    return {name: matches[0] for name, matches in near.items() if matches}
