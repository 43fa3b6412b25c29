# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 before each single step of a change, and a disk that fails at each; whoever comes next ends it.

Afterwards the host is wholly old or wholly new: its files, the process of its daemon, and what is said of them.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _guard_units,
    _hand_over,
    _proven_settings,
    _transaction,
    _units,
    _verified_restart,
    _verified_restart_options,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run, carry_out
from ansible_collections.fleetops.container_hosts.tests.support.fatal import at_step, failing, killed_at
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import GuardedHost, quick_folder

UNIT = "app.service"
ENVIRONMENT = "etc/app/environment"  # what the unit's process is started with
OLD = {ENVIRONMENT: b"WHICH=old\n", "etc/app/gone": b"old", "etc/new/folder/file": None}
NEW = {ENVIRONMENT: b"WHICH=new\n", "etc/app/gone": None, "etc/new/folder/file": b"new"}
REQUEST = {
    "id": "1",
    "run": None,
    "units": [{"name": UNIT, "environment": {"WHICH": "new"}, "restart": "if_needed"}],
    "settings": {},
    "preflight": None,
    "verify": [],
    "stable": 0.0,
    "seconds": 20.0,
    "secrets": [],
    "was": {UNIT: {"running": True}},
    "pending": True,
}


@pytest.fixture
def host(guard_code):
    """Return what makes hosts, one at a time and each as new; in memory, since each waits for its disk often."""
    with contextlib.ExitStack() as stack:
        top = stack.enter_context(quick_folder())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(_guard_units, "_code", lambda: guard_code)
        path = os.environ["PATH"]
        made = []

        def make(*, running=False):
            while made:
                made.pop().systemd.end()
            shutil.rmtree(top)
            host = GuardedHost(top)
            for file, content in OLD.items():
                if content is not None:
                    host.put(file, content, 0o640)
            os.setxattr(host.folder / ENVIRONMENT, "user.origin", b"kept")
            host.old = host.tree()
            patch.setenv("PATH", f"{host.systemd.bin}:{path}")
            if running:
                host.systemd.unit(UNIT, host.folder / ENVIRONMENT)
            made.append(host)
            _units.forget()
            return host

        yield make
        for last in made:
            last.systemd.end()
        os.makedirs(top, exist_ok=True)


def ensure(_params, run):
    for path, content in NEW.items():
        run.edit(f"/{path}", lambda _found, content=content: content, remove_empty_folder=True)
    return {}


def module_run(host):
    """Change the files as a module's run does."""
    carry_out(ensure, {}, check_mode=False, root=host.root, checkpoint=host.checkpoint())


def write_and_ask(host, monkeypatch):
    """Do all of a change with its proof but what the guard does."""
    monkeypatch.setattr(_hand_over, "_wait", lambda _checkpoint, _id: {"state": "committed"})
    proof = {name: option.get("default") for name, option in _verified_restart_options.ARGUMENT_SPEC.items()}
    proof.update(units=REQUEST["units"], stable=0.0, config_json=[])
    params = {"config_json": [], "checkpoint": "moby", "checkpoint_deadline": 600.0, "verified_restart": proof}
    _proven_settings.carry_out(ensure, params, [], check_mode=False, root=host.root)


def is_old(host):
    """Tell whether every file is as it was; a guard's own files aside."""
    return {name: what for name, what in host.tree().items() if name in host.old} == host.old and not (
        host.folder / "etc/new"
    ).exists()


def is_new(host):
    return {path: host.read(path) for path in NEW} == NEW


def check_ended(host):
    """Check that nothing is left but what is told and what may be gone back to."""
    assert not host.armed()
    assert set(host.leftovers()) <= {"result.json"}
    assert [name for name in host.tree() if "container" in name] == []
    for commit in host.checkpoint().commits():
        assert commit.about


def past_the_deadline(host):
    with contextlib.suppress(FileNotFoundError):
        (host.folder / "run/container_hosts/moby.armed").write_text('{"deadline": 0}')


def by_deadline(host):
    past_the_deadline(host)
    host.guard()


def by_boot(host):
    host.reboot()
    host.guard(boot=True)


def steps_of(scenario):
    """Call scenario(number) for each step until it says that it came to its end; return how many there were."""
    for number in itertools.count(1):
        if not scenario(number):
            return number


@pytest.mark.parametrize("next_one", [by_deadline, by_boot])
def test_a_module_killed_at_each_step(host, next_one):
    def scenario(number):
        victim = host()
        killed = killed_at(number, lambda: module_run(victim))
        if not killed:
            assert is_new(victim)
        next_one(victim)
        assert victim.tree() == victim.old
        check_ended(victim)
        return killed

    assert steps_of(scenario) > 100


def test_a_module_killed_at_each_step_is_made_good_by_its_next_run_and_can_still_go_back(host):
    def scenario(number):
        victim = host()
        killed = killed_at(number, lambda: module_run(victim))
        module_run(victim)
        assert is_new(victim)
        if killed:
            assert victim.checkpoint().pending()
        by_deadline(victim)
        assert victim.tree() == victim.old
        check_ended(victim)
        return killed

    steps_of(scenario)


def test_a_module_that_writes_and_hands_over_killed_at_each_step(host, monkeypatch):
    ended = set()

    def scenario(number):
        victim = host(running=True)
        killed = killed_at(number, lambda: write_and_ask(victim, monkeypatch))
        asked = victim.checkpoint().read("request.json") is not None
        by_deadline(victim)
        check_ended(victim)
        assert is_new(victim) if asked else is_old(victim)
        assert victim.systemd.runs_with(UNIT)["WHICH"] == ("new" if asked else "old")
        assert len(victim.checkpoint().commits()) == asked
        ended.add(asked)
        return killed

    assert steps_of(scenario) > 100
    assert ended == {True, False}


def test_what_it_left_is_taken_up_by_its_next_run(host, monkeypatch):
    def scenario(number):
        victim = host(running=True)
        killed = killed_at(number, lambda: write_and_ask(victim, monkeypatch))
        if victim.checkpoint().read("request.json") is not None:
            victim.guard()
        write_and_ask(victim, monkeypatch)
        victim.guard()
        check_ended(victim)
        assert is_new(victim)
        assert victim.systemd.runs_with(UNIT)["WHICH"] == "new"
        return killed

    steps_of(scenario)


@pytest.mark.parametrize("way_back", [by_deadline, by_boot])
def test_the_way_back_killed_at_each_step(host, way_back):
    def scenario(number):
        victim = host()
        module_run(victim)
        victim.put(ENVIRONMENT, b"theirs")
        killed = killed_at(number, lambda: way_back(victim))
        if killed:
            way_back(victim)
        assert victim.tree() == victim.old
        check_ended(victim)
        [theirs] = victim.own("foreign").iterdir()
        assert theirs.read_bytes() == b"theirs"
        assert victim.checkpoint().read("result.json")["state"] == "rolled_back"
        return killed

    assert steps_of(scenario) > 40


@pytest.mark.parametrize("verdict", ["/bin/true", "/bin/false"])
def test_a_guard_killed_at_each_step_of_a_transaction(host, verdict):
    ended = set()

    def scenario(number):
        victim = host(running=True)
        module_run(victim)
        victim.checkpoint().write("request.json", {**REQUEST, "verify": [[verdict]]})
        killed = killed_at(number, victim.guard)
        if killed:
            victim.guard()  # as systemd does, two seconds later
        check_ended(victim)
        result = victim.checkpoint().read("result.json")
        commits = [commit.id for commit in victim.checkpoint().commits()]
        ended.add(result["state"])
        if result["state"] == "committed":
            assert is_new(victim)
            assert [result["commit"]] == commits
        else:
            assert result["state"] == "rolled_back"
            assert is_old(victim)
            assert commits == []
        which = "new" if result["state"] == "committed" else "old"
        assert victim.systemd.runs_with(UNIT)["WHICH"] == which
        assert (result["id"], result["units"][UNIT]["main_pid"]) == ("1", victim.systemd.pid(UNIT))
        return killed

    assert steps_of(scenario) > 40
    assert ended == ({"committed", "rolled_back"} if verdict == "/bin/true" else {"rolled_back"})


def test_a_guard_killed_at_each_step_and_then_the_power_goes(host):
    def scenario(number):
        victim = host(running=True)
        module_run(victim)
        victim.checkpoint().write("request.json", REQUEST)
        killed = killed_at(number, victim.guard)
        by_boot(victim)
        check_ended(victim)
        result = victim.checkpoint().read("result.json")
        assert (result["id"], result["state"]) == ("1", "committed" if is_new(victim) else "rolled_back")
        assert is_new(victim) or is_old(victim)
        return killed

    steps_of(scenario)


def ask_to_go_back(host, monkeypatch):
    """Do all of a rollback but what the guard does."""
    monkeypatch.setattr(_hand_over, "_wait", lambda _checkpoint, _id: {"state": "committed"})
    defaults = {name: option.get("default") for name, option in _verified_restart.ARGUMENT_SPEC.items()}
    params = {**defaults, "checkpoint": "moby", "state": "rolled_back", "stable": 0.0}
    _verified_restart.ensure(params, Run(root=host.root))


@pytest.fixture
def committed(host):
    """Return what makes hosts with a change that is committed."""

    def make():
        victim = host()
        module_run(victim)
        victim.systemd.unit(UNIT, victim.folder / ENVIRONMENT)
        victim.checkpoint().commit({"units": REQUEST["units"], "touched": {UNIT: "restart"}})
        _guard_units.disarm(victim.checkpoint())
        return victim

    return make


def test_a_rollback_killed_at_each_step_before_the_guard_has_it(committed, monkeypatch):
    def scenario(number):
        victim = committed()
        killed = killed_at(number, lambda: ask_to_go_back(victim, monkeypatch))
        asked = victim.checkpoint().read("request.json") is not None
        by_deadline(victim)
        check_ended(victim)
        done = is_old(victim)
        assert done or is_new(victim)
        assert asked or not done
        assert bool(victim.checkpoint().commits()) is not done
        return killed

    assert steps_of(scenario) > 100


def test_a_rollback_whose_guard_is_killed_at_each_step(committed, monkeypatch):
    ended = set()

    def scenario(number):
        victim = committed()
        ask_to_go_back(victim, monkeypatch)
        killed = killed_at(number, victim.guard)
        if killed:
            victim.guard()
        check_ended(victim)
        done = is_old(victim)
        ended.add(done)
        assert done or is_new(victim)
        assert victim.checkpoint().read("result.json")["state"] == ("committed" if done else "rolled_back")
        # What can be gone back to is what is on the host.
        assert bool(victim.checkpoint().commits()) is not done
        assert victim.systemd.runs_with(UNIT)["WHICH"] == ("old" if done else "new")
        return killed

    steps_of(scenario)
    assert ended == {True, False}


# A disk that fails -------------------------------------------------------------------------------------------------


# Of the steps that EIO fails, a full disk or a read-only one fails some.
@pytest.mark.parametrize(
    ("code", "once"), [(errno.EIO, True), (errno.EIO, False), (errno.ENOSPC, True), (errno.EROFS, False)]
)
def test_a_disk_that_fails_at_each_step_of_a_module(host, code, once):
    def scenario(number):
        victim = host()
        with at_step(number, failing(code, once=once)) as made:
            said = ""
            try:
                module_run(victim)
            except (Refused, OSError) as exc:
                said = str(exc)
        if not said:
            assert is_new(victim)
        else:
            assert os.strerror(code) in said
            assert is_old(victim) or not once  # at once, if that can be
        by_deadline(victim)  # the disk is well again
        assert victim.tree() == victim.old
        check_ended(victim)
        return len(made) >= number

    assert steps_of(scenario) > 100


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(errno.EIO, "/bin/true"), (errno.EIO, "/bin/false"), (errno.ENOSPC, "/bin/true")],
)
def test_a_disk_that_fails_at_each_step_of_a_transaction(host, code, verdict):
    def scenario(number):
        victim = host(running=True)
        module_run(victim)
        victim.checkpoint().write("request.json", {**REQUEST, "verify": [[verdict]]})
        with at_step(number, failing(code, once=True)) as made, contextlib.suppress(Refused, OSError):
            victim.guard()
        if victim.armed() or victim.checkpoint().pending():
            victim.guard()  # as systemd does, since it failed
        check_ended(victim)
        result = victim.checkpoint().read("result.json")
        assert is_new(victim) if result["state"] == "committed" else is_old(victim), (result, made[-20:], victim.tree())
        which = "new" if result["state"] == "committed" else "old"
        assert victim.systemd.runs_with(UNIT)["WHICH"] == which
        assert bool(victim.checkpoint().commits()) is (which == "new")
        return len(made) >= number

    assert steps_of(scenario) > 40


def test_a_mistake_of_ours_is_taken_back_as_any_other_failure(host, monkeypatch):
    victim = host(running=True)
    module_run(victim)
    victim.checkpoint().write("request.json", REQUEST)
    monkeypatch.setattr(_transaction.Transaction, "_verify", lambda self, seen: 1 / 0)
    victim.guard()
    assert victim.checkpoint().read("result.json")["reason"].startswith("ZeroDivisionError")
    assert victim.systemd.runs_with(UNIT)["WHICH"] == "old"
    assert victim.tree() == victim.old
