# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbook iotedge_check on a host on which IoT Edge comes to be: what it says each time. It changes nothing."""

from __future__ import annotations

import json
import pathlib
import typing as t
import urllib.parse

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_check_rows import PAST_THE_PROXY
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, iotedge, playbook
from ansible_collections.fleetops.container_hosts.tests.stage import squid as squids
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.squid import PASSWORD, USER, Squid

PLAYBOOK = "fleetops.container_hosts.iotedge_check"
NEEDLE = "Zq7x9K"  # of the stage's password
Verdicts = dict[tuple[str, str], str]


class Judge:
    """Runs the playbook as a user would."""

    def __init__(self, run_playbook: t.Callable[..., playbook.Run], report: pathlib.Path) -> None:
        self.run_playbook, self.report = run_playbook, report

    def __call__(self, host: Host, *options: str, **variables: t.Any) -> tuple[playbook.Run, Verdicts]:
        told = {"target_hosts": "all", "iotedge_check_report": str(self.report), **variables}
        done = self.run_playbook(PLAYBOOK, host, variables=told, options=options)
        assert done.changed == []
        (task,) = done.of(host.name, "Check")
        return done, {(row["id"], row["source"]): row["result"] for row in task.result["checks"]}

    def detail(self, host: Host, name: str, source: str) -> str:
        """What the report that was written on the controller says of a check."""
        rows = json.loads(self.report.read_text(encoding="utf-8"))[host.name]["checks"]
        return next(str(row["detail"]) for row in rows if (row["id"], row["source"]) == (name, source))


@pytest.fixture
def judge(run_playbook: t.Callable[..., playbook.Run], tmp_path: pathlib.Path) -> Judge:
    return Judge(run_playbook, tmp_path / "report.json")


def state(host: Host) -> str:
    """All of the host's configuration, its containers and images."""
    script = (
        "find /etc /var/lib/aziot /var/secrets -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum;"
        "docker ps -a --format '{{.ID}} {{.Names}}'; docker image ls -a; ls -A /root /tmp"
    )
    return host.exec("sh", "-c", script).out


def sh(host: Host, script: str) -> None:
    done = host.exec("sh", "-ec", script)
    assert done.rc == 0, done.out + done.err


def test_a_host_from_before_the_runtime_is_there_to_when_all_is_applied(
    judge: Judge, new_host: t.Callable[..., Host], stage: fleet.Fleet, squid: Squid
) -> None:
    host = new_host("bookworm")
    user, password = (urllib.parse.quote(each, safe="") for each in (USER, PASSWORD))
    proxy = squid.url(squids.AUTH_PORT).replace("://", f"://{user}:{password}@")

    # Nothing is installed: warnings, such as that the engine is Debian's, and no error.
    before = state(host)
    done, found = judge(host)
    done.ok()
    assert found["installation", "own"] == "skipped"
    assert {source for _name, source in found} == {"own"}
    assert found["container-engine-is-moby", "own"] == "warning"
    strict, _found = judge(host, "--check", iotedge_check_warnings_as_errors=True)
    assert strict.rc != 0
    assert json.loads(judge.report.read_text(encoding="utf-8"))[host.name]["worst"] == "warning"
    assert strict.of(host.name, "Summary")[0].result["msg"][0].startswith(f"{host.name}: errors: 0, warnings: ")
    assert "container-engine-is-moby" in strict.of(host.name, "Fail")[0].result["msg"]
    assert state(host) == before

    # Installed, and neither configured nor applied.
    image = iotedge.publish_agent(stage.registry, "check")
    iotedge.install(host)
    iotedge.put_config(host, iotedge.config(image, {"https_proxy": proxy, "UpstreamProtocol": "AmqpWs"}))
    before = state(host)
    done, found = judge(host)
    assert done.rc != 0
    assert found["aziot-edged-config-well-formed", "own"] == "error"
    assert found["aziot-edged-config-well-formed", "vendor"] in ("error", "fatal")
    assert found["proxy-settings", "own"] == "warning"  # config.toml has it, the units don't
    assert found["config-up-to-date", "own"] == "warning"
    assert "aziot-edged-config-well-formed" in done.of(host.name, "Fail")[0].result["msg"]
    assert state(host) == before

    # By hand, all that it advises: the units, the engine's file, storage, and apply.
    iotedge.behind(host, proxy.replace("%", "%%"), stage.registry)
    daemon = (
        json.loads(host.read("/etc/docker/daemon.json"))
        if host.exec("test", "-e", "/etc/docker/daemon.json").rc == 0
        else {}
    )
    daemon |= {"dns": ["192.0.2.1"], "log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "3"}}
    engine.put(host.container, {"/etc/docker/daemon.json": (json.dumps(daemon).encode(), 0o644)})
    storage = '[agent.config.createOptions.HostConfig]\nBinds = ["/srv/agent:/iotedge/storage"]\n'
    env = {"https_proxy": proxy, "UpstreamProtocol": "AmqpWs", "storageFolder": "/iotedge/storage"}
    authority = pathlib.Path(stage.registry.ca).read_bytes()
    sh(host, "install -d -m 755 /var/aziot/certs")
    engine.put(host.container, {"/var/aziot/certs/bundle.pem": (authority, 0o644)})
    bundle = 'trust_bundle_cert = "file:///var/aziot/certs/bundle.pem"\n'
    iotedge.put_config(host, bundle + iotedge.config(image, env) + storage)
    sh(host, "mkdir -p /srv/agent && chown 13622 /srv/agent && chmod 700 /srv/agent && systemctl restart docker")
    sh(
        host,
        "iotedge config apply;"
        " for i in $(seq 60); do docker inspect edgeAgent >/dev/null 2>&1 && exit; sleep 1; done; exit 1",
    )
    sh(host, "docker create --name edgeHub -v /srv/hub:/tmp/edgeHub $(docker inspect -f {{.Image}} edgeAgent)")
    before = state(host)
    done, found = judge(host)
    done.ok()
    for name in (
        "proxy-settings",
        "container-engine-dns",
        "container-engine-logrotate",
        "config-up-to-date",
        "hostname",
    ):
        assert found[name, "own"] == found[name, "vendor"] == "ok", (name, done.stdout)
    assert found["certs-preloaded", "own"] == found["certs-preloaded", "vendor"] == "ok"
    assert {found[name, "vendor"] for name in PAST_THE_PROXY} == {"ignored"}
    assert agree(found)
    assert not [name for name, result in found.items() if result in ("error", "fatal")]
    assert state(host) == before
    # Who asked the hub was the program, through the proxy and with its credentials.
    shown = done.stdout + done.stderr + judge.report.read_text(encoding="utf-8")
    assert NEEDLE not in shown
    assert password not in shown

    # One byte more in one place, and a credential that is another one.
    sh(host, "sed -i 's|\"$|/\"|' /etc/systemd/system/docker.service.d/90-stage.conf; systemctl daemon-reload")
    done, found = judge(host, iotedge_check_dont_run=["check-agent-image"])
    done.ok()
    assert found["proxy-settings", "own"] == found["proxy-settings", "vendor"] == "warning"
    assert found["check-agent-image", "vendor"] == "ignored"
    assert "docker.service" in judge.detail(host, "proxy-settings", "own")
    assert NEEDLE not in done.stdout + judge.report.read_text(encoding="utf-8")
    assert password not in done.stdout + judge.report.read_text(encoding="utf-8")

    # All that can go wrong in files at once: both say the same of it.
    sh(host, 'sleep 0.1; touch /etc/aziot/config.toml; echo \'{"log-opts": {"max-file": 3}}\' >/etc/docker/daemon.json')
    sh(host, "docker rm edgeHub; chmod 700 /var/aziot/certs")
    done, found = judge(host)
    assert done.rc != 0
    assert agree(found)
    for name in ("container-engine-logrotate", "edge-hub-storage-mounted-from-host", "certs-preloaded"):
        assert found[name, "own"] == "error", name
    assert "aziotcs may not look into /var/aziot/certs" in judge.detail(host, "certs-preloaded", "own")
    for name in ("container-engine-dns", "config-up-to-date", "configs-up-to-date"):
        assert found[name, "own"] == "warning", name

    # The program breaks, and our own statement is still there.
    iotedge.fail(host, "check")
    done, found = judge(host)
    assert done.rc != 0
    assert found["iotedge-check", "vendor"] == "error"
    assert "failing as ordered" in judge.detail(host, "iotedge-check", "vendor")
    assert found["container-engine-dns", "own"] == "warning"


def agree(found: Verdicts) -> bool:
    """Whether both said the same of all that both judged."""
    both = [name for name, source in found if source == "own" and (name, "vendor") in found]
    differ = {name: (found[name, "own"], found[name, "vendor"]) for name in both}
    wrong = {
        name: results
        for name, results in differ.items()
        if len(set(results)) > 1 and not set(results) & {"skipped", "ignored"}
    }
    assert len(both) > 8
    assert wrong == {}
    return True


def test_an_older_generation_is_reported_and_not_touched(judge: Judge, new_host: t.Callable[..., Host]) -> None:
    host = new_host("bookworm")
    sh(
        host,
        "mkdir -p /etc/iotedge; touch /etc/iotedge/config.yaml;"
        "printf '#!/bin/sh\\ntouch /run/asked\\n' >/usr/bin/iotedge; chmod 755 /usr/bin/iotedge;"
        "printf '[Service]\\nExecStart=/bin/true\\n' >/lib/systemd/system/iotedge.service",
    )
    done, found = judge(host)
    assert done.rc != 0
    assert found == {("installation", "own"): "error"}
    assert host.exec("test", "-e", "/run/asked").rc != 0
    assert "iotedge config import" in done.stdout
