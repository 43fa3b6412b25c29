# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what an inventory says, on the controller and without a connection to any host."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import typing as t

from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _controller_file, _manifest_lint
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._lint import Lint
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._lint_findings import (
    RULES,
    Finding,
    of_refusal,
    table,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_rules import ERROR, SEVERITIES, WARNING
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_rules import RULES as MANIFEST_RULES
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._rendering import decrypted

ARGUMENT_SPEC: dict[str, t.Any] = {
    "hosts": {"type": "list", "elements": "str", "default": []},
    "manifests": {"type": "list", "elements": "str", "default": []},
    "behind_proxy": {"type": "bool"},
    "placeholders": {"type": "list", "elements": "str", "default": []},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "report": {"type": "path"},
    "fail_on": {"type": "str", "choices": [*SEVERITIES, "never"], "default": ERROR},
}
# Variables that are nobody's own.
_MAGIC = (
    "ansible_check_mode",
    "ansible_playbook_python",
    "ansible_version",
    "groups",
    "hostvars",
    "omit",
    "playbook_dir",
)
_WIDTH = 120
_NO_HOSTS = Finding(
    WARNING,
    "no_hosts",
    "the inventory",
    "has no host that any role of this collection is for",
    "Name groups moby, iotedge, ecs, circleci_nomad or circleci_services, as docs/inventory.md has them.",
)

display = Display()


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Judge the hosts and the manifests, and show what is wrong as a table."""
        result = super().run(tmp, task_vars)
        params = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        try:
            return {**result, **self._judged(params, task_vars or {})}
        except Refused as refused:
            return {**result, "failed": True, "msg": str(refused)}

    def _judged(self, params: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        ignored = _rules([name for name in params["ignore"] if name])
        # Not all of them: the rest is what the first host has, and others may lack.
        self._magic = {name: variables[name] for name in _MAGIC if name in variables}
        lint = Lint(self._load, self._work_out, self._pem, [name for name in params["placeholders"] if name])
        behind = self._hosts(lint, params, variables)
        manifests = [path for path in params["manifests"] if path]
        for path in manifests:
            lint.gathered.add(self._manifest(path, behind, variables), [])
        findings = [each for each in lint.gathered.all() if each["rule"] not in ignored]
        told = {
            "findings": findings,
            "counts": {severity: sum(each["severity"] == severity for each in findings) for severity in SEVERITIES},
            "hosts_judged": lint.judged,
        }
        changed = self._report(params["report"], told) if params["report"] else False
        room = max(80, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 0)).columns))
        lines = table(findings, lint.judged, room)
        display.display("\n".join(lines))
        bad = _manifest_lint.at_least(findings, params["fail_on"]) if params["fail_on"] != "never" else []
        return {**told, "changed": changed, "table": lines, "judgements": lint.unlike, "failing": len(bad)}

    def _hosts(self, lint: Lint, params: dict[str, t.Any], variables: dict[str, t.Any]) -> bool:
        """Judge them; return whether devices are behind a proxy."""
        hostvars = variables["hostvars"]
        has_role, behind = False, bool(params["behind_proxy"])
        for host in params["hosts"]:
            of_host = hostvars.raw_get(host)
            has_role = lint.host(host, of_host) or has_role
            if params["behind_proxy"] is None:
                behind = behind or bool(of_host.get("container_hosts_proxy") or of_host.get("iotedge_proxy"))
        if not has_role and not params["manifests"]:
            lint.gathered.add([_NO_HOSTS], [])
        return behind

    # What the judges need of Ansible ----------------------------------------------------------------------------------

    def _load(self, path: str) -> t.Any:
        """Read a YAML file of this collection, whose templates may be worked out; ansible-core 2.18 knows no others."""
        trusted = "trusted_as_template" in inspect.signature(self._loader.load_from_file).parameters
        options: dict[str, t.Any] = {"trusted_as_template": True} if trusted else {}
        return self._loader.load_from_file(path, **options)

    def _work_out(self, value: t.Any, variables: dict[str, t.Any]) -> t.Any:
        # Not a copy of the task's own: with ansible-core 2.18, its look-ups go on with the task's variables.
        return decrypted(Templar(self._loader, {**self._magic, **variables}).template(value))

    def _pem(self, where: str, entry: t.Any, variables: t.Mapping[str, t.Any]) -> tuple[str, bytes]:
        return _controller_file.pem(self, where, entry, dict(variables))

    # Manifests and the report -----------------------------------------------------------------------------------------

    def _manifest(self, path: str, behind_proxy: bool, variables: dict[str, t.Any]) -> t.Iterator[Finding]:
        try:
            found = _controller_file.find(self, "manifests", path, variables)
            source = _host_file.read(os.path.abspath(found)).content or b""
            for each in _manifest_lint.lint(source, behind_proxy=behind_proxy, name=path):
                place = f"{path}:{each['line']}: {each['place']}"
                yield Finding(each["severity"], each["rule"], place, each["what"], each["mend"])
        except Refused as refused:
            yield of_refusal(refused, "file", path)

    def _report(self, path: str, told: dict[str, t.Any]) -> bool:
        content = (json.dumps(told, indent=2, ensure_ascii=True, default=str) + "\n").encode()
        edit = _host_file.edit(
            os.path.abspath(path),
            lambda _found: content,
            check_mode=self._task.check_mode,
            missing=_host_file.Missing(mode=0o600, folder_mode=0o700),
        )
        return edit.changed


def _rules(names: list[str]) -> set[str]:
    known = [*RULES, *MANIFEST_RULES]
    for name in names:
        if name not in known:
            raise Refused(
                f"{name!r} is no rule." + did_you_mean(name, known),
                where="ignore",
                instead="A finding's rule stands in square brackets.",
            )
    return set(names)
