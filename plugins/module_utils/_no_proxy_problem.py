# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Says of an entry of no_proxy, in lower case, that no reader matches what is wrong with it."""

from __future__ import annotations

import ipaddress
import re

from ._no_proxy import NAME, ip4_or_none, name_problem

# `10.`, `10.0`, `10.*`, `10.0.*.*`: a network as people write it.
_OCTETS = re.compile(r"(?P<octets>[0-9]{1,3}(?:\.[0-9]{1,3}){0,2})(?P<stars>(?:\.\*)*)\.?")


def problem(text: str) -> str:
    """Return what an entry is that is none."""
    if "<" in text:
        return "is Windows' word for names without a dot, which no reader here knows"
    if "://" in text:
        return "is a URL, and no reader matches one"
    if "*" in text:
        return "has a * where no reader knows one"
    if "%" in text:
        return "has a zone or a percent sign, which no reader matches"
    if "/" in text:
        return "is neither a network nor a host name"
    return name_problem(text) or "is not a host name, domain, IP address or network"


def instead(text: str) -> str:
    """Return what to write instead of it."""
    octets = _OCTETS.fullmatch(text)
    if octets:
        given = octets["octets"].split(".")
        network = ".".join([*given, "0", "0", "0"][:4])
        if ip4_or_none(network):
            return f"Write {network}/{8 * len(given)}."
    if "://" in text:
        rest = text.partition("://")[2]
        return f"Write {rest if rest.startswith('/') else rest.partition('/')[0]}."
    if "<" in text:
        return "Write the names, or their domain."
    host, slash, tail = text.partition("/")
    if slash:
        try:
            # A netmask, or a port behind the network.
            return f"Write {ipaddress.ip_network(host + slash + tail.partition(':')[0], strict=False)}."
        except ValueError:
            return f"Write {host}." if NAME.fullmatch(host) else "Write a network as 10.0.0.0/8."
    if "*" in text:
        tail = text.rpartition("*")[2]
        domain = tail.lstrip(".") if text.startswith("*") else tail.partition(".")[2]
        if NAME.fullmatch(domain):
            return f"Write {domain} for it and all under it, or .{domain} for what is under it."
    return "Write example.com, .example.com, 10.0.0.5 or 10.0.0.0/8."
