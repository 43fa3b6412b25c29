# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which no_proxy entry sends a request past the proxy, as Go decides it (golang.org/x/net/http/httpproxy)."""

from __future__ import annotations

import ipaddress
import typing as t

from . import _no_proxy

LOOPBACK = "loopback"  # what Go never sends to a proxy, listed or not


def covered_by(entries: t.Iterable[_no_proxy.Entry], host: str, port: int) -> t.Optional[str]:
    """Return the entry, as the user wrote it, that makes host:port direct, LOOPBACK, or None: through the proxy.

    `host` is a name or an address without brackets. No name is ever resolved for this.
    """
    name = host.lower()
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return LOOPBACK
    for entry in entries:
        if entry.port in (None, port) and _matches(entry, name, address):
            return entry.written
    return None


def _matches(entry: _no_proxy.Entry, name: str, address: t.Optional[t.Any]) -> bool:
    if entry.kind == _no_proxy.ALL:
        return True
    if entry.kind in (_no_proxy.IP4, _no_proxy.IP6):
        return address is not None and address == _address(entry.host)
    if entry.kind in (_no_proxy.CIDR4, _no_proxy.CIDR6):
        return address is not None and address in ipaddress.ip_network(entry.host)
    if entry.kind == _no_proxy.DOMAIN:
        return name == entry.host or name.endswith("." + entry.host)
    return entry.kind == _no_proxy.SUBDOMAINS and name.endswith("." + entry.host)


def _address(text: str) -> t.Optional[t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # To Go an IPv4 address in IPv6's spelling is that IPv4 address.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
