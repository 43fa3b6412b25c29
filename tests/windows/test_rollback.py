# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Windows host keeps of each change, and the way back to it: Wine's registry, services and files."""

from __future__ import annotations

import json

import pytest

from . import modules
from .conftest import CHECKPOINTS, SERVICES
from .test_roles import FILE, FOREIGN, PASSWORD, PROXY, URL, messages

MARK = "ContainerHostsRestartDue"
MOBY = {"ansible.builtin.include_role": {"name": "fleetops.container_hosts.moby"}}
OTHER = {**PROXY, "password": PASSWORD.upper()}
# A kind that win_host_settings makes a list of, and that the way back has to make a text again.
BEFORE = (modules.EXPAND_SZ, modules.bytes_of(modules.EXPAND_SZ, r"KEEP=%PATH%"))


@pytest.fixture
def fleet(bare, running):
    """The host with an engine that runs, and an agent that depends on it; each run shows no secret."""
    running("docker")
    running("agent", depends="docker")
    bare.wine.write(rf"{SERVICES}\docker", "Environment", *BEFORE)
    bare.wine.write_file(FILE, FOREIGN)

    def checked(run):
        shown = [run.stdout, run.stderr, json.dumps([task.result for task in run.tasks]), *bare.events()]
        shown += [sent["command"] for sent in bare.wire()]
        assert not [text for text in shown if PASSWORD in text or PASSWORD.upper() in text]
        return run

    def variables(**more):
        defaults = {"container_hosts_proxy": PROXY, "moby_stable_seconds": 0, "ecs_stable_seconds": 0}
        return {**defaults, "ansible_become": False, **more}

    def moby(**more):
        bare.wine.forget_journal()
        return checked(bare.play([MOBY], variables=variables(**more)))

    def back(*options, **args):
        bare.wine.forget_journal()
        task = {"fleetops.container_hosts.verified_restart": {"state": "rolled_back", "stable": 0, **args}}
        return checked(bare.play([task], *options))

    def book(name, *options, groups=("moby",), **more):
        bare.wine.forget_journal()
        name = f"fleetops.container_hosts.{name}"
        return checked(bare.playbook(name, *options, groups=groups, variables=variables(**more)))

    bare.moby, bare.back, bare.book = moby, back, book
    return bare


def kept(host, name="moby"):
    """What the host keeps under a checkpoint."""
    values = host.wine.read(rf"{CHECKPOINTS}\checkpoints\{name}")
    ((kind, data),) = values.values()
    assert kind == modules.SZ
    return json.loads(modules.text_of(data))


def state(host):
    return host.environment(), host.wine.read_file(FILE), MARK in host.wine.read(rf"{SERVICES}\docker")


def test_the_playbook_gives_back_values_kinds_and_bytes(fleet):
    fleet.book("site").ok()
    done = state(fleet)
    assert f"HTTP_PROXY={URL}" in fleet.entries()
    (commit,) = kept(fleet)["commits"]
    assert commit["running"] == ["docker", "agent"]
    # As it was without: the service's key and the file, and nothing else.
    fleet.book("site").ok()
    assert len(fleet.wire()) == 2
    foretold = fleet.book("rollback", "--check").ok()
    assert state(fleet) == done
    assert foretold.changed
    assert "-HTTP_PROXY=http://********@192.0.2.10:3128" in foretold.stdout.replace(" ", "").replace("\\n", "\n")
    run = fleet.book("rollback").ok()
    assert state(fleet) == (BEFORE, FOREIGN, False)
    assert fleet.wine.journal == ["stop agent", "stop docker", "start docker", "start agent"]
    (result,) = [task.result for task in run.tasks if "checkpoints" in task.result]
    (told,) = result["checkpoints"]
    assert told["checkpoint"] == "moby"
    assert told["outcome"]["restarted"] == ["docker", "agent"]
    assert [path.rpartition("\\")[2] for path in told["outcome"]["restored"]] == ["Environment", "daemon.json"]
    again = fleet.book("rollback").ok()
    assert not again.changed
    assert "there is nothing to go back to" in " ".join(again.stderr.split())
    assert not fleet.wine.journal


def test_a_run_that_dies_before_its_commit_goes_back_to_the_last_good_state(fleet):
    fleet.moby().ok()
    good = state(fleet)
    fleet.moby(container_hosts_proxy=OTHER).ok()
    # Up to the commit, which is the last that writes a document.
    commit = max(number for number, sent in enumerate(fleet.wire()) if '"Document"' in sent["input"])
    fleet.back().ok()
    assert state(fleet) == good
    assert fleet.moby(container_hosts_proxy=OTHER, wine_lose_after=commit).rc != 0
    assert kept(fleet)["pending"]
    environment, _file, marked = state(fleet)
    assert (environment != good[0], marked) == (True, True)
    fleet.back().ok()
    assert state(fleet) == good
    assert [len(kept(fleet)["commits"]), kept(fleet)["pending"]] == [1, None]
    # The next run, instead, completes it, and what it goes back to is the same.
    fleet.moby(container_hosts_proxy=OTHER, wine_lose_after=commit)
    fleet.moby(container_hosts_proxy=OTHER).ok()
    fleet.back().ok()
    assert state(fleet) == good


def test_what_somebody_else_has_changed(fleet):
    fleet.moby().ok()
    fleet.set(modules.MULTI_SZ, ["THEIRS=1"])
    fleet.wine.write_file(FILE, b'{"theirs": true}')
    theirs = state(fleet)
    assert "was changed by someone else since" in messages(fleet.back())
    assert state(fleet) == theirs
    assert "takes no verify on a Windows host" in messages(fleet.back(verify=[["docker", "info"]]))
    assert "only goes back on a Windows host" in messages(fleet.back(state="verified", checkpoint="moby"))
    run = fleet.back(checkpoint="moby", force=True).ok()
    assert state(fleet) == (BEFORE, FOREIGN, False)
    assert len(run.tasks[-1].result["outcome"]["foreign"]) == len(kept(fleet)["foreign"]) == 2


def test_five_commits_and_back_before_one_of_them(fleet):
    states = []
    for number in range(6):
        fleet.moby(container_hosts_proxy={"http": f"http://192.0.2.{number}:3128"}).ok()
        states.append(state(fleet))
    assert [commit["id"][:4] for commit in kept(fleet)["commits"]] == ["0002", "0003", "0004", "0005", "0006"]
    assert "names no commit that is kept" in messages(fleet.back(checkpoint="moby", commit="0001"))
    fleet.back(checkpoint="moby", commit="0004").ok()
    assert state(fleet) == states[2]
    assert [commit["id"][:4] for commit in kept(fleet)["commits"]] == ["0002", "0003"]


def test_a_rollout_whose_second_role_fails_leaves_the_host_as_it_was(fleet):
    run = fleet.book("rollout", groups=("moby", "ecs"), ecs_settings={"ECS_LOGLEVL": "warn"})
    assert run.rc != 0
    assert "Did you mean ECS_LOGLEVEL?" in messages(run)
    assert "windows: rolled back" in " ".join(run.stdout.split())
    assert state(fleet) == (BEFORE, FOREIGN, False)
    # There by the first role, and back.
    assert fleet.wine.journal == ["stop agent", "stop docker", "start docker", "start agent"] * 2
    assert kept(fleet)["commits"] == []
