# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of one host at once; and the ways back that a person asks for, by playbook."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, playbook, whole
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial

SITE = "fleetops.container_hosts.site"
ROLLBACK = "fleetops.container_hosts.rollback"
REMOVE = "fleetops.container_hosts.remove"


# systemd's own number for "a unit has been started" (systemd.journal-fields(7), SD_MESSAGE_UNIT_STARTED).
_STARTED = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf"


def starts(trial: Trial) -> int:
    """How often the engine has been started, by the journal."""
    lines = trial.host.exec("journalctl", "--no-pager", "--quiet", "--output=cat", "UNIT=docker.service", _STARTED)
    return len(lines.out.splitlines())


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_two_runs_with_the_same_settings(trial: Trial) -> None:
    """Both end well, and only one of them restarts the engine."""
    before = starts(trial)
    assert before > 0
    for run in [trial.start(ROLE, trial.host, variables=trial.right) for _each in range(2)]:
        run.wait().ok()
    assert starts(trial) == before + 1
    trial.assert_new()
    trial.go_back()


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_two_runs_with_different_settings(trial: Trial) -> None:
    """One after the other has its way, wholly, and can be taken back for itself."""
    wanted = ["one.example.com", "other.example.com"]
    models = [{**trial.model, "no_proxy": [name]} for name in wanted]
    both = [trial.start(ROLE, trial.host, variables=trial.right | {"container_hosts_proxy": model}) for model in models]
    for running in both:
        running.wait().ok()
    for _each in both:
        now = whole.assert_whole(trial.host, trial.old, new=True)
        has = [name in now.environ["NO_PROXY"] for name in wanted]
        assert sorted(has) == [False, True]
        winner = models[has.index(True)]
        assert trial.role(container_hosts_proxy=winner).ok().changed == []
        rollback(trial).ok()
    trial.assert_old()


def rollback(trial: Trial, **variables: t.Any) -> playbook.Run:
    return trial.run(ROLLBACK, trial.host, variables=variables)


@pytest.mark.parametrize("trial", ["bookworm"], indirect=True)
def test_back_to_the_last_state_and_to_a_named_one(trial: Trial) -> None:
    """Each time all of /etc, byte for byte; and containers run on."""
    trial.host.exec("rm", "-rf", "/var/lib/container_hosts/checkpoints/moby/commits")
    states, commits = [trial.look()], []
    for variables in ({}, {"moby_dns": ["192.0.2.53"]}, {"moby_proxy": {**trial.model, "no_proxy": ["a.example.com"]}}):
        run = trial.role(**variables).ok()
        commits.append(run.tasks[-1].result["outcome"]["commit"])
        states.append(trial.look())

    def assert_state(number: int) -> None:
        now = whole.settled(trial.host)
        assert whole.changes(states[number], now) == []
        assert now.proxies == states[number].proxies
        assert now.survivor
        assert trial.old.survivor
        assert now.survivor["StartedAt"] == trial.old.survivor["StartedAt"]
        whole.assert_tidy(trial.host, now)

    rollback(trial).ok()
    assert_state(2)
    unknown = rollback(trial, rollback_commit="9999")
    assert unknown.rc == 2
    assert commits[0] in unknown.stdout
    assert_state(2)
    rollback(trial, rollback_commit=commits[0]).ok()
    assert_state(0)
    trial.assert_old()


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_back_over_what_someone_else_wrote_meanwhile(trial: Trial) -> None:
    trial.role().ok()
    foreign = b'{"debug": true, "live-restore": true}\n'
    engine.put(trial.host.container, {whole.DAEMON_JSON: (foreign, 0o644)})
    before = trial.look()
    refused = rollback(trial)
    assert refused.rc == 2
    assert "was changed by someone else since" in refused.stdout
    assert whole.changes(before, trial.look()) == []
    run = rollback(trial, rollback_force=True).ok()
    trial.assert_old()
    [kept] = run.tasks[-1].result["checkpoints"][0]["outcome"]["foreign"][whole.DAEMON_JSON]
    assert trial.host.exec("cat", kept).out.encode() == foreign
    trial.host.exec("rm", kept)


@pytest.mark.parametrize("trial", ["trixie"], indirect=True)
def test_all_roles_back_and_all_removed(trial: Trial) -> None:
    """What one run of the whole site changed goes back as one; and what it wrote can be removed."""
    variables = trial.right | {"container_hosts_proxy": {**trial.model, "ca_certificate": trial.stage.registry.ca}}
    for undo in (ROLLBACK, REMOVE):
        trial.run(SITE, trial.host, variables=variables).ok()
        whole.assert_whole(trial.host, trial.old, new=True)
        assert trial.run(SITE, trial.host, variables=variables).ok().changed == []
        assert len(whole.changes(trial.old, trial.look())) > 4
        trial.run(undo, trial.host, variables=variables if undo == REMOVE else {}).ok()
        trial.assert_old()
    assert trial.run(REMOVE, trial.host, variables=variables).ok().changed == []
