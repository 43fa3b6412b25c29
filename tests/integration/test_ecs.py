# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role ecs on hosts whose agent is a stand-in; systemd, the engine, Squid and the registry are real ones."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
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

    def role(self, plays: t.Any = ROLE, options: t.Sequence[str] = (), **variables: t.Any) -> playbook.Run:
        said = {
            "container_hosts_proxy": {"http": self.stage.squid.url(), "no_proxy": ["10.0.0.0/8"]},
            "ecs_cluster": "production",
            "ecs_stable_seconds": 1,
            **variables,
        }
        return self.run(plays, self.host, variables=said, options=options)

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
    one.host.exec("systemctl", "reload", "docker")
    one.host.load((one.stage.folder / "payload.tar").read_bytes(), "local/payload")
    one.host.exec("docker", "run", "--detach", "--name", "task", "local/payload", "/bin/busybox", "sleep", "100000")
    task = one.host.exec("docker", "inspect", "--format", "{{.State.StartedAt}}", "task").out
    before, processes, starts = one.tree(), one.processes(), {unit: one.starts(unit) for unit in UNITS}
    assert ecs.agent(one.host)["said"]["init"].startswith("direct failed")

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
    for options in ((), ("--check", "--diff")):
        assert one.role(options=options, **said).ok().changed == []
    assert one.processes() == processes

    one.role(**said, ecs_state="absent").ok()
    assert one.tree() == before
    assert [one.proxies(unit) for unit in UNITS] == [{}, {}]
    assert one.role(**said, ecs_state="absent").ok().changed == []
