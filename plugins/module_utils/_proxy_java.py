# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as Java system properties. The JVM reads no environment variable for it."""

from __future__ import annotations

import ipaddress
import typing as t

from . import _no_proxy, _proxy, _proxy_environment
from ._errors import Refused
from ._rendered import Notices, Rendered

# The JVM's own default, which it appends to any list that is not empty; older ones let the property replace it.
LOCAL = ("localhost", "127.*", "[::1]")


def options(proxy: _proxy.Proxy) -> Rendered:
    """Return the JVM's options as a tuple of words without blanks, for the file's own quoting (`|` and `*` need it).

    Raises Refused for an https:// proxy: the JVM speaks plain HTTP to its proxy.
    """
    notices = Notices()
    words = []
    for name, end in endpoints(proxy):
        if end.username:
            notices.add(
                "Java",
                "username",
                "takes no credentials from its options; let it use a proxy (or a local forwarder) that asks for none",
            )
        words += [f"-D{name}.proxyHost={end.host}", f"-D{name}.proxyPort={end.port}"]
    # There is no https.nonProxyHosts: this one rules both.
    words.append(f"-Dhttp.nonProxyHosts={non_proxy_hosts(proxy.no_proxy, notices)}")
    _proxy_environment.check_length("JVM_OPTS", " ".join(words))
    return Rendered(tuple(words), notices.all())


def endpoints(proxy: _proxy.Proxy) -> t.Tuple[t.Tuple[str, _proxy.Endpoint], ...]:
    """Return the proxy's parts for "http" and "https"; raises Refused for an https:// proxy."""
    ends = tuple((name, _proxy.endpoint(url)) for name, url in (("http", proxy.http), ("https", proxy.https)))
    for name, end in ends:
        if end.scheme != "http":
            raise Refused(
                "is an https:// proxy, and the JVM speaks only plain HTTP to one",
                where=f"{_proxy.WHERE}.{name}",
                instead="Write the http:// port of the proxy.",
            )
    return ends


def non_proxy_hosts(entries: t.Sequence[_no_proxy.Entry], notices: Notices) -> str:
    """Return the value of http.nonProxyHosts: patterns with one * at their begin or end, joined by `|`."""
    patterns: t.Dict[str, None] = dict.fromkeys(LOCAL)
    for entry in entries:
        if entry.kind == _no_proxy.ALL:
            return "*"
        if entry.port is not None:
            notices.add("Java", entry.written, "matches no port, so every port of it is exempt")
        if entry.kind == _no_proxy.CIDR6:
            notices.add(
                "Java", entry.written, "knows no IPv6 networks, so it is left out; list the addresses to be direct"
            )
        patterns.update(dict.fromkeys(_patterns(entry)))
    return "|".join(patterns)


def _patterns(entry: _no_proxy.Entry) -> t.Iterable[str]:
    if entry.text in _proxy_environment.LOCAL:
        return ()  # LOCAL has them already
    if entry.kind == _no_proxy.DOMAIN:
        return (entry.host, f"*.{entry.host}")
    if entry.kind == _no_proxy.SUBDOMAINS:
        return (f"*.{entry.host}",)
    if entry.kind == _no_proxy.IP4:
        return (entry.host,)
    if entry.kind == _no_proxy.IP6:
        return (f"[{entry.host}]",)
    if entry.kind == _no_proxy.CIDR4:
        return _globs(ipaddress.IPv4Network(entry.host))
    return ()


def _globs(network: ipaddress.IPv4Network) -> t.Iterator[str]:
    """Yield an IPv4 network as whole octets: 172.16.0.0/12 is 172.16.* to 172.31.*. There are at most 256.

    Such a pattern also matches a name like 10.example.com; the JVM's own default, 127.*, takes that risk too.
    """
    octets = max(1, -(-network.prefixlen // 8))
    for subnet in network.subnets(new_prefix=8 * octets):
        kept = str(subnet.network_address).split(".")[:octets]
        yield ".".join(kept) + (".*" if octets < 4 else "")
