# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that are measured, and what each may cost."""

from __future__ import annotations

import pathlib
import time
import typing as t

from ..stage import circleci, ecs, engine, fleet, iotedge
from ..stage.host import Host

# Seconds. To ask it before would count as its restart.
_AGENT_ANSWERS = 3
PLAYBOOKS = pathlib.Path(__file__).parent / "playbooks"


class Case(t.NamedTuple):
    """One role: playbooks/<name>/ours.yml runs it, builtin.yml reaches the same result by ansible.builtin tasks.

    `budget`: what the role's steady state may cost, in pings. `gain`: how many times more the other must cost.
    `install`: what the role needs on the hosts; prepare.yml is run after it, where there is one. absent.yml takes away
    what the role wrote, and `restart` restarts on a host what the role does when it brings that back. peer.yml runs
    another project's role: of the first case alone.
    """

    name: str
    budget: float
    gain: float
    restart: t.Callable[[Host], engine.Result]
    install: t.Callable[[fleet.Fleet], None] = lambda up: None

    @property
    def prepare(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "prepare.yml"

    @property
    def ours(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "ours.yml"

    @property
    def builtin(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "builtin.yml"

    @property
    def absent(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "absent.yml"

    @property
    def peer(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "peer.yml"


def _install_iotedge(up: fleet.Fleet) -> None:
    for host in up.hosts:
        iotedge.install(host)
    iotedge.publish_agent(up.registry, iotedge.VERSION)


def _units(*names: str) -> t.Callable[[Host], engine.Result]:
    return lambda host: host.exec("systemctl", "restart", *names)


def _restart_client(host: Host) -> engine.Result:
    """As one does it by hand, and the role too: what has jobs is drained before, and given back."""
    circleci.command(host, "node drain -self -enable -yes")
    host.exec("systemctl", "restart", "docker", "nomad")
    time.sleep(_AGENT_ANSWERS)
    return circleci.command(host, "node drain -self -disable -yes")


def _install_ecs(up: fleet.Fleet) -> None:
    for host in up.hosts:
        ecs.install(host, ecs.BY_SUITE[host.suite], up.registry)


def _install_circleci(up: fleet.Fleet) -> None:
    for host in up.hosts:
        circleci.install(host, up.registry)


# One after the other on the same hosts: what a case has installed is still there for those after it.
CASES = (
    Case("moby", budget=2.0, gain=4.0, restart=_units("docker")),
    Case("iotedge", budget=3.5, gain=4.0, install=_install_iotedge, restart=iotedge.apply),
    # Before ECS, whose drop-in of Docker has the last word.
    Case("circleci_nomad", budget=3.0, gain=4.0, install=_install_circleci, restart=_restart_client),
    Case("ecs", budget=3.0, gain=4.0, install=_install_ecs, restart=_units("docker", "ecs")),
)
EMPTY = PLAYBOOKS / "empty.yml"
PING = PLAYBOOKS / "ping.yml"
