# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What daemon.json's values must look like, by the kinds of _docker_daemon_keys.

Shapes are what dockerd's JSON decoder insists on. Meanings are what dockerd finds out later: part of it when it
validates the file, part only when it starts (a registry mirror, an address pool) or when a container does (a log size).
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

from ._docker_daemon_keys import PROXY_ALIASES, PROXY_KEYS, Version
from ._errors import did_you_mean


class Problem(t.NamedTuple):
    """What is wrong, where below the key (a path), and what to write instead."""

    path: t.Tuple[str, ...]
    what: str
    instead: str


_Problems = t.Iterator[Problem]

_LISTS = ("strings", "options", "labels", "ips", "mirrors", "insecure registries")
_OBJECTS = {
    "texts": str,
    "bools": bool,
    "proxies": str,
    "runtimes": dict,
    "ulimits": dict,
    "network options": dict,
    "object": None,
}
_CHOICES = {
    "cgroup namespace": ("host", "private"),
    "firewall backend": ("iptables", "nftables"),
    "ipc mode": ("private", "shareable"),
    "log format": ("json", "text"),
    "log level": ("panic", "fatal", "error", "warn", "info", "debug", "trace"),
}
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?([kmgtp]i?)?b?\Z", re.IGNORECASE)
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9._-]+(?<!-)\Z")
_CLI_FORM = " The form with default and httpProxy is that of the CLI's config.json (schema: docker_client)."
_TYPES = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}


# Shapes -----------------------------------------------------------------------------------------------------------


def shape(kind: str, value: t.Any) -> t.Optional[Problem]:
    """Return what dockerd's decoder would not take, or None. null is nothing to it."""
    if value is None:
        return None
    if kind == "bool":
        return None if isinstance(value, bool) else _not(value, "true or false", "Write true or false, without quotes.")
    if kind in ("integer", "count"):
        return _integer(value)
    if kind in _LISTS:
        return _list(value)
    if kind == "address pools":
        return _pools(value)
    if kind in _OBJECTS:
        return _object(value, kind, _OBJECTS[kind])
    return None if isinstance(value, str) else _not(value, "a string", 'Write it in double quotes: "...".')


def _integer(value: t.Any) -> t.Optional[Problem]:
    if isinstance(value, float) and value.is_integer():
        return Problem((), "is a number with a fraction or exponent", f"Write {int(value)}; dockerd takes digits only.")
    if isinstance(value, bool) or not isinstance(value, int):
        return _not(value, "a whole number", "Write digits only, without quotes.")
    return None


def _list(value: t.Any) -> t.Optional[Problem]:
    if not isinstance(value, list):
        return _not(value, "a list", f'Write ["{value}"].' if isinstance(value, str) else 'Write ["..."].')
    for index, entry in enumerate(value):
        if not isinstance(entry, str):
            return _not(entry, "a string", 'Write it in double quotes: "...".', (str(index),))
    return None


def _object(value: t.Any, kind: str, inner: t.Optional[type]) -> t.Optional[Problem]:
    if not isinstance(value, dict):
        return _not(value, "an object", 'Write {"name": ...}.')
    for name, entry in value.items():
        if inner is None or isinstance(entry, inner) or entry is None:
            continue
        if kind == "proxies" and isinstance(entry, list):
            instead = 'Write one string with commas: "10.0.0.0/8,.example.com".'
        elif kind == "proxies" and isinstance(entry, dict):
            instead = f"Write {', '.join(PROXY_KEYS)} right under proxies.{_CLI_FORM}"
        elif inner is str:
            instead = 'Write it in double quotes: "...".'
        else:
            instead = "Write true or false, without quotes." if inner is bool else "Write {...}."
        return _not(entry, _TYPES[inner], instead, (name,))
    if kind == "network options":
        for name, options in value.items():
            problem = _object(options or {}, "texts", str)
            if problem:
                return problem._replace(path=(name, *problem.path))
    return None


def _pools(value: t.Any) -> t.Optional[Problem]:
    example = 'Write [{"base": "10.200.0.0/16", "size": 24}].'
    if not isinstance(value, list):
        return _not(value, "a list", example)
    for index, pool in enumerate(value):
        here = (str(index),)
        if not isinstance(pool, dict):
            return _not(pool, "an object", example, here)
        # Go finds a struct's fields whatever the case of their names.
        fields = {name.lower(): inner for name, inner in pool.items()}
        if sorted(fields) != ["base", "size"]:
            return Problem(here, "has other members than base and size", example)
        if not isinstance(fields["base"], str):
            return _not(fields["base"], "a string", example, (*here, "base"))
        if not isinstance(fields["size"], int) or isinstance(fields["size"], bool):
            return _not(fields["size"], "a whole number", example, (*here, "size"))
    return None


def _not(value: t.Any, wanted: str, instead: str, path: t.Tuple[str, ...] = ()) -> Problem:
    return Problem(path, f"is {_TYPES.get(type(value), 'null')}, not {wanted}", instead)


# Meanings ---------------------------------------------------------------------------------------------------------


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
    return None if _SIZE.match(entry) else (f"{entry!r} is no size", "Write a number and b, k, m or g, as 64m.")


def is_size(entry: str) -> bool:
    """Tell whether Docker takes `entry` for a size, such as 10m or 1.5GiB."""
    return bool(_SIZE.match(entry))


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
                f"They are {', '.join(PROXY_KEYS)}.{suggestion}" + (_CLI_FORM if name in PROXY_ALIASES else ""),
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
