# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the certificate and the key on the controller, where they are files of it."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate_sources import with_texts


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module with the files' texts."""
        result = super().run(tmp, task_vars)
        try:
            arguments = with_texts(self, self._task.args, task_vars or {})
        except Refused as refused:
            return {**result, "failed": True, "msg": str(refused)}
        found = self._execute_module(
            module_name="fleetops.container_hosts.iotedge_certificate", module_args=arguments, task_vars=task_vars
        )
        return {**result, **found}
