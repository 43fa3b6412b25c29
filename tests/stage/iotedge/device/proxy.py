# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy of a daemon's environment, understood as the identity service's own client does."""

from __future__ import annotations

import base64
import http.client
import os
import re
import ssl
import urllib.parse


class BadProxy(Exception):
    """The proxy's URL can't be used."""


def from_environment() -> str | None:
    """The URL that counts: HTTPS_PROXY before https_proxy; no_proxy is not looked at.

    Raises BadProxy for what the real daemon does not start with.
    """
    for name in ("HTTPS_PROXY", "https_proxy"):
        if name in os.environ:
            url = os.environ[name]
            # `host.name:3128` reads as a scheme and passes until it is used; an empty value and `10.0.0.1:3128` don't.
            if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:.", url):
                raise BadProxy(f"{name} is not a URI: {masked(url)!r}")
            return url
    return None


def masked(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(//[^/@:]*:)[^@]*@", r"\1******@", url)


def reach(host: str, proxy: str | None, agent: str, path: str = "/", timeout: float = 15) -> int:
    """GET https://host/path through the proxy, or straight; the status of the answer. OSError, or BadProxy."""
    trust = ssl.create_default_context()
    headers = {"User-Agent": agent}
    if proxy is None:
        connection = http.client.HTTPSConnection(host, timeout=timeout, context=trust)
    else:
        parts = urllib.parse.urlsplit(proxy)
        if parts.scheme != "http" or not parts.hostname:
            raise BadProxy(f"the proxy's URI has no scheme that this can use: {masked(proxy)}")
        connection = http.client.HTTPSConnection(parts.hostname, parts.port or 80, timeout=timeout, context=trust)
        tunnel = dict(headers)
        if parts.username is not None:
            known = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            tunnel["Proxy-Authorization"] = f"Basic {base64.b64encode(known.encode()).decode()}"
        connection.set_tunnel(host, 443, tunnel)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except http.client.HTTPException as broken:
        raise OSError(repr(broken)) from None
    finally:
        connection.close()
