# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and judges the certificates on the controller, where the library for that is, and sends them in one task."""

from __future__ import annotations

import datetime
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate import authorities
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._controller_file import pem
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._run_identity import run_identity


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Replace `certificates` by the texts of what they name, and run the module with them."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        arguments = dict(self._task.args)
        given = arguments.pop("certificates", None) or arguments.pop("certificate", None) or []
        if arguments.get("checkpoint"):
            arguments["checkpoint_run"] = run_identity()
        notices: list[Notice] = []
        # What is to go is known by its name, and may long be expired, or its file removed.
        if arguments.get("state") != "absent":
            try:
                sources = [
                    pem(self, f"certificates[{number}]", entry, variables)
                    for number, entry in enumerate(given if isinstance(given, list) else [given])
                ]
                now = datetime.datetime.now(datetime.UTC)
                arguments["certificates"], notices = authorities(sources, now)
            except Refused as refused:
                return {**result, "failed": True, "msg": str(refused)}
        result.update(
            self._execute_module(
                module_name="fleetops.container_hosts.trusted_certificate",
                module_args=arguments,
                task_vars=variables,
            )
        )
        result["notices"] = [*(notice._asdict() for notice in notices), *result.get("notices", [])]
        result["warnings"] = [*map(str, notices), *result.get("warnings", [])]
        return result
