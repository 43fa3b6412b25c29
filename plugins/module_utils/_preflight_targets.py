# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Reads what a user lists as endpoints: sets by name, host:port, URLs, or dictionaries."""

from __future__ import annotations

import re
import typing as t

from . import _no_proxy, _preflight_endpoints
from ._errors import Refused, did_you_mean
from ._preflight_endpoints import DIRECT, GLOBAL_DPS, OPTIONAL, PROXY, REQUIRED, SETS, Endpoint

USER = "user"
PROTOCOLS = ("https", "http", "amqp", "mqtt", "tcp")

_KEYS = ("host", "port", "protocol", "via", "required", "purpose")
_PORTS = {80: "http", 443: "https", 5671: "amqp", 8883: "mqtt"}
_HOST = re.compile(rf"(?:{_no_proxy.LABEL}\.)*{_no_proxy.LABEL}")
_AUTHORITY = re.compile(r"(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>[0-9]+)")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")
_HOW = "Write host:port, a URL, or one of the sets " + ", ".join(SETS) + "."


class Target(t.NamedTuple):
    """One endpoint, and which set it is of (USER: the user's own)."""

    endpoint: Endpoint
    source: str


def parse(entries: t.Any) -> t.List[Target]:
    """Return the targets of a list, each once; the user's own are required. Raises Refused, where='endpoints[2]'.

    A list in the list is taken as its entries, so that variables can be put together.
    """
    if not isinstance(entries, (list, tuple)):
        raise Refused("is not a list", where="endpoints", instead=_HOW)
    found: t.Dict[t.Tuple[str, int, str], Target] = {}
    flat = [inner for entry in entries for inner in (entry if isinstance(entry, (list, tuple)) else [entry])]
    for number, entry in enumerate(flat):
        for target in _targets(entry, f"endpoints[{number}]"):
            end = target.endpoint
            key = (end.host, end.port, end.via)
            if key not in found or end.needed == REQUIRED != found[key].endpoint.needed:
                found[key] = target
    return list(found.values())


def _targets(entry: t.Any, where: str) -> t.List[Target]:
    if isinstance(entry, t.Mapping):
        return _of_set(entry, where) if "set" in entry else [_of_dict(entry, where)]
    if not isinstance(entry, str):
        raise Refused(f"is not text, but {type(entry).__name__}", where=where, instead=_HOW)
    text = entry.strip()
    if text in SETS:
        return _of_set({"set": text}, where)
    if "@" in text:
        # Not shown: what stands before it may be a password.
        raise Refused("holds an @", where=where, instead="Write the endpoint without credentials.")
    scheme, separator, rest = text.partition("://")
    if separator:
        return [_of_url(scheme.lower(), rest, where)]
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        hint = f"Write {text}:443." if "." in text and _HOST.fullmatch(text.lower()) else _HOW
        raise Refused(f"{text!r} has no port", where=where, instead=hint + did_you_mean(text, list(SETS)))
    return [_user(match["ip6"] or match["host"], match["port"], where)]


def _of_url(scheme: str, rest: str, where: str) -> Target:
    if scheme not in ("http", "https"):
        raise Refused("is neither an http:// nor an https:// URL", where=where, instead=_HOW)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    match = _AUTHORITY.fullmatch(authority) or _AUTHORITY.fullmatch(f"{authority}:{80 if scheme == 'http' else 443}")
    if match is None:
        raise Refused("has no host", where=where, instead=_HOW)
    return _user(match["ip6"] or match["host"], match["port"], where, protocol=scheme)


def _of_dict(entry: t.Mapping[str, t.Any], where: str) -> Target:
    for key in entry:
        if key not in _KEYS:
            raise Refused(
                f"has a key {key!r}." + did_you_mean(str(key), [*_KEYS, "set"]),
                where=where,
                instead=f"Its keys are {', '.join(_KEYS)}; or it begins with set.",
            )
    if not entry.get("host") or not entry.get("port"):
        raise Refused("has no host or no port", where=where, instead="Write {host: registry.example.com, port: 443}.")
    required = entry.get("required", True)
    if not isinstance(required, bool):
        raise Refused("has a value for required that is no boolean", where=where, instead="Write true or false.")
    via = _one_of(entry, "via", (PROXY, DIRECT), PROXY, where)
    protocol = _one_of(entry, "protocol", PROTOCOLS, "", where)
    target = _user(str(entry["host"]), str(entry["port"]), where, protocol=protocol)
    needed = REQUIRED if required else OPTIONAL
    purpose = str(entry.get("purpose") or "")
    return target._replace(endpoint=target.endpoint._replace(via=via, needed=needed, purpose=purpose))


def _one_of(entry: t.Mapping[str, t.Any], key: str, allowed: t.Sequence[str], default: str, where: str) -> str:
    value = entry.get(key, default)
    if value != default and value not in allowed:
        raise Refused(f"has a {key} that is none", where=where, instead=f"Write one of {', '.join(allowed)}.")
    return str(value)


def _user(host: str, port: str, where: str, *, protocol: str = "") -> Target:
    number = _no_proxy.port_or_none(port)
    if number is None:
        raise Refused(f"{port!r} is no port", where=where, instead="Write one from 1 to 65535.")
    name = _host(host, where)
    return Target(Endpoint(name, number, "", protocol=protocol or _PORTS.get(number, "tcp")), USER)


def _host(text: str, where: str) -> str:
    name = text.lower()
    name = name[:-1] if name.endswith(".") else name
    address = _no_proxy.ip4_or_none(name) or _no_proxy.ip6_or_none(name.strip("[]"))
    if address is None and (not _HOST.fullmatch(name) or _no_proxy.name_problem(name)):
        raise Refused(f"{text!r} is neither a host name nor an address", where=where, instead=_HOW)
    return address or name


def _of_set(entry: t.Mapping[str, t.Any], where: str) -> t.List[Target]:
    name = entry["set"]
    if name not in SETS:
        known = ", ".join(SETS)
        raise Refused(
            f"names a set {name!r} that there is not." + did_you_mean(str(name), list(SETS)),
            where=where,
            instead=f"The sets are {known}.",
        )
    chosen = SETS[name]
    given = {key: value for key, value in entry.items() if key != "set" and value not in (None, False, "")}
    for key in entry:
        if key != "set" and key not in chosen.by_parameter:
            known = ", ".join(chosen.by_parameter) or "none"
            raise Refused(
                f"has a key {key!r}, which the set {name} does not know."
                + did_you_mean(key, list(chosen.by_parameter)),
                where=where,
                instead=f"It takes {known}.",
            )
    for key in chosen.needs:
        if key not in given:
            raise Refused(f"has no {key}, which the set {name} needs", where=where, instead=f"Write {chosen.example}.")
    parameters = {key: _parameter(name, key, value, where) for key, value in given.items()}
    return [Target(row, name) for row in _preflight_endpoints.filled(name, parameters)]


def _parameter(name: str, key: str, value: t.Any, where: str) -> str:
    if key == "dps" and value is True:
        return GLOBAL_DPS
    if key == "dps" and isinstance(value, str) and "." not in value:
        raise Refused(
            "has a dps that is no host name", where=where, instead=f"Write dps: true for {GLOBAL_DPS}, or a name."
        )
    if not isinstance(value, str):
        raise Refused(f"has a {key} that is no text", where=where, instead=f"Write {SETS[name].example}.")
    if key == "region":
        if not _REGION.fullmatch(value):
            raise Refused(f"{value!r} is no region", where=where, instead="Write one such as eu-central-1.")
        return value
    if key == "hub" and "." not in value:
        raise Refused(f"{value!r} is no host name of a hub", where=where, instead=f"Write {value}.azure-devices.net.")
    return _host(value, where)
