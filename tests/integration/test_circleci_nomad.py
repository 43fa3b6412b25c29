# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role circleci_nomad on hosts whose Nomad is a stand-in; systemd, the engine, PAM, Squid and the registry are real."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import (
    circleci,
    ecs,
    engine,
    fleet,
    playbook,
    squid,
    whole,
)
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import HUB, NAME

Play = t.Callable[..., playbook.Run]

COLLECTION = "fleetops.container_hosts"
GROUP = "circleci_nomad"
DROPIN = "zzz-container-hosts-circleci.conf"
ROLE = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.circleci_nomad"]}]
UNITS = ("docker", "nomad")
STARTED = "39f53479d3a045ac8e11786248231fbf"  # systemd.journal-fields(7): a start of a unit that has ended well
MARK = "Zq7x9K"  # part of the stage's password, and spelled alike in every encoding of it but Base64
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
SERVICES = "10.0.1.238"  # the vendor's page has it


@dataclasses.dataclass
class Client:
    """A host with the stand-ins, and what a user says for it."""

    host: Host
    stage: fleet.Fleet
    run: Play
    start: t.Callable[..., playbook.Running]

    def said(self, **variables: t.Any) -> dict[str, t.Any]:
        return {
            "container_hosts_proxy": {"http": self.stage.squid.url(), "no_proxy": ["corp.example.com"]},
            "circleci_nomad_services": [SERVICES],
            "circleci_nomad_networks": ["10.0.0.0/16"],
            "circleci_nomad_preflight_endpoints": [f"{NAME}:443"],
            "circleci_nomad_stable_seconds": 1,
            **variables,
        }

    def role(self, options: t.Sequence[str] = (), **variables: t.Any) -> playbook.Run:
        return self.run(ROLE, self.host, variables=self.said(**variables), options=options)

    def begin(self, **variables: t.Any) -> playbook.Running:
        return self.start(ROLE, self.host, variables=self.said(**variables))

    def processes(self) -> dict[str, int]:
        return {unit: self.host.main_pid(unit) for unit in UNITS}

    def starts(self) -> dict[str, int]:
        """How often systemd has started each unit so far."""
        return {
            unit: len(
                self.host.exec("journalctl", "--unit", unit, "--output=cat", f"MESSAGE_ID={STARTED}").out.splitlines()
            )
            for unit in UNITS
        }

    def tree(self) -> set[str]:
        """Every file and folder of the host's configuration: kind, mode, owner, content."""
        find = "find /etc /root/.docker -not -name .updated -printf '%y %m %u:%g %p %l\\n' 2>/dev/null | sort"
        sums = "find /etc /root/.docker -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum"
        return {line for command in (find, sums) for line in self.host.exec("sh", "-c", command).out.splitlines()}

    def proxies(self, unit: str) -> dict[str, str]:
        environ = self.host.pid_environ(unit)
        return {name: value for name, value in environ.items() if name in (*PROXIES, "JVM_OPTS")}

    def session(self) -> dict[str, str]:
        """What PAM gives to a session."""
        told = self.host.exec("su", "--login", "--command", "env -0").out
        return dict(entry.split("=", 1) for entry in told.split("\0") if "=" in entry)

    def sourced(self) -> dict[str, str]:
        """What a bash gives to its children that sources the file as CircleCI's page says."""
        told = self.host.exec("env", "-i", "bash", "-c", f"set -a; . {circleci.SESSIONS}; /usr/bin/env -0").out
        return dict(entry.split("=", 1) for entry in told.split("\0") if "=" in entry)

    def eligible(self) -> bool:
        node = circleci.node(self.host)
        return node["SchedulingEligibility"] == "eligible" and node["DrainStrategy"] is None

    def until(self, happens: t.Callable[[], t.Any], seconds: float = 60) -> None:
        whole.until(happens, seconds)


@pytest.fixture
def client(
    new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: Play, start_playbook: t.Any
) -> t.Callable[[str], Client]:
    """`client(suite)`: a Nomad client that runs, and has reached nothing yet."""

    def make(suite: str) -> Client:
        host = new_host(suite)
        circleci.install(host, stage.registry)
        return Client(host, stage, run_playbook, start_playbook)

    return make


@pytest.mark.parametrize("credentials", [True, False])
def test_a_client_comes_to_go_through_the_proxy(client: t.Callable[[str], Client], credentials: bool) -> None:
    one = client("trixie" if credentials else "bookworm")
    proxy = one.stage.squid
    model: dict[str, t.Any] = {"http": proxy.url().partition("://")[2]}  # as the vendor's page writes it
    if credentials:
        model = {"http": proxy.url(squid.AUTH_PORT), "username": squid.USER, "password": squid.PASSWORD}
    said: dict[str, t.Any] = {
        "container_hosts_proxy": model,
        "circleci_nomad_client_users": ["root"],
        "circleci_nomad_s3_direct": True,
        # Docker 26 has the proxy in daemon.json, beside what CircleCI's terraform puts there; 20.10 knows no such key.
        "circleci_nomad_engine_method": "daemon_json" if credentials else "systemd",
    }
    before, processes, starts = one.tree(), one.processes(), one.starts()
    assert circleci.job(one.host)["said"] == {
        "https://hub.example.com/": "URLError",
        "http://169.254.169.254/latest/meta-data/": 200,
    }
    foretold = one.role(options=("--check", "--diff"), **said).ok()
    assert (one.tree(), one.processes()) == (before, processes)
    left = len(one.host.read(circleci.ENGINE_FILE).splitlines())
    notices = [notice for task in foretold.tasks for notice in task.result.get("notices", [])]
    assert [notice["entry"] for notice in notices if notice["reader"] == circleci.ENGINE_FILE] == [
        f"line {left} (no_proxy)"
    ]
    [artifacts] = [notice["why"] for notice in notices if notice["entry"] == "artifacts"]
    assert f'artifact {{ set_environment_variables = "{",".join(PROXIES)}" }}' in artifacts

    since = proxy.mark()
    first = one.role(options=("-vvv", "--diff"), **said).ok()
    # Drained first, then each restarted once, and eligible again.
    assert {unit: count - starts[unit] for unit, count in one.starts().items()} == {"docker": 1, "nomad": 1}
    events = circleci.log(one.host)
    assert events[events.index("drained") + 1] == f"agent {one.processes()['nomad']}"
    assert one.eligible()

    # A job inherits from the agent, and goes by it; what must stay direct, did.
    job = circleci.job(one.host)
    assert job["said"]["http://169.254.169.254/latest/meta-data/"] == 200
    assert ecs.metadata_log(one.host)
    one.stage.registry.publish("team/payload", one.host.name)
    assert one.host.exec("docker", "pull", "--quiet", f"{NAME}/team/payload:{one.host.name}").rc == 0
    seen = [each for each in proxy.log(since) if each.client == one.host.address]
    assert isinstance(job["said"]["https://hub.example.com/"], int)  # it has got an answer
    by_job = {(each.method, each.status, each.user) for each in seen if each.url == f"{HUB}:443"}
    assert by_job == {("CONNECT", 200, squid.USER if credentials else "")}
    assert [each for each in seen if each.url == f"{NAME}:443" and each.status == 200]
    assert not [each for each in seen if "169.254." in each.url]

    # The same for the agent, its jobs, sessions and shells; scheme and port are those of the proxy, in all of them.
    wanted = one.proxies("nomad")
    port = squid.AUTH_PORT if credentials else squid.PORT
    assert set(wanted) == {*PROXIES, "JVM_OPTS"}
    assert wanted["HTTPS_PROXY"].startswith("http://")
    assert wanted["HTTPS_PROXY"].endswith(f"{proxy.address}:{port}")
    assert {"169.254.169.254", SERVICES, "10.0.0.0/16", "s3.amazonaws.com"} <= set(wanted["NO_PROXY"].split(","))
    for flag in (f"-Dhttp.proxyPort={port}", f"-Dhttps.proxyPort={port}", f"-Dhttps.proxyHost={proxy.address}"):
        assert flag in wanted["JVM_OPTS"].split()
    hosts = wanted["JVM_OPTS"].rpartition("nonProxyHosts=")[2].split("|")
    assert {"169.254.169.254", "10.0.*", "s3.amazonaws.com", "*.s3.amazonaws.com"} <= set(hosts)
    for had in (job["environment"], one.session(), one.sourced()):
        assert {name: had[name] for name in wanted} == wanted
    assert one.sourced()["NOMAD_CACERT"] == "/etc/ssl/nomad/ca.pem"
    file = one.host.read(circleci.SESSIONS)
    assert [file.count(f"{name}=") for name in PROXIES] == [1] * len(PROXIES)
    cli = json.loads(one.host.read("/root/.docker/config.json"))["proxies"]["default"]
    assert cli["httpsProxy"] == wanted["HTTPS_PROXY"]
    daemon = json.loads(one.host.read(circleci.DAEMON_JSON))
    assert daemon["default-address-pools"] == [{"base": "10.48.0.0/16", "size": 24}]
    if credentials:
        assert daemon["proxies"]["https-proxy"] == wanted["HTTPS_PROXY"]
        assert "HTTPS_PROXY" not in one.host.exec("systemctl", "show", "--property=Environment", "docker").out
        assert MARK not in first.stdout + first.stderr
        readable = one.host.exec("sh", "-c", f"grep -rlF {MARK} /etc /root /var/lib/container_hosts | xargs stat -c %a")
        assert set(readable.out.split()) == {"600"}
    else:
        assert one.proxies("docker")["HTTPS_PROXY"] == wanted["HTTPS_PROXY"]

    processes = one.processes()
    for options in ((), *([("--check", "--diff")] if credentials else [])):
        assert one.role(options=options, **said).ok().changed == []
    assert one.processes() == processes
    if not credentials:
        return  # the scenario takes it back on both

    one.role(**said, circleci_nomad_state="absent").ok()
    # A mode that was tightened for credentials stays; there is no byte of which that could be said.
    now = {line.replace(" 600 ", " 644 ") for line in one.tree()}
    assert now == {line.replace(" 600 ", " 644 ") for line in before}
    assert [one.proxies(unit) for unit in UNITS] == [{}, {}]
    assert one.eligible()
    assert one.role(**said, circleci_nomad_state="absent").ok().changed == []


def test_a_job_is_waited_for_and_none_is_killed(client: t.Callable[[str], Client]) -> None:
    one = client("bookworm")
    processes = one.processes()
    assert circleci.run(one.host, "long").rc == 0
    job = circleci.job(one.host, "long")

    running = one.begin()
    one.until(lambda: (circleci.node(one.host) or {}).get("DrainStrategy"))
    assert circleci.node(one.host)["DrainStrategy"] == {"Deadline": 0}  # at whose end Nomad itself would kill the job
    assert "eligible" in circleci.run(one.host, "late").err
    assert one.processes() == processes
    circleci.finish(one.host, "long")
    running.wait().ok()
    assert "ended long: 0" in circleci.log(one.host)
    assert circleci.log(one.host).index("ended long: 0") < circleci.log(one.host).index(
        f"agent {one.processes()['nomad']}"
    )
    assert "HTTPS_PROXY" not in job["environment"]
    assert one.eligible()
    assert circleci.run(one.host, "next").rc == 0
    assert circleci.job(one.host, "next")["environment"]["HTTPS_PROXY"] == one.stage.squid.url()
    circleci.finish(one.host, "next")

    # Going back restarts it too, and so drains it too.
    drains = len([line for line in circleci.log(one.host) if line.startswith("drain ")])
    rolled = one.run("fleetops.container_hosts.rollback", one.host, variables={"target_hosts": "all"}).ok()
    assert rolled.changed
    assert one.proxies("nomad") == {}
    assert "ended next: 0" in circleci.log(one.host)
    assert len([line for line in circleci.log(one.host) if line.startswith("drain ")]) == drains + 2
    assert one.eligible()


def test_a_drain_that_takes_too_long_leaves_everything_as_it_was(client: t.Callable[[str], Client]) -> None:
    one = client("trixie")
    before, processes = one.tree(), one.processes()
    assert circleci.run(one.host, "long").rc == 0
    circleci.job(one.host, "long")
    failed = one.role(circleci_nomad_drain_seconds=2)
    assert failed.rc != 0
    assert "still has jobs after 2 s" in failed.stdout
    assert "long" in failed.stdout
    assert (one.tree(), one.processes()) == (before, processes)
    assert one.eligible()
    assert not [line for line in circleci.log(one.host) if line.startswith("ended long")]

    # Who doesn't want to wait says so; a node that isn't eligible stays so.
    circleci.finish(one.host, "long")
    one.until(lambda: "ended long: 0" in circleci.log(one.host))
    assert circleci.command(one.host, "node drain -self -enable").rc == 0
    assert circleci.command(one.host, "node drain -self -disable -keep-ineligible").rc == 0
    assert one.role(circleci_nomad_verify=[["/bin/false"]]).rc != 0
    assert one.tree() == before
    assert circleci.node(one.host)["SchedulingEligibility"] == "ineligible"
    assert [one.proxies(unit) for unit in UNITS] == [{}, {}]
    drains = len([line for line in circleci.log(one.host) if line.startswith("drain ")])
    one.role(circleci_nomad_drain=False, circleci_nomad_leftovers="removed").ok()
    assert one.host.read(circleci.ENGINE_FILE).count("no_proxy") == 0
    assert one.proxies("nomad")["NO_PROXY"] == one.proxies("docker")["NO_PROXY"]
    assert len([line for line in circleci.log(one.host) if line.startswith("drain ")]) == drains


def test_a_rollout_drains_one_client_after_the_other(client: t.Callable[[str], Client], tmp_path: pathlib.Path) -> None:
    first, second = client("trixie"), client("bookworm")
    hosts = [first.host, second.host]
    by_host = "{{{{ {1!r} if inventory_hostname == {0!r} else {2!r} }}}}"
    proxy = first.stage.squid
    said = first.said(
        container_hosts_proxy={
            "http": proxy.url(squid.AUTH_PORT),
            "username": squid.USER,
            "password": squid.PASSWORD,
            "no_proxy": ["corp.example.com"],
        },
        circleci_nomad_client_users=["root"],
        circleci_nomad_s3_direct=True,
        circleci_nomad_engine_method=by_host.format(first.host.name, "daemon_json", "systemd"),
        circleci_nomad_leftovers="removed",
        rollout_canary=[first.host.name],
        rollout_batch=1,
    )
    processes = second.processes()
    assert circleci.run(first.host, "long").rc == 0
    running = first.start(f"{COLLECTION}.rollout", *hosts, variables=said, group=GROUP)

    # While the first one waits for its job, the second one is as it was, and gets jobs.
    first.until(lambda: circleci.node(first.host).get("DrainStrategy"), seconds=400)
    assert circleci.run(second.host, "meanwhile").rc == 0
    assert (second.processes(), second.proxies("nomad")) == (processes, {})
    circleci.finish(first.host, "long")
    second.until(lambda: circleci.node(second.host).get("DrainStrategy"), seconds=400)
    # And while the second one does, the first one gets some, which have the proxy.
    assert first.eligible()
    assert circleci.run(first.host, "next").rc == 0
    assert circleci.job(first.host, "next")["environment"]["HTTPS_PROXY"].endswith(
        f"@{proxy.address}:{squid.AUTH_PORT}"
    )
    circleci.finish(second.host, "meanwhile")
    assert "Batch 2 of 2: 2 of 2 done, 0 left." in " ".join(running.wait().ok().stdout.split())
    for one in (first, second):
        assert one.eligible()
        assert not [line for line in circleci.log(one.host) if line.startswith("ended") and not line.endswith(": 0")]
    assert first.proxies("nomad") == second.proxies("nomad")

    # A variable of this role alone makes a host one that is left, and the audit judges by the same variables.
    services = by_host.format(first.host.name, SERVICES, "192.0.2.238")
    more = {**said, "circleci_nomad_services": [services], "audit_report_folder": str(tmp_path / "audit")}
    looked = first.run(f"{COLLECTION}.rollout", *hosts, variables=more, options=["--check"], group=GROUP).ok()
    assert "1 of 2 hosts run with it already, 1 are left" in " ".join(looked.stdout.split())
    first.run(f"{COLLECTION}.audit", *hosts, variables=more, group=GROUP).ok()
    report = (tmp_path / "audit" / "audit.json").read_text("utf-8")
    for host in json.loads(report)["hosts"]:
        verdicts = {each["consumer"]: each["verdict"] for each in host["consumers"]}
        held = {verdicts[consumer] for consumer in ("docker", "docker_cli", "nomad", "environment")}
        assert held == {"in_sync" if host["host"] == first.host.name else "drifted"}, verdicts
        assert verdicts["package_manager"] == "in_sync"
    assert MARK not in report


def test_an_image_gets_its_files_alone(client: t.Callable[[str], Client]) -> None:
    one = client("bookworm")
    processes, events = one.processes(), circleci.log(one.host)
    # As group_vars have it, and as AWX writes an answer.
    for value in (False, "false"):
        assert (one.role(circleci_nomad_manage_runtime=value).ok().changed != []) == (value is False)
    assert one.sourced()["HTTPS_PROXY"] == one.stage.squid.url()
    for unit in UNITS:
        assert one.stage.squid.url() in one.host.read(f"/etc/systemd/system/{unit}.service.d/{DROPIN}")
    assert (one.processes(), circleci.log(one.host)) == (processes, events)
    assert one.host.exec("test", "-e", "/var/lib/container_hosts").rc != 0

    # The next run that may brings it to what runs, drained first.
    one.role().ok()
    assert [one.proxies(unit)["HTTPS_PROXY"] for unit in UNITS] == [one.stage.squid.url()] * len(UNITS)
    assert "drained" in circleci.log(one.host)


PODMAN = "[Service]\nExecStart=/bin/sleep infinity\n"


def test_podman_in_docker_s_place(client: t.Callable[[str], Client]) -> None:
    """By a unit of that name, for which systemd is real and nothing else."""
    one = client("bookworm")
    engine.put(one.host.container, {"/etc/systemd/system/podman.service": (PODMAN.encode(), 0o644)})
    one.host.exec("sh", "-c", "systemctl daemon-reload && systemctl start podman")
    docker = one.host.main_pid("docker")
    said = {"circleci_nomad_engine": "podman", "circleci_nomad_environment_file": ""}
    one.role(**said).ok()
    assert one.proxies("podman")["HTTPS_PROXY"] == one.stage.squid.url()
    assert one.host.main_pid("docker") == docker
    assert "PROXY" not in one.host.read(circleci.SESSIONS)
    assert one.role(**said).ok().changed == []
