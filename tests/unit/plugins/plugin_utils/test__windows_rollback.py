# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back on a Windows host, from wherever a run has died; on the stand-in in memory. tests/windows has Wine's."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.tests.windows import modules
from ansible_collections.fleetops.container_hosts.tests.windows.in_memory import MACHINE, SERVICES, Windows

FILE = r"C:\ProgramData\docker\config\daemon.json"
DOCKER = rf"{SERVICES}\docker"
STORE = r"HKEY_LOCAL_MACHINE\SOFTWARE\container_hosts\checkpoints"
BACK = ["stop agent", "stop docker", "start docker", "start agent"]


def moby(number, **more):
    return {
        "registry_environment": [{"service": "docker", "environment": {"A": str(number)}}],
        "config_json": [{"path": FILE, "service": "docker", "settings": {"max-concurrent-downloads": number}}],
        "services": ["docker"],
        "checkpoint": "moby",
        **more,
    }


def document(windows, name="moby"):
    return json.loads(modules.text_of(windows.memory.keys[rf"{STORE}\{name}"]["Document"][1]))


@pytest.fixture
def windows():
    windows = Windows()
    windows.memory.write(DOCKER, "Environment", 7, modules.bytes_of(7, ["KEEP=1"]))
    windows.memory.files[FILE] = b'{\r\n  "debug": true\r\n}\r\n'
    return windows


def test_there_and_back(windows):
    before = windows.state()
    windows.ensure(**moby(1))
    done = windows.state()
    (commit,) = document(windows)["commits"]
    assert commit["running"] == ["docker", "agent"]
    foretold = windows.roll_back(check_mode=True)
    assert windows.state() == done
    run = windows.roll_back()
    assert windows.state() == before
    assert windows.memory.journal == BACK
    assert foretold.changed is run.changed is True
    assert foretold.diffs == run.diffs
    (told,) = run.result["checkpoints"]
    assert told["outcome"]["restored"] == [r"HKLM:\SYSTEM\CurrentControlSet\Services\docker\Environment", FILE]
    assert told["outcome"]["restarted"] == told["restart"] == ["docker", "agent"]
    assert document(windows)["commits"] == []
    again = windows.roll_back()
    assert not again.changed
    assert ["there is nothing to go back to" in notice.why for notice in again.notices] == [True]


def test_nothing_is_asked_or_written_where_nothing_changes(windows):
    windows.ensure(**moby(1))
    windows.ensure(**moby(1))
    assert sorted(windows.done) == ["slurp", "win_reg_stat"]


def test_a_change_is_four_trips_more(windows):
    windows.ensure(**{**moby(1), "checkpoint": None})
    without = len(windows.done)
    windows.ensure(**moby(2))
    # To read the checkpoint, to keep and to commit; and the service's key anew, since something was written.
    assert len(windows.done) == without + 4


def test_a_run_that_dies_anywhere_goes_back_to_the_last_good_state(windows):
    windows.ensure(**moby(1))
    windows.ensure(**moby(2))
    for step in range(1, len(windows.done) + 1):
        fresh = Windows()
        fresh.ensure(**moby(1))
        good = fresh.state()
        commits = len(document(fresh)["commits"])
        fresh.fail_at = step
        with pytest.raises(ConnectionError):
            fresh.ensure(**moby(2))
        fresh.fail_at = None
        if document(fresh)["pending"] or len(document(fresh)["commits"]) > commits:
            fresh.roll_back()
        assert fresh.state() == good, step
        assert len(document(fresh)["commits"]) == commits


def test_a_way_back_that_dies_anywhere_is_completed_by_the_next(windows):
    before = windows.state()
    windows.ensure(**moby(1))
    windows.roll_back()
    for step in range(1, len(windows.done) + 1):
        windows.ensure(**moby(1))
        windows.fail_at = step
        with pytest.raises(ConnectionError):
            windows.roll_back()
        windows.fail_at = None
        windows.roll_back()
        assert windows.state() == before, step
        assert document(windows)["commits"] == []


def test_a_run_that_died_is_completed_by_the_next_with_what_it_had_stopped(windows):
    windows.ensure(**moby(1))
    for step in range(1, len(windows.done) + 1):
        fresh = Windows()
        fresh.fail_at = step
        with pytest.raises(ConnectionError):
            fresh.ensure(**moby(1))
        fresh.fail_at = None
        fresh.ensure(**moby(1))
        assert fresh.memory.up == {"docker", "agent"}, step
        assert not fresh.marks()
        assert document(fresh)["pending"] is None
        fresh.roll_back()
        assert fresh.state() == Windows().state(), step


def test_a_change_that_fails_after_one_that_died_goes_back_before_both(windows):
    before = windows.state()
    windows.ensure(**moby(1, restart="never"))
    assert document(windows)["pending"]
    start = windows.memory.start

    def picky(service):
        windows.memory.broken = {"docker"} if len(windows.environment()) > 1 else set()
        return start(service)

    windows.memory.start = picky
    with pytest.raises(Failed, match="everything was taken back"):
        windows.ensure(**moby(2))
    assert windows.state() == before
    assert document(windows)["pending"] is None


def test_what_is_left_to_be_restarted_is_no_commit_until_it_was(windows):
    before = windows.state()
    windows.ensure(**moby(1, restart="never"))
    assert document(windows)["commits"] == []
    windows.ensure(**moby(1))
    assert (len(document(windows)["commits"]), document(windows)["pending"]) == (1, None)
    windows.roll_back()
    assert windows.state() == before


@pytest.mark.parametrize("which", ["value", "file", "gone"])
def test_what_somebody_else_has_changed_is_refused_unless_it_may_go(windows, which):
    before = windows.state()
    windows.ensure(**moby(1))
    if which == "file":
        windows.memory.files[FILE] = b'{"theirs": "x"}'
    elif which == "value":
        windows.memory.write(DOCKER, "Environment", 7, modules.bytes_of(7, ["THEIRS=1"]))
    else:
        windows.memory.delete(DOCKER, "Environment")
    theirs = windows.state()
    for check_mode in (True, False):
        with pytest.raises(Refused, match="was changed by someone else since"):
            windows.roll_back(check_mode=check_mode)
        assert windows.state() == theirs
    (told,) = windows.roll_back(force=True).result["checkpoints"]
    assert windows.state() == before
    (kept,) = document(windows)["foreign"]
    assert list(told["outcome"]["foreign"]) == [FILE if which == "file" else rf"HKLM:{DOCKER[18:]}\Environment"]
    assert kept["where"] in next(iter(told["outcome"]["foreign"]))


def test_back_before_a_commit_and_all_since(windows):
    windows.ensure(**moby(1))
    good = windows.state()
    windows.ensure(**moby(2))
    windows.ensure(**moby(3))
    with pytest.raises(Refused, match="names no commit that is kept"):
        windows.roll_back(checkpoint="moby", commit="0007")
    result = windows.roll_back(checkpoint="moby", commit="0002").result
    assert [each[:4] for each in result["outcome"]["undoes"]] == ["0002", "0003"]
    assert windows.state() == good
    windows.memory.files[FILE] = b"{}"
    windows.ensure(**moby(2))
    # What was theirs between is in the second commit alone.
    with pytest.raises(Refused, match="was changed by someone else since"):
        windows.roll_back(checkpoint="moby", commit="0001")
    windows.roll_back(checkpoint="moby", commit="0001", force=True)
    assert windows.environment() == ["KEEP=1"]
    assert [each["where"] for each in document(windows)["foreign"]] == [FILE]


def test_all_of_a_run_and_of_no_other(windows):
    before = windows.state()
    ecs = {
        "registry_environment": [
            {"service": "docker", "environment": {"A": "ecs"}},
            {"scope": "machine", "environment": {"ECS_LOGLEVEL": "warn"}},
        ],
        "services": ["docker"],
        "checkpoint": "ecs",
    }
    windows.ensure(**moby(1))
    good = windows.state()
    windows.identity = "run 2"
    windows.ensure(**moby(2))
    windows.ensure(**ecs)
    foretold = windows.roll_back(check_mode=True)
    windows.identity = "run 3"
    assert windows.roll_back(this_run=True).result == {"checkpoints": []}
    windows.identity = "run 2"
    run = windows.roll_back(this_run=True)
    assert foretold.diffs == run.diffs
    assert [each["checkpoint"] for each in run.result["checkpoints"]] == ["ecs", "moby"]
    assert windows.state() == good
    assert windows.machine == {}
    windows.identity = "run 4"
    windows.roll_back()
    assert windows.state() == before


def test_a_way_back_that_does_not_start_leaves_the_host_as_it_was(windows):
    windows.ensure(**moby(1))
    done = windows.state()
    start = windows.memory.start

    def picky(service):
        windows.memory.broken = {"docker"} if len(windows.environment()) == 1 else set()
        return start(service)

    windows.memory.start = picky
    with pytest.raises(Failed, match="so the host has again what it had before the way back") as failed:
        windows.roll_back()
    assert failed.value.result["outcome"] == {"state": "rolled_back"}
    assert windows.state() == done
    assert len(document(windows)["commits"]) == 1
    windows.memory.start = lambda _service: False
    with pytest.raises(Failed, match="could not be brought back") as failed:
        windows.roll_back()
    assert failed.value.result["outcome"] == {"state": "failed"}
    assert not windows.marks()
    assert windows.state()[:2] == done[:2]


def test_the_machines_variables_of_both_kinds(windows):
    windows.memory.write(MACHINE, "Dir", modules.EXPAND_SZ, modules.bytes_of(modules.EXPAND_SZ, r"%SystemRoot%\x"))
    before = windows.state()
    wanted = {"scope": "machine", "environment": {"DIR": r"C:\y", "NEW": "1"}}
    windows.ensure(registry_environment=[wanted], services=["docker"], checkpoint="ecs")
    windows.roll_back()
    assert windows.state() == before


def test_a_service_that_is_gone_is_not_made_anew(windows):
    windows.ensure(**moby(1))
    windows.memory.delete_key(DOCKER)
    run = windows.roll_back()
    assert DOCKER not in windows.memory.keys
    assert windows.memory.files[FILE] == b'{\r\n  "debug": true\r\n}\r\n'
    assert ["is gone, and is left out" in notice.why for notice in run.notices] == [True]


def test_two_runs_at_once_do_not_lose_each_others_commits(windows):
    execute = windows.execute

    def meanwhile(name, arguments):
        if arguments.get("parameters", {}).get("Name") == "moby" and not windows.done.count("win_powershell"):
            windows.execute = execute
            other, windows.done = windows.done, []
            windows.ensure(**moby(2))
            windows.done = other
        return execute(name, arguments)

    windows.execute = meanwhile
    with pytest.raises(Refused, match="has been changed by another run meanwhile"):
        windows.ensure(**moby(1))
    assert windows.environment() == ["KEEP=1", "A=2"]
    assert len(document(windows)["commits"]) == 1


def test_a_vendors_tool_is_told_of_since_it_stays(windows):
    ecs = {
        "ecs_agent": {"cluster": "production", "settings": {"ECS_LOGLEVEL": "warn"}},
        "services": ["docker", "AmazonECS"],
    }
    windows.ensure(**ecs, checkpoint="ecs")
    run = windows.roll_back()
    assert [notice.entry for notice in run.notices] == ["Initialize-ECSAgent"]
    assert set(windows.machine) == {"ECS_CLUSTER", "ECS_ENABLE_TASK_IAM_ROLE"}


def test_no_secret_is_shown(windows):
    proxy = {"http": "http://192.0.2.10:3128", "username": "u", "password": "S3cret-word"}
    entries = [{"service": "docker", "proxy": proxy}, {"scope": "machine", "proxy": proxy}]
    windows.ensure(**{**moby(1), "registry_environment": entries})
    assert "S3cret-word" not in json.dumps(document(windows))
    windows.ensure(**moby(2))
    windows.ensure(**{**moby(2), "registry_environment": [{"service": "docker", "state": "absent"}]})
    assert "S3cret-word" in json.dumps(document(windows))
    run = windows.roll_back()
    assert "S3cret-word" in "".join(windows.environment())
    assert "S3cret-word" not in json.dumps([run.diffs, run.result])
