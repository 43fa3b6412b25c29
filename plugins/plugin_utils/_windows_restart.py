# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Restarts services in the order of their dependencies, with what depends on them, and looks whether they stay up.

Windows does not stop a service that others depend on while those run; told to do it all the same, it stops them too,
and does not start them again.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import fold
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host, Service


def to_restart(names: t.Iterable[str], host: Host) -> list[str]:
    """Return those of the services that run, and the running ones that depend on them, in the order of their start.

    A service that is stopped gets its new settings when somebody starts it.
    """
    found: dict[str, tuple[str, Service]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        service = None if fold(name) in found else host.service(name)
        if service is not None:
            found[fold(name)] = (name, service)
            waiting += service.dependents if service.running else []
    ordered: list[str] = []

    def place(key: str, above: tuple[str, ...]) -> None:
        name, service = found[key]
        for before in map(fold, service.dependencies):
            if before in found and before not in above:
                place(before, (*above, key))
        if service.running and name not in ordered:
            ordered.append(name)

    for key in found:
        place(key, (key,))
    return ordered


def restart(names: t.Sequence[str], host: Host, stable: float) -> None:
    """Stop the services from the last to the first, start them again, and raise Refused unless they stay up."""
    for name in reversed(names):
        host.set_state(name, "stopped")
    for name in names:
        host.set_state(name, "started")
    if names:
        time.sleep(stable)
        host.forget()
    for name in names:
        service = host.service(name)
        if service is None or not service.running:
            raise Refused(
                f"did not stay up for {stable:g} seconds",
                where=f"service {name}",
                instead="The Application log of Windows says why (Get-EventLog Application -Newest 20).",
            )
