# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for PowerShell, whichever connection leads to it: takes ansible-core's own command and input."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

from ansible.plugins.shell.powershell import ShellModule

from . import modules, registries

# The one command line there is for a module, whatever the module and its arguments.
COMMAND = ShellModule().build_module_command("", "#!powershell", "")
_END_OF_BOOTSTRAP = b"\n\0\0\0\0\n"


class Host:
    """The host behind a connection. `record` is a folder, for wire.jsonl and events.jsonl (the Application log)."""

    def __init__(self, prefix: str, record: str) -> None:
        self._wine = registries.Wine(pathlib.Path(prefix))
        self._folder = pathlib.Path(record)

    def run(self, command: str, given: bytes) -> bytes:
        """Return what the command prints."""
        self._record("wire", {"command": command, "input": given.decode()})
        if command != COMMAND:
            raise modules.Unlike(f"No module, but a command for PowerShell: {command}")
        manifest = json.loads(given.partition(_END_OF_BOOTSTRAP)[2])
        (action,) = [each for each in manifest["actions"] if each["name"] == "module_wrapper.ps1"]
        script = manifest["scripts"][action["params"]["Script"]]
        module = modules.module_of(base64.b64decode(script["script"]))
        (values,) = [each["Value"] for each in action["params"]["Variables"] if each["Name"] == "complex_args"]
        answer = modules.act(module, values, self._wine, lambda text: self._record("events", text))
        return json.dumps(answer).encode()

    def run_script(self, script: str, given: bytes) -> bytes:
        """Do the same where the connection sends the script that the command holds, and starts no process."""
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        return self.run(f"{COMMAND.rpartition(' ')[0]} {encoded}", given)

    def _record(self, name: str, what: t.Any) -> None:
        with open(self._folder / f"{name}.jsonl", "a", encoding="utf-8") as record:
            record.write(json.dumps(what) + "\n")
