# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What daemon.json's values must mean, by the kinds of _docker_daemon_keys, where their shape is right.

It is what dockerd finds out after it has read the file: part of it when it validates it, part only when it starts (a
registry mirror, an address pool) or when a container does (a log size).
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

from ._docker_daemon_keys import PROXY_ALIASES, PROXY_KEYS, Version
from ._docker_daemon_values import CLI_FORM, Problem, is_size
from ._errors import did_you_mean

_Problems = t.Iterator[Problem]

_CHOICES = {
    "cgroup namespace": ("host", "private"),
    "firewall backend": ("iptables", "nftables"),
    "ipc mode": ("private", "shareable"),
    "log format": ("json", "text"),
    "log level": ("panic", "fatal", "error", "warn", "info", "debug", "trace"),
}
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9._-]+(?<!-)\Z")


def meaning(kind: str, value: t.Any, version: t.Optional[Version]) -> _Problems:
    """Yield what dockerd, or what it starts, would not take of a value whose shape is right."""
    if value is None:
        yield Problem((), "is null, which sets nothing", "List the key in remove, to take it out of the file.")
    elif kind in _CHOICES:
        if value.lower() not in _CHOICES[kind] or (kind != "log level" and value != value.lower()):
            yield Problem((), f"is {value!r}, which dockerd does not know", f"It may be {', '.join(_CHOICES[kind])}.")
    elif kind == "count":
        if value < 0:
            yield Problem((), "is negative", "Write 0 or more.")
    elif kind == "mirrors":
        yield from _each(value, lambda entry: _mirror(entry, version))
    elif kind == "runtimes":
        yield from _runtimes(value)
    elif kind == "proxies":
        yield from _proxies(value)
    elif kind == "address pools":
        for index, pool in enumerate(value):
            fields = {name.lower(): inner for name, inner in pool.items()}
            yield from _pool(fields["base"], fields["size"], (str(index),))
    elif kind in _MEANINGS:
        yield from _each(value, _MEANINGS[kind]) if isinstance(value, list) else _one(value, _MEANINGS[kind])


_Judge = t.Callable[[str], t.Optional[t.Tuple[str, str]]]  # (what, instead), or None where all is well


def _each(entries: t.Sequence[str], judge: _Judge) -> _Problems:
    for index, entry in enumerate(entries):
        verdict = judge(entry)
        if verdict:
            yield Problem((str(index),), *verdict)


def _one(value: str, judge: _Judge) -> _Problems:
    verdict = judge(value)
    if verdict:
        yield Problem((), *verdict)


def _ip(entry: str) -> t.Optional[t.Tuple[str, str]]:
    try:
        ipaddress.ip_address(entry)
    except ValueError:
        return (
            f"{entry!r} is no IP address",
            "Write an address alone, without port or prefix length; names do not work.",
        )
    return None


def _address(entry: str) -> t.Optional[t.Tuple[str, str]]:
    try:
        ipaddress.ip_interface(entry)
    except ValueError:
        entry = ""
    return None if "/" in entry else ("is no address with a prefix length", "Write it as 172.30.0.1/16.")


def _network(entry: str) -> t.Optional[t.Tuple[str, str]]:
    return None if _is_network(entry) else ("is no network", "Write it as 172.30.0.0/16.")


def _is_network(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
    return "/" in entry


def _size(entry: str) -> t.Optional[t.Tuple[str, str]]:
    return None if is_size(entry) else (f"{entry!r} is no size", "Write a number and b, k, m or g, as 64m.")


def _label(entry: str) -> t.Optional[t.Tuple[str, str]]:
    return None if "=" in entry else (f"{entry!r} has no =", f"Write {entry}=value.")


def _option(entry: str) -> t.Optional[t.Tuple[str, str]]:
    name, equals, value = entry.partition("=")
    if not (name.strip() and equals and value.strip()):
        return f"{entry!r} is not of the form name=value", "Write name=value."
    if name.strip().lower() == "native.cgroupdriver" and value.strip() not in ("cgroupfs", "systemd"):
        return f"{entry!r} names a cgroup driver that dockerd does not have", "Write systemd or cgroupfs."
    return None


def _insecure(entry: str) -> t.Optional[t.Tuple[str, str]]:
    entry = entry.partition("://")[2] or entry  # dockerd strips a scheme, with a warning
    if _is_network(entry):
        return None
    host, _colon, port = entry.rpartition(":") if re.search(r":[^\]:]*\Z", entry) else (entry, "", "")
    bracketed = host.startswith("[") and host.endswith("]") and _ip(host[1:-1]) is None
    if (not bracketed and not _HOST.match(host)) or (_colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65536)):
        return f"{entry!r} is neither host[:port] nor a network", "Write registry.example.com:5000 or 10.0.0.0/8."
    return None


def _mirror(entry: str, version: t.Optional[Version]) -> t.Optional[t.Tuple[str, str]]:
    # No message repeats the URL: it may hold a password.
    example = "Write https://mirror.example.com:5000."
    try:
        parts = urllib.parse.urlsplit(entry)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return "is no URL", example
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://", example
    if not parts.hostname or not port_is_fine:
        return "names no host", example
    if parts.username is not None:
        return "holds credentials, which dockerd refuses here", "Use docker login, or a mirror that asks for none."
    if parts.query or parts.fragment:
        return "has a query or fragment", example
    if parts.path not in ("", "/") and (version is None or version < (25,)):
        return "has a path, which only Docker Engine 25.0 and later take", example
    return None


def _pool(base: str, size: int, path: t.Tuple[str, ...]) -> _Problems:
    if not _is_network(base):
        yield Problem((*path, "base"), "is no network", "Write it as 10.200.0.0/16.")
        return
    network = ipaddress.ip_network(base, strict=False)
    if not network.prefixlen <= size <= network.max_prefixlen:
        yield Problem(
            (*path, "size"),
            f"is {size}, and a network of that prefix length can not be cut out of a /{network.prefixlen}",
            f"Write a number from {network.prefixlen} to {network.max_prefixlen}.",
        )


def _runtimes(value: t.Dict[str, t.Any]) -> _Problems:
    for name, runtime in value.items():
        if name == "runc":
            yield Problem((name,), "is dockerd's own name", "Give yours another name.")
        elif not any((runtime or {}).get(member) for member in ("path", "runtimeType")):
            yield Problem((name,), "has neither path nor runtimeType", 'Write {"path": "/usr/bin/crun"}.')


def _proxies(value: t.Dict[str, t.Any]) -> _Problems:
    for name, url in value.items():
        if name not in PROXY_KEYS:
            known = PROXY_ALIASES.get(name)
            suggestion = f" Write {known}." if known else did_you_mean(name, list(PROXY_KEYS))
            yield Problem(
                (name,),
                "is not a key of proxies",
                f"They are {', '.join(PROXY_KEYS)}.{suggestion}" + (CLI_FORM if name in PROXY_ALIASES else ""),
            )
        elif name != "no-proxy" and url and not _is_proxy_url(url):
            yield Problem(
                (name,), "is no proxy URL, which dockerd notices only at the first pull", "Write http://h:3128."
            )


def _is_proxy_url(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https", "socks5", "socks5h") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


_MEANINGS: t.Dict[str, _Judge] = {
    "address": _address,
    "insecure registries": _insecure,
    "ip": _ip,
    "ips": _ip,
    "labels": _label,
    "network": _network,
    "options": _option,
    "size": _size,
}
