# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Proxies in files alone, with no process to ask: the Docker CLI's, a package manager's, those of /etc/environment."""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
import typing as t

from . import (
    _audit_apt,
    _audit_leftovers,
    _environment_file_pam,
    _host_file,
    _ini_document,
    _json_document,
    _package_manager_proxy,
)
from . import _audit_values as values
from ._audit_judge import FILE, Found, Leftover, Mend, Place
from ._errors import Refused
from ._notice import Notice
from ._run import Run
from ._systemd_files import Files

ENVIRONMENT = "/etc/environment"
_CLI_KEYS = {"http_proxy": "httpProxy", "https_proxy": "httpsProxy", "no_proxy": "noProxy"}
_APT = ("/etc/apt/apt.conf.d", "/etc/apt/apt.conf")
_APT_AUTH = ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d")
_APT_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")


def docker_cli(user: str, mend: Mend, run: Run, *, optional: bool) -> t.Optional[Found]:
    """Return what a user's Docker CLI gives containers and builds; None where the user has no such file."""
    try:
        path = os.path.join(pwd.getpwnam(user).pw_dir, ".docker/config.json")
        content = _host_file.read(run.root + path).content
        if content is None or _json_document.is_blank(content):
            return None
        proxies = _json_document.load(content, name=path).get("proxies")
    except KeyError:
        run.notice(Notice("docker_cli", user, "is no user of this host"))
        return None
    except Refused as refused:
        run.notice(Notice("docker_cli", user, str(refused)))
        return None
    default = proxies.get("default") if isinstance(proxies, dict) else None
    configured = {
        setting: Place(value, f"proxies.default.{key}", path, _json_document.line_of(content, _cli_path(key)))
        for setting, key in _CLI_KEYS.items()
        for value in [default.get(key) if isinstance(default, dict) else None]
        if isinstance(value, str) and value
    }
    return Found("docker_cli", path, FILE, values.SETTINGS, configured, mend, optional=optional, go=False)


def _cli_path(key: str) -> t.Tuple[str, ...]:
    return ("proxies", "default", key)


def environment(mend: Mend, run: Run, *, optional: bool) -> t.Optional[Found]:
    """Return what sessions get from /etc/environment; None where there is no such file."""
    content = _host_file.read(run.root + ENVIRONMENT).content
    if content is None:
        return None
    lines: t.Dict[str, Place] = {}
    doubles: t.Dict[str, int] = {}
    for found in _environment_file_pam.assignments(content):
        if found.name.lower() in values.SETTINGS:
            if found.name in lines:
                doubles.setdefault(found.name, lines[found.name].line or 0)
            lines[found.name] = Place(found.value, found.name, ENVIRONMENT, found.line)
    configured = {
        setting: place
        for setting, names in values.SHARED.items()
        for place in [next((lines[name] for name in names if name in lines and lines[name].value != ""), None)]
        if place is not None
    }
    leftovers = _audit_leftovers.repeated(ENVIRONMENT, doubles)
    return Found(
        *("environment", ENVIRONMENT, FILE, values.SETTINGS, configured, mend),
        leftovers=leftovers,
        optional=optional,
        go=False,
    )


def package_manager(mend: Mend, run: Run) -> t.Optional[Found]:
    """Return the proxy of apt, dnf or yum; None where the host has none of them."""
    manager = _package_manager_proxy.installed(run.root)
    if manager is None:
        return None
    return _apt(mend, run) if manager == "apt" else _dnf(manager, mend, run)


def _apt(mend: Mend, run: Run) -> Found:
    files = Files(run.root)
    configured: t.Dict[str, Place] = {}
    ours: t.Dict[str, t.List[Place]] = {}
    leftovers: t.List[Leftover] = []
    machines = _machines(files)
    for path in _apt_files(files):
        content = files.read(path) or b""
        found = _audit_apt.proxies(content.decode("utf-8", "replace"))
        for setting, value, line in found:
            place = Place(_audit_apt.with_credentials(value, machines), _audit_apt.NAMES[setting], path, line)
            configured[setting] = place
            if path == _package_manager_proxy.APT_SETTINGS:
                ours.setdefault(setting, []).append(place)
        leftovers += _audit_leftovers.apt(path, content, found[0][2]) if found else []
    if "http_proxy" in configured:
        configured.setdefault("https_proxy", configured["http_proxy"])  # as apt does
    settings = ("http_proxy", "https_proxy")
    return Found("package_manager", "apt", FILE, settings, configured, mend, ours=ours, leftovers=leftovers)


def _apt_files(files: Files) -> t.List[str]:
    """Return apt's configuration files in its order; it passes over names of other forms."""
    folder, last = _APT
    names = [
        name for name in files.entries(folder) if _APT_NAME.match(name) and ("." not in name or name[-5:] == ".conf")
    ]
    return [*(f"{folder}/{name}" for name in sorted(names)), last]


def _machines(files: Files) -> t.List[t.Tuple[str, str, str]]:
    single, folder = _APT_AUTH
    paths = [f"{folder}/{name}" for name in fnmatch.filter(files.entries(folder), "*.conf")]
    texts = [(files.read(path) or b"").decode("utf-8", "replace") for path in (*paths, single)]
    return [machine for text in texts for machine in _audit_apt.machines(text)]


def _dnf(manager: str, mend: Mend, run: Run) -> Found:
    path = _package_manager_proxy.CONFIGURATION[manager]
    content = _host_file.read(run.root + path).content or b""
    options = {
        name: value.decode("utf-8", "replace") for name, value in _ini_document.get_options(content, "main").items()
    }
    value = options.get("proxy", "")
    configured: t.Dict[str, Place] = {}
    if value and value != "_none_":
        url = values.url_of(value)
        if url is not None and not url.username and options.get("proxy_username"):
            value = _audit_apt.joined(value, options["proxy_username"], options.get("proxy_password", ""))
        line = _ini_document.line_of(content, "main", "proxy")
        configured["https_proxy"] = Place(value, "proxy", path, line)
    return Found("package_manager", manager, FILE, ("https_proxy",), configured, mend)
