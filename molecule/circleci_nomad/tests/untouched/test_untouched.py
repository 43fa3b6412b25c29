# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nomad client after a run in check mode: nothing has happened."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.stage import circleci
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host


def test_every_byte_is_as_before(host: t.Any) -> None:
    assert host.check_output("/root/fingerprint | diff /root/fingerprint.before - || true") == ""


def test_a_job_reaches_nothing(inside: Host) -> None:
    job = circleci.job(inside)
    assert not [name for name in job["environment"] if name.lower().endswith("_proxy")]
    assert job["said"]["https://hub.example.com/"] == "URLError"
    assert not [line for line in circleci.log(inside) if line.startswith("drain")]
