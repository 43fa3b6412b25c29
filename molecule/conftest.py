# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for the verifiers: testinfra's `host` is reached by SSH as Ansible reaches it, the rest is the stage's."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import fleet
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid


@pytest.fixture(scope="session")
def stage() -> fleet.Fleet:
    """The fleet of the scenario that runs."""
    return fleet.load(f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}")


@pytest.fixture(scope="session")
def squid(stage: fleet.Fleet) -> Squid:
    """The proxy and its log."""
    return stage.squid


@pytest.fixture(scope="session")
def registry(stage: fleet.Fleet) -> Registry:
    """The registry behind the proxy."""
    return stage.registry


@pytest.fixture
def inside(host: t.Any, stage: fleet.Fleet) -> Host:
    """The stage's own view of testinfra's host: its address, and the environment of its processes."""
    return stage.host(host.backend.get_hostname())
