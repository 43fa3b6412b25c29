# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power fails while a change is under way: the files are what they were before any daemon reads them again."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import playbook, steps, whole
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial

VERIFIES = "/run/stage-verifies"
FAILS = ["sh", "-c", f"touch {VERIFIES}; while [ -e {VERIFIES} ]; do sleep 0.1; done; false"]
LOST = "the host lost its power before the change was proven"


def write_only(trial: Trial) -> list[dict[str, t.Any]]:
    dropin = {"units": ["docker.service"], "proxy": trial.model, "checkpoint": "moby"}
    keys = {"live-restore": True, "log-driver": "local"}
    daemon = {"path": whole.DAEMON_JSON, "schema": "docker", "settings": keys, "checkpoint": "moby"}
    tasks = [
        {"fleetops.container_hosts.config_json": daemon},
        {"fleetops.container_hosts.systemd_environment": dropin},
    ]
    return [{"hosts": "moby", "gather_facts": False, "tasks": tasks}]


def restarts(trial: Trial, **variables: t.Any) -> playbook.Running:
    """A run of which the engine has been restarted."""
    pid = trial.host.main_pid("docker")
    running = trial.start(ROLE, trial.host, variables=trial.right | variables)
    whole.until(lambda: trial.host.main_pid("docker") not in (0, pid))
    return running


def cut(trial: Trial) -> None:
    trial.host.power_cut()
    trial.host.power_on()
    # The engine starts its containers after it says that it is up.
    whole.until(lambda: (trial.look().survivor or {}).get("Running"))


@pytest.mark.parametrize("suite", steps.suites("trixie"))
def test_the_power_fails(new_trial: t.Callable[[str], Trial], suite: str) -> None:
    """Between write and restart, during the restart, on the way back, and after the commit."""
    trial = new_trial(suite)
    trial.run(write_only(trial), trial.host).ok()
    assert trial.look().pending
    cut(trial)
    trial.assert_old(rebooted=True)

    running = restarts(trial, moby_stable_seconds=60)  # not proven before the power goes
    running.kill()
    assert trial.look().pending
    cut(trial)
    trial.assert_old(rebooted=True)
    assert LOST in " ".join(trial.role(moby_restart="never", moby_state="absent").ok().stderr.split())
    trial.assert_old(rebooted=True)

    running = restarts(trial, moby_verify=[FAILS])
    whole.until(lambda: trial.host.exec("test", "-e", VERIFIES).rc == 0)
    trial.host.exec("rm", VERIFIES)
    whole.until(lambda: "HTTPS_PROXY" not in trial.look().environ)
    cut(trial)
    running.kill()
    trial.assert_old(rebooted=True)

    trial.assert_converges(rebooted=True)
    cut(trial)
    trial.assert_new(rebooted=True, pulls=True)
    trial.go_back(rebooted=True)
