# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which settings the running engine has, by its own word (GET /info)."""

from __future__ import annotations

import ipaddress
import typing as t
import urllib.parse

from . import _no_proxy
from ._docker_daemon_keys import KEYS
from ._docker_daemon_values import shape

Info = t.Mapping[str, t.Any]
Verdict = t.Optional[bool]  # None: /info can't tell

_SAME = {
    "debug": "Debug",
    "default-runtime": "DefaultRuntime",
    "experimental": "ExperimentalBuild",
    "live-restore": "LiveRestoreEnabled",
    "log-driver": "LoggingDriver",
}
_PROXIES = {"http-proxy": "HttpProxy", "https-proxy": "HttpsProxy", "no-proxy": "NoProxy"}
_ALWAYS_INSECURE = {"127.0.0.0/8", "::1/128"}  # what every engine adds by itself


def in_effect(settings: t.Mapping[str, t.Any], info: Info) -> t.Dict[str, Verdict]:
    """Return for each top-level key of daemon.json whether the engine runs with it; None: /info can't tell."""
    return {key: _verdict(key, value, info) for key, value in settings.items()}


def swarm_active(info: Info) -> bool:
    """Tell whether the host is in a swarm, or locked out of one it is in."""
    return (info.get("Swarm") or {}).get("LocalNodeState", "inactive") not in ("inactive", "")


def _verdict(key: str, value: t.Any, info: Info) -> Verdict:
    if value is None or key not in KEYS or shape(KEYS[key].kind, value) is not None:
        return None
    if key in _SAME:
        return bool(info[_SAME[key]] == value) if _SAME[key] in info else None
    judge = _JUDGES.get(key)
    return judge(value, info) if judge else None


def _labels(value: t.List[str], info: Info) -> Verdict:
    return set(info.get("Labels") or ()) == set(value)


def _mirrors(value: t.List[str], info: Info) -> Verdict:
    running = _registry(info).get("Mirrors")
    return (
        None if running is None else [entry.rstrip("/") for entry in running] == [entry.rstrip("/") for entry in value]
    )


def _insecure(value: t.List[str], info: Info) -> Verdict:
    registry = _registry(info)
    if "IndexConfigs" not in registry:
        return None
    running = {name for name, index in (registry["IndexConfigs"] or {}).items() if not index.get("Secure", True)}
    running |= {_network(entry) for entry in registry.get("InsecureRegistryCIDRs") or ()}
    wanted = {_network(entry.partition("://")[2] or entry) for entry in value}
    return running - _ALWAYS_INSECURE == wanted - _ALWAYS_INSECURE


def _registry(info: Info) -> t.Mapping[str, t.Any]:
    return info.get("RegistryConfig") or {}


def _network(entry: str) -> str:
    try:
        return str(ipaddress.ip_network(entry, strict=False)) if "/" in entry else entry
    except ValueError:
        return entry


def _proxies(value: t.Mapping[str, t.Any], info: Info) -> Verdict:
    verdicts = [_proxy(name, text or "", info) for name, text in value.items()]
    return False if False in verdicts else None if None in verdicts else True


def _proxy(name: str, value: str, info: Info) -> Verdict:
    field = _PROXIES.get(name)
    if field is None or field not in info:
        return None
    running = info[field] or ""
    if name == "no-proxy":
        return _no_proxy.same(running, value)
    try:
        mine, theirs = urllib.parse.urlsplit(value), urllib.parse.urlsplit(running)
        if _endpoint(mine) != _endpoint(theirs) or (mine.username is None) != (theirs.username is None):
            return False
    except ValueError:
        return running == value or None
    return True if mine.username is None else None  # credentials are masked there


def _endpoint(parts: urllib.parse.SplitResult) -> t.Tuple[t.Any, ...]:
    return parts.scheme, parts.hostname, parts.port, parts.path.rstrip("/")


def _authorization(value: t.List[str], info: Info) -> Verdict:
    return list((info.get("Plugins") or {}).get("Authorization") or ()) == value


def _pools(value: t.List[t.Mapping[str, t.Any]], info: Info) -> Verdict:
    if "DefaultAddressPools" not in info:
        return None
    running = [(_network(pool["Base"]), pool["Size"]) for pool in info["DefaultAddressPools"] or ()]
    fields = [{name.lower(): inner for name, inner in pool.items()} for pool in value]
    return running == [(_network(pool["base"]), pool["size"]) for pool in fields]


def _driver(value: str, info: Info) -> Verdict:
    return info.get("Driver") == value or None  # with the containerd snapshotter it has another name


def _root(value: str, info: Info) -> Verdict:
    return info.get("DockerRootDir") == value or None  # symbolic links are resolved there


def _exec_opts(value: t.List[str], info: Info) -> Verdict:
    drivers = [entry.partition("=")[2].strip() for entry in value if entry.lower().startswith("native.cgroupdriver=")]
    return bool(drivers[-1:] == [info.get("CgroupDriver")]) if drivers and len(drivers) == len(value) else None


_JUDGES: t.Dict[str, t.Callable[[t.Any, Info], Verdict]] = {
    "authorization-plugins": _authorization,
    "data-root": _root,
    "default-address-pools": _pools,
    "exec-opts": _exec_opts,
    "insecure-registries": _insecure,
    "labels": _labels,
    "proxies": _proxies,
    "registry-mirrors": _mirrors,
    "storage-driver": _driver,
}
