# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for a host that its own restart puts out of reach, and tells the host when its outcome has been heard."""

from __future__ import annotations

import shlex
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint import FOLDER

# The guard's way there and back, with restarts that hang until their time-out, takes no longer.
_SECONDS = 600.0
_PAUSE = 5.0

display = Display()

Execute = t.Callable[[], dict[str, t.Any]]


def heard(action: ActionBase, execute: Execute, ask: Execute) -> dict[str, t.Any]:
    """Return what `execute`, which runs a module that has the host's guard prove a change, comes to.

    Where the connection is lost meanwhile, the host is waited for, and `ask` asks it how the change ended.
    """
    lost = False
    try:
        found = execute()
        # A session that is killed on the host ends as a module that said nothing.
        lost = bool(found.get("failed")) and not found.get("invocation")
    except AnsibleConnectionFailure as failure:
        lost, found = True, {"msg": str(failure)}
    if lost and not action._task.check_mode:
        found = _come_back(action, found.get("msg", ""), execute, ask)
    _acknowledge(action, found)
    return found


def _come_back(action: ActionBase, said: str, execute: Execute, ask: Execute) -> dict[str, t.Any]:
    """Ask until the host answers; the guard has gone on meanwhile."""
    display.warning(f"The connection was lost; the host goes on by itself, and is asked for the outcome. {said}")
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            action._connection.reset()
            found = ask()
            if found.get("invocation") and not found.get("failed") and not found.get("outcome"):
                # The guard was never asked: what is pending is still to be proven, and what isn't done to be done.
                found = execute()
            if found.get("invocation"):
                return {**found, "changed": True, "connection_lost": True}
        except AnsibleConnectionFailure as failure:
            if time.monotonic() > deadline:
                raise AnsibleConnectionFailure(
                    f"The host is out of reach since its restart, and was waited for {_SECONDS:g} s. It ends the "
                    f"change by itself, proven or taken back; the next run tells how. {failure}"
                ) from failure
        time.sleep(_PAUSE)


def _acknowledge(action: ActionBase, found: dict[str, t.Any]) -> None:
    """Let the host forget the outcome: until then, its next run would report it."""
    names = [each["checkpoint"] for each in found.get("checkpoints", [found]) if each.get("outcome")]
    if names:
        paths = " ".join(shlex.quote(f"{FOLDER}/{name}/result.json") for name in names)
        action._low_level_execute_command(f"rm -f {paths}", sudoable=True)
