# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The Amazon ECS agent on Windows: its settings are variables of the machine, and its vendor's own tool sets it up."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_ensure, _windows_scripts
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import PLAIN
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

ARGUMENT_SPEC: dict[str, t.Any] = {
    "service": {"type": "str", "default": "AmazonECS"},
    "cluster": {"type": "str", "default": ""},
    "task_iam_role": {"type": "bool", "default": True},
    "settings": {"type": "dict", "default": {}},
    "remove": {"type": "list", "elements": "str", "default": []},
    "allow_unknown": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

_CLUSTER = "ECS_CLUSTER"
# The agent says of these that Windows doesn't have them, and goes on without.
_NOT_ON_WINDOWS = (
    "ECS_INSTANCE_IP_COMPATIBILITY",
    "ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2",
    "ECS_TASK_PIDS_LIMIT",
)


def never_initialized(params: t.Mapping[str, t.Any] | None, host: Host) -> bool:
    """Tell whether the agent is to be set up: it was named a cluster, and the host has no agent, or it has none."""
    if not params or not params["cluster"] or params["state"] == "absent":
        return False
    machine = host.registry.key(_windows_ensure.MACHINE)
    known = machine and _windows_ensure.find(machine.values, _CLUSTER)
    return not known or _windows_ensure.service_key(params["service"], host.registry) is None


def entries(params: t.Mapping[str, t.Any] | None, run: Run, host: Host) -> list[dict[str, t.Any]]:
    """Return the agent's settings as what _windows_ensure takes; none where there are none."""
    if not params:
        return []
    settings = dict(params["settings"])
    if params["state"] == "present":
        if params["cluster"] and not never_initialized(params, host):
            # Otherwise the vendor's tool sets it, and by it a host is known to be set up.
            settings[_CLUSTER] = params["cluster"]
        settings = _ecs_config.canonical(settings, params["allow_unknown"])
    for name in sorted(set(settings) & set(_NOT_ON_WINDOWS)):
        run.notice(Notice(params["service"], name, "is not supported on Windows; the agent goes on without it"))
    if not settings and not params["remove"]:
        return []
    spec = _windows_ensure.ARGUMENT_SPEC
    defaults = {name: option.get("default") for name, option in spec.items()}
    entry = {"scope": "machine", "environment": settings, "remove": params["remove"], "state": params["state"]}
    return [{**defaults, **entry}]


def initialize(params: t.Mapping[str, t.Any], run: Run, host: Host) -> None:
    """Have the vendor's tool register the host with the cluster; it makes or starts the agent's service."""
    machine = host.registry.key(_windows_ensure.MACHINE)
    values = machine.values if machine else {}
    texts = {name: str(value.data) for name, value in values.items() if value.kind == PLAIN and value.data}
    proxied = {name: text for name, text in texts.items() if name.upper().endswith("_PROXY") or name.startswith("ECS_")}
    run.changed = True
    host.run_script(
        _windows_scripts.INITIALIZE_ECS,
        {
            "Cluster": params["cluster"],
            "TaskIamRole": params["task_iam_role"],
            "Names": list(proxied),
            "Values": list(proxied.values()),
        },
        where="Initialize-ECSAgent",
    )
    if _windows_ensure.service_key(params["service"], host.registry) is None:
        raise Refused(
            f"ended well, and there is no service {params['service']}",
            where="Initialize-ECSAgent",
            instead="It needs the ECS-optimized Windows AMI; elsewhere install the agent first.",
        )
