# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which proxy each consumer on this host is wanted to have, is told to have, and runs with."""

from __future__ import annotations

import typing as t

from ._run import Run

CONSUMERS = (
    "docker",
    "docker_cli",
    "iotedge",
    "edge_agent",
    "ecs",
    "ecs_agent",
    "nomad",
    "replicated",
    "containers",
    "package_manager",
    "environment",
)
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "consumers": {"type": "list", "elements": "str", "choices": list(CONSUMERS), "default": []},
    "docker_cli_users": {"type": "list", "elements": "str", "default": ["root"]},
    "docker_unit": {"type": "str", "default": "docker.service"},
    "name": {"type": "str", "default": ""},
    "digest_key": {"type": "str", "no_log": True},
}


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Return what the host's consumers have, for the module's result (see its RETURN); `params`: ARGUMENT_SPEC."""
    return {"verdict": "absent", "counts": {}, "wanted": None, "consumers": []}
