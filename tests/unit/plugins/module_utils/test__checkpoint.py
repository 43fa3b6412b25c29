# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a checkpoint keeps: first states, commits, and who may touch them. All judged by the files on the disk."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import textwrap

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _checkpoint, _host_file
from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint import Checkpoint
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

FILE = "etc/docker/daemon.json"


def firsts(records):
    return {kept.record.path: kept.record.content for kept in records}


@pytest.mark.parametrize("name", ["moby", "a", "0_a", "x" * 64])
def test_a_name(name):
    assert Checkpoint(name).folder == f"/var/lib/container_hosts/checkpoints/{name}"


@pytest.mark.parametrize("name", ["", "Moby", "a-b", "a.b", "../a", "a/b", "_a", "x" * 65, "a\n"])
def test_no_name(name):
    with pytest.raises(Refused, match="is no name of a checkpoint"):
        Checkpoint(name)


def test_only_root_can_read_what_is_kept(guarded):
    guarded.put(FILE, b"secret", 0o644)
    old = os.umask(0)
    try:
        guarded.change({FILE: b"new"})
        guarded.checkpoint().commit({})
        guarded.change({FILE: b"newer"})
    finally:
        os.umask(old)
    top = guarded.folder / "var/lib/container_hosts"
    for path in (top, *top.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_first_state_since_the_last_commit_wins(guarded):
    guarded.put(FILE, b"first")
    guarded.change({FILE: b"second"})
    guarded.change({FILE: b"third"})  # a run of its own
    assert firsts(guarded.checkpoint().records()) == {f"/{FILE}": b"first"}
    assert guarded.checkpoint().commit({"why": 1})
    assert not guarded.checkpoint().pending()
    guarded.change({FILE: b"fourth", "etc/new": b"x"})
    assert firsts(guarded.checkpoint().records()) == {f"/{FILE}": b"third", "/etc/new": None}


def test_the_state_is_on_the_disk_before_the_change_is(guarded, monkeypatch):
    guarded.put(FILE, b"old")
    seen = []
    real = os.rename

    def rename(old, new, **options):
        if new == "daemon.json":
            seen.append((guarded.read(FILE), firsts(guarded.checkpoint().records()), guarded.armed()))
        real(old, new, **options)

    monkeypatch.setattr(os, "rename", rename)
    guarded.change({FILE: b"new"})
    assert seen == [(b"old", {f"/{FILE}": b"old"}, True)]


def test_an_edit_that_is_tried_again_keeps_what_it_then_found(guarded):
    guarded.put(FILE, b"old")
    checkpoint = guarded.checkpoint()

    def keep(found, after):
        forget = checkpoint.keep(found, after)
        if found.content == b"old":
            guarded.put(FILE, b"foreign")
        return forget

    _host_file.edit(f"{guarded.root}/{FILE}", lambda found: found + b" and ours", keep=keep)
    assert guarded.read(FILE) == b"foreign and ours"
    assert firsts(checkpoint.records()) == {f"/{FILE}": b"foreign"}


def test_what_others_write_between_two_changes_of_ours_is_put_aside(guarded):
    guarded.put(FILE, b"old")
    guarded.change({FILE: b"ours"})
    guarded.put(FILE, b"theirs")
    guarded.change({FILE: b"ours again"})
    [kept] = guarded.checkpoint().records()
    assert kept.record.content == b"old"
    assert [guarded.read(path.lstrip("/")) for path in kept.aside] == [b"theirs"]


def test_nothing_pending_makes_no_commit(guarded):
    assert guarded.checkpoint().commit({}) is None
    assert guarded.checkpoint().commits() == []
    assert not guarded.own().exists()


def test_commits_are_numbered_and_the_last_five_stay(guarded):
    ids = []
    for number in range(8):
        guarded.change({FILE: b"%d" % number})
        ids.append(guarded.checkpoint().commit({"number": number}))
    assert all(re.fullmatch(r"000[1-8]-\d{8}T\d{6}Z", commit_id) for commit_id in ids)
    commits = guarded.checkpoint().commits()
    assert [(commit.id, commit.about) for commit in commits] == [
        (commit_id, {"number": number}) for number, commit_id in enumerate(ids)
    ][3:]
    assert sorted(os.listdir(guarded.own("commits"))) == ids[3:]


def test_commits_are_in_the_order_of_their_numbers_even_past_four_digits(guarded):
    guarded.change({FILE: b"1"})
    first = guarded.checkpoint().commit({})
    guarded.own(f"commits/{first}").rename(guarded.own("commits/9999-20260101T000000Z"))
    (guarded.own("commits") / "lost+found").mkdir()
    guarded.change({FILE: b"2"})
    guarded.checkpoint().commit({})
    guarded.change({FILE: b"3"})
    guarded.checkpoint().commit({})
    assert [commit.id.partition("-")[0] for commit in guarded.checkpoint().commits()] == ["9999", "10000", "10001"]


def test_the_state_before_several_commits(guarded):
    guarded.put(FILE, b"0")
    for number in range(1, 4):
        changes = {FILE: b"%d" % number}
        if number == 2:
            changes["etc/second"] = b"x"
        guarded.change(changes)
        guarded.checkpoint().after_restore("trust_store" if number > 1 else "other")
        guarded.checkpoint().commit({})
    folders = [commit.path for commit in guarded.checkpoint().commits()]
    states = _checkpoint.states_before(folders)
    assert firsts(states) == {f"/{FILE}": b"0", "/etc/second": None}
    assert [_checkpoint.is_foreign(content, states[0]) for content in (b"0", b"1", b"2", b"3", b"4")] == [False] * 4 + [
        True
    ]
    assert firsts(_checkpoint.states_before(folders[1:])) == {f"/{FILE}": b"1", "/etc/second": None}
    assert firsts(_checkpoint.states_before(folders[2:])) == {f"/{FILE}": b"2"}
    assert _checkpoint.states_before([]) == []
    assert _checkpoint.actions_of(folders) == ["other", "trust_store"]


def test_what_others_wrote_between_two_commits_is_known_before_both_are_taken_back(guarded):
    guarded.put(FILE, b"0")
    guarded.change({FILE: b"1"})
    guarded.checkpoint().commit({})
    guarded.put(FILE, b"theirs")
    guarded.change({FILE: b"theirs and ours"})
    guarded.checkpoint().commit({})
    folders = [commit.path for commit in guarded.checkpoint().commits()]
    assert [kept.between for kept in _checkpoint.states_before(folders)] == [(b"theirs",)]
    assert [kept.between for kept in _checkpoint.states_before(folders[1:])] == [()]


def test_dropped_commits_are_gone_and_an_unknown_one_is_no_error(guarded):
    for number in range(3):
        guarded.change({FILE: b"%d" % number})
        guarded.checkpoint().commit({})
    ids = [commit.id for commit in guarded.checkpoint().commits()]
    guarded.checkpoint().drop([ids[1], ids[2], "0099-x"])
    assert os.listdir(guarded.own("commits")) == ids[:1]


def test_what_a_killed_run_left_half_removed_is_swept_and_never_in_the_way(guarded):
    guarded.change({FILE: b"x"})
    for left in (".gone/pending", "commits/.gone/old", "foreign/.gone"):
        guarded.own(left).mkdir(parents=True)
    guarded.own(".request.json.container_hosts-1").write_text("secret")
    assert guarded.checkpoint().commits() == []
    guarded.checkpoint().forget()
    assert not guarded.checkpoint().pending()
    assert [name for name in guarded.leftovers() if name[0] == "."] == []


@pytest.mark.parametrize("name", ["request.json", "commits/0001-20260101T000000Z/about.json", "pending/deferred.json"])
def test_a_damaged_file_is_refused_and_named(guarded, name):
    guarded.own(name).parent.mkdir(parents=True)
    guarded.own(name).write_text("{")
    with pytest.raises(Refused, match=rf"{name}: is damaged"):
        guarded.checkpoint().commits() if "commits" in name else guarded.checkpoint().read(name)


def test_names(guarded):
    assert _checkpoint.names(guarded.root) == []
    for name in ("b", "a"):
        guarded.change({f"etc/{name}": b"x"}, guarded.checkpoint(name))
    (guarded.own().parent / "lost+found").mkdir()
    assert _checkpoint.names(guarded.root) == ["a", "b"]


def test_a_new_change_is_not_what_was_deferred(guarded):
    guarded.change({FILE: b"x"})
    noted = {"units": ["docker.service"], "touched": {"a": "restart"}, "was": {}}
    guarded.checkpoint().write(_checkpoint.DEFERRED, noted)
    guarded.change({})
    assert guarded.checkpoint().read(_checkpoint.DEFERRED) == noted
    guarded.change({FILE: b"y"})
    assert guarded.checkpoint().read(_checkpoint.DEFERRED) == {**noted, "units": []}
    guarded.checkpoint().forget()
    assert guarded.checkpoint().read(_checkpoint.DEFERRED) is None


def test_the_lock_leaves_a_host_without_checkpoints_alone(guarded):
    with guarded.checkpoint().locked(create=False) as held:
        assert held is False
    assert not (guarded.folder / "var/lib/container_hosts").exists()
    with guarded.checkpoint().locked(create=True) as held:
        assert held is True


def test_one_at_a_time_on_a_host_whatever_the_name(guarded):
    with guarded.checkpoint("a").locked(create=True):
        for create in (True, False):
            other = guarded.checkpoint("b").locked(create=create, seconds=0.1)
            with pytest.raises(Refused, match="is locked by another run"), other:
                pass
    with guarded.checkpoint("b").locked(create=False, seconds=0.1) as held:
        assert held


def test_two_processes_at_once_lose_nothing_and_keep_the_first_state(guarded):
    guarded.put(FILE, b"")
    script = textwrap.dedent(
        f"""
        import sys
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint import Checkpoint
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
        def ensure(params, run):
            run.edit("/{FILE}", lambda found: found + sys.argv[1].encode())
            run.edit("/etc/of-" + sys.argv[1], lambda found: b"x")
            return {{}}
        for turn in range(10):
            checkpoint = Checkpoint("moby", root={guarded.root!r})
            carry_out(ensure, {{}}, check_mode=False, root={guarded.root!r}, checkpoint=checkpoint)
        """
    )
    runs = [subprocess.Popen([sys.executable, "-c", script, name]) for name in "ab"]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert sorted(guarded.read(FILE)) == sorted(b"ab" * 10)
    checkpoint = guarded.checkpoint()
    assert firsts(checkpoint.records()) == {f"/{FILE}": b"", "/etc/of-a": None, "/etc/of-b": None}
    assert [kept.aside for kept in checkpoint.records()] == [()] * 3


@pytest.mark.parametrize("deadline", [0, -5, 1e300, float("nan")])
def test_a_deadline_that_is_none_is_refused(deadline):
    with pytest.raises(Refused, match=r"deadline: is .* seconds, and a change would be taken back at once, or never"):
        Checkpoint("moby", deadline=deadline)
