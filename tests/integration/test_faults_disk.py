# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full or read-only: at the write, at each single step of it, and on the way back."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import disk, steps, strace, whole
from ansible_collections.fleetops.container_hosts.tests.stage.strace import Call, Fault
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial

# What a full disk refuses; it still removes, and changes modes.
TAKES_SPACE = ("open", "openat", "write", "fsync", "mkdir", "symlink", "rename", "renameat")
STATE = "/var/lib/container_hosts"
VERIFIES = "/run/stage-verifies"
# A verification that fails once it is let.
FAILS = ["sh", "-c", f"touch {VERIFIES}; while [ -e {VERIFIES} ]; do sleep 0.1; done; false"]


def taking_space(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.syscall in TAKES_SPACE]


@pytest.mark.parametrize(
    ("trial", "path", "room"),
    [
        ("bookworm", STATE, 0),
        ("trixie", STATE, 4096),
        ("bookworm", "/etc/docker", 0),
        ("trixie", "/etc/systemd/system", 0),
        ("bookworm", "/etc/systemd/system", 8192),
        ("trixie", "/etc/systemd/system", 12288),
    ],
    indirect=["trial"],
)
def test_a_full_disk(trial: Trial, path: str, room: int) -> None:
    """With less room or more, so that it ends earlier or later; what was written is taken back in any case."""
    pid = trial.host.main_pid("docker")
    trial.host.exec("install", "-d", "-m", "700", STATE)
    with disk.full(trial.host, path, room):
        run = trial.role()
        assert run.rc == 2
        assert "The disk is full; free some space and run again." in " ".join(run.stdout.split())
        assert not trial.look().pending
    assert trial.assert_old().pid == pid
    assert whole.MARK not in run.stdout + run.stderr


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_a_read_only_etc(trial: Trial) -> None:
    pid = trial.host.main_pid("docker")
    with disk.read_only(trial.host, "/etc"):
        run = trial.role()
        assert run.rc == 2
        assert "mounted read-only" in " ".join(run.stdout.split())
        assert not trial.look().pending
    assert trial.assert_old().pid == pid
    trial.assert_converges()
    trial.go_back()


@pytest.mark.parametrize(
    ("trial", "broken"),
    [
        ("bookworm", lambda trial: disk.full(trial.host, "/etc/docker")),
        ("trixie", lambda trial: disk.read_only(trial.host, "/etc")),
        ("bookworm", lambda trial: disk.full(trial.host, STATE)),
    ],
    ids=["full", "read-only", "no room for the checkpoint"],
    indirect=["trial"],
)
def test_the_disk_takes_nothing_on_the_way_back(
    trial: Trial, broken: t.Callable[[Trial], contextlib.AbstractContextManager[None]]
) -> None:
    """The guard tries on until it can; meanwhile the engine runs."""
    running = trial.start(ROLE, trial.host, variables=trial.right | {"moby_verify": [FAILS]})
    whole.until(lambda: trial.host.exec("test", "-e", VERIFIES).rc == 0)
    with broken(trial):
        trial.host.exec("rm", VERIFIES)
        whole.until(lambda: trial.host.exec("systemctl", "is-active", steps.GUARD).out.strip() != "active")
        now = trial.look()
        assert now.active == "active"
        assert now.info is not None
    run = running.wait()
    assert run.rc == 2
    assert "Everything was taken back" in run.stdout
    trial.assert_old()


@pytest.mark.parametrize("trial", steps.suites("trixie"), indirect=True)
def test_the_disk_is_full_at_a_step_of_the_write(trial: Trial) -> None:
    """The module itself takes back what it wrote, before it ends."""
    module = trial.shipped(moby_stable_seconds=0)
    steps.assert_either(trial, new=True)
    for _again in range(2):  # from the second time on, all steps are the same ones
        calls = steps.of_module(trial, module)
        steps.assert_either(trial, new=True)
    hit, sample = 0, steps.sample(taking_space(calls), 7)
    for step in sample:
        failed = trial.host.exec(*Fault(step.syscall, step.number, "ENOSPC").command(*module.command()))
        hit += strace.happened(trial.host)
        if '"failed": true' not in failed.out:
            # Which of them reads something for the first time differs a little from run to run.
            steps.assert_either(trial, new=True)
        trial.assert_old()
    assert hit > len(sample) * 0.8


@pytest.mark.parametrize("trial", steps.suites("bookworm"), indirect=True)
def test_the_disk_is_full_at_a_step_of_the_guard(trial: Trial) -> None:
    module = trial.shipped(moby_stable_seconds=0)
    steps.assert_either(trial, new=True)
    with steps.guard_wrapped(trial):
        for step in steps.sample(taking_space(steps.of_guard(trial, module)), 3):
            steps.at_next_start(trial, Fault(step.syscall, step.number, "ENOSPC").options)
            outcome = module()["outcome"]["state"]
            assert strace.happened(trial.host)
            steps.assert_either(trial, new=outcome == "committed")
