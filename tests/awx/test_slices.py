# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One result on every engine: ansible-playbook, and ansible-runner's transmit, worker and process, whole and in slices."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.fleetops.container_hosts.tests.awx import runner
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, playbook

NAME = os.environ.get("STAGE_NAME", "awx")
# All that the roles write there, except the trust store's own bundle and links, which hold no word of ours.
DIGEST = """
cd / && find etc/docker etc/systemd/system/docker.service.d etc/apt/apt.conf.d root/.docker usr/local/share/ca-certificates \
  -type f -exec sha256sum {} + -exec stat --format '%n %a %U:%G' {} + | sort
"""


@pytest.fixture(scope="module")
def stage():
    yield fleet.up(NAME, {"bookworm": 2, "trixie": 2})
    fleet.down(NAME)


def digest(host) -> str:
    return host.exec("sh", "-c", DIGEST).out


def test_slices_leave_what_one_run_leaves(stage, tmp_path):
    inventory = json.loads(stage.inventory.read_text())
    variables = {
        "container_hosts_proxy": {
            "http": stage.squid.url(),
            "no_proxy": ["10.0.0.0/8"],
            "ca_certificate": stage.registry.ca,
        },
        "moby_client_users": ["root"],
    }
    names = {each.name for each in stage.hosts}

    # One of each suite by ansible-playbook; the others by slices, the first of which dies.
    whole = ("--limit", "bookworm-1,trixie-1")
    playbook.run("fleetops.container_hosts.site", stage.inventory, *whole, variables=variables).ok()
    dead = runner.run(tmp_path / "dead", runner.sliced(inventory, 2, 4), variables, killed=True)
    assert dead.status is None

    for count in (2, 1, 4):
        jobs = [
            runner.run(tmp_path / f"{number}of{count}", runner.sliced(inventory, number, count), variables)
            for number in range(1, count + 1)
        ]
        assert [each.status for each in jobs] == ["successful"] * count
        assert set().union(*(each.hosts for each in jobs)) == names
        assert sum(len(each.hosts) for each in jobs) == len(names)
        changed = set().union(*(each.changed for each in jobs))
        # What the dead worker had done before is nobody's any more to report.
        assert changed <= ({"bookworm-2", "trixie-2"} if count == 2 else set())
        for suite in ("bookworm", "trixie"):
            first, second = (stage.host(f"{suite}-{number}") for number in (1, 2))
            assert "zz-container-hosts" in digest(first)
            assert digest(first) == digest(second)


def test_one_host_down_fails_its_slice_alone(stage, tmp_path):
    inventory = json.loads(stage.inventory.read_text())
    members = inventory["container_hosts"]["children"]["moby"]["hosts"]
    members["bookworm-1"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    variables = {"container_hosts_proxy": {"http": stage.squid.url()}, "moby_restart": "never"}
    jobs = [runner.run(tmp_path / f"{n}", runner.sliced(inventory, n, 2), variables) for n in (1, 2)]
    assert [each.status for each in jobs] == ["failed", "successful"]
