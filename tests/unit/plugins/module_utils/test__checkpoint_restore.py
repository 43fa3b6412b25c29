# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: whatever we did to files, and whatever others did meanwhile, ends where it began and loses nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint_restore,
    _host_file,
    _host_file_write,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.support.fatal import killed_at
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import GuardedHost, quick_folder
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = "etc/docker/daemon.json"
PATHS = ("etc/a", "etc/one/a", "etc/one/b", "etc/one/two/three/c", "etc/one/two/d", "etc/empty/e")
CONTENTS = st.sampled_from([b"", b"x", b"\x00\xff\n", b"long" * 5000])
FILES = st.fixed_dictionaries(
    {
        "content": CONTENTS,
        "mode": st.sampled_from([0o644, 0o600, 0o755, 0o4755, 0]),
        "owner": st.sampled_from([0, 1234]),
        "mtime": st.integers(0, 2**33 * 10**9),
        "extended": st.dictionaries(st.sampled_from(["user.a", "user.b"]), st.binary(min_size=1, max_size=9)),
    }
)
FOLDER = st.tuples(st.sampled_from([0o755, 0o700, 0o2775]), st.sampled_from([0, 1234]))
BEFORE = st.dictionaries(st.sampled_from(PATHS), FILES)
OURS = st.tuples(st.just("ours"), st.sampled_from(PATHS), st.none() | CONTENTS)
THEIRS = st.tuples(st.just("theirs"), st.sampled_from(PATHS), st.none())


@contextlib.contextmanager
def fresh_host():
    """Without a systemd: it has nothing to say about files, and hypothesis asks for many hosts."""
    with quick_folder() as folder:
        host = GuardedHost(folder)
        shutil.rmtree(host.folder / "run")
        (host.folder / "etc/systemd/system").rmdir()
        (host.folder / "etc/systemd").rmdir()
        yield host


def lay(host, files, folder):
    (host.folder / "etc/empty").mkdir()
    for path, file in files.items():
        host.put(path, file["content"])
        full = host.folder / path
        os.chown(full, file["owner"], 99)
        full.chmod(file["mode"])
        for key, value in file["extended"].items():
            os.setxattr(full, key, value)
        os.utime(full, ns=(0, file["mtime"]))
    for path in host.folder.glob("etc/**/*"):
        if path.is_dir():
            os.chown(path, folder[1], 77)
            path.chmod(folder[0])


@settings(max_examples=150, deadline=None)
@given(BEFORE, FOLDER, st.lists(OURS, max_size=8))
def test_after_any_edits_of_ours_all_is_as_it_was_and_twice_is_once(before, folder, steps):
    with fresh_host() as host:
        lay(host, before, folder)
        tree = host.tree()
        for _ours, path, content in steps:
            host.change({path: content})
        changed = host.tree() != tree
        if steps and changed:
            restored = _checkpoint_restore.restore(host.checkpoint())
            assert restored.foreign == {}
            assert host.tree() == tree
        assert _checkpoint_restore.restore(host.checkpoint()) == ([], {})
        assert host.tree() == tree


@pytest.mark.parametrize("again", ["etc/one/a", "etc/one/two/three/c"])
def test_a_folder_that_went_and_came_again_before_another_file_was_put_into_it(guarded, again):
    guarded.put("etc/one/a", b"x")
    os.chown(guarded.folder / "etc/one", 1234, 77)
    tree = guarded.tree()
    for path, content in (("etc/one/a", None), (again, b"x"), ("etc/one/b", b"x")):
        guarded.change({path: content})
    _checkpoint_restore.restore(guarded.checkpoint())
    assert guarded.tree()["etc/one"] == tree["etc/one"]


@settings(max_examples=100, deadline=None)
@given(BEFORE, st.lists(OURS | THEIRS, max_size=8))
def test_whatever_others_write_in_between_is_kept_somewhere(before, steps):
    with fresh_host() as host:
        lay(host, before, (0o755, 0))
        firsts, in_our_way = {}, []
        for number, (whose, path, content) in enumerate(steps):
            found = host.read(path)
            if whose == "theirs":
                host.put(path, b"theirs %d" % number)
                continue
            if content != found:
                firsts.setdefault(path, found)
                in_our_way.append((path, found))
            host.change({path: content})
        in_our_way += [(path, host.read(path)) for path in firsts]
        restored = _checkpoint_restore.restore(host.checkpoint())
        assert {path: host.read(path) for path in firsts} == firsts
        told = {path: {host.read(kept[1:]) for kept in restored.foreign.get(f"/{path}", ())} for path in firsts}
        for path, content in in_our_way:
            if content is not None and content.startswith(b"theirs") and content != firsts[path]:
                assert content in told[path]
        assert all(content.startswith(b"theirs") for contents in told.values() for content in contents)
        # Whoever begins the way back anew tells the same.
        assert _checkpoint_restore.restore(host.checkpoint()).foreign == restored.foreign


def test_what_is_put_aside_is_private_and_named_by_its_file(guarded):
    guarded.put(FILE, b"old")
    guarded.change({FILE: b"ours"})
    guarded.put(FILE, b"theirs", 0o644)
    restored = _checkpoint_restore.restore(guarded.checkpoint())
    [kept] = restored.foreign[f"/{FILE}"]
    assert kept.startswith("/var/lib/container_hosts/checkpoints/moby/foreign/daemon.json.")
    assert (guarded.read(kept[1:]), guarded.read(FILE)) == (b"theirs", b"old")
    assert stat.S_IMODE((guarded.folder / kept[1:]).stat().st_mode) == 0o600


@pytest.mark.parametrize("before", [b"old", None])
@pytest.mark.parametrize(
    "obstacle", ["dangling link", "link to a file", "empty folder", "full folder", "fifo", "too large"]
)
def test_something_else_stands_where_the_file_was(guarded, before, obstacle):
    if before is not None:
        guarded.put(FILE, before)
    guarded.change({FILE: b"ours", "etc/other": b"ours"})
    guarded.put("etc/target", b"theirs")
    path = guarded.folder / FILE
    path.unlink()
    if obstacle == "dangling link":
        path.symlink_to("/nowhere")
    elif obstacle == "link to a file":
        path.symlink_to(guarded.folder / "etc/target")
    elif obstacle == "fifo":
        os.mkfifo(path)
    elif obstacle == "too large":
        path.write_bytes(bytes(_host_file.MAX_BYTES + 1))
    else:
        path.mkdir()
        if obstacle == "full folder":
            (path / "file").write_bytes(b"theirs")
    inode = path.lstat().st_ino
    restored = _checkpoint_restore.restore(guarded.checkpoint())
    assert guarded.read(FILE) == before
    assert not path.is_symlink()
    assert guarded.read("etc/other") is None
    assert guarded.read("etc/target") == b"theirs"
    if obstacle == "empty folder":
        assert restored.foreign == {}
    else:
        [aside] = restored.foreign[f"/{FILE}"]
        assert aside == f"/{FILE}.foreign-1"
        assert (guarded.folder / aside[1:]).lstat().st_ino == inode


def test_a_second_obstacle_does_not_replace_the_first(guarded):
    guarded.put(FILE, b"old")
    for number in (1, 2):
        guarded.change({FILE: b"ours"})
        (guarded.folder / FILE).unlink()
        (guarded.folder / FILE).symlink_to(f"/{number}")
        _checkpoint_restore.restore(guarded.checkpoint())
        guarded.checkpoint().forget()
    assert [os.readlink(guarded.folder / f"{FILE}.foreign-{number}") for number in (1, 2)] == ["/1", "/2"]


def test_a_file_behind_a_link_is_restored_and_the_link_stays(guarded):
    guarded.put("etc/real/daemon.json", b"old")
    (guarded.folder / "etc/docker").mkdir()
    (guarded.folder / FILE).symlink_to(guarded.folder / "etc/real/daemon.json")
    tree = guarded.tree()
    guarded.change({FILE: b"new"})
    assert guarded.read("etc/real/daemon.json") == b"new"
    _checkpoint_restore.take_back(guarded.checkpoint())
    assert guarded.tree() == tree


def test_what_someone_else_put_into_a_folder_of_ours_stays(guarded):
    guarded.change({"etc/new/ours": b"x"})
    guarded.put("etc/new/theirs", b"y")
    _checkpoint_restore.restore(guarded.checkpoint())
    assert os.listdir(guarded.folder / "etc/new") == ["theirs"]


def test_folders_above_a_private_one_are_made_again_for_all(guarded):
    guarded.put("var/secrets/service/id", b"secret", 0o600)
    folders = [guarded.folder / path for path in ("var/secrets/service", "var/secrets")]
    folders[0].chmod(0o700)
    guarded.change({"var/secrets/service/id": None})
    assert not folders[0].exists()
    folders[1].rmdir()  # as where all of it was of our making
    _checkpoint_restore.restore(guarded.checkpoint())
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o755]


def test_what_a_run_killed_in_its_write_left_beside_a_file_goes_too(guarded):
    guarded.put(FILE, b"old")
    tree = guarded.tree()
    number, left = 1, 0
    while killed_at(number, lambda: guarded.change({FILE: b"secret"})):
        left += any("daemon.json.container_hosts-" in name for name in guarded.tree())
        _checkpoint_restore.take_back(guarded.checkpoint())
        assert guarded.tree() == tree
        number += 1
    assert left


def test_an_unknown_record_blocks_nothing_else_but_is_told(guarded):
    guarded.put(FILE, b"old")
    guarded.change({FILE: b"new"})
    guarded.checkpoint().after_restore("of_another_version")
    with pytest.raises(Refused, match="knows no of_another_version"):
        _checkpoint_restore.restore(guarded.checkpoint())
    assert guarded.read(FILE) == b"old"
    record = next(guarded.own("pending").glob("*.record"))
    record.write_bytes(b'{"format": 2}\n')
    with pytest.raises(Refused, match=r"\.record: is no record of a file that this version can read"):
        _checkpoint_restore.restore(guarded.checkpoint())


def test_one_file_that_cannot_be_restored_holds_up_no_other(guarded, monkeypatch):
    files = ("etc/a", "etc/b", "etc/c")
    for path in files:
        guarded.put(path, b"old")
    guarded.change(dict.fromkeys(files, b"new"))
    real = os.rename

    def rename(old, new, **options):
        if new == "b":
            raise OSError(28, "No space left on device")
        real(old, new, **options)

    monkeypatch.setattr(os, "rename", rename)
    guarded.systemd.forget_calls()
    with pytest.raises(Refused, match="b: cannot be restored: No space left"):
        _checkpoint_restore.restore(guarded.checkpoint())
    assert [guarded.read(path) for path in files] == [b"old", b"new", b"old"]
    assert guarded.systemd.calls() == ["daemon-reload"]


def test_a_file_that_changes_while_it_is_restored_loses_nothing(guarded, monkeypatch):
    guarded.put(FILE, b"old")
    guarded.change({FILE: b"ours"})
    real = _host_file_write.put_back
    theirs = iter([b"theirs 1", b"theirs 2"])

    def put_back(*arguments):
        with contextlib.suppress(StopIteration):
            guarded.put(FILE, next(theirs))
        return real(*arguments)

    monkeypatch.setattr(_host_file_write, "put_back", put_back)
    restored = _checkpoint_restore.restore(guarded.checkpoint())
    assert guarded.read(FILE) == b"old"
    kept = {guarded.read(path[1:]) for path in restored.foreign[f"/{FILE}"]}
    assert kept == {b"theirs 1", b"theirs 2"}


def test_actions_are_done_after_the_files(guarded, monkeypatch):
    guarded.put(FILE, b"old")
    seen = []
    monkeypatch.setitem(_checkpoint_restore.ACTIONS, "trust_store", lambda: seen.append(guarded.read(FILE)))
    guarded.change({FILE: b"new"})
    guarded.checkpoint().after_restore("trust_store")
    _checkpoint_restore.restore(guarded.checkpoint())
    assert seen == [b"old"]


def test_take_back_leaves_nothing_behind(guarded):
    guarded.put(FILE, b"old")
    tree = guarded.tree()
    guarded.change({FILE: b"new", "etc/systemd/system/docker.service.d/x.conf": b"[Service]\n"})
    assert guarded.armed()
    _checkpoint_restore.take_back(guarded.checkpoint())
    assert (guarded.tree(), guarded.armed(), guarded.leftovers()) == (tree, False, [])


@pytest.mark.parametrize(
    "error", [Refused("x"), OSError(28, "full"), ValueError("a mistake of ours"), RecursionError()]
)
def test_take_back_raises_nothing_and_calls_the_guard(guarded, monkeypatch, error):
    guarded.change({FILE: b"new"})

    def restore(_checkpoint):
        raise error

    monkeypatch.setattr(_checkpoint_restore, "restore", restore)
    guarded.systemd.forget_calls()
    _checkpoint_restore.take_back(guarded.checkpoint())
    assert guarded.systemd.calls() == ["start --no-block -- container-hosts-moby-guard.service"]
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{guarded.systemd.bin}:{os.environ['PATH']}")
    guarded.guard()  # as systemd would, now
    assert (guarded.read(FILE), guarded.checkpoint().pending()) == (None, False)


def test_take_back_raises_nothing_even_where_the_guard_cannot_be_called(guarded, monkeypatch):
    guarded.change({FILE: b"new"})
    guarded.systemd.on("container-hosts-moby-guard.service", "start", "exit 1")
    monkeypatch.setattr(_checkpoint_restore, "restore", lambda _checkpoint: 1 / 0)
    _checkpoint_restore.take_back(guarded.checkpoint())
    assert guarded.checkpoint().pending()
