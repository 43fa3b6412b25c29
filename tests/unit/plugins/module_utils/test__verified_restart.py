# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's part on the host: what it asks of the guard, when it asks nothing, and what it tells."""

from __future__ import annotations

import os
import threading

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _going_back,
    _guard_request,
    _guard_units,
    _hand_over,
    _verified_restart,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import APP, FILE, GUARD


@pytest.fixture
def host(guarded, monkeypatch):
    """Return a host with a unit, whose systemd starts the guard."""
    guarded.install_app()
    guarded.start_guards()
    # Its process is not watched here, so the module must not take its absence for an end.
    monkeypatch.setattr(_hand_over, "_PATIENCE", 5.0)
    return guarded


def ensure(host, *, check_mode=False, **params):
    run = Run(check_mode=check_mode, root=host.root)
    defaults = {name: option.get("default") for name, option in _verified_restart.ARGUMENT_SPEC.items()}
    given = {**defaults, "checkpoint": "moby", "stable": 0.0, "units": [APP], **params}
    return run, _verified_restart.ensure(given, run)


def wants(value, **more):
    return {"units": [{"name": APP, "environment": {"WHICH": value}, **more}]}


def which(host):
    return host.systemd.runs_with(APP)["WHICH"]


def commit(host, value):
    host.change({FILE: b"WHICH=%s\n" % value.encode()})
    _run, result = ensure(host, **wants(value))
    host.checkpoint().remove("result.json")
    return result["outcome"]["commit"]


def test_a_change_is_proven_and_committed(host):
    host.change({FILE: b"WHICH=new\n"})
    run, result = ensure(host, **wants("new"))
    assert (run.changed, result["restart"], result["pending"]) == (True, [APP], False)
    assert (result["outcome"]["state"], which(host)) == ("committed", "new")
    assert host.leftovers() == ["result.json"]
    assert not host.armed()


def test_a_steady_state_asks_nothing_and_writes_nothing(host):
    run, result = ensure(host, **wants("old"))
    assert (run.changed, result["restart"], result["earlier"]) == (False, [], None)
    assert not (host.folder / "var/lib/container_hosts").exists()
    assert host.systemd.calls("start") == []


def test_check_mode_tells_and_touches_nothing(host):
    host.change({FILE: b"WHICH=new\n"})
    tree, pid = host.tree(), host.systemd.pid(APP)
    run, result = ensure(host, check_mode=True, **wants("new"))
    assert (run.changed, result["restart"], result["pending"]) == (True, [APP], True)
    assert (host.tree(), host.systemd.pid(APP), host.checkpoint().read("request.json")) == (tree, pid, None)


def test_a_change_that_fails_is_told_with_what_was_restored_and_what_runs(host):
    host.change({FILE: b"WHICH=new\n"})
    with pytest.raises(Failed) as caught:
        ensure(host, **wants("new"), verify=[["/bin/false"]])
    assert f"restored: /{FILE}" in str(caught.value)
    assert f"Now {APP} is active (PID {host.systemd.pid(APP)})." in str(caught.value)
    assert caught.value.result["outcome"]["state"] == "rolled_back"
    assert which(host) == "old"
    assert host.tree() == host.before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"checkpoint": None}, "checkpoint: is missing"),
        ({"checkpoint": "A"}, "is no name of a checkpoint"),
        ({"settings": {"config_jsn": []}}, "settings: knows no config_jsn"),
        ({"units": [{"name": "x", "restart": "maybe"}]}, r"units\[0\]: value of restart must be one of"),
        ({"units": ["x y"]}, "is no unit name"),
        ({"units": [{}]}, r"units\[0\]: missing required arguments: name"),
        ({"preflight": {"prxy": {}}}, "preflight: prxy"),
    ],
)
def test_bad_input(host, params, message):
    with pytest.raises(Refused, match=message):
        ensure(host, **params)
    assert host.tree() == host.before


def test_without_systemd(host):
    (host.folder / "run/systemd/system").rmdir()
    with pytest.raises(Refused, match="does not run on this host"):
        ensure(host)


@pytest.mark.parametrize("broken", ["call", "request", "arm"])
def test_where_the_guard_cannot_even_be_asked_all_is_taken_back(host, monkeypatch, broken):
    host.change({FILE: b"WHICH=new\n"})
    if broken == "call":
        host.systemd.on(GUARD, "start", "exit 1")
    elif broken == "arm":
        host.systemd.on("container-hosts-moby-guard.timer", "restart", "exit 1")
    else:
        real = _checkpoint.Checkpoint.write

        def write(self, name, content):
            if name == "request.json":
                raise Refused("cannot be written: No space left on device", where=name)
            real(self, name, content)

        monkeypatch.setattr(_checkpoint.Checkpoint, "write", write)
    with pytest.raises(Refused, match=r"No space left" if broken == "request" else r"systemctl .* failed"):
        ensure(host, **wants("new"))
    assert (host.tree(), host.armed(), host.leftovers()) == (host.before, False, [])
    assert which(host) == "old"


def test_what_killed_runs_left_is_taken_away_by_a_steady_state(host):
    with host.checkpoint().locked(create=True):
        _guard_units.arm(host.checkpoint())
    host.own(".gone").mkdir()
    assert host.checkpoint().to_end()
    run, _result = ensure(host, **wants("old"))
    assert (run.changed, host.tree(), host.leftovers()) == (False, host.before, [])
    assert not host.checkpoint().to_end()


def test_what_an_earlier_run_asked_for_is_ended_and_told_first(host):
    host.change({FILE: b"WHICH=new\n"})
    asked = _guard_request.request(
        {**dict.fromkeys(_verified_restart.ARGUMENT_SPEC), **wants("new"), "verify": [], "stable": 0.0, "seconds": 9.0},
        {},
        Run(),
    )
    host.checkpoint().write("request.json", {**asked, "pending": True})  # and there it was killed
    run, result = ensure(host, **wants("new"))
    assert (run.changed, result["earlier"]["state"], which(host)) == (False, "committed", "new")
    assert "the change that ended" in str(run.notices[0])
    assert ensure(host, **wants("new"))[1]["earlier"] is None


def test_who_only_asks_for_the_outcome_gets_it_and_nothing_is_lost_by_asking(host):
    assert ensure(host, state="reported")[1]["outcome"] is None
    host.change({FILE: b"WHICH=new\n"})
    with pytest.raises(Failed):
        ensure(host, **wants("new"), verify=[["/bin/false"]])
    with pytest.raises(Failed, match="Everything was taken back"):
        ensure(host, state="reported")
    assert ensure(host, state="reported")[1]["outcome"] is None


def test_a_guard_that_never_comes_is_told_and_nothing_is_lost(host, monkeypatch):
    monkeypatch.setattr(_hand_over, "_PATIENCE", 0.3)
    host.systemd.on(GUARD, "start", "exit 0")
    host.change({FILE: b"WHICH=new\n"})
    with pytest.raises(Failed, match="does not run, and left no result"):
        ensure(host, **wants("new"))
    assert host.checkpoint().pending()
    host.guard()
    assert (which(host), host.checkpoint().pending()) == ("new", False)


def test_a_guard_that_fails_again_and_again_is_told(host, monkeypatch):
    monkeypatch.setattr(_hand_over, "_FAILING_SECONDS", 0.3)
    host.systemd.on(GUARD, "start", "exit 0")
    (host.systemd.state / GUARD / "properties").write_text(
        "ActiveState=activating\nSubState=auto-restart\nMainPID=0\nResult=exit-code\nLoadState=loaded\n"
    )
    host.change({FILE: b"WHICH=new\n"})
    with pytest.raises(Failed, match="fails again and again"):
        ensure(host, **wants("new"))


def test_units_that_a_guard_had_touched_before_it_was_killed_are_brought_back_by_the_next(host):
    host.change({FILE: b"WHICH=new\n"})
    host.systemd.call("restart", APP)
    earlier = {"id": "0", "pending": True, "touched": {APP: "restart"}, "was": {APP: {"running": True}}, "units": []}
    host.checkpoint().write(_checkpoint.DEFERRED, {**earlier, "units": []})
    with pytest.raises(Failed):
        ensure(host, **wants("new"), verify=[["/bin/false"]])
    assert which(host) == "old"


def test_a_restart_that_is_left_to_others_is_proven_once_and_committed_when_it_was_made(host):
    host.change({FILE: b"WHICH=new\n"})
    run, result = ensure(host, **wants("new", restart="never"))
    assert (result["outcome"]["state"], result["left"], result["pending"]) == ("deferred", [APP], True)
    assert [notice.reader for notice in run.notices] == [APP]
    host.checkpoint().remove("result.json")
    run, result = ensure(host, **wants("new", restart="never"))
    assert (run.changed, "outcome" in result, result["left"]) == (False, False, [APP])
    host.change({"etc/more": b"x"})  # a new change has to be proven, too
    _run, result = ensure(host, **wants("new", restart="never"))
    assert result["outcome"]["state"] == "deferred"
    host.systemd.call("restart", APP)
    _run, result = ensure(host, **wants("new", restart="never"))
    assert (result["outcome"]["state"], result["pending"]) == ("committed", False)


# Back to a commit ---------------------------------------------------------------------------------------------------


def test_back_to_before_the_last_commit(host):
    commit(host, "one")
    after_one = host.tree()
    commit(host, "two")
    run, result = ensure(host, units=[], state="rolled_back")
    assert (run.changed, result["outcome"]["state"], result["restart"]) == (True, "committed", [APP])
    assert (host.tree(), which(host), len(host.checkpoint().commits())) == (after_one, "one", 1)
    ensure(host, units=[], state="rolled_back")
    assert (host.tree(), which(host), host.checkpoint().commits()) == (host.before, "old", [])
    host.checkpoint().remove("result.json")
    run, _result = ensure(host, units=[], state="rolled_back")
    assert not run.changed


def test_what_was_moved_away_for_a_change_is_moved_away_to_take_it_back(host, tmp_path):
    drain = {"before": [["/bin/sh", "-c", f"echo away >>{tmp_path}/log"]], "after": [["/bin/true"]]}
    host.change({FILE: b"WHICH=new\n"})
    ensure(host, **wants("new"), drain=drain)
    ensure(host, units=[], state="rolled_back")
    assert which(host) == "old"
    assert (tmp_path / "log").read_text() == "away\naway\n"


def test_back_to_before_a_named_commit(host):
    first = commit(host, "one")
    commit(host, "two")
    ensure(host, units=[], state="rolled_back", commit=first[:4])
    assert (host.tree(), which(host), host.checkpoint().commits()) == (host.before, "old", [])


def test_back_to_before_a_unit_first_ran_has_it_stopped_even_by_way_of_later_commits(host):
    host.systemd.kill(APP)
    first = commit(host, "one")
    commit(host, "two")
    _run, result = ensure(host, units=[], state="rolled_back", commit=first)
    assert (result["outcome"]["state"], host.tree(), host.systemd.pid(APP)) == ("committed", host.before, 0)


def test_back_to_before_a_later_commit_has_its_unit_run_on(host):
    host.systemd.kill(APP)
    commit(host, "one")
    commit(host, "two")
    ensure(host, units=[], state="rolled_back")
    assert which(host) == "one"


@pytest.mark.parametrize(("named", "message"), [("0009", "names no commit"), ("000", "names more than one commit")])
def test_no_such_commit(host, named, message):
    commit(host, "one")
    commit(host, "two")
    with pytest.raises(Refused, match=message):
        ensure(host, units=[], state="rolled_back", commit=named)


def test_back_in_check_mode_shows_the_difference(host):
    commit(host, "new")
    tree = host.tree()
    run, result = ensure(host, units=[], state="rolled_back", check_mode=True)
    assert (run.changed, result["restart"], host.tree()) == (True, [APP], tree)
    assert (run.diffs[0]["before"], run.diffs[0]["after"]) == ("WHICH=new\n", "WHICH=old\n")


def test_back_takes_along_what_is_pending(host):
    commit(host, "one")
    host.change({FILE: b"WHICH=unproven\n", "etc/unproven": b"x"})
    ensure(host, units=[], state="rolled_back")
    assert (host.tree(), which(host), host.checkpoint().pending()) == (host.before, "old", False)


def test_back_over_what_someone_else_wrote_is_refused_unless_forced(host):
    commit(host, "one")
    host.put(FILE, b"WHICH=theirs\n")
    with pytest.raises(Refused, match="was changed by someone else since"):
        ensure(host, units=[], state="rolled_back")
    _run, result = ensure(host, units=[], state="rolled_back", force=True)
    assert (host.read(FILE), which(host)) == (b"WHICH=old\n", "old")
    [kept] = result["outcome"]["foreign"][f"/{FILE}"]
    assert host.read(kept[1:]) == b"WHICH=theirs\n"


def test_back_over_what_someone_else_wrote_between_two_commits(host):
    first = commit(host, "one")
    host.put(FILE, b"WHICH=theirs\n")
    commit(host, "two")
    ensure(host, units=[], state="rolled_back", check_mode=True)
    with pytest.raises(Refused, match="was changed by someone else since"):
        ensure(host, units=[], state="rolled_back", commit=first)
    _run, result = ensure(host, units=[], state="rolled_back", commit=first, force=True)
    [kept] = result["outcome"]["foreign"][f"/{FILE}"]
    assert host.read(kept[1:]) == b"WHICH=theirs\n"


def test_back_where_a_link_stands_now_is_refused(host):
    commit(host, "one")
    (host.folder / FILE).rename(host.folder / "etc/moved")
    (host.folder / FILE).symlink_to(host.folder / "etc/moved")
    with pytest.raises(Refused, match="was no link when it was changed"):
        ensure(host, units=[], state="rolled_back", force=True)


def test_back_that_fails_leaves_what_was(host):
    commit(host, "one")
    tree = host.tree()
    with pytest.raises(Failed):
        ensure(host, units=[], state="rolled_back", verify=[["/bin/false"]])
    assert (host.tree(), which(host), len(host.checkpoint().commits())) == (tree, "one", 1)


def test_a_disk_that_is_full_on_the_way_back_leaves_what_was(host, monkeypatch):
    commit(host, "one")
    tree = host.tree()
    real = os.rename

    def rename(old, new, **options):
        if new == "environment" and calls:
            calls.pop()
            raise OSError(28, "No space left on device")
        real(old, new, **options)

    calls = [1]
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Refused, match="No space left"):
        ensure(host, units=[], state="rolled_back")
    assert (host.tree(), host.armed(), len(host.checkpoint().commits())) == (tree, False, 1)


def test_back_by_run(host):
    defaults = {"run": "17", "units": []}
    for name, run in (("a", "16"), ("b", "17"), ("c", "17")):
        host.change({f"etc/{name}": b"x"}, host.checkpoint(name))
        host.checkpoint(name).commit({"ended": float(ord(name[0])), "run": run})
    assert _going_back.last_run(host.root) == ["c", "b"]
    assert _going_back.last_run("/nowhere") == []
    # Of this run alone: another run's commits stay.
    run = host.checkpoint("c").commits()[-1].about["run"]
    assert _going_back.last_run(host.root, only=run) == ["c", "b"]
    assert _going_back.last_run(host.root, only="another") == []
    assert ensure(host, **{**defaults, "checkpoint": None, "state": "rolled_back"}, check_mode=True)[1].keys() == {
        "checkpoints"
    }


def test_two_runs_at_once_both_hear_how_theirs_ended(host):
    host.change({FILE: b"WHICH=new\n"})
    told = []

    def go():
        try:
            told.append(ensure(host, **wants("new"))[1])
        except Refused as refused:
            told.append(refused)

    runs = [threading.Thread(target=go) for _number in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert all(isinstance(result, dict) for result in told), told
    assert "committed" in [result.get("outcome", {}).get("state") for result in told]
    assert (which(host), len(host.checkpoint().commits()), host.armed()) == ("new", 1, False)
