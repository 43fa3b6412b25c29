# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""configure.yml with the real modules of awx.awx, and what they send to a stand-in for AWX. Wants awx.awx: make awx."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.awx import controller, definitions


@pytest.fixture(scope="module")
def awx():
    found, url, end = controller.serve()
    yield found, url
    end()


def configure(url: str) -> str:
    told = {"CONTROLLER_HOST": url, "CONTROLLER_USERNAME": "u", "CONTROLLER_PASSWORD": "p"}
    book = ["ansible-playbook", "-i", "localhost,", str(definitions.PROJECT / "configure.yml")]
    done = subprocess.run(
        book, env=os.environ | told, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.search(r"changed=(\d+)", done.stdout)[1]


def test_awx_gets_what_the_definitions_say(awx):
    found, url = awx
    assert configure(url) != "0"
    wanted = definitions.load()
    sent = found.named("credential_types", "Container hosts proxy")
    assert sent["injectors"] == wanted["controller_credential_types"][0]["injectors"]
    for each in wanted["controller_templates"]:
        template = found.named("job_templates", each["name"])
        assert template["job_slice_count"] == int(each["job_slice_count"])
        assert found.below[template["related"]["survey_spec"]] == each["survey"]
    rollout = found.named("job_templates", "Container hosts | Rollout")
    assert (rollout["job_slice_count"], rollout["ask_job_slice_count_on_launch"]) == (1, False)

    nodes = found.objects["workflow_job_template_nodes"]
    order = {each["identifier"]: each["id"] for each in nodes.values()}
    linked = {name: found.below.get(nodes[number]["related"]["success_nodes"], []) for name, number in order.items()}
    assert linked == {"preflight": [{"id": order["rollout"]}], "rollout": [{"id": order["audit"]}], "audit": []}
    schedule = next(iter(found.objects["schedules"].values()))
    assert schedule["unified_job_template"] == found.named("job_templates", "Container hosts | Audit")["id"]


def test_a_second_run_changes_nothing(awx):
    assert configure(awx[1]) == "0"
