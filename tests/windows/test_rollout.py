# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout with a Windows host in it: how it ends is told as it is."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import playbook

from . import modules
from .conftest import SERVICES

PROXY = {"http": "http://192.0.2.10:3128", "no_proxy": ["10.0.0.0/8"]}
SET = ["KEEP=1", "HTTP_PROXY=http://192.0.2.10:3128", "HTTPS_PROXY=http://192.0.2.10:3128"]


@pytest.fixture
def rollout(bare, tmp_path):
    bare.wine.install("docker")
    assert bare.wine.start("docker")
    bare.set(modules.MULTI_SZ, ["KEEP=1"])
    windows = {"ansible_connection": "wine", "wine_prefix": str(bare.wine.prefix), "wine_record": str(tmp_path)}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"moby": {"hosts": {"windows": {**windows, "ansible_become": False}}}}))

    def rollout(**variables):
        given = {"container_hosts_proxy": PROXY, "moby_stable_seconds": 0, **variables}
        run = playbook.run("fleetops.container_hosts.rollout", inventory, variables=given, timeout=300)
        return run, " ".join(run.stdout.split())

    yield rollout
    bare.wine.break_services()
    bare.wine.uninstall("docker")


def test_a_windows_host_is_refused_then_done_then_done_already(bare, rollout):
    refused, said = rollout(moby_daemon_settings={"live-restore": True})
    assert refused.rc == 2
    assert "windows: refused, and as they were" in said
    assert bare.entries() == ["KEEP=1"]
    done, said = rollout()
    assert "Batch 1 of 1: 1 of 1 done, 0 left." in done.ok().stdout
    assert bare.entries()[:3] == SET
    already, said = rollout()
    assert "1 of 1 hosts run with it already, 0 are left" in said
    assert already.ok().changed == []


def test_a_windows_host_whose_engine_does_not_start_any_more(bare, rollout):
    bare.wine.break_services("docker")
    run, said = rollout()
    assert run.rc == 2
    assert "1 neither changed nor back, see to them at once" in said
    # Its settings are those from before all the same.
    assert bare.entries() == ["KEEP=1"]
    assert "ContainerHostsRestartDue" not in bare.wine.read(rf"{SERVICES}\docker")
