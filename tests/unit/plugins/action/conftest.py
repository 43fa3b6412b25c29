# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible does with an action before it runs it, for tests that make theirs without its plugin loader."""

from __future__ import annotations

import pytest
from ansible.plugins.action import ActionBase


@pytest.fixture(autouse=True)
def _named_as_by_the_loader(monkeypatch):
    """Until ansible-core 2.18 an action has a name from the loader alone, and asks for it when it refuses arguments."""
    monkeypatch.setattr(ActionBase, "_load_name", "fleetops.container_hosts.under_test", raising=False)
