# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network in which the readers run, and what runs only once for all of them."""

from __future__ import annotations

import shutil
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import NAMES
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.network import Network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Network]:
    network = Network(tmp_path_factory.mktemp("network"), NAMES)
    yield network
    network.close()


@pytest.fixture(scope="session")
def program() -> t.Callable[[str, str], str]:
    """Return a function which finds a program's path, and names its package where it is missing."""

    def find(name: str, package: str) -> str:
        path = shutil.which(name)
        assert path, f"{name} is missing: install the Debian package {package} (make test does)"
        return path

    return find
