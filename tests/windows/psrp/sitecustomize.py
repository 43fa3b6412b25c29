# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has pypsrp end at a Windows host that is none: Ansible's own psrp plugin opens a runspace, and can't tell.

Python imports this by itself where its folder is on PYTHONPATH; the environment says where the host is.
"""

from __future__ import annotations

import os
import typing as t

from pypsrp.complex_objects import RunspacePoolState
from pypsrp.powershell import PowerShell, RunspacePool


def _open(pool: RunspacePool) -> None:
    pool.protocol_version = "2.3"
    pool.state = RunspacePoolState.OPENED


def _close(pool: RunspacePool) -> None:
    pool.state = RunspacePoolState.CLOSED


def _invoke(pipeline: PowerShell, input: t.Sequence[str] | None = None, **_rest: t.Any) -> list[str]:  # noqa: A002  # its name there
    # Not before Ansible has put its own way of importing collections in place.
    from ansible_collections.fleetops.container_hosts.tests.windows import powershell

    (command,) = pipeline.commands
    host = powershell.Host(os.environ["WINE_HOST_PREFIX"], os.environ["WINE_HOST_RECORD"])
    pipeline.output = [host.run_script(command.cmd, "\n".join(input or ()).encode()).decode()]
    return pipeline.output


RunspacePool.open = _open
RunspacePool.close = _close
PowerShell.invoke = _invoke
PowerShell.stop = lambda _pipeline: None
