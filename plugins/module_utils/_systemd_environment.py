# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The environment of systemd units: our drop-in, who else has a say, and whether the process runs with it."""

from __future__ import annotations

import os
import re
import typing as t

from . import (
    _host_file,
    _proxy,
    _proxy_environment,
    _systemd_dropin,
    _systemd_merge,
    _systemd_syntax,
    _units,
)
from ._errors import Refused
from ._notice import Notice
from ._proxy_environment import same as _same
from ._redaction import holds_credentials, redact
from ._run import Run
from ._systemd_files import Files, as_glob

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "units": {"type": "list", "elements": "str", "required": True},
    "environment": {"type": "dict"},
    "proxy": {"type": "dict"},
    "proxy_readers": {"type": "str", "choices": ["go", "shared", "iotedge"], "default": "go"},
    "exposure": {"type": "str", "choices": ["", "environment", "file"], "default": ""},
    "adopt": {"type": "bool", "default": False},
    "dropin": {"type": "str", "default": "zz-container-hosts"},
    "read_at_start": {"type": "list", "elements": "path", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\Z")
_DROPIN = re.compile(r"[A-Za-z0-9_.-]+\Z")
_SUFFIXES = (".service", ".socket", ".mount", ".swap", ".target", ".timer", ".path", ".slice", ".scope", ".device")
_ADMIN_FOLDER = "/etc/systemd/system"


class _Wanted(t.NamedTuple):
    """What one call asks of each of its units."""

    environment: t.Optional[t.Dict[str, str]]  # None: absent
    in_file: bool
    adopt: bool
    dropin: str
    read_at_start: t.Tuple[str, ...]


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the units' environment what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    return ensure_all([params], run)[0]


def ensure_all(entries: t.Sequence[t.Dict[str, t.Any]], run: Run) -> t.List[t.Dict[str, t.Any]]:
    """Do what `ensure` does for several, with one reload of systemd, which costs a host as much as a small task."""
    booted = _units.booted(run.root)
    named = [list(dict.fromkeys(map(unit_name, params["units"]))) for params in entries]
    wanted = [wanted_of(params, run) for params in entries]
    if booted:
        _units.properties([name for names in named for name in names])  # all of them by one question
    existing = [_existing(names, booted, run.root) for names in named]
    planned = [[_Plan(unit, each, run) for unit in units if each is not None] for units, each in zip(existing, wanted)]
    plans = [plan for each in planned for plan in each]
    for plan in plans:
        plan.write()
    if booted and any(plan.reload or plan.unit.need_reload or plan.unseen() for plan in plans):
        run.changed = True
        if not run.check_mode:
            _units.daemon_reload()
    return [_report(each, booted) for each in planned]


def _report(plans: t.Sequence[_Plan], booted: bool) -> t.Dict[str, t.Any]:
    results = [plan.result(booted) for plan in plans]
    return {
        "systemd_running": booted,
        "units": results,
        "restart_required": [result["unit"] for result in results if result["restart_required"]],
    }


def wanted_of(params: t.Dict[str, t.Any], run: Run) -> t.Optional[_Wanted]:
    """Return what is asked for; None where it is that the units be left alone."""
    environment = {}
    if params["proxy"]:
        proxy = _proxy.parse(params["proxy"])
        run.secrets.extend(proxy.secrets)
        rendered = _proxy_environment.environment(proxy, readers=params["proxy_readers"])
        run.notice(*rendered.notices)
        environment.update(rendered.value)
    for name, value in (params["environment"] or {}).items():
        text = _text(name, value)
        _systemd_syntax.check(name, text, where=f"environment.{name}")
        environment[name] = text
    if not _DROPIN.match(params["dropin"]):
        raise Refused(
            f"{params['dropin']!r} is no file name", where="dropin", instead="Use letters, digits, `.`, `_` and `-`."
        )
    if params["state"] == "absent":
        return _Wanted(None, False, False, params["dropin"], tuple(params["read_at_start"]))
    if not environment:
        if params["proxy"] is not None:
            return None
        raise Refused(
            "is empty, and so is proxy",
            where="environment",
            instead="Give one of them, or state: absent to take the variables away.",
        )
    secret = any(holds_credentials(f"{name}={value}") for name, value in environment.items())
    if secret and params["exposure"] == "environment":
        run.notice(
            Notice(
                ", ".join(params["units"]),
                "exposure: environment",
                "every local user of the host can read the credentials (systemctl show), whatever the file's mode; "
                "exposure: file hides them",
            )
        )
    in_file = params["exposure"] == "file" or (secret and not params["exposure"])
    return _Wanted(environment, in_file, params["adopt"], params["dropin"], tuple(params["read_at_start"]))


def _text(name: str, value: t.Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        raise Refused(
            f"is {'a list or dict' if isinstance(value, (dict, list)) else value}, not text",
            where=f"environment.{name}",
            instead='Quote it ("true"), or leave the variable out.',
        )
    return str(value)


def unit_name(name: str) -> str:
    """Return a service unit's full name; raises Refused for what is none."""
    if not _UNIT.match(name):
        raise Refused(
            f"{name!r} is no unit name", where="units", instead="Write it as systemctl shows it: docker.service."
        )
    if name.endswith(_SUFFIXES[1:]):
        raise Refused(
            f"{name} runs no service process whose environment could be set",
            where="units",
            instead="Name a .service unit.",
        )
    return name if name.endswith(_SUFFIXES[0]) else name + _SUFFIXES[0]


def _existing(names: t.List[str], booted: bool, root: str) -> t.List[_units.Unit]:
    found = _units.show(names) if booted else [unit_from_file(name, root) for name in names]
    for name, unit in zip(names, found):
        if unit is None:
            # systemd itself takes a drop-in for a unit that isn't there without a word, and nothing ever reads it.
            raise Refused(
                "does not exist on this host",
                where=f"unit {name}",
                instead="Install what brings it first, or correct the name.",
            )
    return [unit for unit in found if unit is not None]


def unit_from_file(name: str, root: str) -> t.Optional[_units.Unit]:
    """Return a unit as its file alone tells of it, without systemd; None where no folder has one."""
    template = re.sub(r"@.*(?=\.)", "@", name)
    for folder in _systemd_merge.UNIT_FOLDERS:
        for candidate in dict.fromkeys((name, template)):
            if os.path.isfile(f"{root}{folder}/{candidate}"):
                return _units.Unit(name, (name,), f"{folder}/{candidate}", active=False, main_pid=0, need_reload=False)
    return None


def contents(environment: t.Mapping[str, str], file: str, *, in_file: bool) -> t.Tuple[t.List[str], t.Optional[bytes]]:
    """Return the lines of the drop-in, and what is in the file beside it, which root alone may read; None for none."""
    if not in_file:
        return [_systemd_syntax.environment_line(name, value) for name, value in environment.items()], None
    lines = [_systemd_syntax.file_line(name, value, where=f"environment.{name}") for name, value in environment.items()]
    content = "# Written by Ansible: replaced by the next run.\n" + "".join(f"{line}\n" for line in lines)
    # With the dash, a host whose file was deleted by hand loses its proxy, not its daemon.
    return [f"EnvironmentFile=-{as_glob(file)}"], content.encode("utf-8")


class _Plan:
    """One unit: writes what is wanted, then judges what the unit's environment has come to.

    Later questions are answered from what was, or in check mode would have been, written: `_edited` overlays the disk.
    """

    def __init__(self, unit: _units.Unit, wanted: _Wanted, run: Run) -> None:
        self.unit = unit
        self.wanted = wanted
        self.run = run
        self.reload = False
        folder = f"{_ADMIN_FOLDER}/{unit.name}.d"
        self.dropin = f"{folder}/{wanted.dropin}.conf"
        self.file = f"{folder}/{wanted.dropin}.env"
        self.adopted: t.List[str] = []
        self._edited: t.Dict[str, t.Optional[bytes]] = {}
        self._files = _Edited(run, self._edited)
        self._formerly: t.Set[str] = set()

    def write(self) -> None:
        """Bring the files to the wanted state, in an order in which a run cut off in between does no harm."""
        environment = self.wanted.environment
        if environment is None:
            self._edit_dropin(_systemd_dropin.remove)
            self._edit(self.file, lambda _found: None)
        else:
            lines, content = contents(environment, self.file, in_file=self.wanted.in_file)
            if content is not None:
                self._edit(self.file, lambda _found: content, private=True)
            self._edit_dropin(lambda found: _systemd_dropin.apply(found, lines))
            if content is None:
                self._edit(self.file, lambda _found: None)
        if environment is not None and self.wanted.adopt:
            self._adopt(environment)

    def unseen(self) -> bool:
        """Tell whether systemd goes by another drop-in of ours than is there.

        It says nothing of that itself (NeedDaemonReload=no) where the drop-in's folder is new too, as after a run that
        wrote files alone.
        """
        if self.unit.dropins is None:
            return False
        known = {os.path.realpath(self.run.root + path) for path in self.unit.dropins}
        return (os.path.realpath(self.run.root + self.dropin) in known) != (self._files.read(self.dropin) is not None)

    def result(self, booted: bool) -> t.Dict[str, t.Any]:
        """Return the unit's report: configured, running, who overrides whom, and whether a restart is due."""
        merged = self._files.merged(self.unit)
        environment = self.wanted.environment or {}
        own = (self.dropin, self.file)
        effective = merged.effective
        shadowed = [
            setting
            for name in environment
            for setting in [effective.get(name)]
            if setting is not None and setting.path not in own and not _same(name, setting.value, environment[name])
        ]
        missing = [name for name in environment if name not in effective]
        overridden = [
            setting
            for setting in merged.settings
            if setting.name in environment and setting.path not in own and setting not in shadowed
        ]
        for setting in shadowed:
            self.run.notice(
                Notice(
                    self.unit.name,
                    setting.name,
                    f"{setting.path}, line {setting.line}, sets it to something else and wins; remove it there",
                )
            )
        for name in missing:
            self.run.notice(
                Notice(self.unit.name, name, "a drop-in or UnsetEnvironment= that is read after ours takes it away")
            )
        running = _units.process_environment(self.unit.main_pid) if booted and self.unit.main_pid else None
        names = [*environment, *sorted(self._formerly - set(environment))]
        configured = {name: effective[name].value for name in names if name in effective}
        return {
            "unit": self.unit.name,
            "dropin": self.dropin,
            "active": self.unit.active,
            "configured": {name: _masked(name, value) for name, value in configured.items()},
            "running": None
            if running is None
            else {name: _masked(name, running[name]) for name in names if name in running},
            "shadowed_by": [
                *map(_place, shadowed),
                *({"variable": name, "path": None, "line": None} for name in missing),
            ],
            "overrides": list(map(_place, overridden)),
            "adopted_from": self.adopted,
            "restart_required": running is not None and (self._differs(effective, running, names) or self._outdated()),
        }

    def _differs(
        self, effective: t.Dict[str, _systemd_merge.Setting], running: t.Dict[str, str], names: t.Sequence[str]
    ) -> bool:
        """Tell whether the process runs with something else than its next start would get."""
        left_over = [name for name in _proxy_environment.NAMES if name in running and name not in effective]
        differing = [
            name
            for name in dict.fromkeys([*names, *left_over])
            if not (name in effective and effective[name].value is None)
            and not _same(name, running.get(name), effective[name].value if name in effective else None)
        ]
        if not differing:
            return False
        if any(name in effective for name in differing):
            return True
        # What no file sets may come from systemd's own DefaultEnvironment=, and then a restart would change nothing.
        default = _units.manager_environment()
        return any(not _same(name, running.get(name), default.get(name)) for name in differing)

    def _outdated(self) -> bool:
        """Tell whether a file that the process reads only at its start has changed since."""
        return self.unit.started is not None and any(
            os.path.exists(path) and os.stat(path).st_mtime > self.unit.started
            for path in (self.run.root + path for path in self.wanted.read_at_start)
        )

    def _adopt(self, environment: t.Dict[str, str]) -> None:
        for path, _content in self._files.unit_files(self.unit):
            if path == self.dropin or not path.startswith(_ADMIN_FOLDER + "/") or path == self.unit.fragment:
                continue
            edit = self._edit(path, lambda found: found and _systemd_dropin.without(found, environment))
            if edit.changed:
                self.reload = True
                self.adopted.append(path)

    def _edit_dropin(self, transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]]) -> None:
        edit = self._edit(self.dropin, transform)
        self.reload = self.reload or edit.changed
        block = _systemd_dropin.ours(edit.before)
        before = _systemd_merge.merge([(self.dropin, block)], self._environment_files_before)
        self._formerly = set(before.effective)
        if self.wanted.environment is None:
            self._formerly.update(_proxy_environment.NAMES)

    def _edit(
        self, path: str, transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]], *, private: bool = False
    ) -> _host_file.Edit:
        edit = self.run.edit(path, transform, private=private, remove_empty_folder=True)
        self._edited[path] = edit.after
        return edit

    def _environment_files_before(self, pattern: str) -> t.List[t.Tuple[str, bytes]]:
        content = _host_file.read(self.run.root + self.file).content if pattern == as_glob(self.file) else None
        return [] if content is None else [(self.file, content)]


class _Edited(Files):
    """The host's files as they are, or in check mode would be, after this run."""

    def __init__(self, run: Run, edited: t.Dict[str, t.Optional[bytes]]) -> None:
        super().__init__(run.root)
        self.run = run
        self.edited = edited

    def entries(self, folder: str) -> t.List[str]:
        found = set(super().entries(folder))
        for path, content in self.edited.items():
            if os.path.dirname(path) == folder:
                (found.discard if content is None else found.add)(os.path.basename(path))
        return sorted(found)

    def read(self, path: str) -> t.Optional[bytes]:
        # In check mode, the disk doesn't have what this run wrote, here or elsewhere.
        return self.run.edits[path].after if path in self.run.edits else super().read(path)


def _masked(name: str, value: t.Optional[str]) -> t.Optional[str]:
    return None if value is None else redact(f"{name}={value}").partition("=")[2]


def _place(setting: _systemd_merge.Setting) -> t.Dict[str, t.Any]:
    return {"variable": setting.name, "path": setting.path, "line": setting.line}
