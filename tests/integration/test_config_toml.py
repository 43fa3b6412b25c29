# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""config_toml on hosts without tomlkit, over SSH, judged by what the hosts' own Python reads and what lies around."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host

Play = t.Callable[..., playbook.Run]

PATH = "/etc/aziot/config.toml"
MODULE = "fleetops.container_hosts.config_toml"
# In the style of the vendor's template, live and commented out.
THEIRS = """\
# ====
# IoT Edge
# ====
# hostname = "my-device"

[provisioning]
source = "manual"
"connection_string" = 'HostName=hub.example.com;DeviceId=edge-1;SharedAccessKey=U2VjcmV0S2V5'  # theirs

# [agent]
# name = "edgeAgent"
# [agent.env]
# "RuntimeLogLevel" = "debug"
"""
SECRET = "U2VjcmV0S2V5"
WANTED: dict[str, t.Any] = {
    "hostname": "edge-1.example.com",
    "agent": {
        "name": "edgeAgent",
        "type": "docker",
        "config": {"image": "mcr.microsoft.com/azureiotedge-agent:1.5.21"},
        "env": {"https_proxy": "http://192.0.2.1:3128"},
    },
}
# Where a module could leave something: files, and what Python makes of them.
LEFT = "find / -xdev ( -name *tomlkit* -o -name AnsiballZ* -o -name *container_hosts-* ) -not -path /proc/*"


def read(host: Host) -> dict[str, t.Any]:
    """The file as the host's own Python reads it."""
    program = f"import json, tomllib; print(json.dumps(tomllib.load(open({PATH!r}, 'rb'))))"
    ran = host.exec("python3", "-c", program)
    assert ran.rc == 0, ran
    return t.cast("dict[str, t.Any]", json.loads(ran.out))


def content(host: Host) -> str:
    return host.exec("cat", PATH).out


def put(host: Host, text: str) -> None:
    ran = host.exec("sh", "-c", f"mkdir -p /etc/aziot && cat > {PATH} && chmod 600 {PATH}", stdin=text.encode())
    assert ran.rc == 0, ran


@pytest.fixture
def device(host: Host) -> t.Iterator[Host]:
    """A host with such a file and no tomlkit."""
    assert host.exec("python3", "-c", "import tomlkit").rc != 0
    put(host, THEIRS)
    yield host
    host.exec("rm", "-rf", "/etc/aziot")


def task(**options: t.Any) -> list[dict[str, t.Any]]:
    """A playbook of this one task."""
    asked = {"path": PATH, "schema": "iotedge", **options}
    return [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "Edit", MODULE: asked}]}]


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "no pipelining"])
def test_check_then_present_then_again_then_absent(device: Host, run_playbook: Play, pipelining: bool) -> None:
    before = host_files(device)
    how = {"ansible_pipelining": pipelining}

    foretold = run_playbook(task(settings=WANTED), device, variables=how, options=("--check", "--diff")).ok()
    assert foretold.tasks[0].changed
    assert content(device) == THEIRS

    made = run_playbook(task(settings=WANTED), device, variables=how, options=("--diff",)).ok()
    assert diff(made) == diff(foretold)
    assert '+hostname = "edge-1.example.com"' in diff(made)
    document = read(device)
    assert document.pop("provisioning")["source"] == "manual"
    assert document == WANTED
    kept = iter(content(device).splitlines())
    assert all(any(line == each for each in kept) for line in THEIRS.splitlines())

    written = content(device)
    assert not run_playbook(task(settings=WANTED), device, variables=how).ok().changed
    assert content(device) == written

    run_playbook(task(settings=WANTED, state="absent"), device, variables=how).ok()
    assert content(device) == THEIRS
    assert host_files(device) == before


def diff(run: playbook.Run) -> list[str]:
    """The lines that a run with --diff showed as gone or new."""
    return [line for line in run.stdout.splitlines() if line[:1] in ("+", "-")]


def host_files(host: Host) -> str:
    """What a module could leave behind, listed."""
    return host.exec(*LEFT.split()).out


def test_it_takes_one_round_trip_and_shows_no_secret(device: Host, run_playbook: Play) -> None:
    run = run_playbook(
        task(settings=WANTED), device, variables={"ansible_pipelining": True}, options=("-vvvv", "--diff")
    ).ok()
    assert run.stdout.count("SSH: EXEC") == 1
    assert "SSH: EXEC sftp" not in run.stdout
    assert "SSH: EXEC scp" not in run.stdout
    journal = device.exec("journalctl", "--no-pager", "--quiet").out
    for shown in (run.stdout, run.stderr, journal):
        assert SECRET not in shown
    # Nor the library, which is 70 kB of noise in any log.
    assert all(len(line) < 20_000 for shown in (run.stdout, journal) for line in shown.splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[agent]\nname = "edge', f"{PATH}, line 2: unterminated string"),
        (THEIRS + 'hostname = "lost"\n', f"{PATH}, line 14: provisioning.hostname:"),
        (THEIRS + "[agent]\n[agent]\n", f"{PATH}, line 15, column 7: cannot declare"),
    ],
    ids=["cut off", "below the wrong header", "a table twice"],
)
def test_a_bad_file_is_refused_and_left(device: Host, run_playbook: Play, text: str, message: str) -> None:
    put(device, text)
    run = run_playbook(task(settings=WANTED), device)
    assert run.rc != 0
    assert message in run.tasks[0].result["msg"]
    assert content(device) == text


def test_async(device: Host, run_playbook: Play) -> None:
    plays = task(settings=WANTED)
    plays[0]["tasks"][0].update({"async": 60, "poll": 1})
    assert run_playbook(plays, device).ok().changed
    assert read(device)["hostname"] == WANTED["hostname"]


@pytest.fixture
def reader(device: Host) -> t.Iterator[Host]:
    """The same host, with a unit that stands for what reads the file."""
    unit = "[Service]\nExecStart=/bin/sleep infinity\n"
    device.exec("sh", "-c", "cat > /etc/systemd/system/toml-reader.service", stdin=unit.encode())
    device.exec("systemctl", "daemon-reload")
    device.exec("systemctl", "start", "toml-reader")
    yield device
    device.exec("systemctl", "stop", "toml-reader")
    device.exec("rm", "-rf", "/etc/systemd/system/toml-reader.service", "/var/lib/container_hosts/checkpoints/toml")
    device.exec("systemctl", "daemon-reload")


@pytest.mark.parametrize("proof", ["true", "false"])
def test_proven_or_taken_back_with_its_reader(reader: Host, run_playbook: Play, proof: str) -> None:
    """The guard judges the file too, from its own copy of the code, and without Ansible."""
    settings = {"config_toml": [{"path": PATH, "schema": "iotedge", "settings": WANTED}]}
    collection = "fleetops.container_hosts"
    restart = {
        "checkpoint": "toml",
        "units": [{"name": "toml-reader", "restart": "always"}],
        "settings": settings,
        "verify": [[proof]],
        "stable": 0.5,
    }
    tasks = [
        {"name": "Edit", f"{collection}.host_settings": {**settings, "checkpoint": "toml"}},
        {"name": "Prove", f"{collection}.verified_restart": restart},
    ]
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], reader)
    outcome = run.of(reader.name, "Prove")[0].result["outcome"]
    if proof == "true":
        assert (run.rc, outcome["state"]) == (0, "committed")
        assert read(reader)["hostname"] == WANTED["hostname"]
        assert not run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks[:1]}], reader).ok().changed
    else:
        assert (run.rc != 0, outcome["state"]) == (True, "rolled_back")
        assert content(reader) == THEIRS
    assert reader.exec("systemctl", "is-active", "toml-reader").out == "active\n"
