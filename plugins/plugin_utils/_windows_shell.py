# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Whether a task's host is a Windows host. A file of its own, since tasks for other hosts should import no more."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


def is_windows(action: ActionBase) -> bool:
    """Tell whether what answers at the other end of the connection is a shell of Windows. Asks no host."""
    return bool(getattr(getattr(action._connection, "_shell", None), "_IS_WINDOWS", False))
