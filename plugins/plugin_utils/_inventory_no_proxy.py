# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""A no_proxy list for the hosts of an inventory that stays the same when a host comes or goes.

A list of hosts changes with each of them, and each change is one for all the others. So an address stands for its
network, and a name for its domain; but never for strangers: a public address, and a name under a domain in which
everyone's hosts are, stay by themselves.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _no_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Clouds in which a domain holds the hosts of all customers.
_SHARED = (
    "amazonaws.com",
    "azure.com",
    "azure.net",
    "azure-devices.net",
    "cloudapp.net",
    "googleusercontent.com",
    "windows.net",
)


class Options(t.NamedTuple):
    networks: tuple[Network, ...] = ()  # an address in one of them stands for it
    domains: tuple[str, ...] = ()  # a name under one of them stands for it
    prefix4: int = 24
    prefix6: int = 64
    short_names: bool = False  # list names without a dot too


def options(
    networks: t.Any = (), domains: t.Any = (), prefix4: t.Any = 24, prefix6: t.Any = 64, short_names: bool = False
) -> Options:
    """Return what a user asks for, checked; raises Refused."""
    found: list[Network] = []
    for entry in _no_proxy.parse(list(networks), "networks"):
        if entry.kind not in (_no_proxy.CIDR4, _no_proxy.CIDR6):
            raise Refused(f"{entry.written!r} is no network", where="networks", instead="Write 10.20.0.0/16.")
        found.append(ipaddress.ip_network(entry.text))
    names: list[str] = []
    for entry in _no_proxy.parse(list(domains), "domains"):
        if entry.kind not in (_no_proxy.DOMAIN, _no_proxy.SUBDOMAINS) or entry.port is not None:
            raise Refused(f"{entry.written!r} is no domain", where="domains", instead="Write corp.example.com.")
        names.append(entry.host)
    lengths = []
    for name, given, least, most in (("prefix4", prefix4, 8, 32), ("prefix6", prefix6, 16, 128)):
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise Refused(f"{given!r} is no prefix length", where=name, instead=f"Write one from {least} to {most}.")
        lengths.append(given)
    return Options(tuple(found), tuple(names), lengths[0], lengths[1], bool(short_names))


def entries(hosts: t.Iterable[str], asked: Options) -> list[str]:
    """Return the list for names and addresses in any order: networks first, then domains, each once and sorted.

    What is neither, such as an alias with a blank in it, is left out.
    """
    networks: list[Network] = []
    domains: set[str] = set()
    for host in hosts:
        try:
            found = _no_proxy.parse([host], "hosts")
        except Refused:
            continue
        for entry in found:
            if entry.kind in (_no_proxy.IP4, _no_proxy.IP6) and entry.port is None:
                address = ipaddress.ip_address(entry.host)
                # The local host is on every list that is rendered.
                networks += [] if address.is_loopback else [_network(address, asked)]
            elif entry.kind == _no_proxy.DOMAIN and entry.port is None:
                domains.update(_domain(entry.host, asked))
    fours = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv4Network))
    sixes = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network))
    listed = [
        str(each.network_address) if each.prefixlen == each.max_prefixlen else str(each)
        for family in (fours, sixes)
        for each in family
    ]
    return listed + sorted(each for each in domains if not _within(each, domains))


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, asked: Options) -> Network:
    own = [network for network in asked.networks if address in network]
    if own:
        return min(own, key=lambda network: network.prefixlen)
    wide = asked.prefix4 if address.version == 4 else asked.prefix6
    return ipaddress.ip_network((address, wide if address.is_private else address.max_prefixlen), strict=False)


def _domain(name: str, asked: Options) -> set[str]:
    own = [domain for domain in asked.domains if name == domain or name.endswith(f".{domain}")]
    if own:
        shortest = min(own, key=len)
        # A leading dot leaves the name of the domain itself out.
        return {f".{shortest}", shortest} if name == shortest else {f".{shortest}"}
    labels = name.split(".")
    if len(labels) == 1:
        return {name} if asked.short_names and name != "localhost" else set()
    parent = ".".join(labels[1:])
    return {f".{parent}"} if _is_own(labels[1:]) else {name}


def _is_own(parent: list[str]) -> bool:
    """Tell whether a domain is one organization's: not com, not co.uk, not a cloud's."""
    if len(parent) < 2 or (len(parent) == 2 and len(parent[1]) == 2 and len(parent[0]) <= 3):
        return False
    name = ".".join(parent)
    return not any(name == shared or name.endswith(f".{shared}") for shared in _SHARED)


def _within(entry: str, domains: set[str]) -> bool:
    """Tell whether another entry of the list exempts all that this one does."""
    labels = entry.lstrip(".").split(".")
    return any("." + ".".join(labels[start:]) in domains for start in range(1, len(labels)))
