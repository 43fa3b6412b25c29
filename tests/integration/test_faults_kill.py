# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill -9 at every step: of the module, which writes and hands over, and of the guard on its way there and back.

The module is the one that Ansible sent, run on the host without it: what is killed is the process that would be, and
nobody is there who could come to its help. FAULT_SCALE=2 (or CONFORMANCE_SCALE) has every step, else a sample.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import steps, strace, whole
from ansible_collections.fleetops.container_hosts.tests.stage.strace import Fault
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial


def of_suites(usual: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("trial", steps.suites(usual), indirect=True)


@pytest.fixture
def wrapped(trial: Trial) -> t.Iterator[None]:
    with steps.guard_wrapped(trial):
        yield


@of_suites("bookworm")
def test_the_module_is_killed_over_what_can_not_be_proven(trial: Trial) -> None:
    """Nobody comes to prove what it wrote, so the host itself takes it back, at the deadline or in the next run."""
    module = trial.shipped(moby_deadline=1, moby_stable_seconds=0, moby_verify=[["false"]])
    for _again in range(2):  # from the second time on, all steps are the same ones
        calls = steps.of_module(trial, module)
        trial.assert_old()
    for number, step in enumerate(steps.sample(calls, 6)):
        done = trial.host.exec(*Fault(step.syscall, step.number).command(*module.command()))
        assert done.rc == 137, f"it never came to {step.line}"
        # One that died before its first change of a file that isn't ours left what the next run sweeps.
        trial.assert_old(tidy=trial.look().pending)
        # Which ends what the killed one began, and so makes a step less or more than a run after a whole one.
        module()
        trial.assert_old()
        if number % 16 == 15:
            trial.assert_converges()
            trial.go_back()
            module()
            trial.assert_old()


@of_suites("trixie")
def test_the_next_run_comes_before_the_deadline(trial: Trial) -> None:
    """It takes up what the killed one left, and ends it."""
    module = trial.shipped(moby_stable_seconds=0)
    steps.assert_either(trial, new=True)
    calls = steps.of_module(trial, module)
    steps.assert_either(trial, new=True)
    for step in steps.sample(calls, 3, 7):
        trial.host.exec(*Fault(step.syscall, step.number).command(*module.command()))
        told = module()
        assert (told.get("outcome") or told["earlier"])["state"] == "committed"
        steps.assert_either(trial, new=True)


@of_suites("bookworm")
def test_the_module_is_killed_around_the_moment_in_which_it_hands_over(trial: Trial) -> None:
    """The guard has been asked, and does it; or it has not, and the deadline comes."""
    module = trial.shipped(moby_deadline=3, moby_stable_seconds=0)
    steps.assert_either(trial, new=True)
    for _again in range(2):  # from the second time on, all steps are the same ones
        calls = steps.of_module(trial, module)
        steps.assert_either(trial, new=True)
    asks = max(place for place, call in enumerate(calls) if "request.json" in call.line)
    ended = [steps.killed(trial, module, step) for step in steps.sample(calls[asks - 3 :], 4)]
    assert {new for killed, new in ended if killed} == {True, False}


@pytest.mark.usefixtures("wrapped")
@of_suites("trixie")
def test_the_guard_is_killed_on_its_way_to_the_commit(trial: Trial) -> None:
    """Before the commit it goes back, after it all stays; and who waits is told which."""
    module = trial.shipped(moby_deadline=60, moby_stable_seconds=0)
    steps.assert_either(trial, new=True)
    states = set()
    for step in steps.sample(steps.of_guard(trial, module), 4):
        steps.at_next_start(trial, Fault(step.syscall, step.number).options)
        result = module()
        assert strace.happened(trial.host)
        states.add(result["outcome"]["state"])
        steps.assert_either(trial, new=result["outcome"]["state"] == "committed")
    assert states == {"committed", "rolled_back"}


@pytest.mark.usefixtures("wrapped")
@of_suites("bookworm")
def test_the_guard_is_killed_on_its_way_back(trial: Trial) -> None:
    module = trial.shipped(moby_deadline=60, moby_stable_seconds=0, moby_verify=[["false"]])
    trial.assert_old()
    for step in steps.sample(steps.of_guard(trial, module), 4, 9):
        steps.at_next_start(trial, Fault(step.syscall, step.number).options)
        result = module()
        assert strace.happened(trial.host)
        assert result["outcome"]["state"] == "rolled_back"
        steps.assert_either(trial, new=False)


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_the_guard_is_killed_while_the_engine_restarts(trial: Trial) -> None:
    running = trial.start(ROLE, trial.host, variables=trial.right)
    asked = f"{steps.FOLDER}/running.json"
    whole.until(lambda: trial.host.exec("grep", "-q", '"touched": {"docker.service"', asked).rc == 0)
    assert trial.host.exec("systemctl", "kill", "--kill-whom=main", "--signal=KILL", steps.GUARD).rc == 0
    assert running.wait().rc == 2
    assert "the guard's process was killed" in running.wait().stdout
    trial.assert_old()
    trial.assert_converges()
    trial.go_back()
