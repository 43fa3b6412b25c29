# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nomad client behind the proxy, as Squid, the kernel, its jobs and the metadata service see it."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import circleci, ecs
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import HUB, NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import PORT, Squid


def test_a_job_goes_through_squid(inside: Host, squid: Squid) -> None:
    since = squid.mark()
    assert circleci.run(inside, "seen", 0).rc == 0
    job = circleci.job(inside, "seen")
    seen = squid.wait_for(lambda request: request.client == inside.address, since)
    assert {(request.url, request.status) for request in seen} == {(f"{HUB}:443", 200)}
    # What must stay direct, did, as the service itself has seen.
    assert job["said"]["http://169.254.169.254/latest/meta-data/"] == 200
    assert "nomad-job" in ecs.metadata_log(inside)


def test_a_pull_goes_through_squid(host: t.Any, inside: Host, squid: Squid, registry: Registry) -> None:
    [image] = registry.publish("team/molecule", inside.name)
    since = squid.mark()
    assert host.check_output("docker pull --quiet %s", image) == image
    seen = squid.wait_for(lambda request: request.client == inside.address, since)
    assert {(request.url, request.status) for request in seen} == {(f"{NAME}:443", 200)}


def test_the_same_everywhere(host: t.Any, inside: Host, squid: Squid) -> None:
    wanted = {
        name: value
        for name, value in inside.pid_environ("nomad").items()
        if name.lower().endswith("_proxy") or name == "JVM_OPTS"
    }
    assert len(wanted) == 7
    job = circleci.job(inside)["environment"]
    told = inside.exec("su", "--login", "--command", "env -0").out
    session = dict(entry.split("=", 1) for entry in told.split("\0") if "=" in entry)
    for had in (job, session):
        assert {name: had[name] for name in wanted} == wanted
    assert inside.pid_environ("docker")["NO_PROXY"] == wanted["NO_PROXY"]
    assert {"169.254.169.254", "10.0.1.238", "10.0.0.0/16"} <= set(wanted["NO_PROXY"].split(","))
    assert f"-Dhttps.proxyPort={PORT}" in wanted["JVM_OPTS"].split()
    # What CircleCI's terraform has put there.
    assert session["NOMAD_CACERT"] == "/etc/ssl/nomad/ca.pem"
    assert "default-address-pools" in host.file(circleci.DAEMON_JSON).content_string


def test_it_was_drained_first_and_gets_jobs_again(inside: Host) -> None:
    log = circleci.log(inside)
    drains = [place for place, line in enumerate(log) if line == "drained"]
    agents = [place for place, line in enumerate(log) if line.startswith("agent")]
    # One restart, just behind the drain.
    assert len(agents) == 2
    assert agents[1] in [place + 1 for place in drains]
    assert circleci.node(inside)["SchedulingEligibility"] == "eligible"


def test_a_container_lived_on(host: t.Any) -> None:
    now = host.check_output("docker inspect --format '{{.State.StartedAt}} {{.State.Pid}}' resident")
    assert now == host.check_output("cat /root/resident")
