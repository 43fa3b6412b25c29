# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` does what it says, and says nothing that it should not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import demo, fleet, playbook, squid

NAME = "demo-test"


def test_the_demo_shows_before_and_after() -> None:
    command = [sys.executable, "-m", demo.__name__, "--fleet", NAME]
    try:
        ran = subprocess.run(command, env=playbook.environment(), capture_output=True, text=True, check=False)
    finally:
        fleet.down(NAME)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    assert [said.count("FAILS after"), said.count("works after")] == [2, 2]
    rows = [line for line in ran.stdout.splitlines() if "requests: CONNECT registry.example.com:443" in line]
    assert [(row.split()[0], row.split()[2][:5]) for row in rows] == [("bookworm-1", "20.10"), ("trixie-1", "26.1.")]
    assert all(squid.USER in row and row.count("//***@") == 2 for row in rows)
    assert "Zq7x9K" in squid.PASSWORD
    assert "Zq7x9K" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a:b@192.0.2.1:3128", "http://***@192.0.2.1:3128"),
        ("http://a:b/@c@192.0.2.1:3128", "http://***@192.0.2.1:3128"),
        ("http://192.0.2.1:3128", "http://192.0.2.1:3128"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_credentials(url: str, shown: str) -> None:
    assert demo.mask(url) == shown


def test_the_table_has_columns() -> None:
    rows = [demo.Row("a", "docker 1", "x", "y", "1 requests"), demo.Row("longer", "docker 22", "", "", "0 requests")]
    assert demo.table(rows).splitlines() == [
        "host    daemon     configured  running  proven by Squid's log",
        "------  ---------  ----------  -------  ---------------------",
        "a       docker 1   x           y        1 requests",
        "longer  docker 22                       0 requests",
    ]
