# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Does edgeHub take its twin, and the switches among its variables?"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import did_you_mean

from ._manifest import HUB, HUB_TWIN, Manifest, Path, mapping
from ._manifest_rules import Finding

_KEYS = ("schemaVersion", "routes", "storeAndForwardConfiguration", "mqttBroker", "integrity")
_STORE_KEYS = ("timeToLiveSecs", "storeLimits")
_ROUTE_KEYS = ("route", "priority", "timeToLiveSecs")
# From 1.1 on, a route may be an object; from 1.2 on, there is mqttBroker.
_SCHEMAS = ("1", "1.0", "1.1", "1.2", "1.3")
_OLD = ("1", "1.0")
_SWITCHES = (
    "OptimizeForPerformance",
    "amqpSettings__enabled",
    "mqttSettings__enabled",
    "httpSettings__enabled",
)
_LOWEST = 9  # priority


def findings(manifest: Manifest) -> t.Iterator[Finding]:
    version = None
    for twin in manifest.twins:
        if twin.name != HUB_TWIN:
            continue
        if not twin.below:
            version = mapping(twin.value).get("schemaVersion")
            yield from _twin(twin.path, mapping(twin.value))
        elif twin.below == ("routes",):
            yield from _routes(twin.path, mapping(twin.value), version)
        elif twin.below[:1] == ("routes",) and len(twin.below) == 2:
            yield from _route(twin.path, twin.value, version)
    hub = manifest.module(HUB)
    if hub:
        for switch in _SWITCHES:
            for name in hub.names_of(switch):
                if hub.text_of_exactly(name).strip().lower() not in ("true", "false"):
                    path = (*hub.path, "env", name)
                    yield Finding("switch_not_boolean", path, "is neither true nor false", 'Write "true" or "false".')


def _twin(path: Path, desired: dict[str, t.Any]) -> t.Iterator[Finding]:
    version = desired.get("schemaVersion")
    if version not in _SCHEMAS:
        yield Finding(
            "schema_version",
            (*path, "schemaVersion"),
            "is not there" if version is None else "is none that edgeHub takes",
            f"Write one of {', '.join(_SCHEMAS[1:])}.",
        )
    for key in desired:
        if key not in _KEYS:
            near = did_you_mean(key, list(_KEYS))
            yield Finding("key_unknown", (*path, key), f"is no key of it.{near}", f"It has {', '.join(_KEYS)}.")
    yield from _routes((*path, "routes"), mapping(desired.get("routes")), version)
    store = desired.get("storeAndForwardConfiguration")
    here = (*path, "storeAndForwardConfiguration")
    if not isinstance(store, dict):
        yield Finding("time_to_live", here, "is not there", 'Write {"timeToLiveSecs": 7200}.')
        return
    for key in store:
        if key not in _STORE_KEYS:
            near = did_you_mean(key, list(_STORE_KEYS))
            yield Finding("key_unknown", (*here, key), f"is no key of it.{near}", f"It has {', '.join(_STORE_KEYS)}.")
    seconds = store.get("timeToLiveSecs")
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        what = "is not there" if seconds is None else "is no whole number of seconds"
        yield Finding("time_to_live", (*here, "timeToLiveSecs"), what, "Write 7200, or -1 to keep messages for ever.")


def _routes(path: Path, routes: dict[str, t.Any], version: t.Any) -> t.Iterator[Finding]:
    for name, route in routes.items():
        yield from _route((*path, name), route, version)


def _route(path: Path, route: t.Any, version: t.Any) -> t.Iterator[Finding]:
    if isinstance(route, str):
        return
    if not isinstance(route, dict) or not isinstance(route.get("route"), str):
        yield Finding("route", path, "is no route", 'Write "FROM /messages/* INTO $upstream", or {"route": "..."}.')
        return
    if version in _OLD:
        yield Finding("route", path, f"is an object, which schema {version} has not", 'Write schemaVersion "1.1".')
    for key in route:
        if key not in _ROUTE_KEYS:
            yield Finding("key_unknown", (*path, key), "is no key of it", f"It has {', '.join(_ROUTE_KEYS)}.")
    priority = route.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= _LOWEST:
        yield Finding("route", (*path, "priority"), f"is no number from 0 to {_LOWEST}", "Write 0 for the first.")
