# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several tests of the host's side stand on."""

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _units
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import GuardedHost


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """Return a host with a stand-in for systemd."""
    host = GuardedHost(tmp_path)
    monkeypatch.setenv("PATH", f"{host.systemd.bin}:{os.environ['PATH']}")
    _units.forget()
    yield host
    host.systemd.end()
    _units.forget()
