# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a host needs to be a Nomad client of CircleCI server behind a proxy.

Each part is held by what holds it elsewhere too, from one model, so that the host's programs agree on what is direct.
What counts is the unit's environment: systemd gives a service nothing of /etc/environment, and jobs of raw_exec
inherit from the service.
"""

from __future__ import annotations

import os
import typing as t

from . import (
    _circleci_leftovers,
    _config_json,
    _environment_file,
    _host_file,
    _nomad_agent,
    _proxy,
    _proxy_circleci,
    _proxy_docker,
    _proxy_environment,
    _systemd_environment,
    _units,
)
from ._docker_daemon_keys import PROXY_KEYS
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "direct": {"type": "list", "elements": "str", "default": []},
    "s3_direct": {"type": "bool", "default": False},
    "s3_regions": {"type": "list", "elements": "str", "default": []},
    "jvm_opts": {"type": "bool", "default": True},
    "jvm_extra": {"type": "list", "elements": "str", "default": []},
    "exposure": {"type": "str", "choices": ["", "environment", "file"], "default": ""},
    "adopt": {"type": "bool", "default": False},
    "unit": {"type": "str", "default": "nomad.service"},
    "engine": {"type": "str", "choices": ["docker", "podman", "none"], "default": "docker"},
    "engine_unit": {"type": "str", "default": ""},
    "engine_method": {"type": "str", "choices": ["systemd", "daemon_json"], "default": "systemd"},
    "engine_config": {"type": "path", "default": "/etc/docker/daemon.json"},
    "environment_file": {"type": "str", "default": "/etc/environment"},
    "environment_file_exposure": {"type": "str", "choices": ["", "private", "public"], "default": ""},
    "client_users": {"type": "list", "elements": "str", "default": []},
    "leftovers": {"type": "str", "choices": ["reported", "removed"], "default": "reported"},
    "read_at_start": {"type": "list", "elements": "path", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# Sorts behind what role moby, and other people, name theirs: a drop-in without the metadata's address must not win.
DROPIN = "zzz-container-hosts-circleci"

Result = t.Dict[str, t.Any]


def ensure(params: t.Dict[str, t.Any], run: Run) -> Result:
    """Make the host what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    client = Client(params, run)
    booted = _units.booted(run.root)
    if booted:
        _units.properties(client.units)  # all of them by one question
    # A file that the engine refuses is noticed before any other is written.
    files = [*client.engine_files(), *client.users_files()]
    result: Result = {
        "systemd_running": booted,
        "config_json": files,
        "environment_file": client.sessions(),
        "leftovers": client.leftovers(),
        "systemd_environment": client.environments(),
        "reload_required": [],
    }
    if booted and client.present and run.heard:
        client.look_at_artifacts()
    told = [*files, *result["systemd_environment"]]
    for key in ("restart_required", "reload_required"):
        due = {_systemd_environment.unit_name(unit) for each in told for unit in each.get(key, ())}
        result[key] = [unit for unit in client.units if unit in due]
    return result


class Client:
    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.params = params
        self.run = run
        self.absent = params["state"] == "absent"
        self.unit = _systemd_environment.unit_name(params["unit"])
        self.engine = ""
        if params["engine"] != "none":
            self.engine = _systemd_environment.unit_name(params["engine_unit"] or f"{params['engine']}.service")
        # The engine first: the agent comes up to one that has its settings.
        self.units = [unit for unit in (self.engine, self.unit) if unit]
        self.model: t.Dict[str, t.Any] = {}
        self.environment: t.Dict[str, str] = {}
        self.jvm: t.Dict[str, str] = {}
        if params["engine"] != "docker" and params["engine_method"] == "daemon_json":
            raise Refused(
                f"is Docker's, and the engine is {params['engine']}",
                where="engine_method: daemon_json",
                instead="Write engine_method: systemd.",
            )
        if params["proxy"] and not self.absent:
            self._render()

    @property
    def present(self) -> bool:
        """Whether there is a proxy to be set."""
        return bool(self.environment)

    def _render(self) -> None:
        given, direct = self.params["proxy"], self.params["direct"]
        s3, regions = self.params["s3_direct"], self.params["s3_regions"]
        self.model = _proxy_circleci.model(given, direct, s3=s3, s3_regions=regions)
        proxy = _proxy.parse(self.model)
        self.run.secrets.extend(proxy.secrets)
        rendered = _proxy_circleci.environment(proxy)
        self.run.notice(*rendered.notices)
        self.environment = dict(rendered.value)
        if self.params["jvm_opts"]:
            options = _proxy_circleci.jvm_opts(proxy, self.params["jvm_extra"])
            self.run.notice(*options.notices)
            self.jvm = {_proxy_circleci.JVM_OPTS: options.value}
        if not direct and not given.get("no_proxy"):
            why = "is empty, so the server is reached through the proxy; name its hosts and networks"
            self.run.notice(Notice("CircleCI", "direct", why))

    # Files ------------------------------------------------------------------------------------------------------------

    def engine_files(self) -> t.List[Result]:
        """Hold daemon.json; where the proxy is not in it, just look whether another one is, which would win."""
        if self.params["engine"] != "docker" or not (self.present or self.absent):
            return []
        inside = self.params["engine_method"] == "daemon_json"
        gone = self.absent if inside else self.params["adopt"] and self.present
        result = self._json(
            self.params["engine_config"],
            "docker",
            self.model if inside and self.present else {},
            [f"proxies.{key}" for key in PROXY_KEYS] if gone else [],
        )
        if result["foreign_proxies"] and self.present and not inside:
            entry = "proxies." + ", proxies.".join(result["foreign_proxies"])
            why = f"stands in {result['path']} and wins over the unit's environment; remove it there"
            self.run.notice(Notice(self.engine, entry, why))
        return [result]

    def users_files(self) -> t.List[Result]:
        """Hold ~/.docker/config.json of each user."""
        if not (self.present or self.absent):
            return []
        keys = [f"proxies.default.{key}" for key in _proxy_docker.CLI_KEYS] if self.absent else []
        return [
            self._json(f"{_home(user)}/.docker/config.json", "docker_client", self.model, keys)
            for user in self.params["client_users"]
        ]

    def _json(self, path: str, schema: str, model: t.Dict[str, t.Any], remove: t.List[str]) -> Result:
        defaults = {key: option.get("default") for key, option in _config_json.ARGUMENT_SPEC.items()}
        asked = {"path": path, "schema": schema, "proxy": model, "remove": remove, "settings": {}}
        about = {"unit": self.engine or defaults["unit"], "state": self.params["state"]}
        return _config_json.ensure({**defaults, **asked, **about}, self.run)

    def sessions(self) -> t.Optional[Result]:
        """Hold /etc/environment, which PAM gives to sessions, and which people source; None where it is left alone."""
        if not self.params["environment_file"] or not (self.present or self.absent):
            return None
        names = _proxy_circleci.NAMES if self.params["jvm_opts"] else _proxy_environment.NAMES
        return _environment_file.ensure(
            {
                "path": self.params["environment_file"],
                "dialect": "pam",
                "variable": "",
                "variables": dict.fromkeys(names) if self.absent else {**self.environment, **self.jvm},
                "proxy": None,
                "proxy_variables": [],
                "proxy_readers": "",
                "exposure": self.params["environment_file_exposure"],
                "state": self.params["state"],
            },
            self.run,
        )

    def leftovers(self) -> t.List[Result]:
        """Tell of what CircleCI's terraform left, or take it out; a host that is given up keeps it."""
        if self.absent:
            return []
        path = _circleci_leftovers.PATH
        found = _circleci_leftovers.find(_host_file.read(self.run.root + path).content)
        if found and self.params["leftovers"] == "removed":
            self.run.edit(path, _circleci_leftovers.without)
        elif found:
            lines = ", ".join(f"line {each.line} ({each.variable})" for each in found)
            why = "exports what systemd gives to no service, so no engine has it; take it out (leftovers: removed)"
            self.run.notice(Notice(path, lines, why))
        return [each._asdict() for each in found]

    # Units ------------------------------------------------------------------------------------------------------------

    def environments(self) -> t.List[Result]:
        """Hold the environments of the engine and of the agent."""
        if not (self.present or self.absent):
            return []
        entries = []
        if self.engine:
            inside = self.params["engine_method"] == "daemon_json"
            entries.append(self._unit(self.engine, self.environment, "absent" if inside else self.params["state"]))
        entries.append(self._unit(self.unit, {**self.environment, **self.jvm}, self.params["state"]))
        return _systemd_environment.ensure_all(entries, self.run)

    def _unit(self, unit: str, environment: t.Dict[str, str], state: str) -> t.Dict[str, t.Any]:
        return {
            "units": [unit],
            "environment": environment,
            "proxy": None,
            "proxy_readers": "shared",
            "exposure": self.params["exposure"],
            "adopt": self.params["adopt"],
            "dropin": DROPIN,
            "read_at_start": self.params["read_at_start"],
            "state": state,
        }

    def look_at_artifacts(self) -> None:
        """Say what Nomad's own configuration lacks, which is not edited."""
        notice = _nomad_agent.artifact_notice(_nomad_agent.find(self.unit), self.unit, self.run.root)
        if notice:
            self.run.notice(notice)


def _home(user: str) -> str:
    home = os.path.expanduser(f"~{user}")
    if not user or "/" in user or home.startswith("~"):
        raise Refused(
            f"{user!r} is no user of this host", where="client_users", instead="Make the user first, or leave it out."
        )
    return home
