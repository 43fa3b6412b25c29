# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill -9 at every step: of the module that writes, of the one that hands over, of the guard on its way there and back.

The modules are those that Ansible sent, run on the host without it: what is killed is the process that would be, and
nobody is there who could come to its help. FAULT_SCALE=2 (or CONFORMANCE_SCALE) has every step, else a sample.
"""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, strace, whole
from ansible_collections.fleetops.container_hosts.tests.stage.strace import Call, Fault
from ansible_collections.fleetops.container_hosts.tests.stage.trial import BACK, ROLE, Shipped, Trial

EVERY = int(os.environ.get("FAULT_SCALE") or os.environ.get("CONFORMANCE_SCALE") or 1) > 1
# What a change may touch, and nothing that Python or Ansible do for themselves.
PLACES = ("/etc/", "/var/lib/container_hosts", "/run/container_hosts", '"../container-hosts-')

GUARD = "container-hosts-moby-guard.service"
_WRAPPER = "/usr/local/bin/stage-guard"
# Runs the guard under strace once, if it is told to.
_WRAP = """\
#!/bin/sh
[ -e /run/stage-guard ] || exec "$@"
options=$(cat /run/stage-guard)
rm /run/stage-guard
exec strace $options "$@"
"""


def ours(calls: list[Call]) -> list[Call]:
    return [call for call in calls if any(place in call.line for place in PLACES)]


def sample(steps: list[Call], number: int, first: int = 0) -> list[Call]:
    """All steps, or about as many as that, from all over; another `first`, others."""
    distance = 1 if EVERY else max(1, len(steps) // number)
    return steps[first % distance :: distance]


def of_suites(usual: str) -> pytest.MarkDecorator:
    """One suite's host for a sample, both for all."""
    return pytest.mark.parametrize("trial", ["bookworm", "trixie"] if EVERY else [usual], indirect=True)


def write(trial: Trial, path: str, content: str) -> None:
    """Not engine.put: that doesn't reach /run, which is a file system of its own."""
    done = trial.host.exec("sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", path, stdin=content.encode())
    assert done.rc == 0, done.err


@pytest.fixture
def back(trial: Trial) -> Shipped:
    """What takes a commit back."""
    trial.role().ok()
    shipped = trial.shipped(BACK)
    trial.assert_old()
    return shipped


@pytest.fixture
def wrapped(trial: Trial) -> t.Iterator[None]:
    """The guard is started so that strace can be put before its first start."""
    engine.put(trial.host.container, {_WRAPPER: (_WRAP.encode(), 0o755)})
    code = "/var/lib/container_hosts/checkpoints/moby/guard.zip"
    start = f"[Service]\nExecStart=\nExecStart={_WRAPPER} /usr/bin/python3 -I -B {code} moby\n"
    folder = f"/run/systemd/system/{GUARD}.d"
    write(trial, f"{folder}/stage.conf", start)
    trial.host.exec("systemctl", "daemon-reload")
    yield
    trial.host.exec("rm", "-rf", folder, _WRAPPER, "/run/stage-guard")
    trial.host.exec("systemctl", "daemon-reload")


def at_next_start(trial: Trial, options: t.Sequence[str]) -> None:
    write(trial, "/run/stage-guard", " ".join(options) + "\n")


def assert_either(trial: Trial, back: Shipped, new: bool | None = None) -> bool:
    """The host is wholly new or wholly old, once it is at rest, and then old; returns whether it was new."""
    now = whole.settled(trial.host)
    is_new = "HTTPS_PROXY" in now.environ
    assert new in (None, is_new)
    whole.assert_whole(trial.host, trial.old, new=is_new)
    if is_new:
        back("verified_restart")
        trial.assert_old()
    return is_new


@of_suites("bookworm")
def test_the_module_that_writes_is_killed(trial: Trial, back: Shipped) -> None:
    """Nobody comes to prove what it wrote, so the host itself takes it back, at the deadline or in the next run."""
    # Too short for the role itself, perhaps: what is kept of that run is the module.
    module = trial.shipped(moby_deadline=0.2, moby_verify=[["false"]])
    for _ in range(2):  # from the second time on, all steps are the same ones
        steps = ours(strace.calls(trial.host, *module.command("host_settings")))
        trial.assert_old()
    assert len(steps) > 50
    killed = 0
    for number, step in enumerate(sample(steps, 8)):
        done = trial.host.exec(*Fault(step.syscall, step.number).command(*module.command("host_settings")))
        killed += done.rc == 137
        if not trial.look().pending:
            # It died before its first change of a file that isn't ours; what it left is the next run's to sweep.
            trial.assert_old(tidy=False)
            module("host_settings")
        trial.assert_old()
        if number % 16 == 5:
            trial.assert_converges()
            trial.go_back()
    assert killed >= number, "they were other steps"


@of_suites("trixie")
def test_the_next_run_comes_before_the_deadline(trial: Trial, back: Shipped) -> None:
    """It takes up what the killed one left, and ends it."""
    module = trial.shipped(moby_stable_seconds=0)
    assert_either(trial, back, new=True)
    steps = ours(strace.calls(trial.host, *module.command("host_settings")))
    module("verified_restart")
    assert_either(trial, back, new=True)
    for step in sample(steps, 4, 7):
        trial.host.exec(*Fault(step.syscall, step.number).command(*module.command("host_settings")))
        module("host_settings")
        assert module("verified_restart")["outcome"]["state"] == "committed"
        assert_either(trial, back, new=True)


@of_suites("bookworm")
def test_the_module_that_hands_over_is_killed(trial: Trial, back: Shipped) -> None:
    """The guard has been asked, and does it; or it has not, and the deadline comes."""
    module = trial.shipped(moby_deadline=3, moby_stable_seconds=0)
    assert_either(trial, back, new=True)
    module("host_settings")
    steps = ours(strace.calls(trial.host, *module.command("verified_restart")))
    assert_either(trial, back, new=True)
    for step in sample(steps, 4):
        module("host_settings")
        done = trial.host.exec(*Fault(step.syscall, step.number).command(*module.command("verified_restart")))
        assert done.rc == 137
        assert_either(trial, back)


@pytest.mark.usefixtures("wrapped")
@of_suites("trixie")
def test_the_guard_is_killed_on_its_way_to_the_commit(trial: Trial, back: Shipped) -> None:
    """Before the commit it goes back, after it all stays; and who waits is told which."""
    module = trial.shipped(moby_deadline=60, moby_stable_seconds=0)
    assert_either(trial, back, new=True)
    states = set()
    for step in sample(guard_steps(trial, module, back), 5):
        module("host_settings")
        at_next_start(trial, Fault(step.syscall, step.number).options)
        result = module("verified_restart")
        assert strace.happened(trial.host)
        states.add(result["outcome"]["state"])
        assert_either(trial, back, new=result["outcome"]["state"] == "committed")
    assert states == {"committed", "rolled_back"}


@pytest.mark.usefixtures("wrapped")
@of_suites("bookworm")
def test_the_guard_is_killed_on_its_way_back(trial: Trial, back: Shipped) -> None:
    module = trial.shipped(moby_deadline=60, moby_stable_seconds=0, moby_verify=[["false"]])
    trial.assert_old()
    for step in sample(guard_steps(trial, module, back), 6, 9):
        module("host_settings")
        at_next_start(trial, Fault(step.syscall, step.number).options)
        result = module("verified_restart")
        assert strace.happened(trial.host)
        assert result["outcome"]["state"] == "rolled_back"
        assert_either(trial, back, new=False)
    trial.assert_converges()
    trial.go_back()


def guard_steps(trial: Trial, module: Shipped, back: Shipped) -> list[Call]:
    module("host_settings")
    at_next_start(trial, strace.TRACE)
    module("verified_restart")
    assert_either(trial, back)
    steps = ours(strace.traced(trial.host))
    assert len(steps) > 20
    return steps


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_the_guard_is_killed_while_the_engine_restarts(trial: Trial) -> None:
    running = trial.start(ROLE, trial.host, variables=trial.right)
    asked = "/var/lib/container_hosts/checkpoints/moby/running.json"
    whole.until(lambda: trial.host.exec("grep", "-q", '"touched": {"docker.service"', asked).rc == 0)
    assert trial.host.exec("systemctl", "kill", "--kill-whom=main", "--signal=KILL", GUARD).rc == 0
    assert running.wait().rc == 2
    assert "the guard's process was killed" in running.wait().stdout
    trial.assert_old()
    trial.assert_converges()
    trial.go_back()
