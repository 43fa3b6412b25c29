# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins of IoT Edge do what the real programs were read to do; all else rests on that."""

from __future__ import annotations

import json
import os
import pathlib
import time
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, iotedge
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.iotedge.device import (
    check,
    layers,
    services,
    super_config,
)
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

SUPER = [each.super_file for each in services.SERVICES]


@pytest.fixture(scope="module")
def device(stage: fleet.Fleet) -> t.Iterator[Host]:
    """A Debian 11 host behind the proxy, set up by hand and applied. Tests share it and leave it so."""
    host = stage.add("bullseye", f"bullseye-edge-{os.getpid()}")
    iotedge.install(host)
    iotedge.behind(host, stage.squid.url(), stage.registry)
    iotedge.publish_agent(stage.registry, "1")
    yield host
    stage.drop(host)


@pytest.fixture
def applied(device: Host, squid: Squid) -> Host:
    """The device in its good state."""
    iotedge.fail(device)
    good = iotedge.config(env=environment(squid))
    if device.exec("cat", iotedge.CONFIG).out != good or active(device, "aziot-edged") != "active":
        iotedge.put_config(device, good)
        apply(device)
    wait_for(lambda: runs(device))
    return device


def environment(squid: Squid) -> dict[str, str]:
    return {"https_proxy": squid.url(), "UpstreamProtocol": "AmqpWs"}


def apply(host: Host) -> None:
    done = iotedge.apply(host)
    assert (done.rc, done.err) == (0, "")


def wait_for(holds: t.Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def agent(host: Host) -> dict[str, t.Any]:
    """edgeAgent as the engine tells of it, empty where there is none."""
    said = host.exec("docker", "inspect", "edgeAgent")
    return dict(json.loads(said.out)[0]) if said.rc == 0 else {}


def runs(host: Host) -> bool:
    return bool(agent(host).get("State", {}).get("Running"))


def active(host: Host, unit: str) -> str:
    return host.exec("systemctl", "is-active", unit).out.strip()


def verdicts(host: Host, *wanted: str, options: t.Sequence[str] = ()) -> list[str]:
    """What `iotedge check` says to these checks; the others wait for time-outs, or fetch an image."""
    others = [each.id for each in check.CHECKS if each.id not in wanted]
    ran = host.exec("iotedge", "check", "-o", "json", *options, "--dont-run", *others)
    said = json.loads(ran.out)["checks"]
    assert {said[each]["result"]["result"] for each in others} == {"ignored"}
    return [said[each]["result"]["result"] for each in wanted]


def test_apply_brings_the_daemons_up(device: Host, squid: Squid) -> None:
    since = squid.mark()
    iotedge.put_config(device, iotedge.config(env=environment(squid)))
    apply(device)
    wait_for(lambda: agent(device))
    assert {
        unit: active(device, unit) for unit in ("aziot-edged", "aziot-identityd", "aziot-tpmd", "aziot-tpmd.socket")
    } == {
        "aziot-edged": "active",
        "aziot-identityd": "active",
        "aziot-tpmd": "inactive",  # nobody asked it
        "aziot-tpmd.socket": "active",
    }
    modes = device.exec("stat", "--format=%U %a", *SUPER, super_config.DEVICE_KEY).out.splitlines()
    assert modes == [*(f"{each.user} 600" for each in services.SERVICES), "aziotks 600"]
    assert device.read(super_config.DEVICE_KEY) == "stand-in"

    seen = squid.wait_for(lambda each: each.agent == "aziot-identityd", since)
    assert {(each.client, each.method, each.url, each.status) for each in seen} == {
        (device.address, "CONNECT", f"{iotedge.HUB}:443", 200)
    }
    assert squid.wait_for(lambda each: each.client == device.address and each.url == f"{NAME}:443", since)

    made = agent(device)
    assert {f"https_proxy={squid.url()}", "UpstreamProtocol=AmqpWs", f"IOTEDGE_IOTHUBHOSTNAME={iotedge.HUB}"} <= set(
        made["Config"]["Env"]
    )
    assert made["Config"]["Labels"]["net.azure-devices.edge.owner"] == "Microsoft.Azure.Devices.Edge.Agent"
    assert made["Config"]["Labels"]["net.azure-devices.edge.env"] == "{}"
    assert "edgeAgent" in device.exec("iotedge", "list").out
    assert "aziot-tpmd              Ready" in device.exec("iotedge", "system", "status").out


def test_a_changed_agent_reaches_no_container_that_is_there(applied: Host, squid: Squid) -> None:
    before = agent(applied)
    iotedge.put_config(applied, iotedge.config(env={**environment(squid), "RuntimeLogLevel": "debug"}))
    apply(applied)
    wait_for(lambda: runs(applied))
    assert agent(applied)["Id"] == before["Id"]
    applied.exec("docker", "rm", "--force", "edgeAgent")
    wait_for(lambda: agent(applied))
    assert "RuntimeLogLevel=debug" in agent(applied)["Config"]["Env"]


def test_a_stopped_agent_is_started(applied: Host) -> None:
    before = agent(applied)["Id"]
    applied.exec("docker", "stop", "edgeAgent")
    wait_for(lambda: runs(applied))
    assert agent(applied)["Id"] == before


def test_another_device_gets_other_containers(applied: Host, squid: Squid) -> None:
    before = agent(applied)["Id"]
    text = iotedge.config(env=environment(squid)).replace("DeviceId=device-1", "DeviceId=device-2")
    iotedge.put_config(applied, text)
    apply(applied)
    wait_for(lambda: agent(applied).get("Id") not in (None, before))


def test_proxy_settings(applied: Host, squid: Squid) -> None:
    assert verdicts(applied, "proxy-settings") == ["ok"]
    drop_in = "/etc/systemd/system/aziot-identityd.service.d/90-stage.conf"
    good = applied.read(drop_in)
    for value, found in (
        (squid.url() + "/", "warning"),  # not the same bytes
        ("http://u:p%40x@192.0.2.1:3128", "warning"),  # systemd drops an assignment with such a %
        (squid.url(), "ok"),
    ):
        engine.put(applied.container, {drop_in: (f'[Service]\nEnvironment="https_proxy={value}"\n'.encode(), 0o644)})
        applied.exec("systemctl", "daemon-reload")
        assert verdicts(applied, "proxy-settings") == [found], value
    assert applied.read(drop_in) == good.rstrip("\n")

    # What the check reads of the agent is what was applied, drop-ins of config.d and all; not config.toml.
    iotedge.put_config(applied, iotedge.config())
    assert verdicts(applied, "proxy-settings", "config-up-to-date") == ["ok", "warning"]
    extra = "/etc/aziot/edged/config.d/50-other.toml"
    engine.put(applied.container, {extra: (b'[agent.env]\nhttps_proxy = "http://192.0.2.9:3128"\n', 0o644)})
    assert verdicts(applied, "proxy-settings") == ["warning"]
    applied.exec("rm", extra)


@pytest.mark.parametrize(
    ("daemon", "logrotate", "dns"),
    [
        (None, "warning", "warning"),
        ({}, "warning", "warning"),
        ({"log-opts": {"max-size": "10m", "max-file": "3"}}, "warning", "warning"),
        ({"log-driver": "local"}, "warning", "warning"),
        ({"log-driver": "journald", "dns": []}, "ok", "warning"),
        (
            {"log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "3"}, "dns": ["192.0.2.53"]},
            "ok",
            "ok",
        ),
        (
            {"log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": 3}, "dns": "192.0.2.53"},
            "error",
            "error",
        ),
    ],
)
def test_engine_checks(device: Host, daemon: dict[str, t.Any] | None, logrotate: str, dns: str) -> None:
    """Read from another file, so that no engine has to start with it."""
    path = "/root/daemon.json"
    device.exec("rm", "-f", path)
    if daemon is not None:
        engine.put(device.container, {path: (json.dumps(daemon).encode(), 0o644)})
    options = ("--container-engine-config-file", path)
    assert verdicts(device, "container-engine-logrotate", "container-engine-dns", options=options) == [logrotate, dns]


def test_no_way_to_the_hub_no_agent(applied: Host, squid: Squid) -> None:
    drop_in = "/etc/systemd/system/aziot-identityd.service.d/90-stage.conf"
    good = applied.read(drop_in)
    applied.exec("rm", drop_in)
    applied.exec("systemctl", "daemon-reload")
    try:
        applied.exec("systemctl", "stop", "aziot-edged")  # or it makes the container once more
        applied.exec("docker", "rm", "--force", "edgeAgent")
        apply(applied)
        wait_for(lambda: "cannot reach" in applied.exec("journalctl", "--unit=aziot-identityd", "--lines=5").out)
        assert active(applied, "aziot-edged") == "active"  # it knows who it is without the network
        assert not agent(applied)

        empty = b'[Service]\nEnvironment="https_proxy="\n'
        engine.put(applied.container, {drop_in: (empty, 0o644)})
        applied.exec("systemctl", "daemon-reload")
        assert applied.exec("systemctl", "restart", "aziot-identityd").rc == 0
        wait_for(lambda: active(applied, "aziot-identityd") != "active")
        assert "not a URI" in applied.exec("journalctl", "--unit=aziot-identityd", "--lines=9").out
    finally:
        engine.put(applied.container, {drop_in: (good.encode() + b"\n", 0o644)})
        applied.exec("systemctl", "daemon-reload")
        applied.exec("systemctl", "reset-failed")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# nothing but comments\n", "missing field `provisioning`"),
        ('[provisioning]\nsource = "none"\n[agent.env]\nhttps_proxy = "http://192.0.2.1"\n', "missing field `name`"),
        ('[provisioning]\nsource = "none"\n[agent]\nname = "edgeAgent"\ntype = "docker"\n', "missing field `config`"),
        ('[provisioning]\nsource = "Manual"\n', "unknown variant `Manual`"),
        ('[provisioning]\nsource = "manual"\nconnection_string = "HostName=x"\n', "enum ManualProvisioning"),
        ('auto_reprovisioning_mode = Dynamic\n[provisioning]\nsource = "none"\n', "could not parse"),
        ('[provisioning]\nsource = "none"\n[edge_ca]\n', "enum EdgeCa"),
        ('[provisioning]\nsource = "none"\n[moby_runtime]\nnetwork = "n"\n', "missing field `uri`"),
    ],
)
def test_apply_refuses(applied: Host, text: str, why: str) -> None:
    before = applied.exec("stat", "--format=%Y %i", *SUPER).out
    pid = applied.main_pid("aziot-edged")
    engine.put(applied.container, {"/root/refused.toml": (text.encode(), 0o600)})
    done = applied.exec("iotedge", "config", "apply", "-c", "/root/refused.toml")
    assert done.rc == 1
    assert why in done.err
    assert applied.exec("stat", "--format=%Y %i", *SUPER).out == before
    assert applied.main_pid("aziot-edged") == pid


def test_apply_is_for_root(device: Host) -> None:
    assert device.exec("setpriv", "--reuid=iotedge", "--clear-groups", "iotedge", "config", "apply").rc == 1


def test_the_name_stays_while_there_are_modules(applied: Host, squid: Squid) -> None:
    iotedge.put_config(applied, 'hostname = "another"\n' + iotedge.config(env=environment(squid)))
    refused = applied.exec("iotedge", "config", "apply")
    assert refused.rc == 1
    assert "hostname" in refused.err
    applied.exec("systemctl", "stop", "docker.socket", "docker.service")
    try:
        silent = applied.exec("iotedge", "config", "apply")
    finally:
        applied.exec("systemctl", "start", "docker.socket", "docker.service")
    assert silent.rc == 1
    assert "container engine" in silent.err


def test_files_are_read_as_their_readers(applied: Host, stage: fleet.Fleet, squid: Squid) -> None:
    """The authority's certificate as the trust bundle: readable, then not, then gone."""
    path = "/var/aziot/certs/roots.pem"
    with open(stage.registry.ca, "rb") as authority:
        engine.put(applied.container, {path: (authority.read(), 0o644)})
    applied.exec("chmod", "0755", "/var/aziot", "/var/aziot/certs")
    iotedge.put_config(applied, f'trust_bundle_cert = "file://{path}"\n' + iotedge.config(env=environment(squid)))
    apply(applied)
    assert verdicts(applied, "certs-preloaded", "certs-read") == ["ok", "ok"]
    applied.exec("chmod", "0700", "/var/aziot/certs")
    assert verdicts(applied, "certs-preloaded", "certs-read") == ["error", "error"]
    applied.exec("rm", "-r", "/var/aziot")
    assert verdicts(applied, "certs-read") == ["ok"]


def test_faults_come_as_ordered(applied: Host) -> None:
    before = applied.exec("stat", "--format=%i", *SUPER).out.splitlines()

    iotedge.fail(applied, "apply")
    assert applied.exec("iotedge", "config", "apply").rc == 1
    assert applied.exec("stat", "--format=%i", *SUPER).out.splitlines() == before

    iotedge.fail(applied, "apply-half")
    stamps = applied.exec("stat", "--format=%y", *SUPER).out.splitlines()
    assert applied.exec("iotedge", "config", "apply").rc == 1
    after = applied.exec("stat", "--format=%y", *SUPER).out.splitlines()
    changed = [each.name for each, old, new in zip(services.SERVICES, stamps, after, strict=True) if old != new]
    assert sorted(changed) == ["certd", "keyd"]

    iotedge.fail(applied, "agent-missing")
    applied.exec("docker", "rm", "--force", "edgeAgent")
    apply(applied)
    assert active(applied, "aziot-edged") == "active"

    iotedge.fail(applied, "edged-dies")
    apply(applied)  # succeeds all the same
    wait_for(lambda: active(applied, "aziot-edged") == "activating")  # waiting for its next start

    iotedge.fail(applied, "edged-refuses")
    # The last daemon that ran may have made one in the moment before it was stopped: its agent was not to be missing.
    applied.exec("docker", "rm", "--force", "edgeAgent")
    apply(applied)
    wait_for(lambda: active(applied, "aziot-edged") == "failed")
    assert not agent(applied)

    iotedge.fail(applied, "check")
    assert applied.exec("iotedge", "check", "-o", "json")[:2] == (1, "")


def test_the_logs_come_in_a_bundle(applied: Host) -> None:
    listed = "import io, sys, zipfile; print(zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())).namelist())"
    made = applied.exec("sh", "-c", f"iotedge support-bundle -o - | python3 -c '{listed}'")
    assert "logs/aziot-edged.txt" in made.out
    assert "logs/edgeAgent_log.txt" in made.out
    assert "aziot-identityd" in applied.exec("iotedge", "system", "logs", "--", "--no-pager").out


def test_the_packages(new_host: t.Callable[[str], Host], tmp_path: pathlib.Path) -> None:
    """The same by dpkg: an unconfigured daemon stays down, and a purge leaves nothing but users."""
    host = new_host("trixie")
    before = host.exec("find", "/etc", "/usr", "/var/lib/aziot", "-newer", "/etc/hostname", "-path", "*aziot*").out
    packages = iotedge.packages(tmp_path, "1.5.21-1")
    engine.put(host.container, {f"/root/{each.name}": (each.read_bytes(), 0o644) for each in packages})
    installed = host.exec("dpkg", "--install", *(f"/root/{each.name}" for each in packages))
    assert installed.rc == 0, installed.err
    assert host.exec("dpkg-query", "--show", "--showformat=${Version}", "aziot-edge").out == "1.5.21-1"
    assert host.exec("iotedge", "--version").out == "iotedge 1.5.21\n"
    assert host.exec("stat", "--format=%U %a", iotedge.TEMPLATE).out == "root 600\n"
    assert active(host, "aziot-identityd.socket") == "active"
    host.exec("systemctl", "start", "aziot-edged")
    wait_for(lambda: active(host, "aziot-edged") == "failed")
    shown = host.exec("systemctl", "show", "--value", "--property=ExecMainStatus,NRestarts", "aziot-edged")
    assert sorted(shown.out.split()) == ["0", "153"]

    assert host.exec("dpkg", "--purge", "aziot-edge", "aziot-identity-service").rc == 0
    after = host.exec("find", "/etc", "/usr", "/var/lib/aziot", "-newer", "/etc/hostname", "-path", "*aziot*").out
    assert after == before


def test_the_template_is_all_comments(device: Host) -> None:
    text = device.read(iotedge.TEMPLATE)
    assert all(line == "" or line.startswith("#") for line in text.splitlines())
    assert layers.parse(text.encode(), "template") == {}
    assert "missing field `provisioning`" in device.exec("iotedge", "config", "apply", "-c", iotedge.TEMPLATE).err


def test_layers(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables merge, arrays are joined, the later scalar wins; a symlink and another ending are passed over."""
    main, folder = tmp_path / "config.toml", tmp_path / "config.d"
    folder.mkdir()
    main.write_text('a = 1\nb = [1]\n[t]\nx = "main"\ny = "main"\n')
    (folder / "00-super.toml").write_text('b = [2]\n[t]\nx = "super"\n')
    (folder / "50-later.toml").write_text("a = 3\n")
    (folder / "60-linked.toml").symlink_to(main)
    (folder / "70-other.txt").write_text("a = 4\n")
    monkeypatch.setenv("AZIOT_EDGED_CONFIG", str(main))
    monkeypatch.setenv("AZIOT_EDGED_CONFIG_DIR", str(folder))
    assert layers.read(services.EDGED) == {"a": 3, "b": [1, 2], "t": {"x": "super", "y": "main"}}


def test_an_agent_is_pulled_anew(applied: Host, registry: Registry, squid: Squid) -> None:
    image = iotedge.publish_agent(registry, f"new-{os.getpid()}")
    iotedge.put_config(applied, iotedge.config(image, environment(squid)))
    apply(applied)
    applied.exec("docker", "rm", "--force", "edgeAgent")
    wait_for(lambda: agent(applied).get("Config", {}).get("Image") == image)
