# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device behind the proxy, seen from outside: by Squid, the kernel, systemd, the engine, and the vendor's check."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, iotedge
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Request, Squid

DAEMONS = ("aziot-edged.service", "aziot-identityd.service")
UNITS = (*DAEMONS, "docker.service")
# What tells of a host that had a config.toml before anything was done to it.
FINGERPRINT, BEGUN = "/root/fingerprint.before", f" {iotedge.CONFIG.lstrip('/')}$"
CHECKS = ("proxy-settings", "container-engine-logrotate", "container-engine-dns", "config-up-to-date", "hostname")
APPLIED = "/etc/aziot/edged/config.d/00-super.toml"


@pytest.fixture
def agent(host: t.Any) -> dict[str, str]:
    """The environment of the container edgeAgent, as the engine has it."""
    entries = json.loads(host.check_output("docker inspect --format '{{json .Config.Env}}' edgeAgent"))
    return dict(entry.split("=", 1) for entry in entries)


def shown(host: t.Any, unit: str) -> str:
    """What `systemctl show` gives for https_proxy, by the vendor's own reading of it."""
    words = host.check_output("systemctl show --value --property=Environment %s", unit).split(" ")
    return next((word.split("=")[1] for word in words if word.split("=")[0] == "https_proxy"), "")


def test_the_vendor_s_check_reads_four_equal_values(host: t.Any, squid: Squid) -> None:
    read = {unit: shown(host, unit) for unit in UNITS}
    read[APPLIED] = host.check_output('sed -nE \'s/^"?https_proxy"? *= *"(.*)"$/\\1/p\' %s', APPLIED)
    assert read == dict.fromkeys((*UNITS, APPLIED), squid.url())


@pytest.mark.parametrize("unit", UNITS)
def test_the_running_daemon_has_it(inside: Host, squid: Squid, unit: str) -> None:
    assert inside.pid_environ(unit)["https_proxy"] == squid.url()


def test_the_vendor_s_check_is_content(host: t.Any) -> None:
    # Its exit status tells of the probes too, which no proxy lets through.
    checks = json.loads(host.run("iotedge check -o json").stdout)["checks"]
    assert {name: checks[name]["result"]["result"] for name in CHECKS} == dict.fromkeys(CHECKS, "ok")


def test_the_daemon_went_through_squid_by_its_own_name(inside: Host, squid: Squid) -> None:
    def is_identityd(request: Request) -> bool:
        return request.client == inside.address and request.agent.startswith("aziot-identityd")

    seen = {(request.method, request.url, request.status) for request in squid.wait_for(is_identityd)}
    assert seen == {("CONNECT", f"{iotedge.HUB}:443", 200)}


def test_the_agent_has_its_environment(agent: dict[str, str], squid: Squid) -> None:
    wanted = {"https_proxy": squid.url(), "UpstreamProtocol": "AmqpWs", "Extra": "with a blank"}
    assert {name: agent[name] for name in wanted} == wanted


def test_all_comments_of_the_template_are_there(host: t.Any, inside: Host, stage: fleet.Fleet) -> None:
    templates = {each.name for each in stage.hosts if each.exec("grep", "--quiet", BEGUN, FINGERPRINT).rc == 0}
    assert templates, "no host began with the template"
    if inside.name not in templates:
        return  # it began with nothing
    comments, now = (
        [line for line in host.file(path).content_string.splitlines() if line.lstrip().startswith("#")]
        for path in (iotedge.TEMPLATE, iotedge.CONFIG)
    )
    assert now == comments


@pytest.mark.parametrize(("unit", "starts"), [("aziot-edged", 1), ("docker", 2)])
def test_nothing_was_applied_or_restarted_again(host: t.Any, unit: str, starts: int) -> None:
    """Converged twice, and once in check mode. `iotedge config apply` restarts every daemon, and no boot starts
    aziot-edged without a configuration; the engine was started by the boot and by the first run."""
    journal = host.check_output("journalctl --unit %s --output cat", f"{unit}.service")
    assert len([line for line in journal.splitlines() if line.startswith(f"Started {unit}.service")]) == starts


def test_a_container_lived_on(host: t.Any) -> None:
    now = host.check_output("docker inspect --format '{{.State.StartedAt}} {{.State.Pid}}' resident")
    assert now == host.check_output("cat /root/resident")
