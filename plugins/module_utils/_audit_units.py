# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What systemd's units are told about a proxy, by file and line, and what their processes run with."""

from __future__ import annotations

import fnmatch
import re
import typing as t

from . import _audit_values as values
from . import _marked_block, _systemd_dropin, _units
from ._audit_judge import Found, Mend, Place, pick
from ._notice import Notice
from ._run import Run
from ._systemd_files import Files
from ._systemd_merge import Environment, Setting

# Where systemd itself is given what every service gets.
MANAGER_FILES = ("/etc/systemd/system.conf",)
MANAGER_FOLDERS = ("/etc/systemd/system.conf.d", "/run/systemd/system.conf.d", "/usr/lib/systemd/system.conf.d")
# The names of the collection's drop-ins; one of another name is known by its marked block.
_TAKEN_AWAY = "UnsetEnvironment= or an empty Environment=, which takes {} away,"
_OURS = re.compile(r"/z+-container-hosts[^/]*\.(?:conf|env)\Z")


class Told(t.NamedTuple):
    """What a unit's files come to, for a reader's settings."""

    configured: t.Dict[str, Place]
    ours: t.Dict[str, t.List[Place]]
    winners: t.Dict[str, Place]
    paths: t.List[str]  # all files that set something of it


class Units:
    """The units of a host, with what systemd says of them asked once."""

    def __init__(self, names: t.Sequence[str], run: Run) -> None:
        self.run = run
        self.files = Files(run.root)
        self.booted = _units.booted(run.root)
        self.names = list(names)
        self._manager: t.Optional[t.Dict[str, str]] = None

    def find(self, name: str) -> t.Optional[_units.Unit]:
        """Return a unit; None where the host has none of the name, or systemd doesn't run."""
        if not self.booted:
            return None
        _units.properties(self.names)  # all of them at once
        unit = _units.show([name])[0]
        return unit if unit is not None and unit.fragment else None

    def told(self, unit: _units.Unit, names: values.Names) -> Told:
        """Return what the unit's next start gets of a reader's settings."""
        merged = self.files.merged(unit)
        spelled = [name for group in names.values() for name in group]
        everything = {name: _place(setting) for name, setting in merged.effective.items()}
        for name, place in self._from_manager(spelled).items():
            everything.setdefault(name, place)
        ours: t.Dict[str, t.List[Place]] = {}
        own = {path for path in {setting.path for setting in merged.settings} if self.is_ours(path)}
        for setting in merged.settings:
            for kind, group in names.items():
                if setting.name in group and setting.path in own:
                    ours.setdefault(kind, []).append(_place(setting))
        configured = {kind: place for kind, group in names.items() for place in [_first(everything, group)] if place}
        winners = {
            kind: Place(None, ours[kind][0].variable, None, None, _TAKEN_AWAY.format(ours[kind][0].variable))
            for kind in ours
            if kind not in configured
        }
        return Told(configured, ours, winners, _paths(merged, spelled))

    def is_ours(self, path: str) -> bool:
        """Tell whether a file is one that the collection wrote into."""
        return bool(_OURS.search(path)) or _marked_block.BEGIN in (self.files.read(path) or b"")

    def running(self, unit: _units.Unit) -> t.Optional[t.Dict[str, str]]:
        """Return the environment of the unit's process; None where none runs, or it may not be read."""
        if not unit.main_pid:
            return None
        environment = _units.process_environment(unit.main_pid)
        if environment is None:
            why = "can't be read, so that the files alone were judged; run with become: true"
            self.run.notice(Notice(unit.name, f"/proc/{unit.main_pid}/environ", why))
        return environment

    def _from_manager(self, names: t.Sequence[str]) -> t.Dict[str, Place]:
        """Return what systemd itself gives every service."""
        if self._manager is None:
            self._manager = _units.manager_environment()
        found = {}
        for name in names:
            if name in self._manager:
                path, line = self._manager_file(name)
                found[name] = Place(self._manager[name], name, path, line)
        return found

    def _manager_file(self, name: str) -> t.Tuple[t.Optional[str], t.Optional[int]]:
        for path in manager_files(self.files):
            for line, names in default_environment(self.files.read(path) or b""):
                if name in names:
                    return path, line
        return None, None


def manager_files(files: Files) -> t.List[str]:
    """Return systemd's own configuration files, the one that wins first."""
    by_name: t.Dict[str, str] = {}
    for folder in MANAGER_FOLDERS:
        for entry in fnmatch.filter(files.entries(folder), "*.conf"):
            by_name.setdefault(entry, f"{folder}/{entry}")
    return [by_name[entry] for entry in sorted(by_name, reverse=True)] + list(MANAGER_FILES)


def default_environment(content: bytes) -> t.List[t.Tuple[int, t.List[str]]]:
    """Return (line, names) of each DefaultEnvironment= that sets something."""
    found = []
    for statement in _systemd_dropin.statements(content.decode("utf-8", "replace")):
        if statement.section == "Manager" and statement.key == "DefaultEnvironment":
            found.append((statement.line, [name for _word, name, _value in _systemd_dropin.assigned(statement)]))
    return found


def found_unit(consumer: str, unit: _units.Unit, told: Told, units: Units, names: values.Names, mend: Mend) -> Found:
    """Return a unit whose process reads its environment and nothing else."""
    environment = units.running(unit)
    return Found(
        consumer,
        unit.name,
        "unit",
        list(names),
        told.configured,
        mend,
        running=None if environment is None else pick(environment, names),
        active=unit.active,
        seen_in=[f"/proc/{unit.main_pid}/environ"] if environment is not None else [],
        ours=told.ours,
        winners=told.winners,
    )


def _place(setting: Setting) -> Place:
    return Place(setting.value, setting.name, setting.path, setting.line)


def _first(everything: t.Mapping[str, Place], group: t.Sequence[str]) -> t.Optional[Place]:
    """Return the variable that counts: the first that isn't empty. One that only systemd can tell is taken for one."""
    return next((everything[name] for name in group if name in everything and everything[name].value != ""), None)


def _paths(merged: Environment, names: t.Container[str]) -> t.List[str]:
    return list(dict.fromkeys(setting.path for setting in merged.settings if setting.name in names))
