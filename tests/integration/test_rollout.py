# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout over a small fleet with a bad host in it, judged by the engines and by Squid."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import fleet, fragile, playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

ROLLOUT = "fleetops.container_hosts.rollout"

Play = t.Callable[..., playbook.Run]


def etc(host: Host) -> str:
    """Every file and folder of the host's configuration: kind, mode, owner, content."""
    listed = host.exec("sh", "-c", "find /etc -not -name .updated -printf '%y %m %u:%g %p %l\\n' | sort")
    sums = host.exec("sh", "-c", "find /etc -type f -print0 | sort -z | xargs -0 sha256sum")
    return listed.out + sums.out


def pulls(host: Host, registry: Registry, squid: Squid, tag: str) -> bool:
    """Whether the host's engine gets an image that it has not seen, and Squid saw it ask."""
    registry.publish("team/payload", tag)
    since = squid.mark()
    if host.exec("docker", "pull", f"{NAME}/team/payload:{tag}").rc != 0:
        return False
    asked = squid.wait_for(lambda request: request.client == host.address, since)
    return {each.url for each in asked} == {f"{NAME}:443"}


def told(run: playbook.Run) -> str:
    return " ".join(run.stdout.split())


def test_a_bad_host_stops_it_and_the_next_run_goes_on(
    new_host: t.Callable[..., Host], run_playbook: Play, squid: Squid, registry: Registry, stage: fleet.Fleet
) -> None:
    hosts = [new_host("trixie") for _number in range(4)]
    canary, bad, beside, later = hosts
    proxy = {"http": squid.url(), "no_proxy": ["10.0.0.0/8", "corp.example.com"], "ca_certificate": stage.registry.ca}
    before = {host.name: etc(host) for host in hosts}
    pids = {host.name: host.main_pid("docker") for host in hosts}

    def rollout(*options: str, settings: dict[str, t.Any] | None = None, **variables: t.Any) -> playbook.Run:
        # One host's engine doesn't start with what it is given, though every check passes it.
        wrong = "{{ stage_wrong if inventory_hostname == '" + bad.name + "' and stage_wrong else {} }}"
        variables |= {"container_hosts_proxy": proxy, "stage_wrong": settings or {}, "moby_daemon_settings": wrong}
        return run_playbook(ROLLOUT, *hosts, variables=variables, options=options)

    breaking = fragile.ENGINE_REFUSES["address that is not the host's"]
    stopped = rollout(settings=breaking, rollout_canary=1, rollout_batch=2)
    assert stopped.rc == 2, stopped.stdout + stopped.stderr
    said = told(stopped)
    assert "0 of 4 hosts run with it already, 4 are left, 0 out of reach." in said
    assert "Batch 1 of 3: 1 of 4 done, 3 left, about " in said
    assert "Batch 2 of 3: 2 of 4 done, 1 rolled back, 1 left." in said
    assert f"{bad.name}: rolled back. " in said
    assert "Everything was taken back" in said

    # The canary and the bad host's neighbour run with it, and are proven.
    for host in (canary, beside):
        assert host.pid_environ("docker")["HTTPS_PROXY"] == squid.url()
        assert pulls(host, registry, squid, f"rollout-{host.name}")
    # The bad one is as it was, other roles' files included, and its engine runs so.
    assert etc(bad) == before[bad.name]
    assert "HTTPS_PROXY" not in bad.pid_environ("docker")
    # The one of a later batch was looked at, and not touched.
    assert etc(later) == before[later.name]
    assert later.main_pid("docker") == pids[later.name]

    # Mended, it goes on with the two that are left, the named one first.
    pids = {host.name: host.main_pid("docker") for host in hosts}
    resumed = rollout(rollout_canary=[later.name], rollout_batch="50%").ok()
    said = told(resumed)
    assert "2 of 4 hosts run with it already, 2 are left, 0 out of reach." in said
    assert "Batch 2 of 2: 2 of 2 done, 0 left." in said
    begun = [task.host for task in resumed.tasks if task.task == "Begin a batch"]
    assert begun == [later.name, bad.name]
    for host in (bad, later):
        assert pulls(host, registry, squid, f"resumed-{host.name}")
        assert host.main_pid("docker") != pids[host.name]
    for host in (canary, beside):
        assert host.main_pid("docker") == pids[host.name]

    # The same list in other words: no engine is restarted, though the files now say it so.
    pids = {host.name: host.main_pid("docker") for host in hosts}
    proxy["no_proxy"] = ["corp.example.com", "10.0.0.0/8", "CORP.example.com"]
    assert "Batch 1 of 1: 4 of 4 done, 0 left." in told(rollout(rollout_canary="100%").ok())
    assert {host.name: host.main_pid("docker") for host in hosts} == pids
    # And with that, there is nothing left at all.
    proxy["no_proxy"] = ["corp.example.com", "10.0.0.0/8"]
    assert "4 of 4 hosts run with it already, 0 are left" in told(rollout().ok())


def test_a_host_that_is_lost_in_between_stops_it_too(
    new_host: t.Callable[..., Host], run_playbook: Play, squid: Squid
) -> None:
    done, lost, later = hosts = [new_host("bookworm") for _number in range(3)]
    addresses = {host.name: host.address for host in hosts}
    variables = {
        "container_hosts_proxy": {"http": squid.url()},
        "rollout_canary": 2,
        # Once its batch has begun, nobody answers where the host was.
        "ansible_host": "{{ '127.0.0.9' if inventory_hostname == '" + lost.name + "' and"
        " container_hosts_rollout_batch is defined else " + repr(addresses) + "[inventory_hostname] }}",
        "ansible_port": "{{ 9 if inventory_hostname == '" + lost.name + "' and"
        " container_hosts_rollout_batch is defined else 22 }}",
    }
    run = run_playbook(ROLLOUT, *hosts, variables=variables)
    assert run.rc != 0
    assert "2 of 3 done" not in told(run)
    assert "Batch 1 of 2: 1 of 3 done, 1 out of reach since the change began, 1 left." in told(run)
    assert f"Out of reach since the change began: {lost.name}." in told(run)
    assert done.pid_environ("docker")["HTTPS_PROXY"] == squid.url()
    for host in (lost, later):
        assert "HTTPS_PROXY" not in host.pid_environ("docker")


def test_what_can_not_be_is_refused_before_anything(new_host: t.Callable[..., Host], run_playbook: Play) -> None:
    host = new_host("bookworm")
    for wrong in ({"rollout_canary": "nobody.example.com"}, {"rollout_batch": "0%"}, {"rollout_batch": "many"}):
        run = run_playbook(ROLLOUT, host, variables={"container_hosts_proxy": {}, **wrong})
        assert run.rc == 2, wrong
        assert "rollout_batch" in told(run)
        assert {task.task for task in run.of(host.name)} == {"Refuse what can't be"}
