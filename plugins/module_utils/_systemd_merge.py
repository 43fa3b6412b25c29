# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a unit's environment comes to, once systemd has merged its unit file, drop-ins and environment files.

The rules (order by basename over all folders, masking, later assignments, files over `Environment=`) were found by
running systemd 252; tests/conformance/test_systemd.py holds them against the running one.
"""

from __future__ import annotations

import typing as t

from ._systemd_dropin import Statement, assigned, statements
from ._systemd_syntax import parse_file

# From the strongest to the weakest, as in systemd.unit(5)'s table.
UNIT_FOLDERS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)


class Setting(t.NamedTuple):
    """One assignment of a variable. `value` is None where only systemd can tell it (a specifier, PassEnvironment=)."""

    name: str
    value: t.Optional[str]
    path: str
    line: int


class Environment(t.NamedTuple):
    """The environment that the next start of the unit gets, and everything that had a say in it, winners included."""

    effective: t.Dict[str, Setting]
    settings: t.List[Setting]


def dropin_folders(unit: str) -> t.List[str]:
    """Return the names of the folders for a unit's drop-ins, the most specific first.

    For a-b@c.service: a-b@c.service.d, a-b@.service.d, a-.service.d, service.d.
    """
    stem, dot, suffix = unit.rpartition(".")
    names = [stem]
    if "@" in stem:
        stem = stem.partition("@")[0]
        names.append(stem + "@")
    prefix = stem
    while "-" in prefix.rstrip("-"):
        prefix = prefix.rstrip("-").rpartition("-")[0] + "-"
        names.append(prefix)
    return [f"{name}{dot}{suffix}.d" for name in names] + [f"{suffix}.d"]


def dropin_paths(units: t.Sequence[str], list_folder: t.Callable[[str], t.Sequence[str]]) -> t.List[str]:
    """Return the paths of a unit's drop-ins in the order in which systemd reads them.

    `units` are the unit's names (a unit can have aliases); `list_folder` returns a folder's entries, or nothing.
    """
    by_name: t.Dict[str, str] = {}
    specific = [dropin_folders(unit)[:-1] for unit in units]
    for names in [*specific, dropin_folders(units[0])[-1:]]:
        # A folder in /etc for all units of a prefix masks one in /run for this very unit.
        for parent in UNIT_FOLDERS:
            for name in names:
                folder = f"{parent}/{name}"
                for entry in list_folder(folder):
                    if entry.endswith(".conf"):
                        by_name.setdefault(entry, f"{folder}/{entry}")
    return [by_name[entry] for entry in sorted(by_name)]


def merge(
    unit_files: t.Iterable[t.Tuple[str, bytes]], environment_files: t.Callable[[str], t.Iterable[t.Tuple[str, bytes]]]
) -> Environment:
    """Return what the unit file and its drop-ins, given in systemd's order as (path, bytes), come to.

    `environment_files` returns the files that one `EnvironmentFile=` pattern names, as (path, bytes).
    """
    settings: t.List[Setting] = []
    effective: t.Dict[str, Setting] = {}
    files: t.List[str] = []
    unset: t.List[str] = []
    for path, content in unit_files:
        for statement in statements(content.decode("utf-8", errors="replace")):
            if statement.section != "Service":
                continue
            if statement.key == "EnvironmentFile":
                _append_or_reset(files, statement.value)
            elif statement.key == "UnsetEnvironment":
                _append_or_reset(unset, *statement.value.split())
            elif statement.key == "Environment" and not statement.value:
                effective.clear()
            elif statement.key in ("Environment", "PassEnvironment"):
                for setting in _set_by(statement, path):
                    settings.append(setting)
                    effective[setting.name] = setting
    for pattern in files:
        for path, content in environment_files(pattern.lstrip("-")):
            for name, value, line in parse_file(content.decode("utf-8", errors="replace")):
                setting = Setting(name, value, path, line)
                settings.append(setting)
                effective[name] = setting
    for entry in unset:
        name, equals, value = entry.partition("=")
        if name in effective and (not equals or effective[name].value == value):
            del effective[name]
    return Environment(effective, settings)


def _set_by(statement: Statement, path: str) -> t.List[Setting]:
    if statement.key == "PassEnvironment":
        return [Setting(name, None, path, statement.line) for name in statement.value.split()]
    return [Setting(name, value, path, statement.line) for _word, name, value in assigned(statement)]


def _append_or_reset(items: t.List[str], *values: str) -> None:
    if not any(values):
        items.clear()
    items.extend(value for value in values if value)
