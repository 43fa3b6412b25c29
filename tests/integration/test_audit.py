# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxy_audit on a fleet with a host for each verdict, held against what Squid, /proc, docker and the disk say."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.fleetops.container_hosts.tests.stage import (
    ecs,
    engine,
    fleet,
    inventory,
    iotedge,
    playbook,
    squid,
    strace,
)
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME

MODULE = "fleetops.container_hosts.proxy_audit"
# Part of the stage's password, and spelled alike in every encoding of it but Base64.
MARK = "Zq7x9K"
OTHER_MARK = "Wq8y1L"
KEY = "a-key-that-only-the-controller-has"
STATES = {
    "in_sync": "bookworm",
    "restart_needed": "trixie",
    "drifted": "bookworm",
    "shadowed": "trixie",
    "legacy": "bookworm",
    "unmanaged": "trixie",
    "edge": "bookworm",
    "instance": "trixie",
}
NO_PROXY = ["10.0.0.0/8", "192.0.2.7", ".svc.example.com"]
DROPINS = "/etc/systemd/system/docker.service.d"
# As kubespray's template renders it, and as CircleCI's terraform appends to a file that systemd doesn't read.
KUBESPRAY = '[Service]\nEnvironment="HTTP_PROXY={url}" "HTTPS_PROXY={url}" "NO_PROXY=10.0.0.0/8"\n'
CIRCLECI = '# THIS FILE DOES NOT APPLY TO SYSTEMD\nexport http_proxy="{url}"\nexport no_proxy="true"\n'
BY_HAND = "[Service]\nEnvironment=HTTP_PROXY={url}\n# by hand\nEnvironment=HTTPS_PROXY={url}\n"
WATCHED = (
    "/etc /root/.docker /var/aziot /var/lib/aziot /var/lib/ecs /var/lib/container_hosts /usr/lib/systemd "
    "/run/systemd/system"
)

_numbers = itertools.count(1)


@dataclasses.dataclass
class Audited:
    """The fleet, and what one run of the module said of it."""

    stage: fleet.Fleet
    hosts: dict[str, Host]
    folder: pathlib.Path
    model: dict[str, t.Any]

    def play(self, plays: list[dict[str, t.Any]], *options: str, **variables: t.Any) -> playbook.Run:
        run = self.folder / f"run-{next(_numbers)}"
        run.mkdir()
        (run / "playbook.yml").write_text(yaml.safe_dump(plays, sort_keys=False, allow_unicode=True), "utf-8")
        inventory.write(
            run / "inventory" / "hosts.json", self.stage.folder, list(self.hosts.values()), self.stage.squid
        )
        said = {"container_hosts_proxy": self.model, **variables}
        return playbook.run(run / "playbook.yml", run / "inventory" / "hosts.json", *options, variables=said).ok()

    def audit(self, *options: str, **params: t.Any) -> dict[str, dict[str, t.Any]]:
        """Run the module on all hosts, in one task of one play; results by state."""
        run = self.run_audit(*options, **params)
        return {state: run.of(host.name, "Audit")[0].result for state, host in self.hosts.items()}

    def run_audit(self, *options: str, **params: t.Any) -> playbook.Run:
        wanted = "{{ {} if inventory_hostname == none_wanted else container_hosts_proxy }}"
        task = {"name": "Audit", MODULE: {"proxy": wanted, "name": "{{ inventory_hostname }}", **params}}
        plays = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
        return self.play(plays, *options, none_wanted=self.of("unmanaged"))

    def of(self, state: str) -> str:
        return self.hosts[state].name


def put(host: Host, files: dict[str, str]) -> None:
    engine.put(host.container, {path: (text.encode(), 0o644) for path, text in files.items()})


def shell(host: Host, command: str) -> str:
    done = host.exec("sh", "-c", command)
    assert done.rc == 0, done.err
    return done.out


def facts(host: Host) -> dict[str, t.Any]:
    """What docker info says."""
    return json.loads(shell(host, "docker info --format '{{json .}}'"))


def tree(host: Host) -> set[str]:
    """Every file and folder: kind, mode, owner, and the times at which content and attributes were last changed.

    Without the three files that the engine below the stage keeps mounted, and touches.
    """
    mounted = "-not -path /etc/hosts -not -path /etc/hostname -not -path /etc/resolv.conf"
    return set(
        shell(
            host, f"find {WATCHED} {mounted} -printf '%y %m %u:%g %p %l %s %T@ %C@\\n' 2>/dev/null; true"
        ).splitlines()
    )


def running(host: Host) -> str:
    """What runs: the daemons' processes, and the containers with their starts."""
    units = "docker ecs aziot-edged aziot-identityd aziot-certd"
    return shell(host, f"systemctl show --property=MainPID,NRestarts,ActiveState {units}") + shell(
        host, "docker ps --all --no-trunc --quiet | xargs -r docker inspect --format '{{.Id}} {{.State.StartedAt}}'"
    )


@pytest.fixture(scope="module")
def made(stage: fleet.Fleet, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Audited]:
    """The fleet, with every host in its state."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        names = {state: f"audit-{state.replace('_', '-')}-{os.getpid()}" for state in STATES}
        added = pool.map(lambda state: stage.add(STATES[state], names[state]), STATES)
        hosts = dict(zip(STATES, added, strict=True))
    model = {
        "http": stage.squid.url(squid.AUTH_PORT),
        "username": squid.USER,
        "password": squid.PASSWORD,
        "no_proxy": NO_PROXY,
    }
    one = Audited(stage, hosts, tmp_path_factory.mktemp("audit"), model)
    try:
        _prepare(one)
        yield one
    finally:
        for host in hosts.values():
            stage.drop(host)


def _prepare(one: Audited) -> None:
    ca = pathlib.Path(one.stage.registry.ca).read_text("ascii")
    open_url = one.stage.squid.url()
    for host in one.hosts.values():
        put(host, {"/usr/local/share/ca-certificates/site.crt": ca})
        shell(host, "update-ca-certificates")
    ecs.install(one.hosts["instance"], "amazon-linux-2023", one.stage.registry)
    iotedge.install(one.hosts["edge"])
    image = iotedge.publish_agent(one.stage.registry, f"audit-{os.getpid()}")
    role = "fleetops.container_hosts."
    dropin = {"units": ["docker"], "proxy": "{{ container_hosts_proxy }}"}
    stale = {**dropin, "proxy": {**one.model, "password": OTHER_MARK}}
    common: dict[str, t.Any] = {"gather_facts": False}
    edge = {
        "iotedge_agent_image": image,
        "iotedge_hostname": "device-1",
        "iotedge_provisioning": {
            "source": "manual",
            "connection_string": f"HostName={iotedge.HUB};DeviceId=device-1;SharedAccessKey=c3RhbmQtaW4=",
        },
        "iotedge_edge_ca": {"auto_generated_edge_ca_expiry_days": 365},
        "iotedge_trust_bundle": one.stage.registry.ca,
        "iotedge_preflight_endpoints": [f"{NAME}:443"],
        "iotedge_stable_seconds": 1,
    }
    one.play(
        [
            {**common, "hosts": [one.of("in_sync")], "roles": [role + "package_manager", role + "moby"]},
            {**common, "hosts": [one.of("edge")], "roles": [role + "moby", role + "iotedge"], "vars": edge},
            {**common, "hosts": [one.of("instance")], "roles": [role + "ecs"], "vars": {"ecs_stable_seconds": 1}},
            {
                **common,
                "hosts": [one.of("restart_needed"), one.of("shadowed")],
                "tasks": [{role + "systemd_environment": dropin}],
            },
            {**common, "hosts": [one.of("drifted")], "tasks": [{role + "systemd_environment": stale}]},
        ]
    )
    proxies = {"proxies": {"http-proxy": open_url, "https-proxy": open_url}}
    put(one.hosts["shadowed"], {"/etc/docker/daemon.json": json.dumps(proxies, indent=2)})
    legacy = {f"{DROPINS}/http-proxy.conf": KUBESPRAY, "/etc/default/docker": CIRCLECI}
    put(one.hosts["legacy"], {path: text.format(url=open_url) for path, text in legacy.items()})
    put(one.hosts["unmanaged"], {f"{DROPINS}/local.conf": BY_HAND.format(url=open_url)})
    for state in ("drifted", "shadowed", "legacy", "unmanaged"):
        shell(one.hosts[state], "systemctl daemon-reload && systemctl restart docker")
    host = one.hosts["in_sync"]
    host.load((one.stage.folder / "payload.tar").read_bytes(), "local/payload")
    for name, variables in {"without": "", "elsewhere": f"--env https_proxy={open_url}"}.items():
        shell(host, f"docker run --detach --name {name} {variables} local/payload /bin/busybox sleep 100000")


@pytest.fixture(scope="module")
def said(made: Audited) -> dict[str, dict[str, t.Any]]:
    """What the module says of each host, by state."""
    return made.audit(digest_key=KEY)


def entry(result: dict[str, t.Any], consumer: str, name: str = "") -> dict[str, t.Any]:
    (found,) = [each for each in result["consumers"] if each["consumer"] == consumer and name in each["name"]]
    return t.cast("dict[str, t.Any]", found)


def setting(found: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    (row,) = [each for each in found["settings"] if each["setting"] == name]
    return t.cast("dict[str, t.Any]", row)


def test_each_verdict_occurs_where_it_should(said: dict[str, dict[str, t.Any]]) -> None:
    dockers = {state: entry(result, "docker")["verdict"] for state, result in said.items()}
    assert dockers == {state: state for state in STATES if state not in ("edge", "instance")} | {
        "edge": "in_sync",
        "instance": "in_sync",
    }
    assert entry(said["in_sync"], "ecs")["verdict"] == "absent"
    for result in said.values():
        verdicts = [each["verdict"] for each in result["consumers"]]
        assert sum(result["counts"].values()) == len(verdicts)
        assert result["counts"][result["verdict"]] > 0


def test_what_squid_sees_is_what_is_said(made: Audited, said: dict[str, dict[str, t.Any]]) -> None:
    """An engine goes by the wanted port with the right password if, and only if, uses_wanted says so."""
    made.stage.registry.publish("team/payload", f"audit-{os.getpid()}")
    since = made.stage.squid.mark()
    wanted = {}
    command = ("docker", "pull", "--quiet", f"{NAME}/team/payload:audit-{os.getpid()}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda host: host.exec(*command), made.hosts.values()))
    for state, host in made.hosts.items():
        asked = [
            (each.port, each.status, each.user)
            for each in made.stage.squid.log(since)
            if each.client == host.address and each.url == f"{NAME}:443" and not each.agent.startswith("amazon")
        ]
        wanted[state] = set(asked)
    good, plain = (squid.AUTH_PORT, 200, squid.USER), (squid.PORT, 200, "")
    assert wanted == {
        "in_sync": {good},
        "restart_needed": set(),
        "drifted": {(squid.AUTH_PORT, 407, squid.USER)},
        "shadowed": {plain},
        "legacy": {plain},
        "unmanaged": {plain},
        "edge": {good},
        "instance": {good},
    }
    uses = {state: entry(result, "docker")["uses_wanted"] for state, result in said.items()}
    assert uses == {state: good in seen for state, seen in wanted.items()} | {"unmanaged": None}


def test_what_runs_is_what_proc_and_docker_info_say(made: Audited, said: dict[str, dict[str, t.Any]]) -> None:
    for state, host in made.hosts.items():
        found = entry(said[state], "docker")
        info = facts(host)
        pid = host.main_pid("docker")
        assert found["seen_in"] == [f"/proc/{pid}/environ", "docker info"]
        row = setting(found, "https_proxy")
        # docker info has `xxxxx:xxxxx@` where the module has asterisks.
        assert (row["running"] or "").rpartition("@")[2] == info["HttpsProxy"].rpartition("@")[2], state
        assert set((setting(found, "no_proxy")["running"] or "").split(",")) == set(info["NoProxy"].split(","))
    shadowed = made.hosts["shadowed"]
    # The trap: the process was started with the wanted proxy, and uses the other one.
    assert shadowed.pid_environ("docker")["HTTPS_PROXY"].rpartition("@")[2] in made.model["http"]
    assert facts(shadowed)["HttpsProxy"] == made.stage.squid.url()


def test_files_and_lines_are_named(made: Audited, said: dict[str, dict[str, t.Any]]) -> None:
    def line(state: str, path: str, number: int) -> str:
        return made.hosts[state].read(path).splitlines()[number - 1]

    shadowed = entry(said["shadowed"], "docker")
    for each in shadowed["shadowed_by"]:
        assert each["path"] == "/etc/docker/daemon.json"
        assert each["variable"].rpartition(".")[2] in line("shadowed", each["path"], each["line"])
    assert {each["variable"] for each in shadowed["shadowed_by"]} == {"proxies.http-proxy", "proxies.https-proxy"}
    assert "moby_proxy_adopt=true" in shadowed["mend"]

    drifted = setting(entry(said["drifted"], "docker"), "https_proxy")
    assert drifted["difference"] == "is configured with another password; runs with another password"
    assert drifted["path"] == f"{DROPINS}/zz-container-hosts.env"
    assert line("drifted", drifted["path"], drifted["line"]).startswith('HTTPS_PROXY="')

    legacy = entry(said["legacy"], "docker")
    assert {(each["tool"], each["path"], each["read"]) for each in legacy["leftovers"]} == {
        ("kubespray", f"{DROPINS}/http-proxy.conf", True),
        ("CircleCI's server-terraform", "/etc/default/docker", False),
    }
    by_hand = setting(entry(said["unmanaged"], "docker"), "https_proxy")
    assert (by_hand["path"], by_hand["line"]) == (f"{DROPINS}/local.conf", 4)


def test_daemons_and_containers_of_iot_edge_and_ecs(made: Audited, said: dict[str, dict[str, t.Any]]) -> None:
    edge = said["edge"]
    for name in ("aziot-edged", "aziot-identityd", "aziot-certd"):
        found = entry(edge, "iotedge", name)
        assert (found["verdict"], found["uses_wanted"]) == ("in_sync", True if found["active"] else None)
        assert [row["setting"] for row in found["settings"]] == ["https_proxy"]
    assert entry(edge, "iotedge", "identityd")["active"]
    agent = entry(edge, "edge_agent")
    assert (agent["verdict"], agent["uses_wanted"], agent["active"]) == ("in_sync", True, True)
    row = setting(agent, "https_proxy")
    assert "https_proxy" in made.hosts["edge"].read(row["path"]).splitlines()[row["line"] - 1]

    instance = entry(said["instance"], "ecs", "ecs.service")
    assert (instance["verdict"], instance["uses_wanted"]) == ("in_sync", True)
    # The stand-in of ecs-init writes its agent's environment down, and has no container.
    assert entry(said["instance"], "ecs_agent")["active"] is False
    assert setting(entry(said["instance"], "ecs_agent"), "https_proxy")["path"] == ecs.CONFIG

    assert entry(said["in_sync"], "containers", "without")["verdict"] == "unmanaged"
    assert entry(said["in_sync"], "containers", "elsewhere")["verdict"] == "drifted"
    assert entry(said["in_sync"], "package_manager")["verdict"] == "in_sync"
    assert entry(said["legacy"], "package_manager")["verdict"] == "drifted"


def test_a_changed_password_is_seen_and_none_is_shown(made: Audited, said: dict[str, dict[str, t.Any]]) -> None:
    right = setting(entry(said["in_sync"], "docker"), "https_proxy")["digests"]
    assert len(set(right.values())) == 1
    old = setting(entry(said["drifted"], "docker"), "https_proxy")["digests"]
    assert old["wanted"] == right["wanted"]
    assert old["configured"] == old["running"] != right["wanted"]
    # Not without the key, and otherwise with another one.
    again = made.run_audit("-vvv", digest_key=KEY[::-1])
    other = setting(entry(again.of(made.of("drifted"), "Audit")[0].result, "docker"), "https_proxy")["digests"]
    assert other["wanted"] != right["wanted"]
    shown = again.stdout + again.stderr + json.dumps([task.result for task in again.tasks], ensure_ascii=False)
    shown += json.dumps(said, ensure_ascii=False)
    assert "audit" in shown
    assert "********@" in shown
    for secret in (MARK, OTHER_MARK, squid.USER, KEY, KEY[::-1]):
        assert secret not in shown
    for host in made.hosts.values():
        assert MARK not in host.exec("journalctl", "--no-pager", "--output=export").out


def test_nothing_is_written_and_nothing_restarted(made: Audited) -> None:
    hosts = made.hosts.values()
    trees, processes = [tree(host) for host in hosts], [running(host) for host in hosts]
    for host in hosts:
        strace.tracing_python(host)
    traced = made.play(
        [
            {
                "hosts": "all",
                "gather_facts": False,
                "tasks": [
                    {
                        "name": "Audit",
                        MODULE: {"proxy": "{{ container_hosts_proxy }}"},
                        "vars": {"ansible_python_interpreter": "/usr/local/bin/stage-python3"},
                    }
                ],
            }
        ]
    )
    for host, before in zip(hosts, trees, strict=True):
        assert tree(host) ^ before == set(), host.name
    assert [running(host) for host in hosts] == processes
    assert traced.changed == []
    for host in hosts:
        calls = strace.traced(host)
        assert calls, "strace saw nothing"
        # Where Ansible unpacks a module, and what it says goes.
        known = ("/tmp/", "/root/.ansible/", "pipe:", "socket:")
        outside = [call for call in calls if not call.path.startswith(known)]
        assert outside == []


def test_an_engine_that_is_down_is_not_started_in_check_mode_either(made: Audited) -> None:
    host = made.hosts["unmanaged"]
    shell(host, "systemctl stop docker.service")
    try:
        assert host.exec("systemctl", "is-active", "docker.socket").out.strip() == "active"
        run = made.run_audit("--limit", host.name, "--check")
        found = entry(run.of(host.name, "Audit")[0].result, "docker")
        assert (found["active"], found["seen_in"], found["verdict"]) == (False, [], "unmanaged")
        assert host.exec("systemctl", "is-active", "docker.service").out.strip() == "inactive"
    finally:
        shell(host, "systemctl start docker.service")
