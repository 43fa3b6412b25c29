# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a host needs to be a container instance of Amazon ECS behind a proxy, whatever platform it is.

Each part is held by what holds it elsewhere too: ecs.config, the units' drop-ins, and files of variables. Which of them
a host has is found out on it, so that a fleet of several platforms needs no facts.
"""

from __future__ import annotations

import json
import os
import typing as t

from . import (
    _ecs_config,
    _ecs_platform,
    _ecs_upstart,
    _environment_file,
    _proxy,
    _proxy_ecs,
    _systemd_environment,
    _units,
    _upstart,
)
from ._ecs_config_keys import LOWER_CASE_PROXIES
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "default": "/etc/ecs/ecs.config"},
    "settings": {"type": "dict", "default": {}},
    "remove": {"type": "list", "elements": "str", "default": []},
    "allow_unknown": {"type": "bool", "default": False},
    "proxy": {"type": "dict"},
    "ipv6_metadata": {"type": "bool", "default": False},
    "exposure": {"type": "str", "choices": ["", "environment", "file"], "default": ""},
    "adopt": {"type": "bool", "default": False},
    "read_at_start": {"type": "list", "elements": "path", "default": []},
    "unit": {"type": "str", "default": "ecs.service"},
    "engine_unit": {"type": "str", "default": "docker.service"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# Sorts behind what role moby, and other people, name theirs: a drop-in without the metadata's addresses must not win.
DROPIN = "zzz-container-hosts-ecs"
OVERRIDE = "/etc/init/ecs.override"
ENGINE_FILE = "/etc/sysconfig/docker"
# Here, and not beside ecs.config: what lies there, Amazon's log collector takes along.
NOTE = "/var/lib/container_hosts/ecs_config.json"
_RELEASES = ("/etc/os-release", "/etc/system-release")
_DAEMON_JSON = "/etc/docker/daemon.json"
_PROXIES = (*_proxy_ecs.NAMES, *LOWER_CASE_PROXIES)

Result = t.Dict[str, t.Any]


def ensure(params: t.Dict[str, t.Any], run: Run) -> Result:
    """Make the host what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    booted = _units.booted(run.root)
    platform = _ecs_platform.find(*(_text(run.root + path) for path in _RELEASES), systemd=booted)
    instance = Instance(params, run)
    config = instance.config()
    result: Result = {
        "platform": platform.name,
        "systemd_running": booted,
        "ecs_config": config,
        "environment_file": [],
        "systemd_environment": None,
        "restart_required": [],
        "upstart_restart_required": [],
    }
    if platform.upstart:
        result["environment_file"] = instance.files_of_upstart()
        result["upstart_restart_required"] = instance.stale_jobs()
        return result
    result["environment_file"] = instance.adopted_file()
    result["systemd_environment"] = units = instance.units()
    outdated = {*(config or {}).get("restart_required", ()), *(units or {}).get("restart_required", ())}
    # The engine first: systemd restarts the agent along with it, and then that has been done.
    names = (_systemd_environment.unit_name(params["engine_unit"]), _systemd_environment.unit_name(params["unit"]))
    result["restart_required"] = [name for name in names if name in outdated]
    return result


class Instance:
    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.params = params
        self.run = run
        self.absent = params["state"] == "absent"
        self.settings: t.Dict[str, t.Any] = params["settings"] or {}
        self.environment: t.Dict[str, str] = {}
        if params["proxy"] and not self.absent:
            proxy = _proxy.parse(_proxy_ecs.with_scheme(params["proxy"]))
            run.secrets.extend(proxy.secrets)
            rendered = _proxy_ecs.environment(proxy, ipv6=params["ipv6_metadata"])
            run.notice(*rendered.notices)
            self.environment = dict(rendered.value)
        mixed = sorted({*_PROXIES}.intersection(self.settings)) if self.environment else []
        if mixed:
            raise Refused(
                "is the proxy's, which is given too; ecs-init would run with one and the engine with the other",
                where=f"settings: {mixed[0]}",
                instead="Say it in proxy alone.",
            )

    def config(self) -> t.Optional[Result]:
        """Hold ecs.config; None where nothing is asked of it."""
        if self.absent:
            wanted: t.Dict[str, t.Any] = {"remove": [*_proxy_ecs.NAMES, *self.settings], "state": "absent"}
        else:
            stale = LOWER_CASE_PROXIES if self.params["adopt"] and self.environment else ()
            wanted = {
                "settings": {**self.environment, **self.settings},
                "remove": [*self.params["remove"], *stale],
                "state": "present",
            }
            if not wanted["settings"] and not wanted["remove"]:
                return None
        shared = {key: self.params[key] for key in ("path", "allow_unknown", "ipv6_metadata")}
        asked = {**shared, "settings": None, "proxy": None, "backup": False, **wanted}
        return _ecs_config.ensure(asked, self.run, note=NOTE)

    # systemd ----------------------------------------------------------------------------------------------------------

    def units(self) -> t.Optional[Result]:
        """Hold the environment of ecs-init and of the engine; None where nothing is asked of it."""
        if not self.environment and not self.absent:
            return None
        if self.environment:
            self._look_into_daemon_json()
        return _systemd_environment.ensure(
            {
                "units": [self.params["engine_unit"], self.params["unit"]],
                # The same for both, and what ecs.config has too: where two places differed, one of them would win.
                "environment": self.environment,
                "proxy": None,
                "proxy_readers": "go",
                "exposure": self.params["exposure"],
                "adopt": self.params["adopt"],
                "dropin": DROPIN,
                "read_at_start": self.params["read_at_start"],
                "state": self.params["state"],
            },
            self.run,
        )

    def adopted_file(self) -> t.List[Result]:
        """Take the proxy out of what the engine's unit reads besides, and which would win over its drop-in."""
        if not (self.params["adopt"] and self.environment and os.path.exists(self.run.root + ENGINE_FILE)):
            return []
        return [self._file(ENGINE_FILE, "systemd", "absent")]

    def _look_into_daemon_json(self) -> None:
        try:
            with open(self.run.root + _DAEMON_JSON, "rb") as handle:
                found = json.loads(handle.read())
        except (OSError, ValueError):
            return  # what is wrong with it, the engine says itself
        if isinstance(found, dict) and found.get("proxies"):
            why = f"stands in {_DAEMON_JSON} and wins over the unit's environment; remove it there"
            self.run.notice(Notice(self.params["engine_unit"], "proxies", why))

    # Upstart ----------------------------------------------------------------------------------------------------------

    def files_of_upstart(self) -> t.List[Result]:
        """Hold the override of the job, by which alone ecs-init gets anything, and the file that a shell sources."""
        if not self.environment and not self.absent:
            return []
        state = self.params["state"]
        return [self._file(OVERRIDE, "upstart", state), self._file(ENGINE_FILE, "shell", state)]

    def stale_jobs(self) -> t.List[str]:
        """Return what runs with something else than its next start would get, in the order of their restart.

        A process that is younger than its files has what they say, even where other people's lines have the last word.
        """
        if _units.left_alone():
            return []
        wanted = {name: self.environment.get(name) for name in _proxy_ecs.NAMES}
        files = {
            # What stands in the last ones can't be seen in the environment of the process.
            _ecs_upstart.DOCKER: ([ENGINE_FILE], self.params["read_at_start"]),
            _ecs_upstart.ECS: ([OVERRIDE], [self.params["path"]]),
        }
        found = []
        for job, (seen, unseen) in files.items():
            pid = _ecs_upstart.main_pid(job, self.run.root)
            if pid and (
                self._any_newer(unseen, pid) or (self._any_newer(seen, pid) and _ecs_upstart.differs(pid, wanted))
            ):
                found.append(job)
        return found

    def _any_newer(self, paths: t.Sequence[str], pid: int) -> bool:
        return any(
            (path in self.run.edits and self.run.edits[path].changed) or _upstart.older_than(pid, self.run.root + path)
            for path in paths
        )

    def _file(self, path: str, dialect: str, state: str) -> Result:
        return _environment_file.ensure(
            {
                "path": path,
                "dialect": dialect,
                "variable": "",
                "variables": self.environment if state == "present" else dict.fromkeys(_PROXIES),
                "proxy": None,
                "proxy_variables": [],
                "proxy_readers": "",
                "exposure": "",
                "state": state,
            },
            self.run,
        )


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""
