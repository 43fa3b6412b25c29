# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to a Windows host that is none: PowerShell modules are acted out on Wine's registry.

It takes what ansible-core itself sends by winrm, psrp and ssh: a command line that is always the same, and by standard
input the module with its arguments. Anything else is an error.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.fleetops.container_hosts.tests.windows import modules, powershell

DOCUMENTATION = """
name: wine
short_description: Acts the modules of ansible.windows out on Wine's registry
description: For tests. A stand-in for PowerShell and .NET; the registry is real.
options:
  prefix:
    description: Wine's prefix.
    vars: [{name: wine_prefix}]
    required: true
  record:
    description: The folder for what went over the connection, and into the host's event log.
    vars: [{name: wine_record}]
    required: true
  lose_after:
    description: The connection of each task is lost after so many modules.
    vars: [{name: wine_lose_after}]
    type: int
    default: 1000
"""

display = Display()


class Connection(ConnectionBase):
    """See DOCUMENTATION."""

    transport = "wine"
    module_implementation_preferences = (".ps1", ".exe", "")
    has_pipelining = True
    always_pipeline_modules = True
    allow_executable = False

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        self._shell_type = "powershell"
        self._calls = 0
        super().__init__(*args, **kwargs)

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        if self._calls >= self.get_option("lose_after"):
            raise AnsibleConnectionFailure("The connection was lost, as the test asked for.")
        self._calls += 1
        host = powershell.Host(self.get_option("prefix"), self.get_option("record"))
        found = (0, host.run(cmd, in_data or b""), b"")
        # As the plugin ssh does, which says most of all: winrm and psrp show it at -vvvvv only.
        display.vvv("censored due to no log" if self._play_context.no_log else str(found))
        return found

    def put_file(self, in_path: str, out_path: str) -> None:
        raise modules.Unlike(f"a file: {out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        raise modules.Unlike(f"a file: {in_path}")

    def close(self) -> None:
        self._connected = False
