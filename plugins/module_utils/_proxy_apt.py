# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as apt's files: settings that every user may read, and credentials that only root may.

A settings file of mode 0600 makes apt warn every other user, so credentials go into auth.conf.d (apt 2.0 and later),
which apt opens as root before it gives its rights up.
"""

from __future__ import annotations

import typing as t

from . import _no_proxy, _proxy, _proxy_environment
from ._rendered import Notices, Rendered

_HEADER = "# Written by the Ansible collection fleetops.container_hosts; changes here are lost.\n"


class Files(t.NamedTuple):
    """The text of each file; '' where it is not needed."""

    configuration: str  # for apt.conf.d
    credentials: str  # for auth.conf.d, mode 0600
    private: bool  # the configuration itself holds credentials, and needs mode 0600


def files(proxy: _proxy.Proxy) -> Rendered:
    """Return `Files`. apt's DIRECT is for whole host names and addresses; what else is exempt becomes a Notice."""
    notices = Notices()
    if any(entry.kind == _no_proxy.ALL for entry in proxy.no_proxy):
        return Rendered(Files(_HEADER + _settings("DIRECT", "DIRECT", ()), "", False))
    ends = [_proxy.endpoint(url) for url in (proxy.http, proxy.https)]
    # Its tokens end at a blank, and it knows neither quotes nor escapes.
    private = any(end.username and not _is_token(end) for end in ends)
    if private:
        notices.add(
            "apt",
            "password",
            "is empty or holds a blank, which auth.conf cannot carry; apt's settings become root's alone, "
            "and apt warns other users that it cannot read them",
        )
    http, https = (end.url if private else end.origin for end in ends)
    configuration = _settings(http, https, _direct_hosts(proxy.no_proxy, notices))
    credentials = "" if private else "".join(line for end in dict.fromkeys(ends) for line in _machine(end))
    return Rendered(
        Files(_HEADER + configuration, credentials and _HEADER + credentials, private),
        notices.all() + _proxy_environment.tls_notices(proxy, "go", name="apt"),
    )


def _settings(http: str, https: str, direct: t.Iterable[str]) -> str:
    lines = [f'Acquire::http::Proxy "{http}";\n', f'Acquire::https::Proxy "{https}";\n']
    lines += [f'Acquire::{scheme}::Proxy::{host} "DIRECT";\n' for host in direct for scheme in ("http", "https")]
    return "".join(lines)


def _direct_hosts(entries: t.Sequence[_no_proxy.Entry], notices: Notices) -> t.Iterable[str]:
    hosts = dict.fromkeys(_proxy_environment.LOCAL)
    for entry in entries:
        if entry.kind == _no_proxy.PATH:
            continue
        # apt cuts an option's name at each `::`, so that one at its end is lost.
        whole = entry.kind in (_no_proxy.DOMAIN, _no_proxy.IP4, _no_proxy.IP6) and not entry.host.endswith("::")
        if not whole or entry.port is not None:
            notices.add(
                "apt", entry.written, "goes through the proxy: apt exempts single hosts only; name those it needs"
            )
            continue
        hosts[entry.host] = None
        if entry.kind == _no_proxy.DOMAIN and entry.text not in _proxy_environment.LOCAL:
            notices.add("apt", entry.written, "exempts only the host of that name, not what is under it")
    return hosts


def _is_token(end: _proxy.Endpoint) -> bool:
    return bool(end.password) and " " not in end.username + end.password


def _machine(end: _proxy.Endpoint) -> t.Iterator[str]:
    if not end.username:
        return
    # apt itself looks an IPv6 address up without its brackets.
    for authority in dict.fromkeys((end.authority, f"{end.host}:{end.port}")):
        yield f"machine {end.scheme}://{authority} login {end.username} password {end.password}\n"
