# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd_environment on hosts that systemd booted: what the unit's process really runs with, and who can read it."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
UNIT = "sleeper.service"
PROXY = {"http": "http://192.0.2.1:3128", "no_proxy": ["10.0.0.0/8", "corp.example.com"]}
SECRET = {**PROXY, "username": "fleet", "password": "s3cret%/@"}
ENCODED = "s3cret%25%2F%40"


class Host:
    """A booted host with a unit that sleeps. Type=exec: once it counts as started, its environment can be read."""

    def __init__(self, container: str) -> None:
        self.container = container
        plugins = HERE.parent.parent / "plugins"
        self.sh("mkdir -p /opt/container_hosts")
        subprocess.run(
            ["docker", "cp", plugins / "module_utils", f"{container}:/opt/container_hosts/"],
            check=True,
            capture_output=True,
        )
        self.put(
            f"/etc/systemd/system/{UNIT}",
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/bin/sleep infinity\n",
        )
        self.sh(
            "rm -rf /etc/systemd/system/*.d/zz* /etc/systemd/system/sleeper.service.d /etc/systemd/system.conf.d;"
            f"systemctl daemon-reexec; systemctl restart {UNIT}"
        )

    def sh(self, script: str, *, stdin: str = "", user: str = "root") -> str:
        command = ["docker", "exec", "--interactive", "--user", user, self.container, "sh", "-euc", script]
        return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout

    def put(self, path: str, text: str) -> None:
        self.sh(f'mkdir -p "$(dirname {path})"; cat > {path}', stdin=text)

    def ensure(self, *, check_mode: bool = False, **params):
        request = {"module": "_systemd_environment", "params": {"units": [UNIT], **params}, "check_mode": check_mode}
        script = (HERE / "on_host.py").read_text(encoding="utf-8")
        command = ["docker", "exec", "--interactive", self.container, "python3", "-c", script]
        return json.loads(
            subprocess.run(command, input=json.dumps(request), check=True, capture_output=True, text=True).stdout
        )

    def environ(self) -> dict[str, str]:
        text = self.sh(f"cat /proc/$(systemctl show -p MainPID --value {UNIT})/environ")
        return dict(entry.split("=", 1) for entry in text.split("\0") if entry)

    def restart(self) -> None:
        self.sh(f"systemctl restart {UNIT}")

    def property(self, name: str) -> str:
        return self.sh(f"systemctl show -p {name} --value {UNIT}").strip()


@pytest.fixture(params=["bookworm", "trixie"])
def host(request, booted_host):
    return Host(booted_host(request.param))


def test_a_process_is_to_be_restarted_until_it_runs_with_what_is_wanted(host):
    first = host.ensure(proxy=PROXY)
    assert (first["changed"], first["restart_required"]) == (True, [UNIT])
    assert host.property("NeedDaemonReload") == "no"
    second = host.ensure(proxy=PROXY)
    assert (second["changed"], second["restart_required"]) == (False, [UNIT])  # right on disk, and still not running so
    host.restart()
    third = host.ensure(proxy=PROXY)
    assert (third["changed"], third["restart_required"]) == (False, [])
    environ = host.environ()
    assert environ["HTTP_PROXY"] == environ["https_proxy"] == "http://192.0.2.1:3128"
    assert "corp.example.com" in environ["NO_PROXY"].split(",")
    assert third["units"][0]["running"] == third["units"][0]["configured"]


def test_check_mode_tells_the_same_and_does_nothing(host):
    pid = host.property("MainPID")
    told = host.ensure(proxy=SECRET, check_mode=True)
    assert host.property("DropInPaths") == ""
    done = host.ensure(proxy=SECRET)
    assert told == done
    assert host.property("MainPID") == pid


def test_a_list_that_means_the_same_restarts_nothing(host):
    host.ensure(proxy=PROXY)
    host.restart()
    again = host.ensure(proxy={**PROXY, "no_proxy": ["CORP.example.com", "10.0.0.0/8", "corp.example.com"]})
    assert again["restart_required"] == []
    more = host.ensure(proxy={**PROXY, "no_proxy": ["corp.example.com"]})
    assert more["restart_required"] == [UNIT]


def test_a_changed_password_restarts(host):
    host.ensure(proxy=SECRET)
    host.restart()
    assert host.ensure(proxy=SECRET)["restart_required"] == []
    changed = host.ensure(proxy={**SECRET, "password": "other"})
    assert changed["restart_required"] == [UNIT]
    assert "other" not in json.dumps(changed)


def test_who_can_read_the_credentials(host):
    show = f"systemctl show -p Environment {UNIT}; cat /etc/systemd/system/{UNIT}.d/* 2>/dev/null || true"
    host.ensure(proxy=SECRET)
    host.restart()
    assert ENCODED in host.environ()["HTTP_PROXY"]
    assert ENCODED not in host.sh(show, user="nobody")
    host.ensure(proxy=SECRET, exposure="environment")
    assert ENCODED in host.sh(show, user="nobody")  # what the warning says is true
    assert host.ensure(proxy=SECRET, exposure="environment")["restart_required"] == []


def test_absent_takes_back_and_the_process_is_to_be_restarted(host):
    before = host.sh("find /etc -type f | sort | xargs sha256sum")
    host.ensure(proxy=SECRET)
    host.restart()
    gone = host.ensure(state="absent")
    assert gone["restart_required"] == [UNIT]
    assert host.ensure(state="absent")["restart_required"] == [UNIT]
    host.restart()
    assert not {name for name in host.environ() if "proxy" in name.lower()}
    assert host.ensure(state="absent")["restart_required"] == []
    assert host.sh("find /etc -type f | sort | xargs sha256sum") == before


def test_what_is_shadowed_is_reported_and_not_restarted_for_ever(host):
    host.put(f"/etc/systemd/system/{UNIT}.d/zzz.conf", "[Service]\nEnvironment=HTTP_PROXY=http://192.0.2.9:1\n")
    told = host.ensure(proxy=PROXY)
    assert [entry["variable"] for entry in told["units"][0]["shadowed_by"]] == ["HTTP_PROXY"]
    host.restart()
    assert host.environ()["HTTP_PROXY"] == "http://192.0.2.9:1"
    assert host.ensure(proxy=PROXY)["restart_required"] == []


def test_adopted_variables_are_set_by_us_alone(host):
    host.put(
        f"/etc/systemd/system/{UNIT}.d/zzz.conf", '[Service]\nEnvironment="HTTP_PROXY=http://192.0.2.9:1" KEEP=1\n'
    )
    told = host.ensure(proxy=PROXY, adopt=True)
    assert told["units"][0]["shadowed_by"] == []
    host.restart()
    environ = host.environ()
    assert (environ["HTTP_PROXY"], environ["KEEP"]) == ("http://192.0.2.1:3128", "1")


def test_a_default_of_systemd_itself_is_no_reason_to_restart(host):
    host.put(
        "/etc/systemd/system.conf.d/x.conf",
        '[Manager]\nDefaultEnvironment="HTTP_PROXY=http://192.0.2.9:1" "NO_PROXY=a b"\n',
    )
    host.sh(f"systemctl daemon-reexec; systemctl restart {UNIT}")
    assert host.environ()["HTTP_PROXY"] == "http://192.0.2.9:1"
    assert host.ensure(state="absent")["restart_required"] == []
    host.ensure(proxy=PROXY)
    host.restart()
    assert host.ensure(state="absent")["restart_required"] == [UNIT]
    host.restart()
    assert host.ensure(state="absent")["restart_required"] == []


def test_a_stopped_unit_stays_stopped_and_owes_no_restart(host):
    host.sh(f"systemctl stop {UNIT}")
    told = host.ensure(proxy=PROXY)
    assert (told["changed"], told["restart_required"], told["units"][0]["running"]) == (True, [], None)
    assert host.property("ActiveState") == "inactive"


def test_a_file_that_is_read_at_start(host):
    host.ensure(proxy=PROXY)
    host.restart()
    host.sh("sleep 0.1; touch /run/root.crt")
    assert host.ensure(proxy=PROXY, read_at_start=["/run/root.crt"])["restart_required"] == [UNIT]
    host.restart()
    assert host.ensure(proxy=PROXY, read_at_start=["/run/root.crt", "/run/nosuch"])["restart_required"] == []


def test_an_escaped_unit_name(host):
    host.put(
        "/etc/systemd/system/a\\\\x2db.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/bin/sleep infinity\n",
    )
    told = host.ensure(units=["a\\x2db.service"], proxy=SECRET)
    assert told["units"][0]["shadowed_by"] == []
    host.sh("systemctl restart 'a\\x2db.service'")
    pid = host.sh("systemctl show -p MainPID --value 'a\\x2db.service'").strip()
    assert ENCODED in host.sh(f"cat /proc/{pid}/environ")
    assert host.ensure(units=["a\\x2db.service"], proxy=SECRET)["restart_required"] == []
    host.sh("systemctl stop 'a\\x2db.service'; rm -r /etc/systemd/system/a*x2db*; systemctl daemon-reload")


def test_a_unit_that_does_not_exist(host):
    assert "unit nosuch.service: does not exist on this host" in host.ensure(units=["nosuch"], proxy=PROXY)["refused"]
    assert host.sh("ls /etc/systemd/system").count("nosuch") == 0


def test_systemd_not_running(host):
    # As in an image build: the same files, and nothing said of processes.
    request = {"module": "_systemd_environment", "params": {"units": [UNIT], "proxy": PROXY}, "check_mode": False}
    script = (HERE / "on_host.py").read_text(encoding="utf-8")
    hidden = 'mount -t tmpfs none /run/systemd; exec python3 -c "$1"'
    command = ["docker", "exec", "-i", host.container, "unshare", "--mount", "sh", "-c", hidden, "sh", script]
    told = json.loads(
        subprocess.run(command, input=json.dumps(request), check=True, capture_output=True, text=True).stdout
    )
    assert (told["changed"], told["systemd_running"], told["restart_required"]) == (True, False, [])
    host.sh("systemctl daemon-reload")
    assert host.ensure(proxy=PROXY)["restart_required"] == [UNIT]
