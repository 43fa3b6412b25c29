# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves Windows hosts alone, which a playbook for all kinds of hosts comes to as well."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_shell import is_windows


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module, unless there is no package manager to set up."""
        result = super().run(tmp, task_vars)
        if is_windows(self):
            return {**result, "changed": False, "skipped": True, "skip_reason": "Windows has no such package manager."}
        found = self._execute_module(
            task_vars=task_vars, wrap_async=self._task.async_val and not self._connection.has_native_async
        )
        return {**result, **found}
