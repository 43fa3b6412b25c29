# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the controller's own TOML libraries along with the module, in the same round trip."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._linux_alone import refused_on_windows
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._toml_library import library


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module."""
        result = super().run(tmp, task_vars)
        refused = refused_on_windows(
            self,
            "iotedge_check",
            "can't judge a Windows host, where IoT Edge 1.1 is past its end of life, and a later one is in a Linux VM",
            "Run `iotedge check` on the host, or give the VM (EFLOW) as a host of its own.",
        )
        if refused:
            return {**result, **refused}
        arguments = dict(self._task.args)
        if arguments.get("engine") != "vendor":
            try:
                arguments["library"] = library()
            except Refused as refused:
                return {**result, "failed": True, "msg": str(refused)}
        found = self._execute_module(
            module_name="fleetops.container_hosts.iotedge_check",
            module_args=arguments,
            task_vars=task_vars,
            wrap_async=self._task.async_val and not self._connection.has_native_async,
        )
        return {**result, **found}
