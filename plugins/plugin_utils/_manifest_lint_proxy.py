# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Does a device that needs a proxy still reach its hub with this manifest?

edgeAgent's variables of the manifest replace those of the device's config.toml as a whole. Without the proxy among
them, edgeAgent loses the hub, and no other manifest ever reaches it: the device has to be mended on the spot.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import did_you_mean

from ._manifest import AGENT, HUB, Manifest, Module
from ._manifest_rules import ERROR, WARNING, Finding
from ._manifest_settings import RUNTIME, WEB_SOCKETS

PROTOCOLS = ("Amqp", "AmqpWs", "Mqtt", "MqttWs")
_PROXY, _PROTOCOL = "https_proxy", "UpstreamProtocol"
_URL = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_WRITE = '"https_proxy": {"value": "http://host:port"}'


def findings(manifest: Manifest, behind_proxy: bool) -> t.Iterator[Finding]:
    """Yield what is wrong with proxies and protocols; `behind_proxy`: the devices are known to be behind one."""
    used = {module.name for module in manifest.modules if module.text_of(_PROXY)}
    for module in manifest.modules:
        yield from _proxy(module)
        if module.name in RUNTIME:
            yield from _runtime(module, behind_proxy or bool(used))
            yield from _protocol(module)
    agent, hub = manifest.module(AGENT), manifest.module(HUB)
    if agent and hub:
        yield from _pair(agent, hub)


def _proxy(module: Module) -> t.Iterator[Finding]:
    names = module.names_of(_PROXY)
    values = {module.text_of_exactly(name) for name in names}
    for name in names:
        path = (*module.path, "env", name)
        value = module.text_of_exactly(name)
        if not value.strip():
            yield Finding("proxy_empty", path, "is empty", "Take it out where no proxy is wanted.")
        elif not _URL.match(value) and "${" not in value:
            yield Finding("proxy_not_a_url", path, "has no http:// before it; edgeAgent would not start", "Write it.")
        elif value.lower().startswith("https:"):
            yield Finding(
                "proxy_speaks_tls", path, "is an https:// proxy, which fails with WebSockets", "Write http://."
            )
    if len(names) > 1 and len(values) > 1 and module.name in RUNTIME:
        yield Finding(
            "proxy_said_twice",
            (*module.path, "env", names[1]),
            f"differs from {names[0]}; the two are one variable to it, and which counts is not defined",
            "Leave one of them.",
        )


def _runtime(module: Module, needed: bool) -> t.Iterator[Finding]:
    path = (*module.path, "env", _PROXY)
    if not module.text_of(_PROXY):
        if module.name == AGENT:
            yield Finding(
                "agent_without_proxy",
                path,
                "is not there: behind a proxy, the device loses its hub for good, whatever its config.toml says",
                f"Write {_WRITE}.",
                # Nothing here tells that the devices are behind one.
                ERROR if needed else WARNING,
            )
        elif needed:
            yield Finding(
                "hub_without_proxy", path, "is not there, and edgeHub takes it from nowhere else", f"Write {_WRITE}."
            )
        return
    protocol = (module.text_of(_PROTOCOL) or "").lower()
    if protocol in [each.lower() for each in WEB_SOCKETS]:
        return
    direct = "AMQP, which goes to port 5671 directly" if module.name == HUB else "AMQP first, directly, at each start"
    yield Finding(
        "protocol_passes_proxy_by",
        (*module.path, "env", _PROTOCOL),
        f"is no protocol that uses the proxy ({' and '.join(WEB_SOCKETS)} do)"
        if protocol
        else f"is not there, and {module.name} tries {direct}",
        'Write "UpstreamProtocol": {"value": "AmqpWs"}.',
        # Without a protocol, edgeAgent tries AMQP and then AmqpWs.
        "" if protocol or module.name == HUB else WARNING,
    )


def _protocol(module: Module) -> t.Iterator[Finding]:
    for name in module.names_of(_PROTOCOL):
        value = module.text_of_exactly(name)
        path = (*module.path, "env", name)
        known = {each.lower(): each for each in PROTOCOLS}
        if value.lower() not in known:
            near = did_you_mean(value[:40], list(PROTOCOLS))
            yield Finding(
                "protocol_unknown",
                path,
                "is none of its protocols, and counts as not there." + near,
                f"Write one of {', '.join(PROTOCOLS)}.",
            )
        elif value != known[value.lower()]:
            yield Finding(
                "protocol_spelling",
                path,
                f"is {value}, which iotedge check does not take",
                f"Write {known[value.lower()]}.",
            )


def _pair(agent: Module, hub: Module) -> t.Iterator[Finding]:
    protocols = [(module.text_of(_PROTOCOL) or "").lower() for module in (agent, hub)]
    if protocols[0] != protocols[1]:
        yield Finding(
            "protocols_differ",
            (*hub.path, "env", _PROTOCOL),
            "is not the same as edgeAgent's" if protocols[1] else "is not there, and edgeAgent has one",
            "Write the same protocol for both.",
        )
    proxies = [module.text_of(_PROXY) for module in (agent, hub)]
    if all(proxies) and proxies[0] != proxies[1]:
        yield Finding(
            "proxies_differ", (*hub.path, "env", _PROXY), "is not the same as edgeAgent's", "Write the same for both."
        )
