# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guard decides from the files it finds, and that its units come and go with a pending change."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _checkpoint, _guard, _guard_units
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

FILE = "etc/docker/daemon.json"
UNITS = "etc/systemd/system"
REQUEST = {
    "id": "1",
    "run": None,
    "units": [],
    "settings": {},
    "preflight": None,
    "verify": [],
    "stable": 0.0,
    "seconds": 20.0,
    "secrets": [],
    "was": {},
    "pending": True,
}


@pytest.fixture
def changed(guarded):
    """Return a host with a change that is pending."""
    guarded.put(FILE, b"old")
    guarded.before = guarded.tree()
    guarded.change({FILE: b"new"})
    return guarded


def past_the_deadline(host):
    (host.folder / "run/container_hosts/moby.armed").write_text('{"deadline": 0}')


def outcome(host):
    return host.checkpoint().read("result.json")


def gone(host):
    return not host.armed() and set(host.leftovers()) <= {"result.json"}


def test_the_units_of_a_pending_change(changed):
    assert sorted(os.listdir(changed.folder / UNITS)) == [
        "container-hosts-moby-boot.service",
        "container-hosts-moby-guard.service",
        "container-hosts-moby-guard.timer",
        "sysinit.target.wants",
    ]
    link = changed.folder / UNITS / "sysinit.target.wants/container-hosts-moby-boot.service"
    assert link.resolve() == changed.folder / UNITS / "container-hosts-moby-boot.service"
    service = changed.read(f"{UNITS}/container-hosts-moby-guard.service").decode()
    code = f"{changed.root}/var/lib/container_hosts/checkpoints/moby/guard.zip"
    assert f'ExecStart="{sys.executable}" -I -B {code} moby\n' in service
    assert b"OnActiveSec=3600.000\n" in changed.read(f"{UNITS}/container-hosts-moby-guard.timer")
    assert changed.systemd.calls() == ["restart container-hosts-moby-guard.timer"]
    assert stat.S_IMODE(changed.own("guard.zip").stat().st_mode) == 0o600


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this host")
def test_systemd_takes_the_units(changed, tmp_path):
    for path in (changed.folder / UNITS).glob("container-hosts-*"):
        text = path.read_text().replace(changed.root, "")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.glob("container-hosts-*"))],
        capture_output=True,
        check=False,
    )
    complaints = [line for line in done.stderr.decode().splitlines() if "container-hosts-" in line]
    assert complaints == []


@pytest.mark.parametrize(
    ("path", "written"), [("/usr/bin/python3", '"/usr/bin/python3"'), ('/a b/%p/"x"\\', '"/a b/%%p/\\"x\\"\\\\"')]
)
def test_a_path_as_systemd_reads_it(path, written):
    assert _guard_units._quoted(path) == written


def test_a_long_deadline_is_written_out(guarded):
    guarded.change({FILE: b"x"}, guarded.checkpoint(deadline=12345678.5))
    assert b"OnActiveSec=12345678.500\n" in guarded.read(f"{UNITS}/container-hosts-moby-guard.timer")


def test_another_deadline_is_read_anew_by_systemd(changed):
    changed.systemd.forget_calls()
    changed.change({"etc/b": b"x"}, changed.checkpoint(deadline=5))
    assert changed.systemd.calls() == ["daemon-reload", "restart container-hosts-moby-guard.timer"]


def test_nothing_is_changed_where_the_guard_cannot_be_armed(guarded):
    guarded.put(FILE, b"old")
    tree = guarded.tree()
    guarded.systemd.on("container-hosts-moby-guard.timer", "restart", "exit 1")
    with pytest.raises(Refused, match="container-hosts-moby-guard"):
        guarded.change({FILE: b"new"})
    guarded.checkpoint().take_back()
    assert guarded.read(FILE) == b"old"
    checkpoint = guarded.checkpoint()
    assert (checkpoint.pending(), checkpoint.to_end()) == (False, True)
    _guard_units.disarm(checkpoint)
    assert (guarded.tree(), checkpoint.to_end()) == (tree, False)


def test_without_a_systemd_there_is_no_guard(changed):
    shutil.rmtree(changed.folder / "run/systemd")
    changed.systemd.forget_calls()
    _guard_units.disarm(changed.checkpoint())
    _guard_units.call_to_take_back(changed.checkpoint())
    changed.change({FILE: b"newer"})
    assert changed.systemd.calls() == []


# What the guard decides ---------------------------------------------------------------------------------------------


def test_before_the_deadline_it_waits_and_has_itself_called_again(changed):
    changed.systemd.forget_calls()
    changed.guard()
    assert (changed.read(FILE), changed.armed(), outcome(changed)) == (b"new", True, None)
    # Who set the deadline anew may have died before it told the timer.
    assert changed.systemd.calls() == ["restart container-hosts-moby-guard.timer"]


def test_after_the_deadline_it_takes_back(changed):
    past_the_deadline(changed)
    changed.guard()
    result = outcome(changed)
    assert (result["state"], result["restored"], result["foreign"]) == ("rolled_back", [f"/{FILE}"], {})
    assert "within its time" in result["reason"]
    assert changed.tree() == changed.before
    assert gone(changed)


def test_where_nobody_knows_the_deadline_it_takes_back(changed):
    changed.reboot()
    changed.guard()
    assert changed.tree() == changed.before


@pytest.mark.parametrize("file", [None, "request.json", "running.json"])
def test_at_boot_it_takes_back_whatever_was_under_way(changed, file):
    if file:
        changed.checkpoint().write(file, REQUEST)
    changed.reboot()
    changed.guard(boot=True)
    result = outcome(changed)
    assert (result["id"], result["state"]) == ("1" if file else None, "rolled_back")
    assert "lost its power" in result["reason"]
    assert changed.tree() == changed.before
    assert gone(changed)
    assert changed.systemd.calls("restart")[1:] == []  # nothing runs yet that could be restarted


def test_at_boot_work_that_was_moved_away_is_told_of(changed):
    """Whoever would give it back isn't up yet."""
    changed.checkpoint().write("running.json", {**REQUEST, "drained": True})
    changed.reboot()
    changed.guard(boot=True)
    [trouble] = outcome(changed)["troubles"]
    assert "nomad node drain -self -disable" in trouble


def test_at_boot_what_was_committed_stays_and_is_told(changed):
    changed.checkpoint().commit({})
    changed.checkpoint().write("running.json", REQUEST)
    changed.reboot()
    changed.guard(boot=True)
    assert (changed.read(FILE), outcome(changed)["state"], outcome(changed)["id"]) == (b"new", "committed", "1")
    assert gone(changed)


def test_at_boot_what_is_told_already_is_not_told_otherwise(changed):
    changed.checkpoint().commit({})
    changed.checkpoint().write("running.json", REQUEST)
    changed.checkpoint().write("result.json", {"id": "1", "state": "committed", "commit": "0001-x"})
    changed.guard(boot=True)
    assert outcome(changed)["commit"] == "0001-x"


def test_a_request_is_carried_out_and_committed(changed):
    changed.checkpoint().write("request.json", REQUEST)
    changed.guard()
    result = outcome(changed)
    [commit] = changed.checkpoint().commits()
    assert (result["id"], result["state"], result["commit"]) == ("1", "committed", commit.id)
    assert changed.read(FILE) == b"new"
    assert gone(changed)


def test_a_request_that_fails_is_taken_back(changed):
    changed.checkpoint().write("request.json", {**REQUEST, "verify": [["/bin/false"]]})
    changed.guard()
    assert (outcome(changed)["state"], changed.checkpoint().commits()) == ("rolled_back", [])
    assert changed.tree() == changed.before
    assert gone(changed)


def test_a_guard_that_was_killed_takes_back_on_its_next_start(changed):
    changed.checkpoint().write("running.json", REQUEST)
    changed.checkpoint().write("request.json", {**REQUEST, "id": "2"})  # its maker died too
    changed.guard()
    assert (outcome(changed)["id"], outcome(changed)["state"]) == ("1", "rolled_back")
    assert "was killed" in outcome(changed)["reason"]
    assert changed.tree() == changed.before
    assert gone(changed)


def test_what_is_deferred_stays_until_its_units_are_restarted(changed):
    changed.checkpoint().write(_checkpoint.DEFERRED, {"units": ["docker.service"], "touched": {}, "was": {}})
    past_the_deadline(changed)
    changed.guard()  # as after a kill while it took itself away
    assert (changed.read(FILE), changed.checkpoint().pending(), outcome(changed)) == (b"new", True, None)
    assert not changed.armed()


def test_what_came_on_top_of_something_deferred_is_taken_back(changed):
    changed.checkpoint().write(_checkpoint.DEFERRED, {"units": ["docker.service"], "touched": {}, "was": {}})
    changed.change({FILE: b"newer"})
    past_the_deadline(changed)
    changed.guard()
    assert changed.tree() == changed.before


def test_nothing_to_do_takes_its_units_along(guarded):
    guarded.change({})
    with guarded.checkpoint().locked(create=True):
        _guard_units.arm(guarded.checkpoint())
    guarded.guard()
    assert gone(guarded)
    assert outcome(guarded) is None


def test_a_blocked_way_back_is_tried_again_and_nothing_is_forgotten(changed, monkeypatch):
    past_the_deadline(changed)
    real = os.rename

    def rename(old, new, **options):
        if new == "daemon.json":
            raise OSError(30, "Read-only file system")
        real(old, new, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        with pytest.raises(Refused, match="Read-only"):
            changed.guard()
    assert (changed.checkpoint().pending(), changed.armed(), outcome(changed)) == (True, True, None)
    changed.guard()
    assert changed.tree() == changed.before


def test_two_checkpoints_share_the_folder_that_the_first_made(guarded):
    tree = guarded.tree()
    for name in ("a", "b"):
        guarded.change({f"etc/{name}": b"x"}, guarded.checkpoint(name))
    for name in ("a", "b"):
        guarded.checkpoint(name).take_back()
    assert guarded.tree() == tree


def test_a_folder_that_was_there_stays(guarded):
    (guarded.folder / UNITS / "sysinit.target.wants").mkdir()
    tree = guarded.tree()
    guarded.change({FILE: b"x"})
    guarded.checkpoint().take_back()
    assert guarded.tree() == tree


def test_who_asked_the_guard_gave_it_its_code_and_others_leave_that(changed):
    changed.own("guard.zip").write_bytes(b"of verified_restart")
    changed.checkpoint().write("running.json", REQUEST)
    changed.change({"etc/b": b"x"})
    assert changed.own("guard.zip").read_bytes() == b"of verified_restart"
    _guard_units.arm(changed.checkpoint(), code=True)
    assert zipfile.is_zipfile(changed.own("guard.zip"))


# Its code -----------------------------------------------------------------------------------------------------------

# As root in a mount namespace of its own, /var/lib, /run and /etc are the tree's: what is tested is the real thing.
INSIDE = """
set -eu
for path in var/lib run etc/systemd/system etc/docker; do
  mkdir -p "/$path"; mount --bind "$1/$path" "/$path"
done
shift
exec "$@"
"""


def inside(host, *command):
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", INSIDE, "bash", host.root, *command],
        capture_output=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "/nowhere"},
    )


def pythons():
    """Return this Python, and the oldest that hosts may have, where it can be found."""
    old = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8")) or [
        Path(found) for found in [shutil.which("python3.8")] if found
    ]
    return [sys.executable, *map(str, old[-1:])]


def code_of_an_ansible_module(tmp_path):
    """Return the guard's code as a process makes it that runs from a zip file, as Ansible's modules do."""
    made = tmp_path / "made.zip"
    payload = tmp_path / "payload.zip"
    with zipfile.ZipFile(payload, "w") as code:
        _guard_units._add_package(code, _guard_units.__name__.rpartition(".")[0])
    script = f"""
        import sys
        sys.path.insert(0, {str(payload)!r})
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _guard_units
        assert _guard_units.__file__.startswith({str(payload)!r})
        open({str(made)!r}, "wb").write(_guard_units._code())
    """
    subprocess.run([sys.executable, "-I", "-B", "-c", textwrap.dedent(script)], check=True)
    return made.read_bytes()


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("made_of", ["folder", "zip"])
@pytest.mark.parametrize("story", ["deadline", "boot", "request"])
def test_the_code_runs_by_itself(changed, tmp_path, python, made_of, story):
    if os.geteuid() != 0:
        pytest.fail("run as root: the guard runs as root")
    if made_of == "zip":
        changed.own("guard.zip").write_bytes(code_of_an_ansible_module(tmp_path))
    arguments = ["moby"]
    if story == "deadline":
        past_the_deadline(changed)
    elif story == "boot":
        arguments.append("--boot")
        assert inside(changed, python, "-I", "-B", "/var/lib/container_hosts/checkpoints/moby/guard.zip", *arguments)
        assert changed.read(FILE) == b"new"  # this is no boot yet
        changed.reboot()
    else:
        changed.checkpoint().write("request.json", {**REQUEST, "verify": [["/bin/true"]]})
    code = "/var/lib/container_hosts/checkpoints/moby/guard.zip"
    done = inside(changed, python, "-I", "-B", code, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert gone(changed)
    assert outcome(changed)["state"] == ("committed" if story == "request" else "rolled_back")
    assert changed.read(FILE) == (b"new" if story == "request" else b"old")


def test_it_fails_with_a_word_for_the_journal_so_that_systemd_starts_it_again(changed):
    past_the_deadline(changed)
    next(changed.own("pending").glob("*.record")).write_bytes(b"{}\n")
    done = inside(changed, sys.executable, "-I", "-B", "/var/lib/container_hosts/checkpoints/moby/guard.zip", "moby")
    assert done.returncode == 1
    assert b"is no record of a file that this version can read" in done.stderr
    assert b"Traceback" not in done.stderr


def test_code_that_was_replaced_while_it_waited_is_begun_anew(changed, monkeypatch):
    code = changed.own("guard.zip")
    monkeypatch.setattr(sys, "argv", [str(code), "moby"])
    monkeypatch.setattr(_guard, "Checkpoint", changed.checkpoint)
    ran = []
    monkeypatch.setattr(_guard, "act", lambda checkpoint, boot: ran.append("act"))
    monkeypatch.setattr(os, "execv", lambda program, arguments: ran.append([program, *arguments]))
    real = _checkpoint.Checkpoint.locked

    def locked(self, **options):
        code.write_bytes(code.read_bytes() + b"x")
        os.utime(code, ns=(1, 1))
        return real(self, **options)

    _guard.main()
    assert ran == ["act"]
    monkeypatch.setattr(_checkpoint.Checkpoint, "locked", locked)
    _guard.main()
    assert ran[1] == [sys.executable, sys.executable, "-I", "-B", str(code), "moby"]


def test_the_armed_file_says_when(changed):
    said = json.loads(changed.read("run/container_hosts/moby.armed"))
    assert list(said) == ["deadline"]
    assert not _guard_units.due(changed.checkpoint())
