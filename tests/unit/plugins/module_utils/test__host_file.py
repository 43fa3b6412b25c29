# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door to the disk, judged by what lies on the disk afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file, _host_file_write
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.support.fatal import killed_at


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "daemon.json")


def put(path, content=b"old\n", mode=0o644):
    with open(path, "wb") as handle:
        handle.write(content)
    os.chmod(path, mode)


def content(path):
    with open(path, "rb") as handle:
        return handle.read()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def to(wanted):
    return lambda _found: wanted


def names(folder):
    return sorted(os.listdir(folder))


def test_present_other_bytes(path):
    put(path)
    edit = _host_file.edit(path, to(b"new\n"))
    assert (edit.changed, edit.before, edit.after) == (True, b"old\n", b"new\n")
    assert content(path) == b"new\n"


def test_present_other_bytes_check(path):
    put(path)
    assert _host_file.edit(path, to(b"new\n"), check_mode=True)[:5] == (path, b"old\n", b"new\n", True, None)
    assert content(path) == b"old\n"


def test_present_same_bytes_is_never_touched(path):
    put(path)
    before = os.stat(path)
    assert _host_file.edit(path, to(b"old\n"), backup=True).changed is False
    after = os.stat(path)
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_absent_creates_with_folders(tmp_path):
    path = str(tmp_path / "a" / "b" / "file")
    old = os.umask(0o077)
    try:
        _host_file.edit(path, to(b"x"), missing=_host_file.Missing(mode=0o640, folder_mode=0o750))
    finally:
        os.umask(old)
    assert (content(path), mode(path), mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (b"x", 0o640, 0o750, 0o750)


def test_absent_check_makes_no_folder(tmp_path):
    assert _host_file.edit(str(tmp_path / "a" / "file"), to(b"x"), check_mode=True).changed
    assert names(tmp_path) == []


def test_absent_stays_absent(path):
    assert _host_file.edit(path, to(None)).changed is False


def test_remove_and_its_empty_folder(tmp_path):
    path = str(tmp_path / "docker.service.d" / "x.conf")
    _host_file.edit(path, to(b"x"))
    assert _host_file.edit(path, to(None), remove_empty_folder=True).changed
    assert names(tmp_path) == []


def test_remove_keeps_a_folder_with_something_in_it(tmp_path):
    path = str(tmp_path / "d" / "x.conf")
    _host_file.edit(path, to(b"x"))
    put(str(tmp_path / "d" / "other.conf"))
    _host_file.edit(path, to(None), remove_empty_folder=True)
    assert names(tmp_path / "d") == ["other.conf"]


@pytest.mark.parametrize(
    ("before", "private", "expected"), [(0o644, True, 0o600), (0o600, False, 0o600), (0o640, False, 0o640)]
)
def test_mode_is_kept_or_tightened_never_loosened(path, before, private, expected):
    put(path, mode=before)
    _host_file.edit(path, to(b"new\n"), private=private)
    assert mode(path) == expected


def test_private_alone_is_a_change(path):
    put(path, mode=0o644)
    assert _host_file.edit(path, to(b"old\n"), private=lambda after: after == b"old\n").changed
    assert (content(path), mode(path)) == (b"old\n", 0o600)
    assert not _host_file.edit(path, to(b"old\n"), private=True).changed


def test_new_private_file(path):
    _host_file.edit(path, to(b"x"), private=True)
    assert mode(path) == 0o600


def test_owner_is_kept(path):
    if os.geteuid() != 0:
        pytest.fail("run as root: only root can make a file of another owner")
    put(path)
    os.chown(path, 1234, 4321)
    _host_file.edit(path, to(b"new\n"), backup=True)
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (1234, 4321)


HELD = _host_file.Missing(mode=0o640, owner=1234, group=4321)


def access(path):
    status = os.stat(path)
    return (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


@pytest.mark.parametrize("before", [(0o644, 0, 0), (0o600, 1234, 4321), (0o640, 1234, 0), (0o666, 77, 4321)])
@pytest.mark.parametrize("new", [b"old\n", b"new\n"])
def test_access_that_is_held_is_repaired_also_where_the_bytes_are_right(path, before, new):
    put(path, mode=before[0])
    os.chown(path, *before[1:])
    os.utime(path, ns=(0, 10**18 + 5))
    foretold = _host_file.edit(path, to(new), missing=HELD, hold=True, check_mode=True)
    assert (access(path), content(path)) == (before, b"old\n")
    edit = _host_file.edit(path, to(new), missing=HELD, hold=True)
    assert (edit, edit.access) == (foretold, (before, (0o640, 1234, 4321)))
    assert (access(path), content(path)) == ((0o640, 1234, 4321), new)
    # To a new owner the file is news, and so looks new.
    assert (os.stat(path).st_mtime_ns == 10**18 + 5) is (new == b"old\n" and before[1:] == (1234, 4321))
    untouched = os.stat(path)
    assert _host_file.edit(path, to(new), missing=HELD, hold=True).changed is False
    assert os.stat(path) == untouched


def test_held_access_of_nobody_in_particular_leaves_the_owner(path):
    put(path)
    os.chown(path, 1234, 4321)
    _host_file.edit(path, to(b"old\n"), missing=_host_file.Missing(mode=0o600), hold=True)
    assert access(path) == (0o600, 1234, 4321)


def test_a_held_file_is_not_given_away_under_its_other_name(tmp_path):
    put(str(tmp_path / "shadow"))
    os.link(tmp_path / "shadow", tmp_path / "file")
    _host_file.edit(str(tmp_path / "file"), to(b"old\n"), missing=HELD, hold=True)
    assert (access(tmp_path / "file"), access(tmp_path / "shadow")) == ((0o640, 1234, 4321), (0o644, 0, 0))


def test_a_held_mode_is_held_against_an_acl(path):
    put(path, mode=0o644)
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 7, 77), (0x04, 4, nobody), (0x10, 7, nobody), (0x20, 4, nobody)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", acl)
    _host_file.edit(path, to(b"old\n"), missing=HELD, hold=True)
    assert access(path) == (0o640, 1234, 4321)
    assert not _host_file.edit(path, to(b"old\n"), missing=HELD, hold=True).changed


def test_a_new_file_and_its_removal_have_no_access_to_repair(path):
    edit = _host_file.edit(path, to(b"x"), missing=HELD, hold=True)
    assert (edit.changed, edit.access, access(path)) == (True, None, (0o640, 1234, 4321))
    edit = _host_file.edit(path, to(None), missing=_host_file.Missing(mode=0o600), hold=True)
    assert (edit.changed, edit.access, os.path.exists(path)) == (True, None, False)


def test_folders_above_the_files_own_are_made_another_way(tmp_path):
    path = str(tmp_path / "a" / "b" / "c" / "file")
    above = _host_file.Missing(folder_mode=0o755)
    missing = _host_file.Missing(mode=0o600, folder_mode=0o700, owner=1234, group=4321, above=above)
    _host_file.edit(path, to(b"x"), missing=missing)
    found = [access(tmp_path / folder) for folder in ("a", "a/b", "a/b/c")]
    assert found == [(0o755, 0, 0), (0o755, 0, 0), (0o700, 1234, 4321)]


def test_extended_attributes_are_kept(path):
    put(path)
    os.setxattr(path, "user.origin", b"kept")
    _host_file.edit(path, to(b"new\n"))
    assert os.getxattr(path, "user.origin") == b"kept"


def test_backup_is_the_old_file_and_private(path):
    put(path, b"secret\n", 0o644)
    edit = _host_file.edit(path, to(b"new\n"), backup=True)
    assert content(edit.backup_file) == b"secret\n"
    assert mode(edit.backup_file) == 0o600
    assert os.path.dirname(edit.backup_file) == os.path.dirname(path)


def test_link_is_kept_and_its_target_edited(tmp_path):
    target, link = str(tmp_path / "target"), str(tmp_path / "link")
    put(target)
    os.symlink("target", link)
    _host_file.edit(link, to(b"new\n"))
    assert (os.readlink(link), content(target)) == ("target", b"new\n")


def test_link_that_a_user_made_to_a_strangers_file(tmp_path):
    target, link = str(tmp_path / "target"), str(tmp_path / "link")
    put(target)
    os.symlink(target, link)
    os.chown(link, 1234, 1234, follow_symlinks=False)
    with pytest.raises(Refused, match=r"user 1234 made to .*target, which belongs to user 0"):
        _host_file.edit(link, to(b"new\n"))
    assert content(target) == b"old\n"


def test_dangling_link(tmp_path):
    link = str(tmp_path / "link")
    os.symlink("nowhere", link)
    with pytest.raises(Refused, match="symbolic link to nowhere, which does not exist"):
        _host_file.edit(link, to(b"new\n"))
    assert names(tmp_path) == ["link"]


def test_removal_through_a_link(tmp_path):
    put(str(tmp_path / "target"))
    os.symlink("target", tmp_path / "link")
    with pytest.raises(Refused, match="symbolic link, and what it leads to is not ours to remove"):
        _host_file.edit(str(tmp_path / "link"), to(None))
    assert names(tmp_path) == ["link", "target"]


def test_link_to_dev_null(tmp_path):
    os.symlink("/dev/null", tmp_path / "link")
    with pytest.raises(Refused, match="is a device, not a regular file"):
        _host_file.edit(str(tmp_path / "link"), to(b"x"))


def test_directory(tmp_path):
    with pytest.raises(Refused, match="is a directory, not a regular file"):
        _host_file.edit(str(tmp_path), to(b"x"))


def test_named_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="is a named pipe"):
        _host_file.edit(str(tmp_path / "pipe"), to(b"x"))


def test_too_big(path):
    put(path, b"x" * 11)
    with pytest.raises(Refused, match="has 11 bytes; more than 10"):
        _host_file.edit(path, to(b"x"), limit=10)
    assert content(path) == b"x" * 11


def test_relative_path():
    with pytest.raises(Refused, match="not an absolute path"):
        _host_file.edit("daemon.json", to(b"x"))


def test_parent_is_a_file(path):
    put(path)
    with pytest.raises(Refused, match="cannot be read: Not a directory"):
        _host_file.edit(path + "/below", to(b"x"))


def test_refused_by_validate_also_in_check_mode(path):
    put(path)

    def refuse(after):
        raise Refused("no such key", where=path)

    for check_mode in (True, False):
        with pytest.raises(Refused, match="no such key"):
            _host_file.edit(path, to(b"new\n"), validate=refuse, check_mode=check_mode)
    assert (content(path), names(os.path.dirname(path))) == (b"old\n", ["daemon.json"])


def test_validate_is_not_asked_about_what_does_not_change(path):
    put(path)
    assert not _host_file.edit(path, to(b"old\n"), validate=lambda after: pytest.fail("asked")).changed


def test_read_only_file_system(tmp_path):
    mounted = tmp_path / "ro"
    mounted.mkdir()
    put(str(mounted / "file"))
    # A mount of its own name space, which ends with the process.
    script = textwrap.dedent(
        f"""
        import subprocess, sys
        subprocess.run(["mount", "--bind", "{mounted}", "{mounted}"], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", "{mounted}"], check=True)
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file, _errors
        try:
            _host_file.edit("{mounted}/file", lambda found: b"new")
        except _errors.Refused as refused:
            print(refused)
        """
    )
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert (
        f"{mounted}/file: cannot be written, and is as it was: Read-only file system. The file system is mounted"
        in done.stdout
    )
    assert (content(mounted / "file"), names(mounted)) == (b"old\n", ["file"])


def test_full_disk_leaves_the_old_file(tmp_path):
    mounted = tmp_path / "small"
    mounted.mkdir()
    script = textwrap.dedent(
        f"""
        import os, subprocess
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", "{mounted}"], check=True)
        open("{mounted}/file", "wb").write(b"old")
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file, _errors
        for backup in (False, True):
            try:
                _host_file.edit("{mounted}/file", lambda found: b"x" * 1000000, backup=backup)
            except _errors.Refused as refused:
                print(refused)
        print(len(os.listdir("{mounted}")), open("{mounted}/file", "rb").read())
        """
    )
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("No space left on device. The disk is full") == 2
    # Two files: the old one, and the backup that was complete before the disk ran full.
    assert done.stdout.splitlines()[-1] == "2 b'old'"


def test_another_writer_in_between_is_not_lost(path):
    put(path, b"a")
    calls = []

    def append(found):
        calls.append(found)
        if len(calls) == 1:
            put(path, b"ab")  # somebody else, between our read and our rename
        return found + b"!"

    assert _host_file.edit(path, append).before == b"ab"
    assert (content(path), calls) == (b"ab!", [b"a", b"ab"])


def test_a_file_that_never_rests(path):
    put(path, b"")

    def restless(found):
        put(path, found + b"x")
        return b"ours"

    with pytest.raises(Refused, match="was changed by another process 5 times"):
        _host_file.edit(path, restless)
    assert names(os.path.dirname(path)) == ["daemon.json"]


@pytest.mark.parametrize("number", range(1, 12))
def test_killed_while_access_is_repaired_leaves_the_old_or_the_new(path, number):
    put(path)
    killed_at(number, lambda: _host_file.edit(path, to(b"old\n"), missing=HELD, hold=True))
    assert (access(path), content(path)) in (((0o644, 0, 0), b"old\n"), ((0o640, 1234, 4321), b"old\n"))
    _host_file.edit(path, to(b"old\n"), missing=HELD, hold=True)
    _host_file.edit(path, to(b"new\n"), missing=HELD, hold=True)
    assert (access(path), names(os.path.dirname(path))) == ((0o640, 1234, 4321), ["daemon.json"])


def _append_lines(path, writer):
    for number in range(25):
        line = f"{writer}.{number}\n".encode()
        written = False
        while not written:
            # Four writers may well disturb one another five times in a row; then it is refused, and tried anew.
            with contextlib.suppress(Refused):
                written = _host_file.edit(path, lambda found, line=line: (found or b"") + line).changed


def test_concurrent_writers_lose_nothing(path):
    writers = [
        multiprocessing.get_context("fork").Process(target=_append_lines, args=(path, writer)) for writer in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(content(path).decode().split()) == sorted(
        f"{writer}.{number}" for writer in range(4) for number in range(25)
    )


def test_a_held_lock_is_waited_for_and_then_named(path, monkeypatch):
    monkeypatch.setattr(_host_file_write, "LOCK_SECONDS", 0.2)
    put(path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        with pytest.raises(Refused, match="is locked by another run"):
            _host_file.edit(path, to(b"new\n"))
    finally:
        os.close(folder)
    assert content(path) == b"old\n"


STEPS = ["os.open", "os.fchown", "os.fchmod", "os.fsync", "os.rename", "os.unlink"]


@pytest.mark.parametrize("step", [f"{name} {number}" for name in STEPS for number in (1, 2, 3)])
def test_killed_at_any_step_leaves_old_or_new_and_the_next_run_cleans_up(path, step):
    """kill -9 before the n-th call of each system call that an edit with a backup makes."""
    put(path, b"old")
    name, number = step.split()
    script = textwrap.dedent(
        f"""
        import os, signal
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file
        real, calls = {name}, []
        def deadly(*args, **kwargs):
            calls.append(1)
            if len(calls) == {number}:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        {name} = deadly
        _host_file.edit("{path}", lambda found: b"new", backup=True)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    assert content(path) in (b"old", b"new")
    if done.returncode == 0:
        assert content(path) == b"new"
    _host_file.edit(path, to(b"newer"))
    left = [name for name in names(os.path.dirname(path)) if not name.endswith("~")]
    assert (content(path), left) == (b"newer", ["daemon.json"])
    for backup in set(names(os.path.dirname(path))) - set(left):
        assert content(os.path.join(os.path.dirname(path), backup)) == b"old"
