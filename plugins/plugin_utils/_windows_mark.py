# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The value in a service's key by which a run that comes later knows that the service is due for a restart."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_ensure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import SERVICES
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import PLAIN
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

MARK = "ContainerHostsRestartDue"


def marked(service: str, host: Host) -> bool:
    """Tell whether the service is due for a restart."""
    key = _windows_ensure.service_key(service, host.registry)
    return key is not None and _windows_ensure.find(key.values, MARK) is not None


def mark(services: t.Iterable[str], host: Host) -> None:
    """Mark those of the services that there are."""
    for name in services:
        if _windows_ensure.service_key(name, host.registry) and not marked(name, host):
            host.registry.write_text(f"{SERVICES}\\{name}", MARK, PLAIN, "1")


def unmark(services: t.Iterable[str], host: Host) -> None:
    """Take the marks away."""
    for name in services:
        if marked(name, host):
            host.registry.restore(f"{SERVICES}\\{name}", MARK, None)
