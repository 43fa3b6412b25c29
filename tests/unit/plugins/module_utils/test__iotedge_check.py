# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole judgement over trees of files: before the runtime is there, on a sound device, and on others."""

from __future__ import annotations

import json
import os
import socket

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check as check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_unit import Daemon
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

PROXY = "http://fleet:s3cretPass%2F@proxy.example.com:3128"
SECRETS = ("s3cretPass%2F", "s3cretPass/", "c2VjcmV0a2V5")
UNITS = ("aziot-edged.service", "aziot-identityd.service", "docker.service")

CONFIG = f"""
hostname = "{socket.gethostname()}"
[provisioning]
source = "manual"
connection_string = "HostName=h.example.com;DeviceId=d;SharedAccessKey=c2VjcmV0a2V5"
[agent]
name = "edgeAgent"
type = "docker"
[agent.config]
image = "registry.example.com/agent:1.5.21"
[agent.env]
https_proxy = "{PROXY}"
UpstreamProtocol = "AmqpWs"
[edge_ca]
method = "self_signed"
"""
EDGED = f"""
hostname = "{socket.gethostname()}"
[agent.env]
https_proxy = "{PROXY}"
[moby_runtime]
uri = "unix:///var/run/docker.sock"
network = "azure-iot-edge"
"""
DAEMON = {"dns": ["192.0.2.53"], "log-driver": "journald"}
CONTAINERS = {
    "edgeAgent": {"Config": {"Env": ["storageFolder=/s"]}, "Mounts": [{"Destination": "/s"}]},
    "edgeHub": {"Config": {"Env": ["storageFolder=/s"]}, "Mounts": [{"Destination": "/s"}]},
}


class Device:
    """A host's files below a folder, and what its systemd and engine would say."""

    def __init__(self, root, monkeypatch) -> None:
        self.root = root
        self.units = {}
        self.containers = dict(CONTAINERS)
        self.engine = {"ServerVersion": "20.10.25+azure-2"}
        self.put("run/systemd/system/.keep")
        self.engine_files(DAEMON)
        monkeypatch.setattr(check._units, "properties", lambda names: [self.shown(name) for name in names])
        monkeypatch.setattr(check._docker_unit, "find", lambda _unit, _root: Daemon("/usr/bin/dockerd", [], pid=1))
        monkeypatch.setattr(check._docker_unit, "info", lambda _daemon, _root: (self.engine, []))
        monkeypatch.setattr(check._docker_api, "get", self.ask)

    def put(self, path, text="", mode=0o644):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file

    def engine_files(self, document):
        self.put("etc/docker/daemon.json", json.dumps(document))
        self.units["docker.service"] = f"https_proxy={PROXY}"

    def install(self, cli=None):
        self.put("lib/systemd/system/aziot-edged.service")
        if cli is not None:
            self.put("usr/bin/iotedge", "#!/bin/sh\n" + cli, 0o755)
        for name in UNITS:
            self.units[name] = f"https_proxy={PROXY}"

    def apply(self):
        config = self.put("etc/aziot/config.toml", CONFIG)
        os.utime(config, (1000, 1000))
        for daemon in ("edged", "keyd", "certd", "identityd", "tpmd"):
            self.put(f"etc/aziot/{daemon}/config.d/00-super.toml", EDGED if daemon == "edged" else "")

    def shown(self, name):
        there = name in self.units
        value = [self.units.get(name, "")]
        return {"LoadState": ["loaded" if there else "not-found"], "Environment": value, "EnvironmentFiles": []}

    def ask(self, path, _socket):
        if path.startswith("/containers/json"):
            return [{"Id": name.lower(), "Names": ["/" + name]} for name in self.containers]
        return {name.lower(): each for name, each in self.containers.items()}[path.split("/")[2]]

    def judge(self, **params):
        defaults = {name: option.get("default") for name, option in check.ARGUMENT_SPEC.items()}
        found = check.ensure({**defaults, **params}, Run(check_mode=True, root=str(self.root)))
        shown = json.dumps(found)
        assert not [secret for secret in SECRETS if secret in shown]
        return found


@pytest.fixture
def device(tmp_path, monkeypatch):
    return Device(tmp_path, monkeypatch)


def by_id(found, source="own"):
    return {row["id"]: row for row in found["checks"] if row["source"] == source}


def verdicts(found, source="own"):
    return {name: row["result"] for name, row in by_id(found, source).items()}


def test_a_sound_device(device):
    device.install()
    device.apply()
    found = device.judge()
    assert found["ok"]
    assert found["generation"] == "current"
    assert found["engines"] == ["own"]
    rows = verdicts(found)
    assert {name for name, result in rows.items() if result not in ("ok", "ignored")} == set()
    assert rows["proxy-settings"] == "ok"
    assert {"container-engine-ipv6", "parent_hostname", "certs-preloaded"} <= {
        name for name, result in rows.items() if result == "ignored"
    }


def test_a_host_before_the_runtime_is_installed(device):
    found = device.judge()
    rows = by_id(found)
    assert found["ok"]
    assert (found["generation"], found["supported"], found["worst"]) == ("none", True, "skipped")
    assert rows["installation"]["result"] == rows["proxy-settings"]["result"] == "skipped"
    assert rows["container-engine-logrotate"]["result"] == "ok"
    assert rows["config-up-to-date"]["detail"] == "IoT Edge is not installed"


def test_a_config_is_judged_before_the_runtime_is_installed(device):
    device.put("etc/aziot/config.toml", CONFIG.replace('type = "docker"', 'typ = "docker"'))
    device.units["docker.service"] = ""
    rows = by_id(device.judge())
    assert "typ" in rows["config-toml-well-formed"]["detail"]
    assert rows["config-toml-well-formed"]["result"] == "error"
    assert rows["proxy-settings"]["result"] == "warning"
    assert "/etc/aziot/config.toml" in rows["proxy-settings"]["detail"]
    assert rows["hostname"]["result"] == "ok"


def test_what_the_daemon_reads_counts_and_not_what_is_not_applied_yet(device):
    device.install()
    device.apply()
    device.put("etc/aziot/config.toml", CONFIG.replace(PROXY, "http://other.example.com:3128"))
    rows = by_id(device.judge())
    assert rows["proxy-settings"]["result"] == "ok"
    assert rows["config-up-to-date"]["result"] == rows["configs-up-to-date"]["result"] == "warning"
    device.put("etc/aziot/edged/config.d/50-own.toml", '[agent.env]\nhttps_proxy = "http://other.example.com:3128"')
    assert by_id(device.judge())["proxy-settings"]["result"] == "warning"


def test_a_link_among_the_drop_ins_is_passed_over_as_the_daemon_does(device):
    device.install()
    device.apply()
    elsewhere = device.put("elsewhere.toml", "[agent.env]\nhttps_proxy = 'x'")
    (device.root / "etc/aziot/edged/config.d/50-link.toml").symlink_to(elsewhere)
    assert by_id(device.judge())["proxy-settings"]["result"] == "ok"


def test_one_that_is_installed_and_not_applied(device):
    device.install()
    device.put("etc/aziot/config.toml", CONFIG)
    rows = by_id(device.judge())
    assert rows["aziot-edged-config-well-formed"]["result"] == "error"
    assert rows["config-up-to-date"]["result"] == "warning"
    assert rows["proxy-settings"]["result"] == "ok"  # as it will be


@pytest.mark.parametrize("path", ["etc/aziot/config.toml", "etc/aziot/edged/config.d/00-super.toml"])
@pytest.mark.parametrize("text", ["[broken", "a = 1\na = 2\n", "\0\0"])
def test_a_file_that_is_no_toml_is_a_finding(device, path, text):
    device.install()
    device.apply()
    device.put(path, text)
    found = device.judge()
    assert not found["ok"]
    name = "config-toml-well-formed" if "super" not in path else "aziot-edged-config-well-formed"
    row = by_id(found)[name]
    assert row["result"] == "error"
    assert "/" + path in row["detail"]


def test_containers(device):
    device.install()
    device.apply()
    del device.containers["edgeHub"]
    device.containers["edgeAgent"] = {"Config": {"Env": []}, "Mounts": []}
    rows = verdicts(device.judge())
    assert rows["edge-hub-storage-mounted-from-host"] == "error"
    assert rows["edge-agent-storage-mounted-from-host"] == "warning"


def test_an_engine_that_is_down(device):
    device.install()
    device.apply()
    device.engine = {}
    rows = by_id(device.judge())
    assert rows["container-engine-is-moby"]["result"] == "skipped"
    assert rows["edge-hub-storage-mounted-from-host"]["detail"] == "the engine does not run"


def test_an_engine_that_answers_badly_is_a_finding(device, monkeypatch):
    device.install()
    device.apply()

    def bad(_path, _socket):
        raise Refused("answers with 500", where="unix:///var/run/docker.sock")

    monkeypatch.setattr(check._docker_api, "get", bad)
    assert "500" in by_id(device.judge())["edge-hub-storage-mounted-from-host"]["detail"]


def test_a_certificate_that_is_not_there(device):
    device.put("etc/aziot/config.toml", 'trust_bundle_cert = "file:///etc/aziot/bundle.pem"\n' + CONFIG)
    assert by_id(device.judge())["certs-preloaded"]["result"] == "error"


@pytest.mark.parametrize(
    ("path", "generation"),
    [("lib/systemd/system/iotedge.service", "1.1"), ("snap/azure-iot-edge/current/x", "snap")],
)
@pytest.mark.parametrize("engine", ["both", "own", "vendor"])
def test_what_is_not_supported_is_a_finding_and_nothing_else_is_judged(device, path, generation, engine):
    device.put(path)
    device.put("usr/bin/iotedge", "#!/bin/sh\nexit 99", 0o755)
    found = device.judge(engine=engine)
    assert (found["generation"], found["supported"], found["ok"]) == (generation, False, False)
    assert [row["id"] for row in found["checks"]] == ["installation"]
    assert found["checks"][0]["advice"]


REPORT = {
    "checks": {
        "proxy-settings": {"result": {"result": "warning", "details": [f"agent {PROXY} moby ''"]}},
        "hostname": {"result": {"result": "ok", "details": []}},
    }
}
CLI = f'echo "$@" >&2; echo "$@" >$(dirname $0)/asked; cat <<\'END\'\n{json.dumps(REPORT)}\nEND\nexit 1'


def test_the_vendors_program_is_run_and_its_secrets_masked(device):
    device.install(CLI)
    device.apply()
    found = device.judge(dont_run=["check-agent-image"], iothub_hostname="h.example.com")
    assert found["engines"] == ["own", "vendor"]
    row = by_id(found, "vendor")["proxy-settings"]
    assert row["result"] == "warning"
    assert "agent http://" in row["detail"]
    asked = (device.root / "usr/bin/asked").read_text(encoding="utf-8").split()
    assert asked[:5] == ["check", "-o", "json", "--iothub-hostname", "h.example.com"]
    assert asked[5] == "--dont-run"
    assert asked[6:] == found["left_out"]
    assert "check-agent-image" in asked
    assert "host-local-time" in asked


def test_all_probes(device):
    device.install(CLI)
    device.apply()
    assert device.judge(all_probes=True)["left_out"] == []
    assert "dont-run" not in (device.root / "usr/bin/asked").read_text(encoding="utf-8")


@pytest.mark.parametrize(("engine", "sources"), [("own", {"own"}), ("vendor", {"own", "vendor"})])
def test_one_engine_alone(device, engine, sources):
    device.install(CLI)
    device.apply()
    found = device.judge(engine=engine)
    assert found["engines"] == [engine]
    assert {row["source"] for row in found["checks"]} == sources  # what is installed is always told
    assert ("left_out" in found, bool(found["left_out"])) == (True, engine == "vendor")


def test_the_vendors_without_its_program(device):
    found = device.judge(engine="vendor")
    assert by_id(found, "vendor")["iotedge-check"]["result"] == "error"


@pytest.mark.parametrize(
    "params", [{"dont_run": ["--proxy-uri"]}, {"dont_run": ["a b"]}, {"iothub_hostname": "-x"}, {"timeout": 0.0}]
)
def test_parameters_that_make_no_sense(device, params):
    with pytest.raises(Refused):
        device.judge(**params)


def test_the_worst_comes_first(device):
    device.install()
    results = [check.RESULTS.index(row["result"]) for row in device.judge()["checks"]]
    assert results == sorted(results, reverse=True)
