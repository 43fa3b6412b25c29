# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host gets by its groups is the same in every playbook, and what docs/inventory.md says."""

from __future__ import annotations

import itertools
import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
GROUPS = ("moby", "iotedge", "ecs", "circleci_nomad")
PLAYBOOKS = ROOT / "playbooks"
COMBINATIONS = [names for size in range(1, len(GROUPS) + 1) for names in itertools.combinations(GROUPS, size)]


def roles_of(playbook: str, groups: tuple[str, ...]) -> list[str]:
    """The roles that a playbook with plays by group has for a host, each once."""
    found: list[str] = []
    for play in yaml.safe_load((PLAYBOOKS / playbook).read_text()):
        if set(re.sub(r":&.*", "", play["hosts"]).split(":")) & set(groups):
            found += [role["role"].rpartition(".")[2] for role in play["roles"]]
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def in_rollout(tmp_path_factory):
    """The roles of a rollout by the groups of a host, as Ansible works them out."""
    folder = tmp_path_factory.mktemp("rollout")
    hosts = {"-".join(names): names for names in COMBINATIONS}
    children = {group: {"hosts": {name: {} for name, names in hosts.items() if group in names}} for group in GROUPS}
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": children}}))
    files = [str(PLAYBOOKS / "vars" / "rollout.yml")]
    show = {"ansible.builtin.debug": {"msg": "{{ [inventory_hostname] + __rollout_roles }}"}}
    play = [{"hosts": "all", "gather_facts": False, "vars_files": files, "tasks": [show]}]
    (folder / "play.yml").write_text(json.dumps(play))
    command = ["ansible-playbook", "--inventory", str(folder / "hosts.json"), str(folder / "play.yml")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    shown = re.findall(r'"msg": (\[[^\]]*\])', ran.stdout)
    return {hosts[name]: roles for name, *roles in map(json.loads, shown)}


@pytest.mark.parametrize("groups", COMBINATIONS)
def test_a_rollout_has_the_roles_of_site_in_its_order(groups, in_rollout):
    assert in_rollout[groups] == roles_of("site.yml", groups)


@pytest.mark.parametrize("groups", COMBINATIONS)
def test_all_of_it_is_taken_away_again(groups):
    assert set(roles_of("remove.yml", groups)) == set(roles_of("site.yml", groups))


def test_the_services_machine_has_its_own_entry_point_and_no_rollout():
    taken = {}
    for name in ("site.yml", "remove.yml"):
        [play] = [
            each for each in yaml.safe_load((PLAYBOOKS / name).read_text()) if "circleci_services" in each["hosts"]
        ]
        imported = [task["ansible.builtin.import_role"] for task in play["tasks"]]
        taken[name] = {(role["name"].rpartition(".")[2], role.get("tasks_from", "")) for role in imported}
    assert ("circleci_nomad", "services_machine") in taken["site.yml"]
    assert taken["site.yml"] == taken["remove.yml"]
    assert "circleci_services" not in (PLAYBOOKS / "vars" / "rollout.yml").read_text()


def test_target_hosts_narrows_what_changes_hosts_by_their_groups():
    for name in ("site.yml", "remove.yml"):
        for play in yaml.safe_load((PLAYBOOKS / name).read_text()):
            assert play["hosts"].endswith(":&{{ target_hosts | default('all', true) }}")
