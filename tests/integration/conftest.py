# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests on real hosts.

A session has one fleet: two hosts to share, and as many further ones as tests ask for by `new_host`. Of the workers of
`pytest -n 2 --dist loadfile`, which take a file each in turn, each has one.
`STAGE_KEEP=1 pytest tests/integration` leaves the fleet up, and uses one that is up; STAGE_NAME gives it another name,
for a second session beside the first.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, inventory, iotedge, playbook, whole
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid
from ansible_collections.fleetops.container_hosts.tests.stage.trial import Trial

# Of several workers (pytest -n), each has a fleet of its own.
NAME = "-".join(filter(None, [os.environ.get("STAGE_NAME", "integration"), os.environ.get("PYTEST_XDIST_WORKER")]))
SUITES = ("bookworm", "trixie")

Plays = str | pathlib.Path | list[dict[str, t.Any]]
Prepare = t.Callable[..., tuple[str | pathlib.Path, pathlib.Path]]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stage() -> t.Iterator[fleet.Fleet]:
    """The fleet: hosts `bookworm-1` (docker 20.10) and `trixie-1` (26.1), Squid and a registry."""
    keep = bool(os.environ.get("STAGE_KEEP"))
    try:
        up = fleet.load(NAME) if keep else None
    except engine.StageError:
        up = None
    yield up or fleet.up(NAME, dict.fromkeys(SUITES, 1))
    if not keep:
        fleet.down(NAME)


@pytest.fixture(scope="session")
def squid(stage: fleet.Fleet) -> Squid:
    """The proxy: `.url(port)`, `.mark()`, `.log(since)`, `.wait_for(predicate, since)`."""
    return stage.squid


@pytest.fixture(scope="session")
def registry(stage: fleet.Fleet) -> Registry:
    """The registry behind the proxy: `.publish(repository, tag)` makes something that no host has yet."""
    return stage.registry


@pytest.fixture(params=SUITES)
def host(request: pytest.FixtureRequest, stage: fleet.Fleet) -> Host:
    """Each shared host in turn; a test leaves it as it found it, or takes `new_host`."""
    return stage.host(f"{request.param}-1")


@pytest.fixture
def new_host(stage: fleet.Fleet) -> t.Iterator[t.Callable[..., Host]]:
    """`new_host(suite)`: a host of the test's own, in about a second.

    `booted=False`: sshd without systemd. `image`: one that the test has made, instead of the suite's.
    """
    made: list[Host] = []

    def make(suite: str, booted: bool = True, image: str = "") -> Host:
        made.append(stage.add(suite, f"{suite}-test-{os.getpid()}-{next(_numbers)}", booted, image))
        return made[-1]

    yield make
    for each in made:
        stage.drop(each)


@pytest.fixture
def edge_host(new_host: t.Callable[..., Host]) -> t.Callable[[str], Host]:
    """`edge_host(suite)`: a host of the test's own with the stand-ins of IoT Edge installed, see tests/stage/iotedge.

    Debian 11, which is `bullseye`, is among the suites.
    """

    def make(suite: str) -> Host:
        host = new_host(suite)
        iotedge.install(host)
        return host

    return make


@pytest.fixture
def run_playbook(prepare: Prepare) -> t.Callable[..., playbook.Run]:
    """Run a playbook with ansible-playbook over SSH, and see playbook.Run for what comes back.

    The hosts are in group `moby`, unless another `group` is said.

    `run_playbook(plays, *hosts, variables=..., options=("--check", "--diff"))`, where `plays` is a playbook's path
    or FQCN, or a list of plays as Python data. Without hosts it has the whole fleet.
    """

    def run(
        plays: Plays,
        *hosts: Host,
        variables: dict[str, t.Any] | None = None,
        options: t.Sequence[str] = (),
        group: str = "moby",
    ) -> playbook.Run:
        return playbook.run(*prepare(plays, hosts, group), *options, variables=variables)

    return run


@pytest.fixture
def start_playbook(prepare: Prepare) -> t.Iterator[t.Callable[..., playbook.Running]]:
    """The same without waiting for its end, any number at once: see playbook.Running."""
    started: list[playbook.Running] = []

    def start(
        plays: Plays,
        *hosts: Host,
        variables: dict[str, t.Any] | None = None,
        options: t.Sequence[str] = (),
        group: str = "moby",
    ) -> playbook.Running:
        started.append(playbook.start(*prepare(plays, hosts, group), *options, variables=variables))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def prepare(stage: fleet.Fleet, tmp_path: pathlib.Path) -> Prepare:
    """Write down plays and an inventory of some hosts, all in one group; returns both paths."""

    numbers = itertools.count(1)

    def write(plays: Plays, hosts: t.Sequence[Host], group: str = "moby") -> tuple[str | pathlib.Path, pathlib.Path]:
        folder = tmp_path / f"run-{next(numbers)}"
        folder.mkdir()
        if isinstance(plays, list):
            written = folder / "playbook.yml"
            written.write_text(yaml.safe_dump(plays, sort_keys=False, allow_unicode=True), encoding="utf-8")
            plays = written
        where = folder / "inventory" / "hosts.json"
        inventory.write(where, stage.folder, list(hosts or stage.hosts), stage.squid, group)
        return plays, where

    return write


@pytest.fixture(params=SUITES)
def trial(
    request: pytest.FixtureRequest,
    stage: fleet.Fleet,
    trials: dict[str, Trial],
    run_playbook: t.Callable[..., playbook.Run],
    start_playbook: t.Callable[..., playbook.Running],
) -> Trial:
    """A host of each suite for changes that fail: see Trial. Such tests share it, since each must leave it whole.

    `@pytest.mark.parametrize("trial", ["trixie"], indirect=True)` is for one suite only.
    """
    suite = request.param
    if suite in trials and not trials[suite].is_as_before():
        stage.drop(trials.pop(suite).host)
    if suite not in trials:
        host = stage.add(suite, f"{suite}-trial-{os.getpid()}-{next(_numbers)}")
        trials[suite] = Trial(stage, host, whole.prepare(host, stage), run_playbook, start_playbook)
    return dataclasses.replace(trials[suite], run=run_playbook, start=start_playbook)


@pytest.fixture
def new_trial(
    stage: fleet.Fleet,
    new_host: t.Callable[..., Host],
    run_playbook: t.Callable[..., playbook.Run],
    start_playbook: t.Callable[..., playbook.Running],
) -> t.Callable[[str], Trial]:
    """`new_trial(suite)`: the same on a host of the test's own."""

    def make(suite: str) -> Trial:
        host = new_host(suite)
        return Trial(stage, host, whole.prepare(host, stage), run_playbook, start_playbook)

    return make


@pytest.fixture(scope="session")
def trials(stage: fleet.Fleet) -> t.Iterator[dict[str, Trial]]:
    """The hosts of `trial`, by suite."""
    made: dict[str, Trial] = {}
    yield made
    for each in made.values():
        stage.drop(each.host)
