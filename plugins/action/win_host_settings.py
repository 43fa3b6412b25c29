# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds a Windows container host's settings true from the controller, with the modules of ansible.windows."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_action, _windows_settings
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._run_identity import run_identity
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Bring the host to what the task's arguments say."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        done = _windows_action.carry_out(
            self,
            variables,
            "win_host_settings",
            _windows_settings.ARGUMENT_SPEC,
            {},
            lambda params, run, execute: _windows_settings.ensure(params, run, Host(execute), run_identity()),
        )
        done["warnings"] = [*result.get("warnings", ()), *done["warnings"]]
        return {**result, **done}
