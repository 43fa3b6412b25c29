# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container instance after a run in check mode: nothing has happened."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import ecs
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


def test_the_agent_reaches_nothing(inside: Host) -> None:
    agent = ecs.agent(inside)
    assert agent["environment"] == {}
    assert agent["said"]["agent"].startswith("direct failed")
