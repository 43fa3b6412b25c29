# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles on a Windows host: Wine's registry, its service manager with real processes, and files on its drive."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.fleetops.container_hosts.tests.support import certificates
from cryptography.hazmat.primitives import hashes

from . import modules
from .conftest import SERVICES

PASSWORD = "S3cret-word"
PROXY = {"http": "http://192.0.2.10:3128", "username": "fleet", "password": PASSWORD, "no_proxy": ["10.0.0.0/8"]}
URL = f"http://fleet:{PASSWORD}@192.0.2.10:3128"
FILE = r"C:\ProgramData\docker\config\daemon.json"
FOREIGN = b'{\r\n  "debug": true, "hosts": ["npipe://"]\r\n}\r\n'
ROOTS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates"


@pytest.fixture
def fleet(bare):
    """The host, with what its inventory says."""

    def role(name, *options, **variables):
        bare.wine.forget_journal()
        defaults = {"container_hosts_proxy": PROXY, f"{name}_stable_seconds": 0, "ansible_become": False}
        given = {**defaults, **variables}
        run = bare.play(
            [{"ansible.builtin.include_role": {"name": f"fleetops.container_hosts.{name}"}}], *options, variables=given
        )
        shown = [run.stdout, run.stderr, json.dumps([task.result for task in run.tasks]), *bare.events()]
        shown += [sent["command"] for sent in bare.wire()]
        assert not [text for text in shown if PASSWORD in text]
        return run

    bare.role = role
    return bare


def messages(run):
    return " ".join(str(task.result.get("msg", "")) for task in run.tasks if task.status == "failed")


def test_moby_and_a_service_that_depends_on_it(fleet, running):
    running("docker")
    running("agent", depends="docker")
    fleet.set(modules.MULTI_SZ, ["KEEP=1"])
    fleet.wine.write_file(FILE, FOREIGN)
    assert fleet.role("moby", "--check").ok().changed
    assert fleet.entries() == ["KEEP=1"]
    fleet.role("moby").ok()
    assert fleet.entries() == [
        "KEEP=1",
        f"HTTP_PROXY={URL}",
        f"HTTPS_PROXY={URL}",
        "NO_PROXY=localhost,127.0.0.1,::1,10.0.0.0/8",
    ]
    assert json.loads(fleet.wine.read_file(FILE)) == {
        "debug": True,
        "hosts": ["npipe://"],
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "3"},
    }
    assert fleet.wine.journal == ["stop agent", "stop docker", "start docker", "start agent"]
    assert fleet.wine.running("docker")
    assert fleet.wine.running("agent")
    again = fleet.role("moby").ok()
    assert not again.changed
    assert not fleet.wine.journal
    # A steady state: the service's key and the file, and nothing else.
    assert len(fleet.wire()) == 2
    assert fleet.role("moby", moby_state="absent").ok().changed
    assert fleet.entries() == ["KEEP=1"]
    assert fleet.wine.read_file(FILE) == FOREIGN
    assert fleet.wine.journal == ["stop agent", "stop docker", "start docker", "start agent"]
    assert not fleet.role("moby", moby_state="absent").ok().changed


def test_an_engine_that_does_not_start_has_its_settings_back(fleet, running):
    running("docker")
    fleet.set(modules.MULTI_SZ, ["KEEP=1"])
    # The process runs on; the next start fails.
    fleet.wine.break_services("docker")
    run = fleet.role("moby")
    assert "service docker: can't be started" in messages(run)
    assert not fleet.wine.running("docker")
    assert fleet.entries() == ["KEEP=1"]
    assert fleet.wine.read_file(FILE) is None
    assert "ContainerHostsRestartDue" not in fleet.wine.read(rf"{SERVICES}\docker")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"moby_daemon_settings": {"live-restore": True}}, "is a key of dockerd on Linux alone"),
        ({"moby_windows_service": "dokcer"}, "service dokcer: does not exist on this host. Did you mean docker?"),
    ],
)
def test_what_windows_does_not_have_is_refused_and_nothing_written(fleet, running, variables, message):
    running("docker")
    assert message in messages(fleet.role("moby", **variables))
    assert fleet.environment() is None
    assert fleet.wine.read_file(FILE) is None


def test_a_container_instance_from_its_first_boot_on(fleet, running):
    running("docker")
    wanted = {"ecs_cluster": "production", "ecs_settings": {"ECS_LOGLEVEL": "warn"}}
    try:
        assert fleet.role("ecs", "--check", **wanted).ok().changed
        assert fleet.environment() is None
        fleet.role("ecs", **wanted).ok()
        direct = r"NO_PROXY=localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,10.0.0.0/8,\\.\pipe\docker_engine"
        for service in ("docker", "AmazonECS"):
            assert fleet.entries(service) == [f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}", direct]
            assert fleet.wine.running(service)
        assert fleet.machine()["ECS_CLUSTER"] == (modules.SZ, "production")
        assert not [name for name in fleet.machine() if "PROXY" in name]
        assert not fleet.role("ecs", **wanted).ok().changed
        machine = {**wanted, "ecs_windows_scope": "machine", "ecs_proxy": {"http": "10.0.0.131:3128"}}
        fleet.role("ecs", **machine).ok()
        assert fleet.machine()["HTTPS_PROXY"] == (modules.SZ, "http://10.0.0.131:3128")
        assert fleet.wine.journal == ["stop AmazonECS", "stop docker", "start docker", "start AmazonECS"]
        fleet.role("ecs", **machine, ecs_state="absent").ok()
        assert not [name for name in fleet.machine() if "PROXY" in name or name == "ECS_LOGLEVEL"]
    finally:
        fleet.wine.uninstall("AmazonECS")


def test_iotedge_1_1(fleet, running):
    running("iotedge-moby")
    running("iotedge", depends="iotedge-moby")
    config = rb"""agent:
  env: {}
"""
    fleet.wine.write_file(r"C:\ProgramData\iotedge\config.yaml", config)
    refused = fleet.role("iotedge", iotedge_hostname="edge-1", iotedge_upstream_protocol="AmqpWs")
    assert "1.1 is past its end of life" in messages(refused)
    assert "iotedge_upstream_protocol, iotedge_hostname" in messages(refused)
    assert fleet.environment("iotedge") is None
    run = fleet.role("iotedge").ok()
    assert "agent.env.https_proxy: is not the proxy" in " ".join(run.stderr.split())
    for service in ("iotedge-moby", "iotedge"):
        assert f"HTTPS_PROXY={URL}" in fleet.entries(service)
    assert fleet.wine.journal == ["stop iotedge", "stop iotedge-moby", "start iotedge-moby", "start iotedge"]
    assert fleet.wine.read_file(r"C:\ProgramData\iotedge\config.yaml") == config
    assert not fleet.role("iotedge").ok().changed
    fleet.role("iotedge", iotedge_state="absent").ok()
    assert fleet.environment("iotedge") is fleet.environment("iotedge-moby") is None


def test_the_proxys_root_is_trusted_and_no_more(fleet, tmp_path):
    authority = certificates.make(now=datetime.datetime.now(datetime.UTC))
    root = tmp_path / "root.pem"
    root.write_text(authority.pem)
    # As Windows names it.
    name = authority.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
    given = {"trusted_ca_certificates": [str(root)]}
    assert fleet.role("trusted_ca", "--check", **given).ok().changed
    assert name not in fleet.wine.subkeys(ROOTS)
    assert fleet.role("trusted_ca", **given).ok().changed
    ((_kind, blob),) = fleet.wine.read(rf"{ROOTS}\{name}").values()
    assert blob.endswith(authority.der)
    assert not fleet.role("trusted_ca", **given).ok().changed
    assert fleet.role("trusted_ca", **given, trusted_ca_state="absent").ok().changed
    assert name not in fleet.wine.subkeys(ROOTS)


def test_the_package_manager_is_left_alone(fleet):
    assert not fleet.role("package_manager", ansible_become=False).ok().changed
    assert not fleet.wire()
