# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several tests of the host's side stand on."""

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _guard_units, _units
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import GuardedHost, quick_folder


def pytest_make_parametrize_id(config, val, argname):
    """Name a long text by its place among the others: a certificate is another one in each of pytest's workers."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 100 else None


@pytest.fixture(scope="session")
def guard_code():
    """Return the guard's code, packed once: to pack it for each change would take most of the time."""
    return _guard_units._code()


@pytest.fixture
def guarded(monkeypatch, guard_code):
    """Return a host with a stand-in for systemd."""
    monkeypatch.setattr(_guard_units, "_code", lambda: guard_code)
    with quick_folder() as folder:
        host = GuardedHost(folder)
        monkeypatch.setenv("PATH", f"{host.systemd.bin}:{os.environ['PATH']}")
        _units.forget()
        yield host
        host.systemd.end()
        _units.forget()
