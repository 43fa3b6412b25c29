# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the conformance tests share: hosts that systemd booted."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import host


@pytest.fixture(scope="session")
def booted_host():
    """Return a function which boots a host of a distribution, once a session, and returns its container's name."""
    containers: dict[str, str] = {}

    def boot(distribution: str) -> str:
        if distribution not in containers:
            image = f"container-hosts/{distribution}:latest"
            command = ["docker", "run", "--detach", "--network=none", *host.OPTIONS, image]
            containers[distribution] = subprocess.run(
                command, check=True, capture_output=True, text=True
            ).stdout.strip()
        deadline = time.monotonic() + 60
        state = ""
        while state not in ("running", "degraded"):
            assert time.monotonic() < deadline, f"systemd of {distribution} is {state!r} after 60 s"
            time.sleep(0.2)
            command = ["docker", "exec", containers[distribution], "systemctl", "is-system-running"]
            state = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
        return containers[distribution]

    yield boot
    for container in containers.values():
        subprocess.run(["docker", "rm", "--force", "--volumes", container], check=True, capture_output=True)
