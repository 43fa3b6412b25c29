# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the units of this host are doing, and having systemd restart, reload and stop them."""

from __future__ import annotations

import os
import time
import typing as t

from . import _units

_TICK = 0.2


class State(t.NamedTuple):
    """What a unit is doing right now."""

    active: str  # active, reloading, inactive, failed, activating, deactivating
    sub: str
    main_pid: int
    started: int  # microseconds of the monotonic clock, when the main process started
    result: str  # success, exit-code, signal, timeout, ...
    job: int = 0  # the number of what systemd has yet to do with it

    @property
    def moving(self) -> bool:
        """Whether it is on its way up or down."""
        return bool(self.job) or self.active in ("activating", "deactivating")

    @property
    def running(self) -> bool:
        """Whether it is up, and not on its way up or down."""
        return self.active in ("active", "reloading")

    @property
    def failing(self) -> bool:
        """Whether its process has died, for good or until systemd's next try."""
        return self.active == "failed" or self.sub == "auto-restart"


def states(names: t.Sequence[str]) -> t.Dict[str, State]:
    """Return what each unit is doing right now, asked anew each time."""
    found = {}
    # Of all that is ever asked, as systemctl gets all of it from systemd anyway: who comes next need not ask again.
    for name, properties in zip(names, _units.properties_now(names) if names else ()):
        values = {key: lines[-1] for key, lines in properties.items() if lines}
        found[name] = State(
            values.get("ActiveState", "inactive"),
            values.get("SubState", ""),
            int(values.get("MainPID") or 0),
            int(values.get("ExecMainStartTimestampMonotonic") or 0),
            values.get("Result", ""),
            int(values.get("Job") or 0),
        )
    return found


def lives(state: State) -> bool:
    """Tell whether the main process that a unit had is still there, without asking systemd."""
    return state.main_pid != 0 and os.path.exists(f"/proc/{state.main_pid}")


def settled(name: str, seconds: float) -> State:
    """Return what a unit is doing once it is on no way up or down any more, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        now = states([name])[name]
        if not now.moving or now.sub == "auto-restart" or time.monotonic() > deadline:
            return now
        time.sleep(_TICK)


def waits_for_cloud_init(name: str) -> bool:
    """Tell whether a unit, as that of the ECS agent, can't start before cloud-init, which is at work, has ended.

    Where user data is what called us, cloud-init waits for us, and so nobody may wait for that unit.
    """
    after = [unit for unit in _related(name, "After") if unit.startswith("cloud-")]
    return any(state.moving for state in states(after).values())


def parts(name: str) -> t.List[str]:
    """Return the units that systemd stops and restarts along with a unit (PartOf=)."""
    return _related(name, "ConsistsOf")


def restart(name: str, seconds: float, *, wait: bool = True) -> None:
    """Restart a unit and wait until it is up; raises Refused where it doesn't come up."""
    _units.forget()
    # A unit may allow few starts a minute (Docker's three), whoever made them; ours must not fail for that.
    _units.systemctl("reset-failed", "--", name)
    _units.systemctl("restart", *(() if wait else ("--no-block",)), "--", name, seconds=seconds)


def stop(name: str, seconds: float) -> None:
    """Stop a unit and wait until it is down."""
    _units.forget()
    _units.systemctl("stop", "--", name, seconds=seconds)


def sockets(name: str) -> t.List[str]:
    """Return the sockets on which systemd listens for a unit."""
    return [unit for unit in _related(name, "TriggeredBy") if unit.endswith(".socket")]


def _related(name: str, how: str) -> t.List[str]:
    """Return the units that stand in a relation to a unit, by the name of its property."""
    lines = _units.systemctl("show", f"--property={how}", "--", name).splitlines()
    return [unit for line in lines if line.startswith(f"{how}=") for unit in line.partition("=")[2].split()]


def reload(name: str, seconds: float) -> None:
    """Have a unit's process read its configuration anew."""
    _units.forget()
    _units.systemctl("reload", "--", name, seconds=seconds)
