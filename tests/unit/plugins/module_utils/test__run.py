# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run: first as check mode, then for real, and only if something is to change."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _checkpoint_restore,
    _host_file,
    _host_file_write,
    _run,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice


def two_files(params, run):
    for name in ("one", "two"):
        run.edit(f"/{name}", lambda found: params["content"])
        run.notice(Notice("reader", name, "why"), Notice("reader", "same", "why"))
    return {"check": run.check_mode}


def test_a_real_run_after_a_check_that_saw_a_change(tmp_path):
    run, result = _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, result, len(run.diffs), len(run.notices)) == (True, {"check": False}, 2, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_no_real_run_where_nothing_is_to_change(tmp_path):
    _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    run, result = _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, result, run.diffs) == (False, {"check": True}, [])


@pytest.mark.parametrize(("content", "shown"), [(b"x", ["/file (access)"]), (b"y", ["/file", "/file (access)"])])
def test_a_diff_of_the_access_that_was_held(tmp_path, content, shown):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "file").chmod(0o644)
    missing = _host_file.Missing(mode=0o600, owner=0, group=1234)

    def hold(_params, run):
        run.edit("/file", lambda _found: content, missing=missing, hold=True)
        return {}

    run, _result = _run.carry_out(hold, {}, check_mode=False, root=str(tmp_path))
    assert [diff["after_header"] for diff in run.diffs] == shown
    assert run.diffs[-1]["before"] == "owner: root\ngroup: root\nmode: 0644\n"
    assert run.diffs[-1]["after"] == "owner: root\ngroup: 1234\nmode: 0600\n"
    assert not _run.carry_out(hold, {}, check_mode=False, root=str(tmp_path))[0].changed


def test_check_mode_writes_nothing(tmp_path):
    run, _result = _run.carry_out(two_files, {"content": b"x"}, check_mode=True, root=str(tmp_path))
    assert run.changed
    assert list(tmp_path.iterdir()) == []


def test_the_second_file_refused_leaves_the_first_unwritten(tmp_path):
    (tmp_path / "two").mkdir()
    with pytest.raises(Refused, match="two: is a directory"):
        _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_refusal_says_where_what_and_what_instead():
    assert str(Refused("is no port.", where="a.b", instead="Write 3128.")) == "a.b: is no port. Write 3128."
    assert str(Refused("is no port")) == "is no port."


@pytest.mark.parametrize(
    ("name", "answer"),
    [("log-drivr", " Did you mean log-driver?"), ("LOG-DRIVER", " Did you mean log-driver?"), ("xyz", "")],
)
def test_did_you_mean(name, answer):
    assert did_you_mean(name, ["log-driver", "dns"]) == answer


# Under a checkpoint --------------------------------------------------------------------------------------------------


def under_checkpoint(host, ensure, **options):
    return _run.carry_out(ensure, {"content": b"x"}, root=host.root, checkpoint=host.checkpoint(), **options)


def three_files(fails):
    """Return what edits three files, and calls `fails` before the last one's real edit."""

    def ensure(params, run):
        run.edit("/etc/one", lambda found: params["content"])
        run.edit("/etc/two", lambda found: None)
        if not run.check_mode:
            fails()
        run.edit("/etc/new/three", lambda found: params["content"])
        return {}

    return ensure


def nothing():
    """Fail in no way."""


def test_a_change_under_a_checkpoint_is_pending(guarded):
    guarded.put("etc/two", b"old")
    run, _result = under_checkpoint(guarded, three_files(nothing), check_mode=False)
    assert (run.changed, guarded.read("etc/new/three"), guarded.read("etc/two")) == (True, b"x", None)
    assert guarded.checkpoint().pending()
    assert guarded.armed()


@pytest.mark.parametrize("check_mode", [True, False])
def test_no_change_and_check_mode_leave_no_trace_of_a_checkpoint(guarded, check_mode):
    for name in ("etc/one", "etc/new/three"):
        guarded.put(name, b"y" if check_mode else b"x")
    tree = guarded.tree()
    run, _result = under_checkpoint(guarded, three_files(nothing), check_mode=check_mode)
    assert (run.changed, guarded.tree(), guarded.own().parent.exists()) == (check_mode, tree, False)
    assert guarded.systemd.calls() == []


@pytest.mark.parametrize("error", [Refused("no"), OSError(28, "full"), KeyError("our mistake"), KeyboardInterrupt()])
@pytest.mark.parametrize("way_back", ["open", "blocked", "broken"])
def test_a_failure_takes_all_back_and_is_the_one_that_is_told(guarded, monkeypatch, error, way_back):
    guarded.put("etc/two", b"old")
    tree = guarded.tree()

    def fails():
        if way_back == "blocked":
            monkeypatch.setattr(_host_file_write, "put_back", block)
        elif way_back == "broken":
            monkeypatch.setattr(_checkpoint_restore, "restore", lambda _checkpoint: {}["a mistake of ours"])
        raise error

    def block(path, *_arguments):
        raise Refused("cannot be restored", where=path)

    with pytest.raises(type(error)) as caught:
        under_checkpoint(guarded, three_files(fails), check_mode=False)
    assert caught.value is error
    if way_back == "open":
        assert (guarded.tree(), guarded.armed(), guarded.leftovers()) == (tree, False, [])
    else:
        assert guarded.checkpoint().pending()
        assert "start --no-block -- container-hosts-moby-guard.service" in guarded.systemd.calls()
        monkeypatch.setattr(_host_file_write, "put_back", PUT_BACK)
        monkeypatch.setattr(_checkpoint_restore, "restore", RESTORE)
        guarded.guard()  # which systemd starts, and tries on
        assert (guarded.tree(), guarded.armed()) == (tree, False)


PUT_BACK, RESTORE = _host_file_write.put_back, _checkpoint_restore.restore


def test_a_failure_takes_back_what_earlier_runs_left_pending_too(guarded):
    guarded.put("etc/two", b"old")
    tree = guarded.tree()
    guarded.change({"etc/earlier": b"x"})
    with pytest.raises(ZeroDivisionError):
        under_checkpoint(guarded, three_files(lambda: 1 / 0), check_mode=False)
    assert guarded.tree() == tree


def test_who_holds_the_lock_is_waited_for(guarded, monkeypatch):
    monkeypatch.setattr(_checkpoint.Checkpoint.locked.__wrapped__, "__kwdefaults__", {"seconds": 0.1})
    guarded.change({"etc/earlier": b"x"}, guarded.checkpoint("other"))
    other = guarded.checkpoint("other").locked(create=True, seconds=1)
    with other, pytest.raises(Refused, match="is locked by another run"):
        under_checkpoint(guarded, three_files(nothing), check_mode=True)


# Our own notes -------------------------------------------------------------------------------------------------------

NOTE = "var/lib/container_hosts/note.json"


def with_note(content):
    def ensure(params, run):
        run.edit("/etc/one", lambda found: params["content"])
        run.keep_note(f"/{NOTE}", lambda found: content)
        return {}

    return ensure


def test_a_note_is_roots_alone_and_in_no_diff(tmp_path):
    run, _result = _run.carry_out(with_note(b"s3cret"), {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, [diff["after_header"] for diff in run.diffs]) == (True, ["/etc/one"])
    assert ((tmp_path / NOTE).read_bytes(), (tmp_path / NOTE).stat().st_mode & 0o777) == (b"s3cret", 0o600)
    assert (tmp_path / NOTE).parent.stat().st_mode & 0o777 == 0o700
    run, _result = _run.carry_out(with_note(None), {"content": b"y"}, check_mode=False, root=str(tmp_path))
    assert not (tmp_path / NOTE).parent.exists()


def test_a_note_alone_is_no_change(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/one").write_bytes(b"x")
    for check_mode in (True, False):
        run, _result = _run.carry_out(with_note(b"n"), {"content": b"x"}, check_mode=check_mode, root=str(tmp_path))
        assert (run.changed, (tmp_path / NOTE).exists()) == (False, False)


def test_a_note_goes_back_with_what_it_is_about(guarded):
    (guarded.folder / NOTE).parent.mkdir(parents=True)
    (guarded.folder / NOTE).write_bytes(b"old")
    under_checkpoint(guarded, with_note(b"new"), check_mode=False)
    assert guarded.read(NOTE) == b"new"
    assert [kept.record.path for kept in guarded.checkpoint().records()] == ["/etc/one", f"/{NOTE}"]
    guarded.checkpoint().take_back()
    assert (guarded.read(NOTE), guarded.read("etc/one")) == (b"old", None)
