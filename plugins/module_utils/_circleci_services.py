# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the Services machine of CircleCI server 2.x needs behind a proxy, whether it is installed yet or not.

Replicated's installer, Replicated's services, the engine, the application's containers and the jobs' containers have
each a place of their own for it; all are rendered from one model.
"""

from __future__ import annotations

import calendar
import functools
import os
import time
import typing as t

from . import (
    _config_json,
    _docker_api,
    _environment_file,
    _proxy,
    _proxy_circleci,
    _replicated,
    _replicated_conf,
    _systemd_environment,
    _units,
)
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "direct": {"type": "list", "elements": "str", "default": []},
    "s3_direct": {"type": "bool", "default": False},
    "s3_regions": {"type": "list", "elements": "str", "default": []},
    "jvm_extra": {"type": "list", "elements": "str", "default": []},
    "job_containers": {"type": "bool", "default": True},
    "engine": {"type": "bool", "default": True},
    "engine_unit": {"type": "str", "default": "docker.service"},
    "engine_config": {"type": "path", "default": "/etc/docker/daemon.json"},
    "adopt": {"type": "bool", "default": False},
    "exposure": {"type": "str", "choices": ["", "private", "public"], "default": ""},
    "application_container": {"type": "str", "default": "schedulerer"},
    "read_at_start": {"type": "list", "elements": "path", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

CUSTOMIZATIONS = "/etc/circle-installation-customizations"
SCHEDULERER = "/etc/circleconfig/schedulerer/customizations"
# Sorts behind Replicated's own http-proxy.conf, and behind what role moby, and other people, name theirs.
DROPIN = "zzz-container-hosts-circleci"

Result = t.Dict[str, t.Any]


def ensure(params: t.Dict[str, t.Any], run: Run) -> Result:
    """Make the host what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    machine = _Machine(params, run)
    result: Result = {
        "init": machine.init,
        "units": machine.units,
        "environment_file": [],
        "config_json": None,
        "systemd_environment": None,
        "restart_required": [],
        "upstart_restart_required": [],
        "application_running": False,
        "application_restart_required": False,
    }
    if not (machine.proxy or machine.absent):
        return result
    machine.hold_replicated_conf()
    options = machine.hold_options()
    customizations = machine.hold_customizations()
    result["environment_file"] = [*options, *customizations]
    result["config_json"], result["systemd_environment"] = machine.hold_engine()
    services = machine.stale_services([each["path"] for each in options])
    if machine.init == _replicated.UPSTART:
        result["upstart_restart_required"] = services
    else:
        engine = (result["systemd_environment"] or {}).get("restart_required", [])
        # The engine first: systemd restarts the services along with it, and then that has been done.
        result["restart_required"] = [*engine, *(f"{service}.service" for service in services)]
    started = machine.application_started()
    result["application_running"] = started is not None
    result["application_restart_required"] = machine.application_is_stale(
        started, [one["path"] for one in customizations]
    )
    return result


class _Machine:
    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.params = params
        self.run = run
        self.absent = params["state"] == "absent"
        self.init = _replicated.init(run.root)
        self.engine = _systemd_environment.unit_name(params["engine_unit"])
        self.units: t.List[str] = []
        if self.init == _replicated.SYSTEMD:
            names = [self.engine, *(f"{service}.service" for service in _replicated.SERVICES)]
            self.units = [name for name, unit in zip(names, _units.show(names)) if unit is not None]
        self.proxy: t.Optional[_proxy.Proxy] = None
        if params["proxy"] and not self.absent:
            model = _proxy_circleci.model(
                params["proxy"], params["direct"], s3=params["s3_direct"], s3_regions=params["s3_regions"]
            )
            self.proxy = _proxy.parse(model)
            run.secrets.extend(self.proxy.secrets)

    # Files ------------------------------------------------------------------------------------------------------------

    def hold_replicated_conf(self) -> None:
        """Hold the proxy of the installer, which leaves the file readable for everybody: its own container reads it."""
        url = self.proxy.http if self.proxy else None
        self.run.edit(_replicated_conf.PATH, functools.partial(_replicated_conf.edit, proxy=url))
        if self.proxy and _proxy.endpoint(self.proxy.http).username:
            why = "every user of the host can read them there, and the installer makes it so; use a proxy without"
            self.run.notice(Notice(_replicated_conf.PATH, "credentials", why))

    def hold_options(self) -> t.List[Result]:
        """Hold the words of Replicated's services, which its installer has written by then."""
        found = []
        for options in _replicated.OPTIONS:
            for path in _replicated.paths(options.service, self.run.root):
                wanted: t.Dict[str, t.Optional[str]] = dict.fromkeys(options.names)
                if self.proxy:
                    rendered = _proxy_circleci.environment(self.proxy)
                    self.run.notice(*rendered.notices)
                    wanted = {name: rendered.value[name] for name in options.names}
                found.append(self._file(path, "options", wanted, variable=options.variable))
        return found

    def hold_customizations(self) -> t.List[Result]:
        """Hold what all containers of the application source, and what the one that starts jobs does."""
        applications: t.Dict[str, t.Optional[str]] = {}
        jobs: t.Dict[str, t.Optional[str]] = {}
        if self.proxy:
            for wanted, rendered in (
                (applications, _proxy_circleci.customizations(self.proxy, self.params["jvm_extra"])),
                (jobs, _proxy_circleci.job_containers(self.proxy)),
            ):
                self.run.notice(*rendered.notices)
                wanted.update(rendered.value)
        files = [self._file(CUSTOMIZATIONS, "shell", applications or dict.fromkeys(_proxy_circleci.NAMES))]
        if self.absent or self.params["job_containers"]:
            files.append(self._file(SCHEDULERER, "shell", jobs or dict.fromkeys(_proxy_circleci.DOCKER)))
        for file in files:
            lines = [str(line["line"]) for line in file["elsewhere"] if not line["wins"]]
            if lines:
                why = "seem to set the same; ours win, but those are back when ours go, so remove them"
                self.run.notice(Notice(file["path"], "lines " + ", ".join(lines), why))
        return files

    def _file(self, path: str, dialect: str, wanted: t.Dict[str, t.Optional[str]], variable: str = "") -> Result:
        return _environment_file.ensure(
            {
                "path": path,
                "dialect": dialect,
                "variable": variable,
                "variables": wanted,
                "proxy": None,
                "proxy_variables": [],
                "proxy_readers": "",
                "exposure": self.params["exposure"] if dialect == "shell" else "",
                "state": self.params["state"],
            },
            self.run,
        )

    # What runs --------------------------------------------------------------------------------------------------------

    def hold_engine(self) -> t.Tuple[t.Optional[Result], t.Optional[Result]]:
        """Hold the environment of the engine, and look for a proxy in its file, which would win; None without one."""
        if not self.params["engine"] or not self._engine_is_there():
            return None, None
        environment: t.Dict[str, str] = dict(_proxy_circleci.environment(self.proxy).value) if self.proxy else {}
        defaults = {key: option.get("default") for key, option in _config_json.ARGUMENT_SPEC.items()}
        asked = {"path": self.params["engine_config"], "schema": "docker", "settings": {}, "unit": self.engine}
        config = _config_json.ensure({**defaults, **asked}, self.run)
        if config["foreign_proxies"] and self.proxy:
            why = f"stands in {config['path']} and wins over the unit's environment; remove it there"
            self.run.notice(Notice(self.engine, "proxies." + ", proxies.".join(config["foreign_proxies"]), why))
        units = _systemd_environment.ensure(
            {
                "units": [self.engine],
                "environment": environment,
                "proxy": None,
                "proxy_readers": "shared",
                "exposure": "",
                "adopt": self.params["adopt"],
                "dropin": DROPIN,
                "read_at_start": self.params["read_at_start"],
                "state": self.params["state"],
            },
            self.run,
        )
        return config, units

    def stale_services(self, held: t.Sequence[str]) -> t.List[str]:
        """Return all of Replicated's services that run, if one of them runs with other options than its file has.

        All of them, since that is how its documentation applies a new proxy.
        """
        running = _replicated.processes(self.init)
        for options in _replicated.OPTIONS:
            for path in _replicated.paths(options.service, self.run.root):
                edit = self.run.edits.get(path)
                if path in held and edit is not None:
                    pid = running.get(options.service, 0)
                    if _replicated.stale(pid, options, path, edit.after, written=edit.changed, root=self.run.root):
                        return list(running)
        return []

    def application_is_stale(self, started: t.Optional[float], paths: t.Sequence[str]) -> bool:
        """Tell whether the application was started before what it sources at its start was written.

        Whether it should be restarted for that is not ours to say: all builds would stop.
        """
        if started is None:
            return False
        due = any(
            (path in self.run.edits and self.run.edits[path].changed)
            or (os.path.exists(self.run.root + path) and os.stat(self.run.root + path).st_mtime > started)
            for path in paths
        )
        if due:
            why = (
                "was started before its customizations changed; it has them after `replicatedctl app stop`, `app start`"
            )
            self.run.notice(Notice("CircleCI", "application", why))
        return due

    def application_started(self) -> t.Optional[float]:
        """Return when the application's container was started, in seconds since the epoch; None if it doesn't run."""
        if (
            self.init == _replicated.NONE
            or _units.left_alone()
            or (self.init == _replicated.SYSTEMD and not self._engine_runs())
        ):
            return None
        name = self.params["application_container"]
        try:
            answer = _docker_api.ask("GET", f"/containers/{name}/json", self.run.root + _docker_api.SOCKET)
        except Refused:
            return None  # what the engine has to say for itself, it says elsewhere
        state = answer.body.get("State", {}) if answer and answer.status == 200 and answer.body else {}
        if not state.get("Running"):
            return None
        # As in 2026-05-04T03:02:01.123456789Z, which datetime.fromisoformat() reads since Python 3.11 only.
        seconds, _dot, fraction = str(state.get("StartedAt", "")).rstrip("Z").partition(".")
        try:
            return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
        except ValueError:
            return None

    def _engine_is_there(self) -> bool:
        if self.init == _replicated.SYSTEMD:
            return self.engine in self.units
        # In an image the unit is there before systemd runs.
        return (
            self.init == _replicated.NONE
            and _systemd_environment.unit_from_file(self.engine, self.run.root) is not None
        )

    def _engine_runs(self) -> bool:
        # On a socket that systemd holds, a question alone would start it.
        unit = _units.show([self.engine])[0]
        return unit is not None and unit.active
