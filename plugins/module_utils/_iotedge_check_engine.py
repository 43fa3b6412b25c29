# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Our own statement of the vendor's checks of the container engine: its daemon.json, and where the runtime stores."""

from __future__ import annotations

import json
import posixpath
import typing as t

from ._iotedge_check_rows import ERROR, IGNORED, OK, SKIPPED, WARNING, Row, own

STORAGE = {
    "edgeAgent": "edge-agent-storage-mounted-from-host",
    "edgeHub": "edge-hub-storage-mounted-from-host",
}
_LOGS, _DNS, _IPV6, _MOBY = (
    "container-engine-logrotate",
    "container-engine-dns",
    "container-engine-ipv6",
    "container-engine-is-moby",
)
_NO_FILE = "there is no daemon.json"
_ROTATED = ("max-size", "max-file")


def daemon_json(source: t.Optional[bytes], network_ipv6: t.Optional[bool]) -> t.List[Row]:
    """Judge the engine's file (None: there is none). `network_ipv6`: IoT Edge's network has IPv6; None: not known."""
    return [_dns(source), _ipv6(source, network_ipv6), _logs(source)]


def is_moby(running: bool, version: str, moby: bool) -> Row:
    """Judge the engine itself. The vendor supports its own package alone, and has not looked for it since 1.2."""
    if not running:
        return own(_MOBY, SKIPPED, "the engine does not run")
    if not moby:
        return own(_MOBY, WARNING, f"the engine {version} is not Microsoft's moby-engine")
    return own(_MOBY, OK, version)


def storage(name: str, container: t.Optional[t.Mapping[str, t.Any]]) -> Row:
    """Judge by the engine's description of a container (edgeAgent, edgeHub; None: no such) whether its data outlive it.

    A named volume counts as much as a host's folder.
    """
    if container is None:
        return own(STORAGE[name], ERROR, f"there is no container {name}")
    config = container.get("Config") or {}
    folder = posixpath.join(_storage_folder(config.get("Env") or ()), name)
    places = [mount.get("Destination") or "" for mount in container.get("Mounts") or ()]
    if any(_is_above(place, folder) for place in [*places, *(config.get("Volumes") or ())]):
        return own(STORAGE[name], OK, folder)
    return own(STORAGE[name], WARNING, f"{folder} is on no mount, and is lost with the container")


def _storage_folder(environment: t.Iterable[str]) -> str:
    for entry in environment:
        variable, equals, value = entry.partition("=")
        if equals and variable.lower() == "storagefolder":
            return value
    return "/tmp"  # noqa: S108 - inside the container, where edgeAgent and edgeHub store by default


def _is_above(place: str, folder: str) -> bool:
    def parts(path: str) -> t.List[str]:
        return (["/"] if path.startswith("/") else []) + [part for part in path.split("/") if part not in ("", ".")]

    above = parts(place)
    return bool(above) and parts(folder)[: len(above)] == above


def _dns(source: t.Optional[bytes]) -> Row:
    def judge(document: t.Mapping[str, t.Any]) -> Row:
        servers = document.get("dns")
        if servers is not None and not (isinstance(servers, list) and all(isinstance(one, str) for one in servers)):
            return own(_DNS, ERROR, "dns of daemon.json is no array of strings")
        return own(_DNS, OK, ", ".join(servers)) if servers else own(_DNS, WARNING, "daemon.json names no dns")

    return _judged(_DNS, source, judge)


def _ipv6(source: t.Optional[bytes], wanted: t.Optional[bool]) -> Row:
    if wanted is None:
        return own(_IPV6, SKIPPED, "what [moby_runtime] network wants is not known")
    if not wanted:
        return own(_IPV6, IGNORED, "[moby_runtime] network asks for no IPv6")
    if source is None:
        return own(_IPV6, ERROR, _NO_FILE)

    def judge(document: t.Mapping[str, t.Any]) -> Row:
        if document.get("ipv6") is True:
            return own(_IPV6, OK)
        return own(_IPV6, ERROR, "[moby_runtime] network asks for IPv6, and daemon.json has no ipv6: true")

    return _judged(_IPV6, source, judge)


def _logs(source: t.Optional[bytes]) -> Row:
    def judge(document: t.Mapping[str, t.Any]) -> Row:
        driver, options = document.get("log-driver"), document.get("log-opts")
        for key, value, wanted in (("log-driver", driver, str), ("log-opts", options, dict)):
            if value is not None and not isinstance(value, wanted):
                return own(_LOGS, ERROR, f"{key} of daemon.json is no {'string' if wanted is str else 'object'}")
        given = {name: (options or {}).get(name) for name in _ROTATED}
        for name, value in given.items():
            if value is not None and not isinstance(value, str):
                return own(_LOGS, ERROR, f"log-opts.{name} of daemon.json is no string: write it in quotes")
        if driver is None:
            return own(_LOGS, WARNING, "daemon.json has no log-driver, without which its log-opts do not count")
        missing = [name for name, value in given.items() if value is None]
        if driver != "journald" and missing:
            return own(_LOGS, WARNING, f"{driver} without {' and '.join(missing)} in log-opts")
        return own(_LOGS, OK, str(driver))

    return _judged(_LOGS, source, judge)


def _judged(name: str, source: t.Optional[bytes], judge: t.Callable[[t.Mapping[str, t.Any]], Row]) -> Row:
    if source is None:
        return own(name, WARNING, _NO_FILE)
    try:
        # As text, since of bytes Python's decoder takes a byte order mark, which the check's does not.
        document = json.loads(source.decode("utf-8"), parse_constant=_refuse)
        if not isinstance(document, dict):
            raise ValueError("it is no object")
    except (ValueError, RecursionError) as exc:
        # ValueError of json names the place and not the text there, which may be a secret.
        return own(name, ERROR, f"daemon.json is no valid JSON: {_place(exc)}")
    return judge(document)


def _place(exc: Exception) -> str:
    return "it is not UTF-8" if isinstance(exc, UnicodeDecodeError) else str(exc) or "it is nested too deeply"


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is no JSON")
