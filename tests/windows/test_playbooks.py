# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's playbooks on a Windows host: what they do there, and which of them refuse it with the reason."""

from __future__ import annotations

import csv
import json

import pytest

from . import modules
from .conftest import SERVICES
from .test_roles import FILE, FOREIGN, PASSWORD, PROXY, URL, messages

MARK = "ContainerHostsRestartDue"
ENTRIES = ["KEEP=1", f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}", "NO_PROXY=localhost,127.0.0.1,::1,10.0.0.0/8"]


@pytest.fixture
def fleet(bare, running, tmp_path):
    """The host with an engine that runs, in the group moby unless another is named."""
    running("docker")
    bare.set(modules.MULTI_SZ, ["KEEP=1"])
    bare.wine.write_file(FILE, FOREIGN)

    def book(name, *options, groups=("moby",), **variables):
        bare.wine.forget_journal()
        given = {
            "container_hosts_proxy": PROXY,
            "moby_stable_seconds": 0,
            "ecs_stable_seconds": 0,
            "ansible_become": False,
            "audit_report_folder": str(tmp_path / "audit"),
            **variables,
        }
        run = bare.playbook(f"fleetops.container_hosts.{name}", *options, groups=groups, variables=given)
        shown = [run.stdout, run.stderr, json.dumps([task.result for task in run.tasks]), *bare.events()]
        shown += [sent["command"] for sent in bare.wire()]
        assert not [text for text in shown if PASSWORD in text]
        return run

    def verdicts(**variables):
        book("audit", **variables).ok()
        assert not bare.events()
        with open(tmp_path / "audit" / "audit.csv", encoding="utf-8", newline="") as report:
            return {row["name"]: row["verdict"] for row in csv.DictReader(report)}

    bare.book, bare.verdicts = book, verdicts
    return bare


def test_site_audit_and_remove(fleet):
    fleet.book("site").ok()
    assert fleet.entries() == ENTRIES
    assert fleet.wine.journal == ["stop docker", "start docker"]
    assert fleet.verdicts() == {"docker": "in_sync", "machine": "unmanaged"}
    assert not fleet.book("site").ok().changed
    assert not fleet.wine.journal
    # Another password, in case alone.
    other = {**PROXY, "password": PASSWORD.upper()}
    assert fleet.verdicts(container_hosts_proxy=other)["docker"] == "drifted"
    fleet.book("remove").ok()
    assert fleet.entries() == ["KEEP=1"]
    assert fleet.wine.read_file(FILE) == FOREIGN


def test_an_image_that_is_being_built(fleet):
    """No restart, and nobody registers with a cluster; the host that comes of it is brought to its settings."""
    fleet.book("site", container_hosts_manage_runtime=False).ok()
    assert fleet.entries() == ENTRIES
    assert not fleet.wine.journal
    assert fleet.verdicts()["docker"] == "restart_needed"
    fleet.book("site", groups=["ecs"], container_hosts_manage_runtime="false", ecs_cluster="production").ok()
    assert not fleet.wine.journal
    assert "ECS_CLUSTER" not in fleet.machine()
    fleet.book("site", container_hosts_manage_runtime=True).ok()
    assert fleet.wine.journal == ["stop docker", "start docker"]
    assert MARK not in fleet.wine.read(rf"{SERVICES}\docker")


def test_a_rollout_and_one_that_has_to_stop(fleet):
    assert "0 of 1 hosts run with it already, 1 are left" in fleet.book("rollout").ok().stdout
    assert fleet.entries() == ENTRIES
    assert "1 of 1 hosts run with it already, 0 are left" in fleet.book("rollout").ok().stdout
    assert not fleet.wine.journal
    fleet.wine.break_services("docker")
    run = fleet.book("rollout", container_hosts_proxy={"http": "http://192.0.2.11:3128"})
    assert run.rc != 0
    assert "can't be started" in messages(run)
    assert "windows: failed. service docker: can't be started" in " ".join(run.stdout.split())
    # The stand-in's service manager doesn't start it with the former settings either.
    assert fleet.entries() == ENTRIES


@pytest.mark.parametrize(
    ("name", "groups", "message"),
    [
        ("preflight", ["moby"], "proxy_preflight: can't look from a Windows host"),
        ("iotedge_check", ["iotedge"], "iotedge_check: can't judge a Windows host"),
        ("site", ["circleci_nomad"], "circleci_nomad: is for Linux hosts alone"),
        ("site", ["circleci_services"], "circleci_services: is for Linux hosts alone"),
    ],
)
def test_what_is_for_linux_alone_says_so(fleet, name, groups, message):
    assert message in messages(fleet.book(name, groups=groups))
    assert not fleet.wire()
