# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as Docker's two JSON files want it: daemon.json and the CLI's config.json."""

from __future__ import annotations

import ipaddress

from . import _proxy, _proxy_environment
from ._rendered import Notices, Rendered

CLI_KEYS = ("httpProxy", "httpsProxy", "noProxy")


def daemon(proxy: _proxy.Proxy) -> Rendered:
    """Return the dict for `proxies` of daemon.json (Engine 23.0 and later; an older one does not start with it)."""
    names = _proxy_environment.no_proxy(proxy.no_proxy, readers="go")
    return Rendered(
        {"http-proxy": proxy.http, "https-proxy": proxy.https, "no-proxy": names.value},
        names.notices + _proxy_environment.notices(proxy, "go"),
    )


def cli(proxy: _proxy.Proxy) -> Rendered:
    """Return the dict for `proxies.default` of ~/.docker/config.json.

    The CLI puts it into containers and builds, in both cases, so that every kind of program may read it.
    """
    names = _proxy_environment.no_proxy(proxy.no_proxy, readers="shared")
    notices = Notices()
    for end in _proxy.endpoints(proxy):
        if is_loopback(end.host):
            notices.add("containers", end.origin, "is the container itself there, where no proxy listens")
    return Rendered(
        dict(zip(CLI_KEYS, (proxy.http, proxy.https, names.value))),
        names.notices + _proxy_environment.notices(proxy, "shared") + notices.all(),
    )


def is_loopback(host: str) -> bool:
    """Tell whether a proxy's host is the machine itself, which in a container is the container."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
