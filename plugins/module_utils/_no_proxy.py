# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a no_proxy list means, before any reader's dialect.

Each entry is of one class, in one canonical spelling. What no reader can match is refused here; what only some
can is left to the renderings (`_proxy_environment`, `_proxy_java`, ...), which translate it or give a Notice.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ._errors import Refused

ALL = "all"  # `*`: everything
DOMAIN = "domain"  # `example.com`: the name and every name under it
SUBDOMAINS = "subdomains"  # `.example.com` or `*.example.com`: only the names under it
IP4 = "ip4"
IP6 = "ip6"
CIDR4 = "cidr4"
CIDR6 = "cidr6"
PATH = "path"  # a Unix socket or a Windows pipe: no reader needs it, vendors' pages list it

WHERE = "container_hosts_proxy.no_proxy"

# One label of a host name. `_` is not of RFC 1123, but of many a name that resolves.
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
MAX_NAME = 253

NAME = re.compile(rf"(?P<wild>\*?\.)?(?P<host>(?:{LABEL}\.)*{LABEL})\.?(?::(?P<port>[0-9]+))?")
_IP4 = re.compile(r"(?P<host>[0-9]+(?:\.[0-9]+){3})(?:/(?P<length>[0-9]+)|:(?P<port>[0-9]+))?")
_IP6 = re.compile(
    r"\[(?P<inner>[0-9a-f:.]+)\](?::(?P<port>[0-9]+))?|(?P<bare>[0-9a-f:.]*:[0-9a-f:.]*)(?:/(?P<length>[0-9]+))?"
)


class Entry(t.NamedTuple):
    """One entry. IPv6 is spelled as in RFC 5952, networks without host bits, names in lower case."""

    kind: str
    text: str  # canonical, as Go reads it: 'example.com', '.example.com', '[fd00::1]:80', '10.0.0.0/8'
    host: str  # without leading dot, brackets and port: 'example.com', 'fd00::1', '10.0.0.0/8'
    port: t.Optional[int]  # None: every port
    written: str  # as the user wrote it


def parse(value: t.Any, where: str = WHERE) -> t.Tuple[Entry, ...]:
    """Return the entries of a list or of a comma-separated string, without doubles, in the order given.

    Blank entries are skipped; None gives an empty tuple. Raises Refused, with where='<where>[3]' for a list's element.
    """
    entries: t.Dict[str, Entry] = {}
    star = ""
    for place, text in _texts(value, where):
        entry = _entry(text, place)
        entries.setdefault(entry.text, entry)
        if entry.kind == ALL:
            star = place
    if star and len(entries) > 1:
        raise Refused(
            "a * beside other entries means everything to Go and Java and nothing to curl and Python",
            where=star,
            instead="Write * alone, or leave it out.",
        )
    return tuple(entries.values())


def same(a: str, b: str) -> bool:
    """Tell whether two rendered lists mean the same: order, doubles, blanks and letter case don't count."""
    return _members(a) == _members(b)


def name_problem(host: str) -> str:
    """Return why a lower-case host name is none, or '' if it is one."""
    if len(host) > MAX_NAME:
        return f"is longer than a host name can be ({MAX_NAME} characters)"
    if host.rpartition(".")[2].isdigit():
        return "ends in a number, as no host name does, and is not an IPv4 address"
    return ""


def ip4_or_none(text: str) -> t.Optional[str]:
    """Return an IPv4 address as it is, or None for anything else (also for 010.0.0.1, which some read as octal)."""
    octets = text.split(".")
    if (
        text.isascii()
        and len(octets) == 4
        and all(
            octet.isdigit() and len(octet) < 4 and octet == str(int(octet)) and int(octet) < 256 for octet in octets
        )
    ):
        return text
    return None


def ip6_or_none(text: str) -> t.Optional[str]:
    """Return an IPv6 address in its RFC 5952 spelling, or None for anything else."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return None


def port_or_none(text: str) -> t.Optional[int]:
    """Return a TCP port from its decimal digits, or None for anything else."""
    return int(text) if len(text) <= 5 and text.isascii() and text.isdigit() and 0 < int(text) < 65536 else None


def _members(text: str) -> t.Set[str]:
    return {member for member in (piece.strip().lower() for piece in text.split(",")) if member}


def _texts(value: t.Any, where: str) -> t.Iterator[t.Tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, str):
        elements: t.List[t.Tuple[str, t.Any]] = [(where, value)]
    elif isinstance(value, (list, tuple)):
        elements = [(f"{where}[{index}]", element) for index, element in enumerate(value)]
    else:
        raise Refused(
            f"is neither a list nor text, but {type(value).__name__}",
            where=where,
            instead='Write a list such as ["10.0.0.0/8", "example.com"].',
        )
    for place, element in elements:
        if element is None:
            continue
        if not isinstance(element, str):
            raise Refused(f"is not text, but {type(element).__name__}", where=place, instead="Put it in quotes.")
        for piece in element.split(","):
            text = piece.strip()
            if text:
                yield place, text


def _entry(text: str, where: str) -> Entry:
    if "@" in text:
        # Not shown: it may be a proxy's URL with its password.
        raise Refused("holds an @, which no host has", where=where, instead="Write host names, domains or networks.")
    if not text.isascii() or not text.isprintable():
        raise Refused(
            f"{text!r} holds a character that no host name has",
            where=where,
            instead="Write an international name in its ASCII form (xn--...).",
        )
    if any(separator in text for separator in " ;|"):
        raise Refused(f"{text!r} is not one entry", where=where, instead="Separate entries by commas, or write a list.")
    if text == "*":
        return Entry(ALL, text, text, None, text)
    if text.startswith(("/", "\\\\")):
        return Entry(PATH, text, text, None, text)
    lowered = text.lower()
    entry = _address(lowered, text, where) or _name(lowered, text, where)
    if entry is None:
        from . import _no_proxy_problem  # few lists have one

        problem, instead = _no_proxy_problem.problem(lowered), _no_proxy_problem.instead(lowered)
        raise Refused(f"{text!r} {problem}", where=where, instead=instead)
    return entry


def _address(lowered: str, written: str, where: str) -> t.Optional[Entry]:
    match = _IP4.fullmatch(lowered)
    if match:
        host = ip4_or_none(match["host"])
        if host is None:
            return None
        if match["length"]:
            return _network(ipaddress.IPv4Network, host, match["length"], written, where)
        port = _port(match["port"], written, where)
        return Entry(IP4, lowered if port is None else f"{host}:{port}", host, port, written)
    match = _IP6.fullmatch(lowered)
    if match:
        host = ip6_or_none(match["inner"] or match["bare"])
        if host is None:
            return None
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
        if mapped is not None:
            raise Refused(
                f"{written!r} is an IPv4 address in IPv6's spelling, which most readers never match",
                where=where,
                instead=f"Write {mapped}, or its network.",
            )
        if match["length"]:
            return _network(ipaddress.IPv6Network, host, match["length"], written, where)
        port = _port(match["port"], written, where)
        return Entry(IP6, host if port is None else f"[{host}]:{port}", host, port, written)
    return None


def _network(
    kind: t.Union[t.Type[ipaddress.IPv4Network], t.Type[ipaddress.IPv6Network]],
    host: str,
    length: str,
    written: str,
    where: str,
) -> Entry:
    try:
        network = kind(f"{host}/{length}", strict=False)
    except ValueError as exc:
        raise Refused(
            f"{written!r} has an impossible prefix length", where=where, instead="Write /8, /24 or alike."
        ) from exc
    single = network.prefixlen == network.max_prefixlen
    text = str(network.network_address if single else network)
    if network.version == 4:
        return Entry(IP4 if single else CIDR4, text, text, None, written)
    return Entry(IP6 if single else CIDR6, text, text, None, written)


def _name(lowered: str, written: str, where: str) -> t.Optional[Entry]:
    match = NAME.fullmatch(lowered)
    if match is None or name_problem(match["host"]):
        return None
    port = _port(match["port"], written, where)
    suffix = "" if port is None else f":{port}"
    host = match["host"]
    if match["wild"]:
        return Entry(SUBDOMAINS, f".{host}{suffix}", host, port, written)
    return Entry(DOMAIN, host + suffix, host, port, written)


def _port(digits: t.Optional[str], written: str, where: str) -> t.Optional[int]:
    if digits is None:
        return None
    port = port_or_none(digits)
    if port is None:
        raise Refused(f"{written!r} has an impossible port", where=where, instead="Write one from 1 to 65535.")
    return port
