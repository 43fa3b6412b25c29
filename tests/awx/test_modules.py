# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definitions, against the argument specs of the modules that are given them. Wants awx.awx: make awx."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.tests.awx import definitions

MODULES = {
    "controller_credential_types": "credential_type",
    "controller_execution_environments": "execution_environment",
    "controller_projects": "project",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
}
KEYS = ("type", "elements", "choices", "required", "aliases")


@pytest.fixture(scope="module")
def options():
    names = [f"awx.awx.{module}" for module in MODULES.values()]
    done = subprocess.run(["ansible-doc", "--json", *names], capture_output=True, text=True, check=True)
    return {name: page["doc"]["options"] for name, page in json.loads(done.stdout).items()}


@pytest.mark.parametrize("variable", MODULES)
def test_the_module_takes_each(variable, options):
    documented = options[f"awx.awx.{MODULES[variable]}"]
    spec = {name: {key: said[key] for key in KEYS if key in said} for name, said in documented.items()}
    for each in definitions.load()[variable]:
        # As configure.yml does it.
        sent = {("survey_spec" if key == "survey" else key): value for key, value in each.items()}
        assert ArgumentSpecValidator(spec).validate(sent).error_messages == [], each["name"]


def test_no_definition_is_left_out():
    assert set(definitions.load()) == set(MODULES)


def test_what_a_module_does_not_know_is_refused(options):
    documented = options["awx.awx.job_template"]
    spec = {name: {key: said[key] for key in KEYS if key in said} for name, said in documented.items()}
    assert ArgumentSpecValidator(spec).validate({"name": "x", "slices": 2}).error_messages != []
