# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""config_json on hosts with a running dockerd: what it runs with, and when a restart or a reload is called for."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
UNIT = "docker.service"
DAEMON = "/etc/docker/daemon.json"
STAMP = "/run/container_hosts/etc-docker-daemon.json.loaded"
PROXY = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "s3cret%/@"}
# Two keys that the engine does not tell, the first for a restart and the second for a reload, and two that it tells.
DNS, TIMEOUT = {"dns": ["192.0.2.53"]}, {"shutdown-timeout": 20}
DRIVER, LIVE = {"log-driver": "local"}, {"live-restore": True}


class Host:
    """A booted host whose docker.service is as its package made it."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.sh("mkdir -p /opt/container_hosts")
        source = HERE.parent.parent / "plugins/module_utils"
        subprocess.run(["docker", "cp", source, f"{container}:/opt/container_hosts/"], check=True, capture_output=True)
        self.sh(f"rm -rf {DAEMON} {STAMP}; echo 'DOCKER_OPTS=' > /etc/default/docker; systemctl start docker.socket")
        self.restart()

    def sh(self, script: str, *, stdin: str = "") -> str:
        command = ["docker", "exec", "--interactive", self.container, "sh", "-euc", script]
        done = subprocess.run(command, input=stdin, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def ensure(self, *, check_mode: bool = False, **params):
        request = {"module": "_config_json", "params": {"schema": "docker", **params}, "check_mode": check_mode}
        script = (HERE / "on_host.py").read_text(encoding="utf-8")
        command = ["docker", "exec", "--interactive", self.container, "python3", "-c", script]
        return json.loads(
            subprocess.run(command, input=json.dumps(request), check=True, capture_output=True, text=True).stdout
        )

    def owed(self, **params) -> tuple[bool, str]:
        """Ensure, and return whether the file changed and what is called for."""
        result = self.ensure(**params)
        assert "refused" not in result, result
        assert not (result["restart_required"] and result["reload_required"])
        assert set(result["restart_required"] + result["reload_required"]) <= {UNIT}
        return result["changed"], "restart" if result["restart_required"] else "".join(
            "reload" for _unit in result["reload_required"]
        )

    def put(self, text: str) -> None:
        self.sh(f"mkdir -p /etc/docker; cat > {DAEMON}", stdin=text)

    def restart(self) -> None:
        self.sh("systemctl reset-failed docker; systemctl restart docker")

    def reload(self) -> None:
        self.sh("systemctl reload docker; sleep 0.3")

    def info(self) -> dict:
        return json.loads(self.sh("docker info --format '{{json .}}'"))


@pytest.fixture(params=["bookworm", "trixie"])
def host(request, booted_host):
    return Host(booted_host(request.param))


@pytest.fixture
def trixie(booted_host):
    return Host(booted_host("trixie"))


def test_a_restart_is_called_for_until_it_was_made(host):
    foretold = host.ensure(check_mode=True, settings={**DNS, **DRIVER})
    assert foretold["restart_required"] == [UNIT]
    assert host.sh(f"ls {DAEMON} {STAMP} 2>/dev/null || true") == ""
    assert host.owed(settings={**DNS, **DRIVER}) == (True, "restart")
    assert host.info()["LoggingDriver"] == "json-file"
    # A run that died here is made good by the next one, although the file is right.
    assert host.owed(settings={**DNS, **DRIVER}) == (False, "restart")
    assert host.owed(settings=DNS) == (False, "restart")
    host.restart()
    assert host.info()["LoggingDriver"] == "local"
    assert host.owed(settings={**DNS, **DRIVER}) == (False, "")


def test_a_reload_is_called_for_where_it_is_enough(host):
    host.put(json.dumps(DNS))
    host.restart()
    pid = host.sh(f"systemctl show -p MainPID --value {UNIT}")
    assert host.owed(settings={**DNS, **TIMEOUT, **LIVE}) == (True, "reload")
    assert host.owed(settings={**DNS, **TIMEOUT, **LIVE}) == (False, "reload")
    host.reload()
    assert host.info()["LiveRestoreEnabled"] is True
    assert host.owed(settings={**DNS, **TIMEOUT, **LIVE}) == (False, "")
    assert host.sh(f"systemctl show -p MainPID --value {UNIT}") == pid


def test_a_reload_does_not_pay_for_a_restart(host):
    assert host.owed(settings={**DNS, **LIVE}) == (True, "restart")
    host.reload()
    assert host.owed(settings={**DNS, **LIVE}) == (False, "restart")
    assert host.owed(settings=LIVE) == (False, "")


def test_what_others_wrote_after_the_start(host):
    host.put(json.dumps(DNS))
    host.restart()
    host.sh(f"sleep 0.1; touch {DAEMON}")
    assert host.owed(settings=LIVE) == (True, "reload")
    host.put(json.dumps({**DNS, **DRIVER}))
    assert host.owed(settings=DRIVER) == (False, "restart")


def test_taken_back_to_the_byte_and_out_of_the_daemon(host):
    before = '{\n\t"labels": ["a=b"],\n\t"log-opts": {}\n}'
    host.put(before)
    host.restart()
    asked = {**DRIVER, "log-opts": {"max-size": "1m"}, **LIVE}
    assert host.owed(settings=asked) == (True, "restart")
    host.restart()
    assert host.owed(settings=asked, state="absent") == (True, "restart")
    assert host.sh(f"cat {DAEMON}") == before
    assert host.owed(settings=asked, state="absent") == (False, "restart")
    host.restart()
    assert host.owed(settings=asked, state="absent") == (False, "")
    assert host.info()["LoggingDriver"] == "json-file"


VISIBLE = {
    "debug": True,
    "default-address-pools": [{"base": "10.200.0.0/16", "size": 24}, {"base": "10.201.0.0/16", "size": 25}],
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "experimental": True,
    "insecure-registries": [
        "r.example.com:5000",
        "http://s.example.com",
        "10.1.2.3/8",
        "[2001:db8::1]:5000",
        "fd00::/8",
    ],
    "labels": ["b=2", "a=1", "b=2"],
    "live-restore": True,
    "log-driver": "local",
    "registry-mirrors": ["https://mirror.example.com", "http://192.0.2.9:5000/"],
    "runtimes": {"crun": {"path": "/usr/bin/true"}},
    "default-runtime": "crun",
    "storage-driver": "vfs",
    "data-root": "/var/lib/docker",
    "authorization-plugins": [],
}


def test_what_the_engine_tells_is_understood(host):
    """Otherwise a daemon that has a value would be restarted in every run."""
    assert host.owed(settings=VISIBLE) == (True, "restart")
    host.restart()
    result = host.ensure(settings=VISIBLE)
    verdicts = result["in_effect"]
    assert {key: verdict for key, verdict in verdicts.items() if verdict is not True} == {"runtimes": None}
    assert (result["restart_required"], result["reload_required"]) == ([], [])
    others = {"debug": False, "labels": ["a=1"], "insecure-registries": ["10.0.0.0/8"], "log-driver": "journald"}
    told = host.ensure(check_mode=True, settings=others)["in_effect"]
    assert told == dict.fromkeys(others, False)


def test_the_proxy_and_its_password(trixie):
    asked = {**PROXY, "no_proxy": ["10.0.0.0/8", "corp.example.com"]}
    assert trixie.owed(proxy=asked) == (True, "restart")
    trixie.restart()
    assert trixie.info()["HttpProxy"].endswith("@192.0.2.1:3128")
    assert trixie.owed(proxy=asked) == (False, "")
    # A new password is all that changes, and the engine shows none.
    assert trixie.owed(proxy={**asked, "password": "other"}) == (True, "restart")
    assert "s3cret" not in trixie.sh(f"cat {STAMP}")
    assert trixie.sh(f"stat -c '%a %U' {DAEMON} {STAMP} $(dirname {STAMP})") == "600 root\n600 root\n700 root\n"


def test_what_an_old_engine_can_not_read_is_refused(booted_host):
    host = Host(booted_host("bookworm"))
    for script in ("true", "systemctl stop docker docker.socket"):
        host.sh(script)
        assert "proxies: needs Docker Engine 23.0 or later; 20.10" in host.ensure(proxy=PROXY)["refused"]
    assert host.sh(f"ls {DAEMON} 2>/dev/null || true") == ""


def test_a_flag_of_the_unit_is_found_whether_it_runs_or_not(host):
    host.sh("echo 'DOCKER_OPTS=\"--label from=flag\"' > /etc/default/docker")
    # The running daemon was started without it, and stays the measure.
    assert host.ensure(check_mode=True, settings={"labels": ["a=b"]})["changed"] is True
    host.restart()
    for script in ("true", "systemctl stop docker docker.socket"):
        host.sh(script)
        assert (
            "labels: is also given to dockerd as the flag --label"
            in host.ensure(settings={"labels": ["a=b"]})["refused"]
        )
    assert "is not what docker.service reads" not in str(host.ensure(check_mode=True, settings=LIVE))


def test_another_file_is_read(host):
    host.put("{}")
    host.sh(
        f"cp {DAEMON} /etc/docker/other.json;"
        "echo 'DOCKER_OPTS=\"--config-file=/etc/docker/other.json\"' > /etc/default/docker"
    )
    host.restart()
    assert "is not what docker.service reads: its flag --config-file names" in host.ensure(settings=LIVE)["refused"]
    assert host.owed(settings=LIVE, path="/etc/docker/other.json") == (True, "reload")


def test_the_question_starts_no_daemon_that_is_down(host):
    """docker.socket starts it for whoever connects."""
    host.sh("systemctl stop docker; systemctl is-active docker.socket")
    assert host.owed(settings=DNS) == (True, "")
    assert host.sh("systemctl is-active docker || true") == "inactive\n"


def test_what_the_engine_refuses_is_not_written(host):
    before = '{"nosuch-key": true}'
    host.put(before)
    refused = host.ensure(settings=LIVE)["refused"]
    assert (
        "the engine itself refuses it: the following directives don't match any configuration option: nosuch-key"
        in refused
    )
    assert host.sh(f"cat {DAEMON}") == before
