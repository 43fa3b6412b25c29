# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""A Windows host by way of the modules of ansible.windows: its registry, its files, its services."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_scripts
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import (
    READ,
    ModuleFailed,
    Registry,
)

FILE = "ansible.windows.slurp"
SCRIPT = "ansible.windows.win_powershell"
SERVICE = "ansible.windows.win_service"
SERVICE_INFO = "ansible.windows.win_service_info"

_READING = (READ, FILE, SERVICE_INFO)
_RUNNING = ("started", "start_pending", "continue_pending")


class Service(t.NamedTuple):
    """A service as the service control manager has it now."""

    running: bool
    dependencies: list[str]  # what has to run before it
    dependents: list[str]  # what has to be stopped before it


class Host:
    """`execute` runs a module, by its name and arguments, and returns its result, or raises ModuleFailed.

    What was read is not read again until something is changed: a host's answer takes a second.
    """

    def __init__(self, execute: t.Callable[[str, dict[str, t.Any]], dict[str, t.Any]]) -> None:
        self._execute = execute
        self._known: dict[str, dict[str, t.Any]] = {}
        self.registry = Registry(self._run)
        self.written: dict[str, bytes | None] = {}  # files, as they were written last

    def _run(self, name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        if name not in _READING:
            self._known.clear()
            return self._execute(name, arguments)
        asked = json.dumps([name, arguments])
        if asked not in self._known:
            self._known[asked] = self._execute(name, arguments)
        return self._known[asked]

    def forget(self) -> None:
        """Read everything anew from here on."""
        self._known.clear()

    def read_file(self, path: str) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        try:
            return base64.b64decode(self._run(FILE, {"src": path})["content"])
        except ModuleFailed as failed:
            # Its own words; it has no other way to say it.
            if failed.message == f"Path {path} is not found":
                return None
            raise

    def write_file(self, path: str, content: bytes | None, before: bytes | None) -> None:
        """Replace a file that still is `before`, as a whole or not at all; None: no file. Read back."""
        self.run_script(
            _windows_scripts.REPLACE,
            {
                "Path": path,
                "Content": base64.b64encode(content or b"").decode(),
                "Expected": "" if before is None else hashlib.sha256(before).hexdigest().upper(),
            },
            where=path,
        )
        self.written[path] = content
        if self.read_file(path) != content:
            raise Refused("holds something else than what was just written", where=path)

    def run_script(self, script: str, parameters: dict[str, t.Any], *, where: str) -> None:
        """Run a script of ours with parameters; what it prints is not looked at."""
        try:
            self._run(SCRIPT, {"script": script, "parameters": parameters, "error_action": "stop"})
        except ModuleFailed as failed:
            raise Refused(f"failed: {failed.message}", where=where) from failed

    def service(self, name: str) -> Service | None:
        """Return a service, or None where there is none of that name."""
        for found in self._run(SERVICE_INFO, {"name": name}).get("services") or ():
            return Service(
                found.get("state") in _RUNNING,
                _texts(found.get("dependencies")),
                _texts(found.get("dependency_of")),
            )
        return None

    def set_state(self, name: str, state: str) -> None:
        """Start or stop a service ('started', 'stopped'), and wait until it is."""
        try:
            self._run(SERVICE, {"name": name, "state": state})
        except ModuleFailed as failed:
            raise Refused(
                f"can't be {state}: {failed.message}",
                where=f"service {name}",
                instead="The Application log of Windows says why (Get-EventLog Application -Newest 20).",
            ) from failed


def _texts(value: t.Any) -> list[str]:
    """Return a list as a list, although a host's JSON may hold a list of one as the text alone."""
    return [value] if isinstance(value, str) else list(value or ())
