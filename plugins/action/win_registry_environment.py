# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits a Windows host's environments on the controller, with the modules of ansible.windows as its hands."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_action
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import (
    ARGUMENT_SPEC,
    CONSTRAINTS,
    ensure,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Registry


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Bring the environment to what the task's arguments say."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        done = _windows_action.carry_out(
            self,
            variables,
            "win_registry_environment",
            ARGUMENT_SPEC,
            CONSTRAINTS,
            lambda params, run, execute: ensure(params, run, Registry(execute)),
        )
        done["warnings"] = [*result.get("warnings", ()), *done["warnings"]]
        return {**result, **done}
