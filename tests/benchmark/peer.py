# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another project's role for Docker behind a proxy: `baremetal` of Kolla, in the last version that has it as a role.

It is the one role of the field that Python's package index holds; the others are to be had from GitHub and Galaxy.
"""

from __future__ import annotations

import os
import typing as t

from ..stage import fleet, wheel
from ..stage.progress import step
from ..windows.__main__ import install as install_collection
from . import cases, measure, report

VERSION = "13.9.0"
PACKAGE = f"kolla-ansible=={VERSION}"
_ROLES = f"kolla_ansible-{VERSION}.data/data/share/kolla-ansible/ansible/roles/"


def install() -> None:
    """Fetch the role, and have Ansible find it by its name; StageError where the index does not have it."""
    place = fleet.ROOT / ".work" / "benchmark"
    wheel.unpack(PACKAGE, f"{_ROLES}baremetal/", place)
    os.environ["ANSIBLE_ROLES_PATH"] = str(place / _ROLES)
    # Of tasks that it skips here; Ansible wants to know their modules all the same.
    install_collection("ansible/posix", "2.1.0")


def measured(case: cases.Case, up: fleet.Fleet, rounds: int) -> list[report.Round]:
    """Both on the same hosts, in their steady states, in turn."""
    paths = {"empty": cases.EMPTY, "ping": cases.PING, "ours": case.ours, "peer": case.peer}
    with step(f"{case.name} and its peer: first run"):
        # The peer replaces the unit's command by the one of Docker's own package, which has the daemon elsewhere.
        for host in up.hosts:
            host.exec("ln", "-s", "/usr/sbin/dockerd", "/usr/bin/dockerd")
        # Ours a second time: it is the other that has written daemon.json last.
        for what in ("ours", "peer", "ours"):
            measure.run(paths[what], up.inventory, up.hosts)
    done = []
    for number in range(rounds):
        with step(f"{case.name} and its peer: round {number + 1} of {rounds}"):
            turn = list(paths)[number % 4 :] + list(paths)[: number % 4]
            done.append(report.Round(**{what: measure.steady(paths[what], up.inventory, up.hosts) for what in turn}))
    return done


def table(name: str, rounds: t.Sequence[report.Round], hosts: int) -> str:
    """A Markdown table, as the others are."""
    return report.table(name, rounds, hosts, peer=f"`baremetal` of {PACKAGE.replace('==', ' ')}, what is about Docker")
