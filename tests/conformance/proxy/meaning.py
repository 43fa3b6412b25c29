# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no_proxy lists mean, said a second time and without the code under test."""

from __future__ import annotations

import ipaddress
import typing as t
import urllib.parse

from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from hypothesis import strategies as st

NAMES = (
    "example.com",
    "sub.example.com",
    "deep.sub.example.com",
    "notexample.com",
    "example.org",
    "registry",
)
LOCAL = ("localhost", "127.0.0.1", "::1")
_ADDRESSES = ("10.0.0.5", "10.1.2.3", "192.0.2.7", "169.254.169.254", "172.31.255.255", "fd00:ec2::254", "2001:db8::77")
_NETWORKS = (
    "10.0.0.0/8",
    "10.0.0.0/15",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.0.2.4/30",
    "192.0.2.7/32",
    "0.0.0.0/0",
    "fd00:ec2::/32",
)


def _urls() -> t.Iterator[str]:
    for name in (*NAMES, *_ADDRESSES, *LOCAL):
        host = f"[{name}]" if ":" in name else name
        yield from (f"http://{host}/", f"http://{host}:8080/", f"https://{host}/")


TARGETS = tuple(_urls())


class Meant(t.NamedTuple):
    """One entry as a user writes it, and what is meant by it."""

    written: str
    host: str  # a name, an address or a network
    names_under_it: bool = False
    itself: bool = True
    port: int | None = None

    def exempts(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            under = self.names_under_it and host.endswith("." + self.host)
            return under or (self.itself and host == self.host)
        try:
            return address in ipaddress.ip_network(self.host)
        except ValueError:
            return False

    def concerns(self, host: str) -> bool:
        """Tell whether a reader that takes the entry too widely may exempt `host` by it."""
        return self._replace(names_under_it=True, itself=True, port=None).exempts(host, 0)


def _spelled(text: str, upper: bool) -> str:
    return text.upper() if upper else text


@st.composite
def _names(draw: st.DrawFn) -> Meant:
    host = draw(st.sampled_from(NAMES))
    prefix = draw(st.sampled_from(["", ".", "*."]))
    port = draw(st.sampled_from([None, None, 80, 443, 8080]))
    dot = draw(st.sampled_from(["", "."]))
    text = prefix + _spelled(host, draw(st.booleans())) + dot + ("" if port is None else f":{port}")
    return Meant(text, host, names_under_it=True, itself=not prefix, port=port)


@st.composite
def _addresses(draw: st.DrawFn) -> Meant:
    host = draw(st.sampled_from(_ADDRESSES))
    port = draw(st.sampled_from([None, None, 80, 443, 8080]))
    text = host
    if ":" in host:
        long = _spelled(ipaddress.ip_address(host).exploded, draw(st.booleans()))
        text = draw(st.sampled_from([host, long, f"[{host}]"])) if port is None else f"[{long}]"
    return Meant(text if port is None else f"{text}:{port}", host, port=port)


LISTS = st.lists(
    st.one_of(_names(), _addresses(), st.sampled_from(_NETWORKS).map(lambda network: Meant(network, network))),
    # Notices name five entries; a longer list would have to be told apart by less.
    max_size=5,
    unique_by=lambda meant: meant.written,
)
_PRINTABLE = st.characters(exclude_categories=("Cc", "Cs"))
CREDENTIALS = st.tuples(
    st.text(_PRINTABLE, min_size=1, max_size=12).filter(lambda text: ":" not in text),
    st.text(_PRINTABLE, min_size=1, max_size=24),
)
AWKWARD = ("DOMAIN\\us er", "p%@:#/\\ é漢😀\"'$(x)`x`&;|<>?[]{}^~!*%41+=,")


def differences(
    meant: t.Sequence[Meant], seen: t.Iterable[tuple[str, str, int]], notices: t.Sequence[Notice], reader: str
) -> list[str]:
    """Return what a reader did otherwise than meant, and no notice told of."""
    # "curl, Python and .NET" speaks of both of Python's, "Python urllib" of one.
    names = (reader, reader.replace("Python urllib", "Python and").replace("Python requests", "Python and"), "every")
    relevant = [notice for notice in notices if any(name in notice.reader for name in names)]
    told = {entry for notice in relevant for entry in notice.entry.split(", ")}
    silent = []
    for via, host, port in seen:
        local = host in LOCAL
        entries = [entry for entry in meant if entry.exempts(host, port)]
        if via == "proxy" and (local or entries) and not any(entry.written in told for entry in entries):
            silent.append(f"{host}:{port} went through the proxy in spite of {entries or 'being local'}")
        concerned = [entry for entry in meant if entry.concerns(host) and entry.written in told]
        # Python requests compares the ends of texts, which is known (_proxy_environment.LOCAL).
        concerned += [entry for entry in meant if reader == "Python requests" and host.endswith(entry.host)]
        if via == "origin" and not local and not entries and not concerned:
            silent.append(f"{host}:{port} went round the proxy without a reason")
    return silent


def missing(seen: t.Iterable[tuple[str, str, int]]) -> set[tuple[str, int]]:
    """Return the targets that nobody was asked for. Which name of itself a host was asked by can't be told apart."""

    def plain(host: str, port: int) -> tuple[str, int]:
        return ("localhost" if host in LOCAL else host, port)

    return {plain(*target(url)) for url in TARGETS} - {plain(host, port) for _via, host, port in seen}


def target(url: str) -> tuple[str, int]:
    """Return a URL's host and port."""
    parts = urllib.parse.urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
