# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as the Amazon ECS agent and ecs-init read it: variables in capitals, with what must stay direct.

Go sends requests to the instance's metadata through a proxy unless NO_PROXY names their addresses.
"""

from __future__ import annotations

import typing as t

from . import _no_proxy, _proxy, _proxy_environment
from ._rendered import Rendered

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
METADATA = "169.254.169.254"  # of the instance: its role's credentials, its region
TASK_CREDENTIALS = "169.254.170.2"  # where tasks get theirs, and dockerd its own for awslogs
METADATA_IPV6 = "fd00:ec2::254"
# No program takes a proxy to a socket. It is there because the vendor's page has it.
_SOCKET = "/var/run/docker.sock"
_PIPE = "\\\\.\\pipe\\docker_engine"  # the same on Windows


def with_scheme(model: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the proxy's model with http:// before an address that has no scheme, as the vendor's page writes it."""
    return {
        key: f"http://{value}" if key in ("http", "https") and _is_bare(value) else value
        for key, value in model.items()
    }


def environment(proxy: _proxy.Proxy, *, ipv6: bool = False, windows: bool = False) -> Rendered:
    """Return name -> value for NAMES; `ipv6`: the metadata's IPv6 address is direct too."""
    socket = _PIPE if windows else _SOCKET
    direct = _no_proxy.parse([METADATA, TASK_CREDENTIALS, *([METADATA_IPV6] if ipv6 else []), socket])
    everything = {entry.text: entry for entry in (*direct, *proxy.no_proxy)}
    wanted = proxy._replace(no_proxy=tuple(everything.values()))
    return _proxy_environment.environment(wanted, readers="go", cases=("upper",))


def url(value: t.Any) -> str:
    """Return a proxy's URL, canonical; raises Refused for what is none."""
    return _proxy.parse(with_scheme({"http": value})).http


def no_proxy(value: t.Any) -> str:
    """Return the value of NO_PROXY for a list or text; raises Refused for what no reader can match."""
    return t.cast(str, _proxy_environment.no_proxy(_no_proxy.parse(value), readers="go").value)


def _is_bare(value: t.Any) -> bool:
    return isinstance(value, str) and bool(value) and "://" not in value
