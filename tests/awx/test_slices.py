# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One result on every engine: ansible-playbook, and ansible-runner's transmit, worker and process, whole or sliced."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.fleetops.container_hosts.tests.awx import digest, runner
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, playbook

NAME = os.environ.get("STAGE_NAME", "awx")
SITE = "fleetops.container_hosts.site"
# By name they are bookworm-1, bookworm-2, trixie-1, trixie-2. One of each suite is left to ansible-playbook, and of two
# slices each holds one of these.
UNSLICED = {"bookworm-1", "trixie-2"}
SLICED = {"bookworm-2", "trixie-1"}


@pytest.fixture(scope="module")
def stage():
    yield fleet.up(NAME, {"bookworm": 2, "trixie": 2})
    fleet.down(NAME)


def settings(stage, network: str, **more: object) -> dict[str, object]:
    ca = pathlib.Path(stage.registry.ca).read_text(encoding="ascii")
    proxy = {"http": stage.squid.url(), "no_proxy": [network], "ca_certificate": ca}
    return {"container_hosts_proxy": proxy, "moby_client_users": ["root"], **more}


def unsliced(stage, variables: dict[str, object]) -> None:
    done = playbook.run(SITE, stage.inventory, "--limit", ",".join(sorted(UNSLICED)), variables=variables).ok()
    assert {task.host for task in done.changed} == UNSLICED


def slices(stage, folder: pathlib.Path, variables: dict[str, object], count: int) -> list[runner.Job]:
    return [
        runner.run(folder / f"{number}of{count}", runner.order(stage, SITE, variables, number=number, count=count))
        for number in range(1, count + 1)
    ]


def assert_one_result(stage, jobs: list[runner.Job]) -> None:
    assert [each.status for each in jobs] == ["successful"] * len(jobs)
    assert sorted(name for each in jobs for name in each.hosts) == sorted(UNSLICED | SLICED)
    for suite in ("bookworm", "trixie"):
        first, second = (digest.of(stage.host(f"{suite}-{number}")) for number in (1, 2))
        assert "zz-container-hosts" in first
        assert first == second


def test_two_slices_of_which_one_loses_its_worker(stage, tmp_path):
    variables = settings(stage, "10.2.0.0/16")
    unsliced(stage, variables)
    order = runner.order(stage, SITE, variables, number=2, count=2)
    dead = runner.run(tmp_path / "dead", order, kill_at="runner_on_ok")
    assert dead.status is None
    assert dead.hosts < {"bookworm-2", "trixie-2"} or dead.hosts == {"trixie-2"}

    # Run again, the slice goes on: what a host had carried on by itself is no change any more.
    jobs = slices(stage, tmp_path, variables, 2)
    assert_one_result(stage, jobs)
    changed = set().union(*(each.changed for each in jobs))
    assert "trixie-1" in changed
    assert changed <= SLICED
    environments = {host.name: host.pid_environ("docker")["NO_PROXY"] for host in stage.hosts}
    assert set(environments) == UNSLICED | SLICED
    assert len(set(environments.values())) == 1


@pytest.mark.parametrize("count", [1, 4])
def test_slices_leave_what_one_run_leaves(stage, tmp_path, count):
    # Files alone, as a survey says it: what a restart does is seen above.
    variables = settings(stage, f"10.{count + 2}.0.0/16", container_hosts_manage_runtime="false")
    unsliced(stage, variables)
    jobs = slices(stage, tmp_path, variables, count)
    assert_one_result(stage, jobs)
    assert set().union(*(each.changed for each in jobs)) == SLICED
    if count == 4:
        again = runner.run(tmp_path / "again", runner.order(stage, SITE, variables))
        assert (again.status, again.hosts, again.changed) == ("successful", UNSLICED | SLICED, set())


def test_one_host_down_fails_its_slice_alone(stage, tmp_path):
    variables = settings(stage, "10.9.0.0/16", container_hosts_manage_runtime="false")
    jobs = []
    for number in (1, 2):
        order = runner.order(stage, SITE, variables, number=number, count=2)
        members = order.inventory["container_hosts"]["children"]["moby"]["hosts"]
        if number == 1:
            members["bookworm-1"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
        jobs.append(runner.run(tmp_path / str(number), order))
    assert [each.status for each in jobs] == ["failed", "successful"]
    # And the other host of that slice is done.
    assert "trixie-1" in jobs[0].changed
    assert jobs[1].changed == {"bookworm-2", "trixie-2"}
