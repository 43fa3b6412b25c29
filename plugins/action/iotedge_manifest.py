# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits and judges a deployment manifest on the controller, whatever host the task is for."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import redact, redact_all, secrets_in
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._controller_file import find
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._iotedge_manifest import ARGUMENT_SPEC, ensure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._rendering import decrypted

display = Display()


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Bring the manifest to what the task's arguments say."""
        variables = task_vars or {}
        result = super().run(tmp, variables)
        self._task.args = {key: decrypted(value) for key, value in self._task.args.items()}
        result["invocation"] = {"module_args": redact_all(self._task.args)}
        secrets = secrets_in(self._task.args)
        try:
            params = self._parameters(variables, secrets)
            run, told = carry_out(ensure, params, check_mode=self._task.check_mode)
        except Refused as refused:
            told = refused.result if isinstance(refused, Failed) else {}
            self._show(told)
            return {**result, **told, "failed": True, "msg": redact(str(refused), secrets)}
        self._show(told)
        result.update(told, changed=run.changed, diff=run.diffs)
        result["notices"] = [notice._asdict() for notice in run.notices]
        result["warnings"] = [*result.get("warnings", ()), *map(str, run.notices)]
        return result

    def _parameters(self, variables: dict[str, t.Any], secrets: list[str]) -> dict[str, t.Any]:
        try:
            params = t.cast("dict[str, t.Any]", self.validate_argument_spec(ARGUMENT_SPEC)[1])
        except AnsibleActionFail as exc:
            # `from None`: Ansible would show the task's own lines with it.
            raise Refused(redact(exc.message, secrets), where="iotedge_manifest") from None
        params["path"] = os.path.abspath(find(self, "path", params["path"], variables))
        if params["dest"]:
            params["dest"] = os.path.abspath(os.path.expanduser(params["dest"]))
        return params

    def _show(self, told: dict[str, t.Any]) -> None:
        """Print the table, once for all hosts that have the same task."""
        if told.get("findings"):
            display.display("\n".join([told["path"], *told["table"]]))
