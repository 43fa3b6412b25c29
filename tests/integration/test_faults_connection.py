# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection breaks, or the controller dies, between the write and the restart and during it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import outage, playbook, whole
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial

GUARD = "container-hosts-moby-guard.service"
GO = "/run/stage-go"


def in_two(trial: Trial, deadline: float) -> list[dict[str, t.Any]]:
    """What the role does, with a wait for a file between its two tasks."""
    live = {"live-restore": True, "log-driver": "local"}
    settings = {
        "config_json": [{"path": whole.DAEMON_JSON, "schema": "docker", "unit": "docker.service", "settings": live}],
        "systemd_environment": [{"units": ["docker.service"], "proxy": trial.model}],
    }
    prove = {"checkpoint": "moby", "units": ["docker.service"], "settings": settings, "stable": 1}
    tasks = [
        {
            "name": "Write",
            "fleetops.container_hosts.host_settings": {
                **settings,
                "checkpoint": "moby",
                "checkpoint_deadline": deadline,
            },
        },
        {"name": "Wait", "ansible.builtin.wait_for": {"path": GO, "sleep": 1}},
        {"name": "Prove", "fleetops.container_hosts.verified_restart": prove},
    ]
    return [{"hosts": "moby", "gather_facts": False, "tasks": tasks}]


def written(trial: Trial, deadline: float) -> playbook.Running:
    """A run that has written, and waits to be let on to the restart."""
    running = trial.start(in_two(trial, deadline), trial.host)
    whole.until(lambda: running.tasks)
    assert running.tasks[0].status == "ok", running.tasks[0].result
    assert trial.look().pending
    return running


def at_work(trial: Trial) -> tuple[playbook.Running, int]:
    """A run whose guard is restarting the engine, and the engine's process before."""
    pid = trial.host.main_pid("docker")
    running = trial.start(ROLE, trial.host, variables=trial.right)
    whole.until(lambda: trial.host.exec("systemctl", "is-active", GUARD).out.strip() == "active")
    return running, pid


def warned(run: playbook.Run) -> str:
    return " ".join(run.stderr.split())


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_the_connection_and_the_controller_are_gone_between_write_and_restart(trial: Trial) -> None:
    """Nobody comes any more: at the deadline, the host takes the change back by itself, and the next run says so."""
    pid = trial.host.main_pid("docker")
    running = written(trial, deadline=3)
    running.kill()
    outage.cut_ssh(trial.host)
    whole.until(lambda: not trial.look().pending)
    assert trial.assert_old().pid == pid, "an engine that had not read the change was restarted"
    told = trial.assert_converges()
    assert "nobody came to prove the change within its time" in warned(told)
    assert "nobody came" not in warned(trial.role().ok())
    trial.go_back()


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_the_connection_hangs_until_after_the_deadline(trial: Trial) -> None:
    """The run comes back to a host that has gone back, and doesn't take its restart for a success."""
    running = written(trial, deadline=2)
    with outage.ssh_blocked(trial.host):
        trial.host.exec("touch", GO)
        whole.until(lambda: not trial.look().pending)
        trial.assert_old()
    run = running.wait()
    trial.host.exec("rm", GO)
    assert run.rc == 2
    assert "another run changed what this one wrote" in run.stdout
    assert "nobody came to prove the change within its time" in warned(run)
    trial.assert_old()


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_a_short_cut_between_write_and_restart(trial: Trial) -> None:
    """The run ends there, as Ansible's runs do; the next one comes before the deadline, and ends the change."""
    running = written(trial, deadline=600)
    outage.cut_ssh(trial.host)
    assert running.wait().rc == 4
    assert trial.look().pending
    trial.assert_converges()
    trial.go_back()


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_ssh_is_cut_during_the_restart(trial: Trial) -> None:
    """The host goes on, the run comes back for its outcome, and ends well."""
    running, _pid = at_work(trial)
    assert outage.cut_ssh(trial.host) >= 1
    run = running.wait().ok()
    assert "The connection was lost" in warned(run)
    assert run.tasks[-1].result["outcome"]["state"] == "committed"
    trial.assert_new()
    trial.go_back()


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_the_controller_dies_too_during_the_restart(trial: Trial) -> None:
    running, _pid = at_work(trial)
    running.kill()
    outage.cut_ssh(trial.host)
    whole.until(lambda: not trial.look().guards)
    whole.assert_whole(trial.host, trial.old, new=True)
    told = trial.role().ok()
    assert told.changed == []
    assert "it was proven and stays" in warned(told)
    assert "it was proven" not in warned(trial.role().ok())
    trial.assert_new()
    trial.go_back()


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_ssh_hangs_during_the_restart(trial: Trial) -> None:
    running, _pid = at_work(trial)
    with outage.ssh_blocked(trial.host):
        whole.until(lambda: not trial.look().guards)
        whole.assert_whole(trial.host, trial.old, new=True)
    assert running.wait().ok().tasks[-1].result["outcome"]["state"] == "committed"
    trial.assert_new()
    trial.go_back()


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_the_host_is_unplugged_during_the_restart(trial: Trial) -> None:
    """Then the proxy can't be reached, so the change isn't proven; the run learns of it once the host is back."""
    running, pid = at_work(trial)
    whole.until(lambda: trial.host.main_pid("docker") not in (0, pid))
    with outage.unplugged(trial.host):
        whole.until(lambda: not trial.look().guards)
        trial.assert_old()
    run = running.wait()
    assert run.rc == 2
    assert "Everything was taken back" in run.stdout
    trial.assert_old()
