# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWX project: surveys by AWX's own rules, and each question about a variable that there is."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.tests.awx import definitions

ROOT = pathlib.Path(__file__).parents[3]
OPTIONS = {
    name: option
    for path in ROOT.glob("roles/*/meta/argument_specs.yml")
    for name, option in yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"].items()
}
KEYS = ("type", "elements", "choices")
GOOD = {"variable": "a", "question_name": "A?", "type": "text", "required": True, "default": ""}


def test_surveys_are_what_awx_takes():
    for template in definitions.load()["controller_templates"]:
        assert template["survey_enabled"] is True
        assert definitions.problems(template["survey"]) == [], template["name"]


@pytest.mark.parametrize(
    "question",
    [
        {**GOOD, "type": "boolean"},
        {**GOOD, "type": "integer", "default": "3"},
        {**GOOD, "required": "yes"},
        {**GOOD, "type": "multiplechoice"},
        {**GOOD, "type": "multiplechoice", "choices": ["a"], "default": "b"},
        {key: value for key, value in GOOD.items() if key != "question_name"},
    ],
)
def test_what_awx_refuses_is_found(question):
    assert definitions.problems({"name": "", "description": "", "spec": [GOOD, question, question]}) != []


def test_every_question_is_about_a_variable_that_there_is():
    text = "".join(
        path.read_text() for path in [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/defaults/main.yml")]
    )
    for questions in definitions.surveys().values():
        for each in questions:
            assert re.search(rf"\b{each['variable']}\b", text), each["variable"]


def test_every_answer_is_taken():
    for questions in definitions.surveys().values():
        for each in questions:
            option = OPTIONS.get(each["variable"])
            for answer in [each["default"], *each.get("choices", [])] if option else []:
                spec = {each["variable"]: {key: option[key] for key in KEYS if key in option}}
                done = ArgumentSpecValidator(spec).validate({each["variable"]: answer})
                assert done.error_messages == [], each["variable"]


def test_no_survey_erases_a_credential():
    found = definitions.load()
    injected = {name for kind in found["controller_credential_types"] for name in kind["injectors"]["extra_vars"]}
    asked = {each["variable"] for questions in definitions.surveys().values() for each in questions}
    assert not injected & asked


def test_credential_types_name_their_own_fields():
    for kind in definitions.load()["controller_credential_types"]:
        fields = {field["id"] for field in kind["inputs"]["fields"]}
        said = [value for injected in kind["injectors"]["extra_vars"].values() for value in injected.values()]
        assert {name for value in said for name in re.findall(r"{{ (\w+)", value)} == fields


def test_each_template_has_its_file_where_the_collection_has_the_playbook():
    for template in definitions.load()["controller_templates"]:
        wrapper = definitions.PROJECT / template["playbook"]
        (play,) = yaml.safe_load(wrapper.read_text())
        assert play["ansible.builtin.import_playbook"] == f"fleetops.container_hosts.{wrapper.stem}"
        assert (ROOT / "playbooks" / wrapper.name).is_file()


def test_a_rollout_is_never_in_slices_nor_twice_at_once():
    for template in definitions.load()["controller_templates"]:
        rollout = template["playbook"] == "rollout.yml"
        assert (int(template["job_slice_count"]) == 1) is rollout
        if rollout:
            assert template["ask_job_slice_count_on_launch"] is False
            assert template["allow_simultaneous"] is False


def test_workflows_and_schedules_name_templates():
    found = definitions.load()
    names = {each["name"] for each in found["controller_templates"]}
    nodes = [node for each in found["controller_workflows"] for node in each["workflow_nodes"]]
    assert {node["unified_job_template"]["name"] for node in nodes} <= names
    assert {each["unified_job_template"] for each in found["controller_schedules"]} <= names
