# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The Docker Engine's proxy: from its unit and daemon.json, and what the running one has by environ and `docker info`.

dockerd puts the proxies of its daemon.json into its own environment, which /proc doesn't show; `docker info` does, with
credentials masked. So it takes both, and what is known of which daemon.json the process has read.
"""

from __future__ import annotations

import typing as t

from . import _audit_leftovers, _docker_loaded, _docker_unit, _host_file, _json_document, _units
from . import _audit_values as values
from ._audit_judge import UNIT, Found, Leftover, Mend, Place, pick
from ._audit_units import Told, Units, default_environment, manager_files
from ._docker_daemon import fingerprint
from ._errors import Refused
from ._notice import Notice
from ._run import Run

CONFIG = "/etc/docker/daemon.json"
_KEYS = {"http_proxy": "http-proxy", "https_proxy": "https-proxy", "no_proxy": "no-proxy"}
_INFO = {"http_proxy": "HttpProxy", "https_proxy": "HttpsProxy", "no_proxy": "NoProxy"}


def look(unit: _units.Unit, units: Units, run: Run, mend: Mend) -> Found:
    """Return the engine as it was found."""
    told = units.told(unit, values.GO)
    daemon = _docker_unit.find(unit.name, run.root)
    path = (daemon.flags.get("config-file") or [CONFIG])[-1]
    document = _load(path, run)
    winners = _winners(document, path, daemon, unit)
    configured = {**told.configured, **winners}
    info, notices = _docker_unit.info(daemon, run.root)
    run.notice(*notices)
    environment = units.running(unit)
    running: t.Optional[t.Dict[str, str]] = None
    unsure: t.List[str] = []
    seen_in = []
    if environment is not None:
        seen_in.append(f"/proc/{unit.main_pid}/environ")
        running = pick(environment, values.GO)
        if info:
            seen_in.append("docker info")
            read = _read_by_process(document, path, daemon, run)
            running, unsure = effective(running, info, winners, read)
    return Found(
        "docker",
        unit.name,
        UNIT,
        list(values.SETTINGS),
        configured,
        mend,
        running=running,
        unsure=unsure,
        active=unit.active,
        seen_in=seen_in,
        ours=told.ours,
        winners={**told.winners, **winners},
        leftovers=leftovers(unit, told, units),
    )


def effective(
    environment: t.Mapping[str, str], info: t.Mapping[str, t.Any], winners: t.Mapping[str, Place], read: bool
) -> t.Tuple[t.Dict[str, str], t.List[str]]:
    """Return what the engine runs with, and for which settings its credentials can't be told.

    `environment` is what its process was started with, `info` its answer to GET /info, `winners` what daemon.json and
    flags set now, and `read` says that the process certainly has read just that.
    """
    found: t.Dict[str, str] = {}
    unsure = []
    for setting, field in _INFO.items():
        if field not in info:
            if setting in environment:
                found[setting] = environment[setting]
            continue
        shown = str(info[field] or "")
        candidates = [environment.get(setting), winners[setting].value if setting in winners and read else None]
        exact = [each for each in candidates if each and not values.difference(setting, shown, each, go=True)]
        if exact:
            found[setting] = exact[-1]  # a daemon.json that was read wins over the environment
        elif shown:
            found[setting] = shown
            if values.is_masked(shown):
                unsure.append(setting)
        overridden = setting in winners and not read and setting != values.NO_PROXY
        if overridden and exact and values.is_masked(shown):
            unsure.append(setting)
    return found, unsure


def _winners(
    document: t.Tuple[t.Dict[str, t.Any], bytes], path: str, daemon: _docker_unit.Daemon, unit: _units.Unit
) -> t.Dict[str, Place]:
    """Return what wins over the unit's environment: the proxies of daemon.json, and dockerd's flags of the names."""
    proxies = document[0].get("proxies")
    found = {}
    for setting, key in _KEYS.items():
        flags = daemon.flags.get(key)
        if flags and flags[-1]:
            found[setting] = Place(flags[-1], f"--{key}", unit.fragment, None)
        value = proxies.get(key) if isinstance(proxies, dict) else None
        if isinstance(value, str) and value:
            line = _json_document.line_of(document[1], ("proxies", key))
            found[setting] = Place(value, f"proxies.{key}", path, line)
    return found


def _load(path: str, run: Run) -> t.Tuple[t.Dict[str, t.Any], bytes]:
    try:
        content = _host_file.read(run.root + path).content
        if content is not None and not _json_document.is_blank(content):
            return _json_document.load(content, name=path), content
    except Refused as refused:
        run.notice(Notice("dockerd", path, f"{refused.what}; it was not looked at, and the engine may not start again"))
    return {}, b""


def _read_by_process(
    document: t.Tuple[t.Dict[str, t.Any], bytes], path: str, daemon: _docker_unit.Daemon, run: Run
) -> bool:
    """Tell whether the process has read the proxies that daemon.json has now; a reload does not take them."""
    status = _host_file.read(run.root + path).status
    if status is None:
        return False
    times = _docker_loaded.Times(status.st_mtime, daemon.started, daemon.state_changed)
    stamped = _host_file.read(run.root + _docker_loaded.stamp_path(path)).content
    known = _docker_loaded.loaded(document[0], times, daemon.pid, stamped)
    return "proxies" in known.keys and known.keys["proxies"] == fingerprint(document[0]).get("proxies")


def leftovers(unit: _units.Unit, told: Told, units: Units) -> t.List[Leftover]:
    """Return what other tools have left for the engine."""
    files = [(path, content) for path, content in units.files.unit_files(unit) if path != unit.fragment]
    found = _audit_leftovers.dropins([file for file in files if not units.is_ours(file[0])])
    for path in _audit_leftovers.SHELL_FILES:
        found += _audit_leftovers.shell_file(path, units.files.read(path) or b"", path in told.paths)
    return found + managers(units)


def managers(units: Units) -> t.List[Leftover]:
    """Return what other tools have left for every unit in systemd's own configuration."""
    found = []
    for path in manager_files(units.files):
        for line, names in default_environment(units.files.read(path) or b""):
            proxies = [name for name in names if name.lower() in values.SETTINGS]
            found += _audit_leftovers.manager(path, line, proxies) if proxies else []
    return found
