# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of Amazon's ecs-init, and of the agent whose container it would make. It contains nothing of theirs.

Each asks for something as the real ones do, with the proxy that the real ones' libraries would take: ecs-init has its
process's environment, the agent what ecs-init reads from ecs.config line by line.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import signal
import sys
import time
import urllib.parse

METADATA = "169.254.169.254"
HUB = "hub.example.com"  # for Amazon's own endpoints
AGENT = "/run/ecs-stand-in/agent.json"
FILES = ("/var/lib/ecs/ecs.config", "/etc/ecs/ecs.config")


def read_config(text: str) -> dict[str, str]:
    """The grammar of ecs-init: no comment, no quote, no escape."""
    found = {}
    for line in text.strip().split("\n"):
        parts = line.strip().split("=", 1)
        if len(parts) == 2:
            found[parts[0]] = parts[1]
    return found


def direct(host: str, no_proxy: str) -> bool:
    """Go's rule, as far as a test here looks."""
    for entry in filter(None, no_proxy.split(",")):
        if entry == "*" or entry == host or host.endswith("." + entry.lstrip(".")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry):
                return True
        except ValueError:
            continue
    return False


def proxy_of(scheme: str, host: str, environ: dict[str, str], fallback: bool) -> str | None:
    """The proxy for a URL. The agent's own copy of Go's rule falls back on HTTP_PROXY, Go's since 1.16 does not."""
    if direct(host, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    names = ["HTTPS_PROXY", "https_proxy"] if scheme == "https" else ["HTTP_PROXY", "http_proxy"]
    if fallback and scheme == "https":
        names += ["HTTP_PROXY", "http_proxy"]
    return next((environ[name] for name in names if environ.get(name)), None)


def request(url: str, agent: str, environ: dict[str, str], fallback: bool = False) -> str:
    """Say in one line what came of a request: by which way, and its status."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    proxy = proxy_of(parts.scheme, host, environ, fallback)
    headers = {"User-Agent": agent}
    try:
        if proxy is None:
            port = 443 if parts.scheme == "https" else 80
            connection = http.client.HTTPConnection(host, port, timeout=2)
            if parts.scheme == "https":
                connection.connect()
                return "direct connected"
            connection.request("GET", parts.path or "/", headers=headers)
        else:
            end = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            if end.username:
                pair = f"{urllib.parse.unquote(end.username)}:{urllib.parse.unquote(end.password or '')}"
                headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            connection = http.client.HTTPConnection(end.hostname or "", end.port or 80, timeout=5)
            if parts.scheme == "https":
                connection.set_tunnel(host, 443, headers)
                connection.connect()
                return "proxy connected"
            connection.request("GET", url, headers=headers)
        return f"{'proxy' if proxy else 'direct'} {connection.getresponse().status}"
    except (OSError, http.client.HTTPException) as failed:
        return f"{'proxy' if proxy else 'direct'} failed ({type(failed).__name__})"


def main() -> None:
    """Fetch the agent, make its environment, and have it register."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    own = dict(os.environ)
    said = {"init": request(f"https://{HUB}/", "amazon-ecs-init", own)}
    said["init metadata"] = request(f"http://{METADATA}/latest/meta-data/", "amazon-ecs-init", own)
    container: dict[str, str] = {}
    for path in FILES:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as handle:
                container.update(read_config(handle.read()))
    said["agent"] = request(f"https://{HUB}/", "amazon-ecs-agent", container, fallback=True)
    said["agent metadata"] = request(f"http://{METADATA}/latest/meta-data/", "amazon-ecs-agent", container)
    os.makedirs(os.path.dirname(AGENT), exist_ok=True)
    with open(AGENT + ".new", "w", encoding="utf-8") as handle:
        json.dump({"said": said, "environment": container, "pid": os.getpid()}, handle)
    os.rename(AGENT + ".new", AGENT)
    while True:
        time.sleep(3600)


main()
