# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the report of an audit on the controller, of what the hosts have told."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _report_drift,
    _report_files,
    _report_model,
    _report_table,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "results": {"type": "dict", "required": True},
    "folder": {"type": "path", "required": True},
    "title": {"type": "str", "default": ""},
    "compare_with": {"type": "path"},
    "fail_on": {"type": "list", "elements": "str", "default": []},
    "digest_key": {"type": "str", "no_log": True},
    "table_rows": {"type": "int", "default": 40},
}


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Write the report, or in check mode say where it would be written, and what is in it."""
        result = super().run(tmp, task_vars)
        params = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        warnings = result.setdefault("warnings", [])
        try:
            _check(params)
            return {**result, **self._report(params, task_vars or {}, warnings)}
        except Refused as refused:
            return {**result, "failed": True, "msg": str(refused)}

    def _report(self, params: dict[str, t.Any], variables: dict[str, t.Any], warnings: list[str]) -> dict[str, t.Any]:
        report = _report_model.build(
            params["results"],
            made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            title=params["title"],
            groups=variables.get("groups"),
            # `-e audit_fail_on=` is a list of one empty text.
            fail_on=[verdict for verdict in params["fail_on"] if verdict],
            digest_key_id=_key_id(params["digest_key"]),
        )
        before = _before(params, warnings)
        if before is not None:
            inventory = set((variables.get("groups") or {}).get("all") or ())
            report["drift"] = _report_drift.drift(before, report, inventory - set(params["results"]))
        paths = _report_files.write(report, params["folder"], check_mode=self._task.check_mode)
        drift = report["drift"]
        return {
            "changed": drift is None or bool(drift["entries"]),
            "files": paths,
            "made": report["made"],
            "totals": report["totals"],
            "failing": report["failing"],
            "drift": drift and {"since": drift["since"], "counts": drift["counts"]},
            "table": _report_table.render(report, rows=params["table_rows"]),
        }


def _check(params: t.Mapping[str, t.Any]) -> None:
    if not os.path.isabs(params["folder"]):
        raise Refused(
            f"{params['folder']!r} is no absolute path",
            where="folder",
            instead="Begin it with /, or with {{ playbook_dir }}/.",
        )
    if params["table_rows"] < 0:
        raise Refused("is less than 0", where="table_rows", instead="Write 0 to show no finding.")


def _before(params: dict[str, t.Any], warnings: list[str]) -> dict[str, t.Any] | None:
    """Return the report to compare with. A broken one that nobody asked for is no reason to have no new one."""
    if params["compare_with"]:
        return _report_files.earlier(params["compare_with"], required=True)
    try:
        return _report_files.earlier(os.path.join(params["folder"], _report_files.JSON), required=False)
    except Refused as refused:
        warnings.append(f"Nothing to compare with: {refused}")
        return None


def _key_id(key: str | None) -> str:
    """Return what tells one key from another, and is as short as the digests made with it: it gives nothing away."""
    return hmac.new(key.encode(), b"key", hashlib.sha256).hexdigest()[:4] if key else ""
