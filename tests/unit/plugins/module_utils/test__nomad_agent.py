# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a Nomad agent: its configuration's places, and what its downloads of artifacts would get."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _nomad_agent
from ansible_collections.fleetops.container_hosts.plugins.module_utils._nomad_agent import Agent

ALL = "HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,NO_PROXY,no_proxy"


@pytest.fixture
def nomad(tmp_path):
    """Return a function that puts a command of a version somewhere, and returns its path."""

    def make(version):
        path = tmp_path / "nomad"
        path.write_text(f"#!/bin/sh\necho called >>{tmp_path}/calls\necho 'Nomad {version}'\n")
        path.chmod(0o755)
        return str(path)

    return make


def why(tmp_path, program, hcl="client {}\n", path="client.hcl"):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(hcl)
    notice = _nomad_agent.artifact_notice(
        Agent(program, (f"/{path}" if "/" not in path else "/conf.d",), 1), "nomad.service", str(tmp_path)
    )
    return notice and notice.why


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["agent", "-config", "/etc/nomad/config.hcl"], ("/etc/nomad/config.hcl",)),
        (
            ["agent", "-config=/etc/nomad/client.hcl", "--config", "/etc/nomad.d"],
            ("/etc/nomad/client.hcl", "/etc/nomad.d"),
        ),
        (["agent", "-dev", "-config"], ()),
    ],
)
def test_configuration(arguments, paths):
    assert _nomad_agent.configuration(arguments) == paths


@pytest.mark.parametrize(
    "hcl",
    [
        "client {\n  enabled = true\n}\n",
        f'client {{\n  # artifact {{ set_environment_variables = "{ALL}" }}\n}}\n',
        f'/* set_environment_variables = "{ALL}"\n*/\n',
    ],
)
def test_a_sandbox_without_the_proxy_is_told_of_with_what_to_add(tmp_path, nomad, hcl):
    told = why(tmp_path, nomad("v1.10.4"), hcl)
    assert f'artifact {{ set_environment_variables = "{ALL}" }}' in told
    assert "add to the block client of /client.hcl" in told


def test_what_is_inherited_already_stays_in_what_to_add(tmp_path, nomad):
    told = why(
        tmp_path, nomad("v1.5.0"), 'client { artifact { set_environment_variables = "AWS_REGION,HTTP_PROXY" } }\n'
    )
    assert 'set_environment_variables = "AWS_REGION,HTTP_PROXY,http_proxy,HTTPS_PROXY' in told


def test_of_a_folder_a_file_of_its_own(tmp_path, nomad):
    assert "add a file to /conf.d whose block client holds" in why(tmp_path, nomad("v1.5.0"), path="conf.d/a.hcl")


@pytest.mark.parametrize("text", [f'set_environment_variables = "{ALL}"', f'"set_environment_variables": "{ALL}"'])
def test_a_sandbox_with_all_of_it_costs_no_question(tmp_path, nomad, text):
    assert why(tmp_path, nomad("v1.10.4"), text) is None
    assert not (tmp_path / "calls").exists()


def test_older_ones_have_no_sandbox(tmp_path, nomad):
    assert why(tmp_path, nomad("v1.4.14")) is None
    assert why(tmp_path, nomad("v0.11.3")) is None


def test_one_whose_version_is_unknown_is_told_of(tmp_path):
    assert "since Nomad 1.5" in why(tmp_path, str(tmp_path / "missing"))


def test_the_version_is_asked_for_once(tmp_path, nomad):
    program = nomad("v1.7.5")
    assert why(tmp_path, program) == why(tmp_path, program)
    assert (tmp_path / "calls").read_text() == "called\n"
