# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as options of [main] in dnf.conf or yum.conf."""

from __future__ import annotations

from . import _no_proxy, _proxy, _proxy_environment
from ._errors import Refused
from ._rendered import Notices, Rendered

# The options that are ours. One that a rendering leaves out must not stay from an earlier one.
KEYS = ("proxy", "proxy_username", "proxy_password")


def settings(proxy: _proxy.Proxy, *, reader: str = "dnf") -> Rendered:
    """Return option -> value, for `reader` "dnf" or "yum" (version 3); {} where nothing goes through the proxy.

    Both have one proxy for all, and no list of exceptions.
    """
    notices = Notices()
    if any(entry.kind == _no_proxy.ALL for entry in proxy.no_proxy):
        return Rendered({})
    end = _proxy.endpoint(proxy.https)
    if end.scheme == "https" and reader == "yum":
        raise Refused(
            "is an https:// proxy, and yum 3 speaks only plain HTTP to one",
            where=f"{_proxy.WHERE}.https",
            instead="Write the http:// port of the proxy.",
        )
    if proxy.http != proxy.https:
        notices.add(reader, "http", f"has one proxy for http:// and https://; it gets that of https, {end.origin}")
    for entry in proxy.no_proxy:
        if entry.kind != _no_proxy.PATH:
            notices.add(
                reader, entry.written, "has no list of exceptions; write proxy=_none_ in the repository's own file"
            )
    # Not proxy_username and proxy_password: some versions take %41 in them for A, and yum 3 puts them into a URL as
    # they are. The URL is decoded once by all.
    return Rendered({"proxy": end.url}, notices.all() + _proxy_environment.tls_notices(proxy, "go", name=reader))
