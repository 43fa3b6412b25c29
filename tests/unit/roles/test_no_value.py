# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role's task is given where there is nothing to give."""

from __future__ import annotations

import pathlib

import pytest
import yaml

ROLES = pathlib.Path(__file__).parents[3] / "roles"
TASKS = [
    (f"{path.parent.parent.name}/{path.name}", option, task[name][option])
    for path in sorted(ROLES.glob("*/tasks/*.yml"))
    for task in yaml.safe_load(path.read_text())
    for name in ("fleetops.container_hosts.verified_restart",)
    if name in task
    for option in ("preflight", "drain")
    if option in task[name]
]


@pytest.mark.parametrize(("place", "option", "value"), TASKS)
def test_a_dictionary_that_is_not_given_is_left_out(place, option, value):
    """With ansible-core 2.18, a template that comes to none is an empty text, and no dictionary can be made of that."""
    assert value.endswith("| default(omit, true) }}"), f"{place}: {option}"


def test_there_are_such_tasks():
    assert len(TASKS) >= 2


@pytest.mark.parametrize("role", ["circleci_nomad", "ecs", "iotedge", "moby"])
def test_within_one_text_a_none_stays_one(role):
    """A dictionary that is one template has no template of its own as a member, which could come to be empty."""
    settings = yaml.safe_load((ROLES / role / "vars/main.yml").read_text())
    assert isinstance(settings[f"__{role}_verified_restart"], str)
