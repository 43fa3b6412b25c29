# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Values of proxy settings, compared by what they mean: what differs, in words, and credentials by a digest."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import typing as t
import urllib.parse

from . import _no_proxy
from ._errors import Refused
from ._redaction import PLACEHOLDER, redact

SETTINGS = ("http_proxy", "https_proxy", "no_proxy")
NO_PROXY = SETTINGS[2]
Names = t.Mapping[str, t.Tuple[str, ...]]

# Which variables a reader takes for a setting; the first that isn't empty counts. Of a value of its own, Go's net/http.
GO: Names = {name: (name.upper(), name) for name in SETTINGS}
# curl, wget, Python and .NET, as far as they agree.
SHARED: Names = {name: (name, name.upper()) for name in SETTINGS}

_CONTEXT = b"fleetops.container_hosts.proxy_audit\0"
_DIGEST_BYTES = 2  # see the module's documentation of digest_key
_PORTS = {"http": 80, "https": 443}
_MASKED = ("xxxxx", "xxxxx")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SHOWN = 3
# Go sends the first three past any proxy whatever the list says. The last one is EC2's metadata by IPv6, which the ECS
# role adds where it is told to, and which nobody else has.
_NEUTRAL = ("localhost", "127.0.0.1", "::1", "fd00:ec2::254")


class Url(t.NamedTuple):
    """A proxy's URL in parts that can be compared; `password` is decoded, and '' where there is none."""

    scheme: str
    host: str
    port: t.Optional[int]
    username: str
    password: str


def url_of(text: str) -> t.Optional[Url]:
    """Return the parts; None for what is no URL. Without a scheme it is http, as Go, curl and Python take it."""
    try:
        parts = urllib.parse.urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    username, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
    return Url(parts.scheme.lower(), host.lower(), port or _PORTS.get(parts.scheme.lower()), username, password)


def is_masked(text: t.Optional[str]) -> bool:
    """Tell whether a URL is as `docker info` shows one with credentials."""
    url = url_of(text or "")
    return url is not None and url[3:] == _MASKED


def without_credentials(text: str) -> t.Optional[Url]:
    """Return the parts of a URL but for its credentials."""
    url = url_of(text)
    return url._replace(username="", password="") if url else None


def difference(setting: str, found: t.Optional[str], wanted: t.Optional[str], *, go: bool) -> str:
    """Return what `found` has otherwise than `wanted`, to be read after `with` or `is`; '' where they mean the same.

    None: not set. `go`: who reads it treats a no_proxy list as Go does. No secret is in the answer.
    """
    if setting == NO_PROXY:
        return _list_difference(found, wanted, go)
    found, wanted = found or None, wanted or None  # every reader takes an empty one for none
    if found == wanted:
        return ""
    if found is None:
        return "none"
    if wanted is None:
        return "one"
    one, other = url_of(found), url_of(wanted)
    if one is None or other is None:
        return "another value"
    if is_masked(found) and (other.username or other.password):
        one = one._replace(username=other.username, password=other.password)
    parts = [
        words
        for words, differs in (
            ("scheme", one.scheme != other.scheme),
            ("host", one.host != other.host),
            ("port", one.port != other.port),
        )
        if differs
    ]
    if bool(one.username) != bool(other.username):
        return "; ".join([*_another(parts), "credentials" if one.username else "no credentials"])
    if one.username != other.username:
        parts.append("user name")
    if one.password != other.password:
        parts.append("password")
    return "; ".join(_another(parts))


def masked(setting: str, value: t.Optional[str]) -> t.Optional[str]:
    """Return a value as it may be shown."""
    if value is None:
        return None
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if setting == NO_PROXY:
        return redact(text)
    # All that stands before the last @, whatever its form: a password that isn't encoded may hold anything.
    before, at, after = text.rpartition("@")
    scheme = _SCHEME.match(before)
    return f"{scheme[0] if scheme else ''}{PLACEHOLDER}@{after}" if at else text


def digest(value: t.Optional[str], key: str) -> t.Optional[str]:
    """Return a short keyed digest of a URL's credentials; None where it has none, where they are masked, or no key."""
    url = url_of(value or "")
    if not key or url is None or not (url.username or url.password) or is_masked(value):
        return None
    text = f"{url.username}\0{url.password}".encode("utf-8", "surrogatepass")
    whole = hmac.new(key.encode("utf-8", "surrogatepass"), _CONTEXT + text, hashlib.sha256).digest()
    return whole[:_DIGEST_BYTES].hex()


def _another(parts: t.Sequence[str]) -> t.List[str]:
    return [f"another {' and '.join(parts)}"] if parts else []


# no_proxy -----------------------------------------------------------------------------------------------------------


def _list_difference(found: t.Optional[str], wanted: t.Optional[str], go: bool) -> str:
    has, should = members(found or "", go=go), members(wanted or "", go=go)
    if has == should:
        return ""
    if not found:
        return "none"
    said = []
    if should - has:
        said.append(f"without {_some(should - has)}")
    if has - should:
        said.append(f"also {_some(has - should)}")
    return ", and ".join(said)


def members(text: str, *, go: bool) -> t.Set[str]:
    """Return what a list exempts, each entry in one spelling, and none that another one covers."""
    entries: t.Dict[str, _no_proxy.Entry] = {}
    odd: t.Set[str] = set()
    for piece in text.split(","):
        try:
            for entry in _no_proxy.parse(piece):
                entries[entry.text] = entry
        except Refused:
            odd.add(piece.strip().lower())
    if "*" in entries:
        return {"*"}
    domains = {entry.host for entry in entries.values() if entry.kind == _no_proxy.DOMAIN and entry.port is None}
    networks = [ipaddress.ip_network(e.host) for e in entries.values() if e.kind in (_no_proxy.CIDR4, _no_proxy.CIDR6)]
    kept = set()
    for name, entry in entries.items():
        if entry.kind == _no_proxy.PATH or (go and name in _NEUTRAL):
            continue
        # `.x` beside `x` is there for readers that take `x` for one host.
        if entry.kind == _no_proxy.SUBDOMAINS and entry.port is None and entry.host in domains:
            continue
        if go and _is_covered(entry, domains, networks):
            continue
        kept.add(name)
    return kept | odd


def _is_covered(entry: _no_proxy.Entry, domains: t.Set[str], networks: t.Sequence[t.Any]) -> bool:
    """Tell whether another entry of the list exempts all that this one does, for readers that know networks."""
    if entry.kind in (_no_proxy.DOMAIN, _no_proxy.SUBDOMAINS):
        parents = entry.host.split(".")
        above = [".".join(parents[index:]) for index in range(1, len(parents))]
        return any(domain in domains for domain in above)
    try:
        own = ipaddress.ip_network(entry.host)
    except ValueError:
        return False
    return any(own != other and own.version == other.version and own.subnet_of(other) for other in networks)


def _some(names: t.Collection[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return redact(", ".join(ordered[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
