# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as environment variables: the value of each, not how a file quotes it."""

from __future__ import annotations

import typing as t

from . import _no_proxy, _proxy
from ._errors import Refused
from ._notice import Notice
from ._rendered import Notices, Rendered

NAMES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")

# Go and Java never send these through a proxy; curl, Python and .NET do unless they are listed. Python requests
# compares the ends of texts: ::1 exempts every IPv6 address that ends in it (without it, ::1 itself goes to the proxy),
# and for many of its versions example.com exempts notexample.com. No spelling helps, nor does a warning at each domain.
LOCAL = ("localhost", "127.0.0.1", "::1")

# Linux gives no process a longer NAME=value (MAX_ARG_STRLEN, with its NUL): execve fails, the service does not start.
MAX_VARIABLE = 131071

_NO_NETWORKS = "knows no networks, so such an address is reached through the proxy; list the addresses to be direct"
_NO_PORTS = (
    "ignores an entry with a port, or matches it only where the URL spells that port; "
    "leave the port out if every port may be direct"
)


def environment(proxy: _proxy.Proxy, *, readers: str = "go", cases: t.Sequence[str] = ("upper", "lower")) -> Rendered:
    """Return name -> value, never an empty value.

    `readers`: "go" for what only Go programs read (dockerd, the ECS agent), "shared" for what curl, Python, .NET
    and Go read together. `cases`: which of HTTP_PROXY ("upper") and http_proxy ("lower") to give; curl reads only
    the latter for http://. "iotedge" is for IoT Edge's own daemons, which get https_proxy alone, whatever the cases.
    Raises Refused where the list is longer than a process's environment can hold.
    """
    if readers == "iotedge":
        return Rendered({"https_proxy": proxy.https}, _iotedge_notices(proxy))
    names = no_proxy(proxy.no_proxy, readers=readers)
    values = {"HTTP_PROXY": proxy.http, "HTTPS_PROXY": proxy.https, "NO_PROXY": names.value}
    value = {
        spelled: text
        for name, text in values.items()
        for case, spelled in (("upper", name), ("lower", name.lower()))
        if case in cases
    }
    return Rendered(value, names.notices + notices(proxy, readers))


def same(name: str, one: t.Optional[str], other: t.Optional[str]) -> bool:
    """Tell whether two values of a variable come to the same; no_proxy is a set."""
    if name.lower() == "no_proxy" and one is not None and other is not None:
        return _no_proxy.same(one, other)
    return one == other


def no_proxy(entries: t.Sequence[_no_proxy.Entry], *, readers: str) -> Rendered:
    """Return the value of NO_PROXY for `readers` ("go" or "shared", as for `environment`)."""
    notices = Notices()
    members = list(LOCAL if readers == "go" else (*LOCAL, "[::1]"))
    paths = []
    listed = {entry.text for entry in entries}
    for entry in entries:
        if entry.kind == _no_proxy.ALL:
            if readers == "shared":
                notices.add(".NET", entry.written, "knows no *, so every request goes through the proxy")
            return Rendered("*", notices.all())
        if entry.kind == _no_proxy.PATH:
            # Harmless, and vendors' pages list it; but only where one program alone reads the list.
            paths += [entry.text] if readers == "go" else []
        elif entry.text not in LOCAL:
            members += [entry.text] if readers == "go" else _shared(entry)
            _add_notices(notices, entry, readers, listed)
    value = ",".join(dict.fromkeys(members + paths))
    check_length("NO_PROXY", value)
    return Rendered(value, notices.all())


def check_length(name: str, value: str) -> None:
    """Raise Refused for what can't be in the environment of any process."""
    size = len(name) + 1 + len(value.encode("utf-8"))
    if size > MAX_VARIABLE:
        raise Refused(
            f"becomes a variable {name} of {size} bytes; Linux starts no process with one of more than {MAX_VARIABLE}",
            where=_no_proxy.WHERE,
            instead="Replace hosts by their domain, and addresses by their network.",
        )


def notices(proxy: _proxy.Proxy, readers: str) -> t.Tuple[Notice, ...]:
    """Return what `readers` (as for `environment`) won't do with the proxy's URLs themselves."""
    found = Notices()
    if readers == "shared":
        for end in _proxy.endpoints(proxy):
            if end.username and not end.password:
                found.add("Python urllib", "password", "is empty, and then it sends no credentials at all")
            if not (end.username + end.password).isascii():
                found.add(
                    "Python requests and AWS CLI",
                    "username and password",
                    "hold more than ASCII, which it sends as Latin-1 or fails on; ask the proxy for an ASCII password",
                )
    return tls_notices(proxy, readers) + found.all()


def tls_notices(proxy: _proxy.Proxy, readers: str, *, name: str = "Go") -> t.Tuple[Notice, ...]:
    """Return what to know of a proxy that is itself spoken to by TLS, an https:// URL; () for any other."""
    notices = Notices()
    for end in _proxy.endpoints(proxy):
        if end.scheme == "https":
            notices.add(
                "Go and curl" if readers == "shared" else name,
                end.origin,
                "speaks TLS to the proxy itself; if that answers plain HTTP, write http:// (for https:// requests too)",
            )
            if readers == "shared":
                notices.add("Python urllib and .NET before 8", end.origin, "cannot speak TLS to a proxy, and fails")
    return notices.all()


def _iotedge_notices(proxy: _proxy.Proxy) -> t.Tuple[Notice, ...]:
    """Return what IoT Edge's daemons won't do; how each of them reads the variable was read in their source."""
    found = Notices()
    end = _proxy.endpoint(proxy.https)
    if proxy.no_proxy:
        found.add(
            "aziot-identityd and aziot-certd",
            "no_proxy",
            "is not known to them: all their requests go through the proxy, those to a parent device included",
        )
    if end.scheme == "https":
        found.add(
            "edgeAgent and edgeHub",
            end.origin,
            "can't speak TLS to a proxy with AmqpWs; if that proxy answers plain HTTP, write http://",
        )
    if ":" in end.host:
        found.add(
            "iotedge check",
            end.origin,
            "is an IPv6 address, which systemctl shows in quotes: the check proxy-settings can't pass; use a name",
        )
    return found.all()


def _shared(entry: _no_proxy.Entry) -> t.List[str]:
    if entry.port is None and entry.kind == _no_proxy.DOMAIN:
        return [entry.host, f".{entry.host}"]  # .NET takes the bare name for that one host
    if entry.port is None and entry.kind == _no_proxy.IP6:
        return [entry.host, f"[{entry.host}]"]  # Go and curl want it bare, Python and .NET bracketed
    return [entry.text]


def _add_notices(notices: Notices, entry: _no_proxy.Entry, readers: str, listed: t.Set[str]) -> None:
    if entry.kind == _no_proxy.DOMAIN and "." not in entry.host:
        notices.add("every reader", entry.written, "is one label, which also exempts every name that ends in it")
    if readers == "go":
        return
    if entry.port is not None:
        notices.add("curl, Python and .NET", entry.written, _NO_PORTS)
    elif entry.kind == _no_proxy.SUBDOMAINS and entry.host not in listed:
        notices.add("curl, Python and .NET", entry.written, "exempts the domain itself too, not only what is under it")
    elif entry.kind == _no_proxy.CIDR6 or entry.text == "0.0.0.0/0":
        notices.add("curl, Python and .NET", entry.written, _NO_NETWORKS)
    elif entry.kind == _no_proxy.CIDR4:
        notices.add("Python urllib, AWS CLI, .NET and curl before 7.86", entry.written, _NO_NETWORKS)
