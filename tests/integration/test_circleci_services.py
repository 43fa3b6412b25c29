# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry point services_machine on hosts whose Replicated is a stand-in; systemd, Docker and Squid are real ones."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time
import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import fleet, playbook, replicated
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

ROLE = [
    {
        "hosts": "moby",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Services machine",
                "ansible.builtin.import_role": {
                    "name": "fleetops.container_hosts.circleci_nomad",
                    "tasks_from": "services_machine",
                },
            }
        ],
    }
]
DROPIN = "/etc/systemd/system/docker.service.d/zzz-container-hosts-circleci.conf"
SERVICES = ("replicated", "replicated-operator")
DIRECT = {"169.254.169.254", "10.0.1.238", "ghe.example.com"}


@dataclasses.dataclass
class Machine:
    host: Host
    stage: fleet.Fleet
    run: t.Callable[..., playbook.Run]

    def said(self, **variables: t.Any) -> dict[str, t.Any]:
        return {
            "container_hosts_proxy": {"http": self.stage.squid.url()},
            "circleci_nomad_services": ["10.0.1.238"],
            "circleci_nomad_github_enterprise": ["ghe.example.com"],
            "circleci_nomad_stable_seconds": 1,
            **variables,
        }

    def role(self, options: t.Sequence[str] = (), **variables: t.Any) -> playbook.Run:
        return self.run(ROLE, self.host, variables=self.said(**variables), options=options)

    def pids(self) -> dict[str, int]:
        return {unit: self.host.main_pid(unit) for unit in ("docker", *SERVICES)}

    def tree(self) -> set[str]:
        """Every file of the host's configuration: mode, owner, content."""
        listed = self.host.exec("sh", "-c", "find /etc -type f -not -name .updated -printf '%m %u:%g %p\\n'")
        sums = self.host.exec("sh", "-c", "find /etc -type f -not -name .updated -print0 | xargs -0 sha256sum")
        return set(listed.out.splitlines() + sums.out.splitlines())

    def log(self, path: str) -> list[str]:
        done = self.host.exec("cat", path)
        return done.out.splitlines() if done.rc == 0 else []


def test_a_machine_with_a_running_application(
    new_host: t.Callable[..., Host], stage: fleet.Fleet, squid: Squid, run_playbook: t.Any, tmp_path: pathlib.Path
) -> None:
    one = Machine(new_host("trixie"), stage, run_playbook)
    replicated.install(one.host, stage.folder / "payload.tar")
    before, pids = one.tree(), one.pids()
    one.role(options=("--check", "--diff")).ok()
    assert (one.tree(), one.pids()) == (before, pids)

    since = squid.mark()
    one.role(options=("--diff",)).ok()
    now = one.pids()
    # Both services were restarted, and run with it. Docker was not: that would have ended the application.
    assert {unit for unit in now if now[unit] != pids[unit]} == set(SERVICES)
    daemon, operator = (replicated.words(one.host, service) for service in SERVICES)
    assert daemon["HTTP_PROXY"] == daemon["HTTPS_PROXY"] == squid.url()
    assert (daemon["DAEMON_TOKEN"], operator["TAGS"]) == ("abc", "local")
    assert set(daemon["NO_PROXY"].split(",")) >= DIRECT
    assert daemon["NO_PROXY"] == operator["NO_PROXY"]
    assert "HTTP_PROXY" not in operator
    squid.wait_for(lambda seen: seen.client == one.host.address and seen.agent == "replicated", since)
    assert "HTTP_PROXY" not in replicated.application(one.host)

    # What is due is told of on every run, and done on none that wasn't asked to.
    told = one.role().ok()
    assert told.changed == []
    notices = {(notice["reader"], notice["entry"]) for task in told.tasks for notice in task.result.get("notices", [])}
    assert {("CircleCI", "application"), ("docker.service", "restart")} <= notices
    assert one.pids() == now

    one.role(circleci_nomad_application_restart=True).ok()
    application = replicated.application(one.host)
    assert application["HTTP_PROXY"] == application["DOCKER_HTTP_PROXY"] == squid.url()
    assert application["MONGO_URI"] == "mongodb://db.example.com/build"
    port = squid.url().rpartition(":")[2]
    assert {f"-Dhttp.proxyPort={port}", f"-Dhttps.proxyPort={port}"} <= set(application["JVM_OPTS"].split(" "))
    assert one.log("/run/replicatedctl.log") == ["app stop --attach", "app start --attach"]
    assert one.host.pid_environ("docker")["HTTPS_PROXY"] == squid.url()
    pids = one.pids()
    assert one.role(circleci_nomad_application_restart=True).ok().changed == []
    assert one.pids() == pids
    assert len(one.log("/run/replicatedctl.log")) == 2

    # The audit says the same, by the inventory's variables.
    said = one.said(audit_report_folder=str(tmp_path))
    run_playbook("fleetops.container_hosts.audit", one.host, variables=said, group="circleci_services").ok()
    [host] = json.loads((tmp_path / "audit.json").read_text("utf-8"))["hosts"]
    judged = {each["name"]: each["verdict"] for each in host["consumers"]}
    for name in ("docker.service", "replicated.service", "replicated-operator.service"):
        assert judged[name] == "in_sync", judged

    one.role(circleci_nomad_state="absent", circleci_nomad_application_restart=True).ok()
    assert one.tree() == before
    assert "HTTP_PROXY" not in replicated.words(one.host, "replicated")
    assert "HTTP_PROXY" not in replicated.application(one.host)
    assert "HTTPS_PROXY" not in one.host.pid_environ("docker")
    assert one.role(circleci_nomad_state="absent").ok().changed == []


def test_a_proxy_that_does_not_answer_leaves_all_as_it_was(
    new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: t.Any
) -> None:
    one = Machine(new_host("bookworm"), stage, run_playbook)
    replicated.install(one.host, stage.folder / "payload.tar")
    before, pids = one.tree(), one.pids()
    failed = one.role(container_hosts_proxy={"http": stage.squid.url(9)})
    assert failed.rc != 0
    assert (one.tree(), one.pids()) == (before, pids)


def test_before_the_installation_and_under_upstart(
    new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: t.Any
) -> None:
    one = Machine(new_host("bookworm", booted=False), stage, run_playbook)
    empty = one.tree()
    refused = one.role(circleci_nomad_manage_runtime=True)
    assert refused.rc != 0
    assert "systemd does not run here" in refused.stdout
    assert one.tree() == empty
    # An image, which has Docker already.
    one.role().ok()
    assert stage.squid.url() in one.host.read(DROPIN)
    one.role(circleci_nomad_state="absent").ok()
    assert one.tree() == empty

    replicated.install_upstart(one.host)
    before = one.tree()
    time.sleep(0.1)  # /proc counts in hundredths of seconds when a process was started
    pid = one.host.read("/run/replicated.pid")
    assert one.role(circleci_nomad_manage_runtime=False).ok().changed != []
    assert one.host.read("/run/replicated.pid") == pid
    one.role().ok()
    commands = [line for line in one.log("/run/initctl.log") if not line.startswith("status")]
    order = ["stop replicated", "stop replicated-operator", "start replicated-operator", "start replicated"]
    assert commands[2:] == order
    pid = one.host.read("/run/replicated.pid").strip()
    words = one.host.read(f"/proc/{pid}/cmdline").split("\0")
    assert f"HTTPS_PROXY={stage.squid.url()}" in words
    assert one.role().ok().changed == []
    one.role(circleci_nomad_state="absent").ok()
    assert one.tree() == before
    pid = one.host.read("/run/replicated.pid").strip()
    assert "PROXY" not in one.host.read(f"/proc/{pid}/cmdline")


def test_a_wrong_variable_is_refused(stage: fleet.Fleet, run_playbook: t.Any) -> None:
    failed = Machine(stage.host("trixie-1"), stage, run_playbook).role(circleci_nomad_state="presnt")
    assert failed.rc != 0
    assert "circleci_nomad_state" in failed.stdout
