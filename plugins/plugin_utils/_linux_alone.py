# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What the action plugins say on a Windows host where their module is for Linux alone.

Ansible would send the module there all the same, and say that it lacks a Python, or nothing that helps.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows


def refused_on_windows(action: ActionBase, name: str, what: str, instead: str) -> dict[str, t.Any]:
    """Return the result of a task that is refused, {} where the connection leads to no Windows host. Asks no host."""
    if not is_windows(action):
        return {}
    return {"failed": True, "changed": False, "msg": str(Refused(what, where=name, instead=instead))}
