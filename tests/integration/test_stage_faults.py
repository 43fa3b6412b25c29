# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage breaks is broken, in the way that it says, and whole again afterwards."""

from __future__ import annotations

import json
import signal
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import (
    disk,
    engine,
    fleet,
    fragile,
    outage,
    playbook,
    squid,
    strace,
)
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid
from ansible_collections.fleetops.container_hosts.tests.stage.whole import until

_CONNECT = """
import socket, sys
try:
    proxy = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)
    proxy.sendall(b"CONNECT %s:443 HTTP/1.1\\r\\n\\r\\n" % sys.argv[3].encode())
    print(proxy.recv(1000).split(b" ")[1].decode() or "closed")
except OSError as exc:
    print(type(exc).__name__)
"""

# Replaces a file as the collection does.
_REPLACE = """
import os
with open("/etc/stage/new", "w") as new:
    new.write("new")
    new.flush()
    os.fsync(new.fileno())
os.rename("/etc/stage/new", "/etc/stage/file")
"""


def connect(host: Host, proxy: str, port: int) -> str:
    """What a host sees of a CONNECT: the answer's status, or the kind of error."""
    return host.exec("python3", "-c", _CONNECT, proxy, str(port), NAME).out.strip()


def sleeping(seconds: int) -> list[dict[str, t.Any]]:
    """A play whose one task takes its time, and leaves a file."""
    return [
        {
            "hosts": "moby",
            "gather_facts": False,
            "tasks": [{"name": "Sleep", "ansible.builtin.shell": f"sleep {seconds}; touch /root/done"}],
        }
    ]


@pytest.mark.parametrize(
    ("port", "answer"),
    [
        (squid.PORT, "200"),
        (squid.UNAVAILABLE_PORT, "503"),
        (squid.SILENT_PORT, "TimeoutError"),
        (squid.DROPPED_PORT, "TimeoutError"),
        (squid.CLOSED_PORT, "ConnectionRefusedError"),
    ],
    ids=["open", "unavailable", "silent", "dropped", "closed"],
)
def test_a_port_fails_in_its_own_way(stage: fleet.Fleet, squid: Squid, port: int, answer: str) -> None:
    assert connect(stage.host("bookworm-1"), squid.address, port) == answer


@pytest.mark.parametrize(("port", "rc"), [(squid.SILENT_PORT, 0), (squid.DROPPED_PORT, 124)], ids=["silent", "dropped"])
def test_which_port_takes_connections(stage: fleet.Fleet, squid: Squid, port: int, rc: int) -> None:
    open_ = f"exec 3<>/dev/tcp/{squid.address}/{port}"
    assert stage.host("bookworm-1").exec("timeout", "1", "bash", "-c", open_).rc == rc


def test_squid_is_shut_to_one_host(stage: fleet.Fleet, squid: Squid) -> None:
    one, other = stage.hosts
    with squid.shut_to(one.address, "DROP"):
        assert connect(one, squid.address, 3128) == "TimeoutError"
        assert connect(other, squid.address, 3128) == "200"
    with squid.shut_to(one.address, "REJECT"):
        assert connect(one, squid.address, 3128) == "ConnectionRefusedError"
    assert connect(one, squid.address, 3128) == "200"


def test_ssh_is_cut(host: Host, start_playbook: t.Callable[..., playbook.Running]) -> None:
    """What was running on the host runs on, and new connections are taken."""
    host.exec("rm", "-f", "/root/done")
    running = start_playbook(sleeping(3), host)
    until(lambda: host.exec("pgrep", "-x", "sleep").rc == 0)
    assert outage.cut_ssh(host) >= 1
    assert [task.status for task in running.wait().tasks] == ["unreachable"]
    until(lambda: host.exec("test", "-e", "/root/done").rc == 0)
    assert start_playbook(sleeping(0), host).wait().ok()


def test_ssh_is_blocked_and_goes_on(host: Host, start_playbook: t.Callable[..., playbook.Running]) -> None:
    running = start_playbook(sleeping(2), host)
    until(lambda: host.exec("pgrep", "-x", "sleep").rc == 0)
    with outage.ssh_blocked(host):
        until(lambda: host.exec("pgrep", "-x", "sleep").rc != 0)
        assert running.tasks == ()
        late = start_playbook(sleeping(0), host, options=("--timeout", "2")).wait()
        assert [task.status for task in late.tasks] == ["unreachable"]
    assert running.wait(60).ok()


def test_a_host_is_unplugged(host: Host, squid: Squid) -> None:
    with outage.unplugged(host):
        assert connect(host, squid.address, 3128) == "OSError"  # Network is unreachable
    until(lambda: connect(host, squid.address, 3128) == "200")


def test_a_run_is_killed(host: Host, start_playbook: t.Callable[..., playbook.Running]) -> None:
    """And another one meanwhile is not."""
    killed, other = start_playbook(sleeping(120), host), start_playbook(sleeping(1), host)
    until(lambda: host.exec("pgrep", "-fx", "sleep 120").rc == 0)
    assert killed.kill().rc == -signal.SIGKILL
    assert other.wait().ok().of(host.name, "Sleep")
    host.exec("pkill", "-fx", "sleep 120")


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_power_fails_and_comes_back(stage: fleet.Fleet, new_host: t.Callable[..., Host], suite: str) -> None:
    own = new_host(suite)
    own.load((stage.folder / "payload.tar").read_bytes(), "local/payload")
    run = ("docker", "run", "--detach", "--restart=always", "local/payload", "/bin/busybox", "sleep", "100000")
    assert own.exec(*run).rc == 0
    own.exec("touch", "/run/gone", "/etc/kept")
    boot = own.read("/proc/sys/kernel/random/boot_id")
    own.power_cut()
    assert own.exec("true").rc != 0
    own.power_on()
    assert own.exec("systemctl", "is-active", "docker", "ssh").out.split() == ["active", "active"]
    assert own.exec("ls", "/run/gone", "/etc/kept").out == "/etc/kept\n"
    assert own.read("/proc/sys/kernel/random/boot_id") != boot
    until(lambda: len(own.exec("docker", "ps", "--quiet").out.split()) == 1)
    # The journal of both boots is there to read.
    assert len(own.exec("journalctl", "--list-boots", "--quiet", "--no-pager", "--output=json").out) > 0


def test_power_comes_back_to_an_engine_that_does_not_start(new_host: t.Callable[..., Host]) -> None:
    own = new_host("bookworm")
    own.power_cut()
    refused = next(iter(fragile.ENGINE_REFUSES.values()))
    engine.put(own.container, {"/etc/docker/daemon.json": (json.dumps(refused).encode(), 0o644)})
    own.power_on()
    until(lambda: own.exec("systemctl", "is-failed", "docker").out.strip() == "failed")


def test_a_folder_is_full(host: Host) -> None:
    host.exec("sh", "-c", "mkdir -m 750 /etc/stage; cd /etc/stage; echo old > file; chmod 640 file; ln -s file link")
    try:
        with disk.full(host, "/etc/stage"):
            assert "No space left" in host.exec("sh", "-c", "echo new | tee /etc/stage/new").err
            assert host.read("/etc/stage/file") == "old"
            host.exec("mv", "/etc/stage/file", "/etc/stage/moved")  # a full disk can still do that
        listed = host.exec("find", "/etc/stage", "-printf", "%M %f %l\n").out.splitlines()
        assert sorted(listed) == ["-rw-r----- moved ", "-rw-r--r-- new ", "drwxr-x--- stage ", "lrwxrwxrwx link file"]
        assert host.read("/etc/stage/moved") == "old"
        with disk.full(host, "/etc/stage", room=4096):
            assert host.exec("sh", "-c", "head -c 4096 /dev/zero > /etc/stage/new").rc == 0
            assert host.exec("sh", "-c", "echo x > /etc/stage/more").rc != 0
    finally:
        host.exec("rm", "-r", "/etc/stage")
    assert "/etc/stage" not in host.read("/proc/mounts")


def test_a_folder_with_mounts_below_is_not_filled(host: Host) -> None:
    with pytest.raises(engine.StageError, match=r"/etc/resolv\.conf"), disk.full(host, "/etc"):
        pytest.fail("it was")


def test_etc_is_read_only(host: Host) -> None:
    with disk.read_only(host, "/etc"):
        assert "Read-only file system" in host.exec("touch", "/etc/new").err
        assert "Read-only file system" in host.exec("chmod", "600", "/etc/passwd").err
        host.exec("systemctl", "daemon-reload")
    assert host.exec("sh", "-c", "touch /etc/new && rm /etc/new").rc == 0


@pytest.fixture
def replace(host: Host) -> t.Iterator[tuple[str, ...]]:
    """A command that replaces /etc/stage/file."""
    host.exec("sh", "-c", "mkdir /etc/stage; echo old > /etc/stage/file")
    yield "python3", "-c", _REPLACE
    host.exec("rm", "-r", "/etc/stage")


def test_the_calls_of_a_run(host: Host, replace: tuple[str, ...]) -> None:
    found = [(call.syscall, call.path) for call in strace.calls(host, *replace) if "/etc/stage" in call.path]
    new = "/etc/stage/new"
    assert found == [("openat", new), ("write", new), ("fsync", new), ("rename", new)]


def test_a_run_is_broken_at_every_call(host: Host, replace: tuple[str, ...]) -> None:
    for call in [each for each in strace.calls(host, *replace) if "/etc/stage" in each.path]:
        host.exec("sh", "-c", "rm -f /etc/stage/*; printf old > /etc/stage/file")
        assert host.exec(*strace.Fault(call.syscall, call.number).command(*replace)).rc == 137
        assert strace.happened(host)
        # What is killed at a call has not made it.
        assert host.read("/etc/stage/file") == "old"
        size = host.exec("stat", "--format=%s", "/etc/stage/new").out.strip()
        assert size == {"openat": "", "write": "0"}.get(call.syscall, "3")

        failed = host.exec(*strace.Fault(call.syscall, call.number, "ENOSPC").command(*replace))
        assert strace.happened(host)
        assert "[Errno 28] No space left on device" in failed.err
        assert host.read("/etc/stage/file") == "old"
    assert host.exec(*strace.Fault("rename", 9).command(*replace)).rc == 0
    assert not strace.happened(host)


def test_a_running_process_is_broken(host: Host, replace: tuple[str, ...]) -> None:
    waits = f"import os, time\nwhile not os.path.exists('/run/stage-go'): time.sleep(0.1)\n{_REPLACE}"
    engine.docker("exec", "--detach", host.container, *replace[:2], waits)
    pid = int(host.exec("pgrep", "--full", "^python3 -c import os, time").out)
    with strace.Fault("rename", 1).attached(host, pid):
        host.exec("touch", "/run/stage-go")
        until(lambda: host.exec("test", "-e", f"/proc/{pid}").rc != 0)
    host.exec("rm", "/run/stage-go")
    assert strace.happened(host)
    assert host.exec("ls", "/etc/stage").out.split() == ["file", "new"]


def test_a_module_is_broken(host: Host, run_playbook: t.Callable[..., playbook.Run]) -> None:
    """A module that Ansible runs, by an interpreter that has the fault."""
    edit = {"path": "/root/stage", "line": "new", "create": True}

    def play(python: str) -> playbook.Run:
        task = {"name": "Edit", "ansible.builtin.lineinfile": edit, "vars": {"ansible_python_interpreter": python}}
        return run_playbook([{"hosts": "moby", "gather_facts": False, "tasks": [task]}], host)

    try:
        play(strace.tracing_python(host)).ok()
        assert host.read("/root/stage") == "new"
        last = next(call for call in strace.traced(host) if call.syscall == "rename")
        host.exec("rm", "/root/stage")
        assert play(strace.Fault(last.syscall, last.number).python(host)).rc != 0
        assert strace.happened(host)
        assert host.exec("test", "-e", "/root/stage").rc == 1
        play("/usr/bin/python3").ok()
    finally:
        host.exec("rm", "-f", "/root/stage")


@pytest.mark.parametrize("settings", fragile.ENGINE_REFUSES.values(), ids=fragile.ENGINE_REFUSES)
def test_what_the_engine_refuses_only_when_it_starts(
    host: Host, run_playbook: t.Callable[..., playbook.Run], settings: dict[str, t.Any]
) -> None:
    """Not the module's own checks, and not the engine's validation."""
    path = "/etc/docker/daemon.json"
    write = {"path": path, "schema": "docker", "settings": settings}
    tasks = [{"fleetops.container_hosts.config_json": write}]
    try:
        assert run_playbook([{"hosts": "moby", "gather_facts": False, "tasks": tasks}], host).ok().changed
        host.exec("systemctl", "reset-failed", "docker")
        assert host.exec("systemctl", "restart", "docker").rc != 0
    finally:
        host.exec("rm", "-f", path)
        host.exec("systemctl", "reset-failed", "docker")
        host.exec("systemctl", "restart", "docker")


def test_a_service_that_dies_of_its_proxy(new_host: t.Callable[..., Host]) -> None:
    own = new_host("trixie")
    unit = fragile.service(own, "fragile", seconds=1)
    assert own.exec("systemctl", "is-active", unit).out.strip() == "active"
    dropin = f"/etc/systemd/system/{unit}.d/proxy.conf"
    content = f"[Service]\nEnvironment=HTTPS_PROXY=http://{fragile.FATAL}:3128\n"
    engine.put(own.container, {dropin: (content.encode(), 0o644)})
    own.exec("systemctl", "daemon-reload")
    assert own.exec("systemctl", "restart", unit).rc == 0
    assert own.exec("systemctl", "is-active", unit).out.strip() == "active"
    until(lambda: own.exec("systemctl", "is-active", unit).out.strip() == "failed")
