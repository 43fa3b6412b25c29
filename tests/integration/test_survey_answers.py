# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWX project's playbooks with each survey's defaults, as AWX hands them over: '' that is read as null, strings."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.awx import definitions
from ansible_collections.fleetops.container_hosts.tests.stage import playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

Answered = t.Callable[..., playbook.Run]


@pytest.fixture
def answered(
    run_playbook: t.Callable[..., playbook.Run], squid: Squid, registry: Registry, tmp_path: pathlib.Path
) -> Answered:
    """`answered(name, host)`: a playbook of the project, with the credential and all defaults; as JSON, if asked."""
    typed = {
        "url": squid.url(),
        "no_proxy": "10.0.0.0/8, .corp.example.com",
        "ca_certificate": pathlib.Path(registry.ca).read_text(encoding="ascii"),
    }
    credential = tmp_path / "credential.yml"
    credential.write_text(definitions.injected("Container hosts proxy", typed))

    def run(name: str, host: Host, form: str = "yaml", **more: t.Any) -> playbook.Run:
        file = tmp_path / f"{name}.answers"
        file.write_text(definitions.answers(definitions.surveys()[name], form))
        # In AWX's order: what is said later wins.
        files = ["--extra-vars", f"@{credential}", "--extra-vars", f"@{file}"]
        return run_playbook(definitions.PROJECT / name, host, variables=more, options=files)

    return run


def test_the_defaults_do_what_no_answer_does(
    new_host: t.Callable[..., Host],
    answered: Answered,
    run_playbook: t.Callable[..., playbook.Run],
    squid: Squid,
    tmp_path: pathlib.Path,
) -> None:
    host = new_host("trixie")
    report = {"audit_report_folder": str(tmp_path / "report")}

    answered("preflight.yml", host, preflight_endpoints=[f"{NAME}:443"]).ok()
    assert answered("site.yml", host).ok().changed
    assert host.pid_environ("docker")["HTTP_PROXY"] == squid.url()

    # The other form of the same answers, and no answer at all.
    assert answered("site.yml", host, "json").ok().changed == []
    plain = {"http": squid.url(), "no_proxy": ["10.0.0.0/8", ".corp.example.com"]}
    assert run_playbook("fleetops.container_hosts.site", host, variables={"container_hosts_proxy": plain}).ok()
    assert answered("rollout.yml", host).ok().changed == []
    answered("audit.yml", host, **report).ok()
    (judged,) = json.loads((tmp_path / "report" / "audit.json").read_text())["hosts"]
    assert judged["verdict"] == "in_sync"

    answered("rollback.yml", host).ok()
    assert not host.pid_environ("docker").get("HTTP_PROXY")
    answered("site.yml", host, "json").ok()
    answered("remove.yml", host).ok()
    assert not host.pid_environ("docker").get("HTTP_PROXY")
