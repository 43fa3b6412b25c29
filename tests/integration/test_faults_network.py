# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that does not work, before the change or in the middle of it: the host stays what it was, and runs so."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import squid, whole
from ansible_collections.fleetops.container_hosts.tests.stage.trial import ROLE, Trial

MARK = whole.MARK


def refused(trial: Trial, **variables: t.Any) -> str:
    """Run with variables that can't work; returns what the run says. No engine was touched, no secret shown."""
    pid = trial.host.main_pid("docker")
    run = trial.role(**variables)
    assert run.rc == 2
    assert trial.assert_old().pid == pid, "the engine was restarted"
    said = run.stdout + run.stderr
    assert MARK not in said
    return " ".join(said.split())


@pytest.mark.parametrize(
    ("trial", "port", "credentials", "said"),
    [
        ("bookworm", squid.CLOSED_PORT, {}, "nobody listens there"),
        ("trixie", squid.DROPPED_PORT, {}, "nothing comes back"),
        ("bookworm", squid.SILENT_PORT, {}, "does not answer"),
        ("trixie", squid.UNAVAILABLE_PORT, {}, "503"),
        ("bookworm", squid.AUTH_PORT, {}, "none is given"),
        ("trixie", squid.AUTH_PORT, {"username": squid.USER, "password": f"{MARK} wrong"}, "refuses the user name"),
    ],
    ids=["down", "black hole", "silent", "503", "no password", "wrong password"],
    indirect=["trial"],
)
def test_a_proxy_that_does_not_work(trial: Trial, port: int, credentials: dict[str, str], said: str) -> None:
    model = {"http": trial.stage.squid.url(port), **credentials}
    assert said in refused(trial, container_hosts_proxy=model)


@pytest.mark.parametrize(
    ("trial", "url", "said"),
    [
        ("trixie", "http://proxi.example.com:3128", "proxi.example.com"),
        ("bookworm", "htp://proxy.example.com:3128", "neither an http"),
        ("trixie", "http://proxy.example.com:31z8", "port"),
        ("bookworm", "proxy.example.com:3128", "no scheme"),
    ],
    ids=["name", "scheme", "port", "no scheme"],
    indirect=["trial"],
)
def test_a_url_with_a_typo(trial: Trial, url: str, said: str) -> None:
    assert said in refused(trial, container_hosts_proxy={"http": url})


@pytest.mark.parametrize(("trial", "how"), [("bookworm", "REJECT"), ("trixie", "DROP")], indirect=["trial"])
def test_the_proxy_dies_between_preflight_and_verification(trial: Trial, how: t.Literal["DROP", "REJECT"]) -> None:
    """The engine was restarted by then, so it is restarted once more, and what it ran runs on."""
    pid = trial.host.main_pid("docker")
    running = trial.start(ROLE, trial.host, variables=trial.right)
    whole.until(lambda: trial.host.main_pid("docker") not in (0, pid))
    with trial.stage.squid.shut_to(trial.host.address, how):
        run = running.wait()
    assert run.rc == 2
    assert "Everything was taken back" in run.stdout
    assert "preflight with what docker.service runs with" in " ".join(run.stdout.split())
    assert MARK not in run.stdout + run.stderr
    trial.assert_old()
    if how == "REJECT":
        trial.assert_converges(pulls=True)
        trial.go_back()
