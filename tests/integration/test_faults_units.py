# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that pass every check, and with which the unit then doesn't start, or dies soon after."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import fragile, playbook, whole
from ansible_collections.fleetops.container_hosts.tests.stage.trial import Trial

# Not the bridge: where containers run on, the engine starts without looking for it.
CASES = [
    ("bookworm", "seccomp profile that is not there"),
    ("bookworm", "option that its storage driver does not have"),
    ("trixie", "option that its storage driver does not have"),
    ("trixie", "address that is not the host's"),
]


@pytest.mark.parametrize(("trial", "name"), CASES, indirect=["trial"])
def test_an_engine_that_refuses_its_daemon_json_at_its_start(trial: Trial, name: str) -> None:
    """What the old engine left running is not ended when it comes back, though nothing asks it to leave that be."""
    run = trial.role(moby_daemon_settings=fragile.ENGINE_REFUSES[name])
    assert run.rc == 2
    said = " ".join(run.stdout.split())
    assert "Everything was taken back (restored: /etc/docker/daemon.json, " in said
    assert "Its log ends: " in said
    assert "Now docker.service is active" in said
    trial.assert_old()
    if name == CASES[-1][1]:
        # StartLimitBurst= is used up by the engine's own tries, and doesn't stand in the way of the next run.
        trial.assert_converges()
        trial.go_back()


@pytest.mark.parametrize(("suite", "seconds", "restart"), [("trixie", 5, "no"), ("bookworm", 2, "always")])
def test_a_unit_that_starts_and_dies_after_seconds(
    new_trial: t.Callable[[str], Trial], suite: str, seconds: int, restart: str
) -> None:
    """Also where systemd starts it again at once, so that it is up whenever one looks."""
    trial = new_trial(suite)
    unit = fragile.service(trial.host, "fragile", seconds, restart)
    before = whole.look(trial.host, unit)
    settings = {"units": [unit], "proxy": {"http": f"http://{fragile.FATAL}:3128"}}

    def run(proxy: str, stable: float = 0) -> playbook.Run:
        settings["proxy"] = {"http": proxy}
        prove = {
            "checkpoint": "fragile",
            "units": [unit],
            "settings": {"systemd_environment": [settings]},
            "stable": seconds + 3,
        }
        tasks = [
            {"fleetops.container_hosts.systemd_environment": {**settings, "checkpoint": "fragile"}},
            {"fleetops.container_hosts.verified_restart": prove},
        ]
        return trial.run([{"hosts": "moby", "gather_facts": False, "tasks": tasks}], trial.host)

    failed = run(f"http://{fragile.FATAL}:3128", stable=seconds + 3)
    assert failed.rc == 2
    assert "did not stay up" in failed.stdout
    now = whole.settled(trial.host, unit=unit)
    assert whole.changes(before, now) == []
    assert now.active == "active"
    assert now.proxies == {}
    whole.assert_tidy(trial.host, now)
    assert trial.host.main_pid("docker") == trial.old.pid

    run("http://proxy.example.com:3128").ok()
    assert whole.look(trial.host, unit).proxies["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert run("http://proxy.example.com:3128").ok().changed == []
