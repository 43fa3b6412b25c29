# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Windows host in memory, with what the unit tests do to it."""

from __future__ import annotations

import json

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_rollback
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_mark import MARK
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import ModuleFailed
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_settings import ARGUMENT_SPEC, ensure

from . import modules, registries

SERVICES = registries.SERVICES
MACHINE = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"


class Windows:
    """A host in memory with Docker and an agent that depends on it, both running; and what was done to it."""

    def __init__(self):
        self.memory = registries.Memory()
        self.memory.keys[SERVICES] = {}
        self.memory.keys[MACHINE] = {}
        self.memory.install("docker")
        self.memory.install("agent", depends="docker")
        self.memory.up = {"docker", "agent"}
        self.done = []
        self.fail_at = None
        self.identity = "run 1"

    def execute(self, name, arguments):
        module = name.rpartition(".")[2]
        self.done.append(module)
        if self.fail_at == len(self.done):
            raise ConnectionError
        result = modules.act(module, json.loads(json.dumps(arguments)), self.memory, lambda _text: None)
        if result.get("failed"):
            errors = [error["exception"]["message"] for error in result.get("error", ())]
            raise ModuleFailed(name, result.get("msg") or errors[0], where="the host")
        return json.loads(json.dumps(result))

    def ensure(self, check_mode=False, **params):
        """Return the run, and the result in it."""
        self.done, self.memory.journal = [], []
        judged = ArgumentSpecValidator(ARGUMENT_SPEC).validate({"stable": 0, **params})
        assert not judged.error_messages
        run = Run(check_mode=check_mode)
        run.result = ensure(judged.validated_parameters, run, Host(self.execute), self.identity)
        return run

    def roll_back(self, check_mode=False, **params):
        """Return the run, and the result in it."""
        self.done, self.memory.journal = [], []
        judged = ArgumentSpecValidator(_windows_rollback.ARGUMENT_SPEC).validate({"stable": 0, **params})
        assert not judged.error_messages
        run = Run(check_mode=check_mode)
        run.result = _windows_rollback.ensure(judged.validated_parameters, run, Host(self.execute), self.identity)
        return run

    def state(self):
        """All that a run may change, but for what it keeps; to compare."""
        keys = {key: dict(values) for key, values in self.memory.keys.items() if "checkpoints" not in key}
        return keys, dict(self.memory.files), set(self.memory.up)

    def environment(self, service="docker"):
        kind, data = self.memory.keys[rf"{SERVICES}\{service}"].get("Environment", (modules.MULTI_SZ, b""))
        assert kind == modules.MULTI_SZ
        return modules.list_of(data)

    def marks(self):
        return [key.rpartition("\\")[2] for key, values in self.memory.keys.items() if MARK in values]

    @property
    def machine(self):
        return {name: modules.text_of(data) for name, (_kind, data) in self.memory.keys[MACHINE].items()}
