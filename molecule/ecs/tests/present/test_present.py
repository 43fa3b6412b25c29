# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container instance behind the proxy, as Squid, the kernel and the metadata service see it."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import ecs
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import HUB, NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid


def test_agent_and_ecs_init_go_through_squid(inside: Host, squid: Squid) -> None:
    seen = {(each.agent, each.url, each.status) for each in squid.log() if each.client == inside.address}
    assert {("amazon-ecs-init", f"{HUB}:443", 200), ("amazon-ecs-agent", f"{HUB}:443", 200)} <= seen


def test_metadata_stays_direct(inside: Host, squid: Squid) -> None:
    assert not [each for each in squid.log() if each.client == inside.address and "169.254." in each.url]
    agent = ecs.agent(inside)
    assert agent["said"]["init metadata"] == agent["said"]["agent metadata"] == "direct 200"


def test_a_pull_goes_through_squid(host: t.Any, inside: Host, squid: Squid, registry: Registry) -> None:
    [image] = registry.publish("team/molecule", inside.name)
    since = squid.mark()
    assert host.check_output("docker pull --quiet %s", image) == image
    seen = squid.wait_for(lambda request: request.client == inside.address, since)
    assert {(request.url, request.status) for request in seen} == {(f"{NAME}:443", 200)}


def test_the_same_everywhere(inside: Host) -> None:
    environment = ecs.agent(inside)["environment"]
    assert environment["ECS_CLUSTER"] == "production"
    assert environment["ECS_INSTANCE_ATTRIBUTES"] == '{"stack":"blue green"}'
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        assert {inside.pid_environ(unit)[name] for unit in ("docker", "ecs")} == {environment[name]}
    assert {"169.254.169.254", "169.254.170.2", "10.0.0.0/8"} <= set(environment["NO_PROXY"].split(","))


def test_a_container_lived_on(host: t.Any) -> None:
    now = host.check_output("docker inspect --format '{{.State.StartedAt}} {{.State.Pid}}' resident")
    assert now == host.check_output("cat /root/resident")
