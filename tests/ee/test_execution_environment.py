# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks inside the example execution environment, which shares no folder with who sent the job: make ee."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.awx import digest, runner
from ansible_collections.fleetops.container_hosts.tests.release import ee
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, playbook

NAME = os.environ.get("STAGE_NAME", "ee")


@pytest.fixture(scope="module")
def stage():
    yield fleet.up(NAME, {"trixie": 2})
    fleet.down(NAME)


@pytest.fixture(scope="module")
def worker(stage):
    """The command that is a worker: nothing of this machine is in it but the fleet's network."""
    (network,) = engine.inspect(stage.hosts[0].container)["NetworkSettings"]["Networks"]
    return ["docker", "run", "--rm", "--interactive", "--network", network, ee.TAG, "ansible-runner", "worker"]


@pytest.fixture(scope="module")
def variables(stage):
    ca = pathlib.Path(stage.registry.ca).read_text(encoding="ascii")
    proxy = {"http": stage.squid.url(), "no_proxy": ["10.0.0.0/8"], "ca_certificate": ca}
    return {"container_hosts_proxy": proxy, "moby_client_users": ["root"]}


def test_it_holds_the_collection():
    inside = ["docker", "run", "--rm", "--network", "none", ee.TAG]
    listed = [*inside, "ansible-doc", "--list", "fleetops.container_hosts"]
    modules = subprocess.run(listed, capture_output=True, text=True, check=True, timeout=200).stdout
    assert "fleetops.container_hosts.host_settings" in modules


def test_it_leaves_what_ansible_playbook_leaves(stage, worker, variables, tmp_path):
    site = "fleetops.container_hosts.site"
    playbook.run(site, stage.inventory, "--limit", "trixie-1", variables=variables).ok()
    first = runner.run(tmp_path / "first", runner.order(stage, site, variables), worker)
    assert (first.status, first.hosts, first.changed) == ("successful", {"trixie-1", "trixie-2"}, {"trixie-2"})
    left = [digest.of(host) for host in stage.hosts]
    assert "zz-container-hosts" in left[0]
    assert left[0] == left[1]
    assert stage.host("trixie-2").pid_environ("docker")["HTTP_PROXY"] == stage.squid.url()
    assert runner.run(tmp_path / "again", runner.order(stage, site, variables), worker).changed == set()


def test_an_audit_needs_no_folder_that_stays(stage, worker, variables, tmp_path):
    done = runner.run(tmp_path, runner.order(stage, "fleetops.container_hosts.audit", variables), worker)
    assert (done.status, done.hosts) == ("successful", {"trixie-1", "trixie-2"})
