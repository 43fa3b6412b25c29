# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module proxy_audit on Wine's registry, which is the same before and after."""

from __future__ import annotations

import json

import pytest

from .conftest import MACHINE, SERVICES

PROXY = {
    "http": "http://192.0.2.10:3128",
    "username": "us/er",
    "password": "S3cret-Ж",
    "no_proxy": ["10.0.0.0/8", r"\\.\pipe\docker_engine"],
}
KEY = "0123456789abcdef"
SECRETS = ("S3cret", "s3CRET", "%D0%96", "us%2Fer", KEY)
SITE = "ansible-playbook fleetops.container_hosts.site --limit windows"


def audit(host, *options, **params):
    task = {"name": "Audit", "fleetops.container_hosts.proxy_audit": {"proxy": PROXY, **params}}
    run = host.play([task], *options).ok()
    (task,) = run.tasks
    assert not task.changed
    seen = [run.stdout, run.stderr, json.dumps(task.result), *host.events(), *(sent["command"] for sent in host.wire())]
    assert not [secret for secret in SECRETS for text in seen if secret in text]
    return {entry["name"]: entry for entry in task.result["consumers"]}


def verdicts(found):
    return {name: entry["verdict"] for name, entry in found.items()}


@pytest.fixture
def engines(host):
    """The services of an IoT Edge device and an ECS container instance beside docker's."""
    names = ("iotedge", "AmazonECS")
    for name in names:
        host.add_service(name)
    yield host
    for name in names:
        host.wine.delete_key(rf"{SERVICES}\{name}")


def test_what_the_registry_says_is_judged_and_left_as_it_is(engines):
    host = engines
    # By our own hand, with another password, and not at all.
    host.run(service="AmazonECS", proxy=PROXY, proxy_readers="ecs").ok()
    host.run(service="docker", proxy={**PROXY, "password": "s3CRET-Ж"}, proxy_readers="ecs").ok()
    before = host.wine.export(SERVICES), host.wine.read(MACHINE)
    found = audit(host, "--check", digest_key=KEY)
    assert verdicts(found) == {
        "AmazonECS": "in_sync",
        "docker": "drifted",
        "iotedge": "drifted",
        "machine": "unmanaged",
    }
    docker = found["docker"]
    assert {row["difference"] for row in docker["settings"]} == {"is configured with another password", ""}
    assert docker["settings"][1]["digests"]["wanted"] != docker["settings"][1]["digests"]["configured"]
    assert docker["settings"][1]["path"] == r"HKLM:\SYSTEM\CurrentControlSet\Services\docker\Environment"
    assert (docker["mend"], found["iotedge"]["why"]) == (SITE, "https_proxy is not set.")
    assert [entry["uses_wanted"] for entry in found.values()] == [None] * 4
    assert verdicts(audit(host, proxy={})) == {
        "AmazonECS": "unmanaged",
        "docker": "unmanaged",
        "iotedge": "in_sync",
        "machine": "in_sync",
    }
    assert (host.wine.export(SERVICES), host.wine.read(MACHINE)) == before


def test_a_restart_that_a_run_left_undone(host):
    wanted = {"registry_environment": [{"service": "docker", "proxy": PROXY}], "services": ["docker"]}
    task = {"name": "Hold", "fleetops.container_hosts.win_host_settings": {**wanted, "restart": "never"}}
    host.play([task]).ok()
    found = audit(host)["docker"]
    assert (found["verdict"], found["mend"]) == ("restart_needed", SITE)


def test_no_service_and_no_list(bare):
    assert verdicts(audit(bare)) == {"windows_service": "absent", "machine": "unmanaged"}
    assert verdicts(audit(bare, consumers=["docker", "windows_service"])) == {"windows_service": "absent"}
