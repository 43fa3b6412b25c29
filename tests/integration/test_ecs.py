# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role ecs on hosts whose agent is a stand-in; systemd, the engine, Squid and the registry are real ones."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.plugins.filter.cloud_init_user_data import cloud_init_user_data
from ansible_collections.fleetops.container_hosts.tests.stage import ecs, engine, fleet, playbook, squid
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import HUB, NAME
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

Play = t.Callable[..., playbook.Run]

ROLE = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.ecs"]}]
UNITS = ("docker", "ecs")
DIRECT = ["169.254.169.254", "169.254.170.2"]
STARTED = "39f53479d3a045ac8e11786248231fbf"  # systemd.journal-fields(7): a start of a unit that has ended well
MARK = "Zq7x9K"  # part of the stage's password, and spelled alike in every encoding of it but Base64

# As the vendor's page has it: no HTTPS_PROXY, and a name that sorts before ours.
PAGE = {
    "/etc/systemd/system/ecs.service.d/http-proxy.conf": '[Service]\nEnvironment="HTTP_PROXY=192.0.2.9:3128/"\n',
    "/etc/systemd/system/docker.service.d/http-proxy.conf": (
        '[Service]\nEnvironment="HTTP_PROXY=http://192.0.2.9:3128"\nEnvironment="NO_PROXY=169.254.169.254"\n'
    ),
}


@dataclasses.dataclass
class Instance:
    """A host with the stand-ins, and what a user says for it."""

    host: Host
    stage: fleet.Fleet
    run: Play

    def role(self, plays: t.Any = None, options: t.Sequence[str] = (), **variables: t.Any) -> playbook.Run:
        said = {
            "container_hosts_proxy": {"http": self.stage.squid.url(), "no_proxy": ["10.0.0.0/8"]},
            "ecs_cluster": "production",
            "ecs_stable_seconds": 1,
            **variables,
        }
        return self.run(plays or ROLE, self.host, variables=said, options=options)

    def processes(self) -> dict[str, int]:
        return {unit: self.host.main_pid(unit) for unit in UNITS}

    def starts(self, unit: str) -> int:
        """How often systemd has started a unit so far."""
        done = self.host.exec("journalctl", "--unit", unit, "--output=cat", f"MESSAGE_ID={STARTED}")
        return len(done.out.splitlines())

    def tree(self) -> set[str]:
        """Every file and folder of the host's configuration: kind, mode, owner, content."""
        listed = self.host.exec("sh", "-c", "find /etc -not -name .updated -printf '%y %m %u:%g %p %l\\n' | sort")
        sums = self.host.exec("sh", "-c", "find /etc -type f -print0 | sort -z | xargs -0 sha256sum")
        return set(listed.out.splitlines() + sums.out.splitlines())

    def until(self, happens: t.Callable[[], t.Any], seconds: float = 30) -> None:
        """Wait for something, through whatever systemd is doing meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(engine.StageError):
                if happens():
                    return
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def active(self, unit: str) -> str:
        return self.host.exec("systemctl", "is-active", unit).out.strip()

    def put(self, files: dict[str, str]) -> None:
        """Write files as somebody else, and have systemd know of them."""
        engine.put(self.host.container, {path: (text.encode(), 0o644) for path, text in files.items()})
        self.host.exec("systemctl", "daemon-reload")

    def proxies(self, unit: str) -> dict[str, str]:
        environ = self.host.pid_environ(unit)
        return {name: value for name, value in environ.items() if "proxy" in name.lower()}


@pytest.fixture
def squid_log(stage: fleet.Fleet) -> Squid:
    """The proxy, by a name that isn't the module's."""
    return stage.squid


@pytest.fixture
def instance(new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: Play) -> t.Callable[..., Instance]:
    """`instance(suite, platform)`: an instance that runs, and has reached nothing yet."""

    def make(suite: str, platform: str, **options: t.Any) -> Instance:
        host = new_host(suite)
        ecs.install(host, platform, stage.registry, **options)
        return Instance(host, stage, run_playbook)

    return make


@pytest.mark.parametrize(
    ("suite", "platform", "credentials"),
    [("trixie", "amazon-linux-2023", True), ("bookworm", "amazon-linux-2", False)],
)
def test_an_instance_comes_to_go_through_the_proxy(
    instance: t.Callable[..., Instance], squid_log: Squid, suite: str, platform: str, credentials: bool
) -> None:
    one = instance(suite, platform)
    model = {"http": one.stage.squid.url(), "no_proxy": ["10.0.0.0/8"]}
    if credentials:
        model = {"http": one.stage.squid.url(squid.AUTH_PORT), "username": squid.USER, "password": squid.PASSWORD}
    elif platform == "amazon-linux-2":
        model["http"] = model["http"].partition("://")[2]  # as the vendor's page writes it
    said: dict[str, t.Any] = {"container_hosts_proxy": model, "ecs_settings": {"ECS_RESERVED_PORTS": [22, 2376]}}
    engine.put(one.host.container, {"/etc/docker/daemon.json": (b'{"live-restore": true}', 0o644)})
    if not credentials:  # who launched it has said what stays, and what is replaced for a while
        engine.put(one.host.container, {ecs.CONFIG: (b"ECS_CLUSTER=production\nECS_RESERVED_PORTS=[22]\n", 0o644)})
    one.host.exec("systemctl", "reload", "docker")
    one.host.load((one.stage.folder / "payload.tar").read_bytes(), "local/payload")
    one.host.exec("docker", "run", "--detach", "--name", "task", "local/payload", "/bin/busybox", "sleep", "100000")
    task = one.host.exec("docker", "inspect", "--format", "{{.State.StartedAt}}", "task").out
    before, processes, starts = one.tree(), one.processes(), {unit: one.starts(unit) for unit in UNITS}
    assert ecs.agent(one.host)["said"]["init"].startswith("direct failed")

    if credentials:
        one.role(options=("--check", "--diff"), **said).ok()
        assert (one.tree(), one.processes()) == (before, processes)

    since = squid_log.mark()
    first = one.role(options=("-vvv", "--diff"), **said).ok()
    agent = ecs.agent(one.host)
    one.stage.registry.publish("team/payload", one.host.name)
    assert one.host.exec("docker", "pull", "--quiet", f"{NAME}/team/payload:{one.host.name}").rc == 0
    seen = [each for each in squid_log.log(since) if each.client == one.host.address]
    asked = {(each.agent.split("/")[0], each.method, each.url, each.status) for each in seen if each.agent}
    assert {
        ("amazon-ecs-init", "CONNECT", f"{HUB}:443", 200),
        ("amazon-ecs-agent", "CONNECT", f"{HUB}:443", 200),
    } <= asked
    assert [each for each in seen if each.url == f"{NAME}:443" and each.status == 200]
    assert {each.user for each in seen if each.agent.startswith("amazon")} == ({squid.USER} if credentials else {""})

    # What must stay direct, did; the metadata service itself has seen both.
    assert not [each for each in seen if "169.254." in each.url]
    assert agent["said"]["init metadata"] == agent["said"]["agent metadata"] == "direct 200"
    assert {"amazon-ecs-init", "amazon-ecs-agent"} == set(ecs.metadata_log(one.host))

    # The same everywhere: in ecs-init, in what the agent gets, and in the engine.
    assert agent["environment"]["ECS_CLUSTER"] == "production"
    assert agent["environment"]["ECS_RESERVED_PORTS"] == "[22,2376]"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        values = {one.proxies(unit)[name] for unit in UNITS} | {agent["environment"][name]}
        assert len(values) == 1, values
    assert set(DIRECT) <= set(agent["environment"]["NO_PROXY"].split(","))

    # Each restarted once, though systemd restarts the agent along with the engine; and the task ran on.
    assert {unit: one.starts(unit) - starts[unit] for unit in UNITS} == {"docker": 1, "ecs": 1}
    assert one.host.exec("docker", "inspect", "--format", "{{.State.StartedAt}}", "task").out == task
    assert one.host.exec("docker", "inspect", "--format", "{{.State.Running}}", "task").out.strip() == "true"
    if credentials:
        assert MARK not in first.stdout + first.stderr
        readable = one.host.exec("sh", "-c", f"grep -rlF {MARK} /etc /var/lib/container_hosts | xargs stat -c '%a %n'")
        assert {line.split()[0] for line in readable.out.splitlines()} == {"600"}

    processes = one.processes()
    for options in ((), *([("--check", "--diff")] if credentials else [])):
        assert one.role(options=options, **said).ok().changed == []
    assert one.processes() == processes

    present = one.tree()
    one.role(**said, ecs_state="absent").ok()
    # A mode that was tightened for credentials stays; there is no byte of which that could be said.
    tightened = (
        {"f 644 root:root /etc/ecs/ecs.config ", "f 600 root:root /etc/ecs/ecs.config "} if credentials else set()
    )
    assert one.tree() ^ before == tightened
    assert [one.proxies(unit) for unit in UNITS] == [{}, {}]
    assert one.role(**said, ecs_state="absent").ok().changed == []

    # An instance that is launched with the user data, instead, has the same files and runs with the same.
    settings = {"ECS_CLUSTER": "production", **said["ecs_settings"]}
    user_data = cloud_init_user_data(model, settings=settings).encode()
    script = b"".join(user_data.splitlines(keepends=True)[1:])
    one.host.exec("sh", "-c", "cat >/root/hook && chmod 0700 /root/hook", stdin=script)
    for _boot in range(2):
        assert one.host.exec("/root/hook").rc == 0
    managers = ("/etc/yum.conf", "/etc/dnf")  # which this Debian doesn't have, and role ecs has nothing to do with
    assert {line for line in one.tree() ^ present if not any(name in line for name in managers)} == set()
    one.until(lambda: len({one.proxies(unit).get("NO_PROXY") for unit in UNITS} - {None}) == 1)


CLOUD_FINAL = """\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'while [ ! -e /run/cloud-init-may-end ]; do sleep 0.2; done'
"""


def test_an_agent_that_waits_for_cloud_init_is_not_waited_for(instance: t.Callable[..., Instance]) -> None:
    """The deadlock of user data that restarts the agent, whose unit waits for cloud-init, which waits for user data."""
    one = instance("trixie", "amazon-linux-2023")
    one.put({"/etc/systemd/system/cloud-final.service": CLOUD_FINAL})
    one.host.exec("systemctl", "start", "--no-block", "cloud-final")
    one.until(lambda: one.active("cloud-final") == "activating")
    # It is one: who waits, waits for ever.
    assert one.host.exec("timeout", "4", "systemctl", "restart", "ecs").rc == 124
    one.host.exec("systemctl", "cancel")
    one.host.exec("touch", "/run/cloud-init-may-end")
    one.until(lambda: one.active("cloud-final") == "inactive")
    one.host.exec("sh", "-c", "systemctl start ecs && rm /run/cloud-init-may-end")
    ecs.agent(one.host)
    one.host.exec("systemctl", "start", "--no-block", "cloud-final")

    done = one.role().ok()
    assert any("waits for cloud-init" in str(task.result.get("outcome")) for task in done.tasks)
    assert one.active("cloud-final") == "activating"
    assert one.proxies("docker")["HTTPS_PROXY"] == one.stage.squid.url()
    assert one.active("ecs") != "active"
    one.host.exec("touch", "/run/cloud-init-may-end")
    one.until(lambda: one.active("ecs") == "active")
    assert ecs.agent(one.host)["environment"]["HTTPS_PROXY"] == one.stage.squid.url()
    assert one.role().ok().changed == []


SLOW_RELOAD = """\
[Service]
ExecReload=
ExecReload=/bin/sleep 2
ExecReload=/bin/kill -s HUP $MAINPID
"""


def test_an_agent_that_asks_for_the_engine_finds_it_up(instance: t.Callable[..., Instance]) -> None:
    """Role moby takes live-restore away by a reload, during which the engine is not "active"."""
    one = instance("trixie", "amazon-linux-2023")
    one.put({"/etc/systemd/system/docker.service.d/slow.conf": SLOW_RELOAD})
    plays = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.moby"]}]
    for state in ("present", "absent"):
        starts = one.starts("ecs")
        one.role(plays, moby_state=state, moby_stable_seconds=1).ok()
        assert (one.starts("ecs") - starts, one.active("ecs")) == (1, "active")
        assert one.host.exec("systemctl", "show", "--property=NRestarts", "ecs").out.strip() == "NRestarts=0"


def test_stale_values_are_told_of_or_taken_away(instance: t.Callable[..., Instance]) -> None:
    one = instance("trixie", "amazon-linux-2")
    sysconfig = "OPTIONS=--debug=false\nHTTP_PROXY=http://192.0.2.9:3128\nexport NO_PROXY=169.254.169.254\n"
    theirs = {ecs.CONFIG: "HTTP_PROXY=192.0.2.9:3128\nhttps_proxy=http://192.0.2.9:3128\nECS_RESERVED_PORTS=[22]\n"}
    reads = {"/etc/systemd/system/docker.service.d/amazon.conf": "[Service]\nEnvironmentFile=-/etc/sysconfig/docker\n"}
    one.put({**PAGE, **theirs, **reads, "/etc/sysconfig/docker": sysconfig})

    told = one.role(options=("--check",)).ok()
    said = " ".join(str(notice) for task in told.tasks for notice in task.result.get("notices", []))
    assert "/etc/sysconfig/docker, line 2, sets it to something else and wins" in said
    assert "https_proxy" in said
    # What the run itself would set right is not told of.
    assert f"{ecs.CONFIG}, line" not in said

    one.role(ecs_proxy_adopt=True).ok()
    assert one.host.read("/etc/sysconfig/docker") == sysconfig.replace("HTTP_PROXY=http://192.0.2.9:3128\n", "").strip()
    for path in PAGE:
        assert "192.0.2.9" not in one.host.read(path)
    agent = ecs.agent(one.host)
    assert agent["environment"]["ECS_RESERVED_PORTS"] == "[22]"
    assert "https_proxy" not in agent["environment"]
    assert agent["said"]["init"] == agent["said"]["agent"] == "proxy connected"
    assert {one.proxies(unit)["HTTP_PROXY"] for unit in UNITS} == {one.stage.squid.url()}
    assert one.role(ecs_proxy_adopt=True).ok().changed == []


def test_tasks_are_moved_away_first_and_come_back_whatever_happens(instance: t.Callable[..., Instance]) -> None:
    """With the unit of an older ecs-init, which a restart of the engine leaves running."""
    one = instance("bookworm", "amazon-linux-2", part_of=False)
    before, starts = one.tree(), {unit: one.starts(unit) for unit in UNITS}
    note = "systemctl show --value --property=MainPID docker ecs | xargs echo"
    drain = {
        "ecs_drain": True,
        "ecs_drain_before": [["/bin/sh", "-c", f"{note} before >>/root/drained"], "http://169.254.169.254/drain"],
        "ecs_drain_after": [["/bin/sh", "-c", f"{note} after >>/root/drained"]],
    }
    refused = one.role(ecs_drain=True)
    assert refused.rc != 0
    assert "ecs_drain_before" in refused.stdout
    assert one.tree() == before

    old = one.processes()
    failed = one.role(**drain, ecs_verify=[["/bin/false"]])
    assert failed.rc != 0
    assert one.tree() == before
    assert [one.proxies(unit) for unit in UNITS] == [{}, {}]
    first, second = one.host.read("/root/drained").splitlines()
    assert first.split() == ["before", str(old["docker"]), str(old["ecs"])]
    assert second.split() == ["after", *(str(pid) for pid in one.processes().values())]
    assert ecs.agent(one.host)

    one.role(**drain).ok()
    assert ecs.agent(one.host)["environment"]["HTTPS_PROXY"] == one.stage.squid.url()
    assert {unit: one.starts(unit) - starts[unit] for unit in UNITS} == {"docker": 3, "ecs": 3}
    assert len(one.host.read("/root/drained").splitlines()) == 4
    # Nothing to restart, nothing to move.
    assert one.role(**drain).ok().changed == []
    assert len(one.host.read("/root/drained").splitlines()) == 4

    one.host.exec("systemctl", "stop", "ecs")
    one.role(container_hosts_proxy={"http": one.stage.squid.url(), "no_proxy": ["192.0.2.0/24"]}).ok()
    assert one.active("ecs") == "inactive"  # who was stopped stays so


def test_the_amazon_linux_ami(new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: Play) -> None:
    """Without systemd, and with Upstart's commands and init's script as stand-ins."""
    host = new_host("bookworm", booted=False)
    ecs.install_upstart(host)
    one = Instance(host, stage, run_playbook)
    before, processes = one.tree(), ecs.upstart_pids(host)
    one.role(options=("--check", "--diff")).ok()
    assert (one.tree(), ecs.upstart_pids(host)) == (before, processes)

    one.role().ok()
    now = ecs.upstart_pids(host)
    assert not set(now) & set(processes)
    for pid in now:
        environ = dict(entry.split("=", 1) for entry in host.read(f"/proc/{pid}/environ").split("\0") if entry)
        assert environ["HTTP_PROXY"] == environ["HTTPS_PROXY"] == stage.squid.url()
        assert set(DIRECT) <= set(environ["NO_PROXY"].split(","))
    assert "ECS_CLUSTER=production" in host.read(ecs.CONFIG)
    assert one.role().ok().changed == []
    assert ecs.upstart_pids(host) == now

    one.role(ecs_state="absent").ok()
    assert one.tree() == before
    for pid in ecs.upstart_pids(host):
        assert "_PROXY=" not in host.read(f"/proc/{pid}/environ")
