# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines for a terminal."""

from __future__ import annotations

import re

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _report_drift,
    _report_model,
    _report_table,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._report_text import visible
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer
from hypothesis import given, settings, strategies

ANYTHING = strategies.text(alphabet=strategies.characters(), max_size=20)
RESULTS = {
    "host-1": {
        "consumers": [
            consumer(
                "docker",
                "docker.service",
                "drifted",
                why="It is another one.",
                mend="ansible-playbook site --limit host-1",
            ),
            consumer("package_manager", "apt", "in_sync"),
        ]
    },
    "host-2": {"unreachable": True, "msg": "No route to host"},
}


def report_of(results, **more):
    return _report_model.build(results, made="2026-11-21T14:00:00+00:00", **more)


def test_the_table_says_what_is_wrong_and_what_mends_it():
    lines = _report_table.render(report_of(RESULTS), rows=40)
    assert lines[0] == "Proxy audit: 2 of 2 hosts need attention (2026-11-21T14:00:00+00:00)"
    text = "\n".join(lines)
    assert re.search(r"host-2 +unreachable +No route to host", text)
    assert re.search(
        r"host-1  docker.service  drifted +It is another one.\n    mend: ansible-playbook site --limit host-1", text
    )
    assert re.search(r"docker +1 +0$", text, re.MULTILINE)
    short = _report_table.render(report_of(RESULTS), rows=1)
    assert short[-1] == "and 1 more; the report's files have all of them"


def test_what_is_long_is_cut():
    lines = _report_table.render(report_of({"host-1": {"failed": True, "msg": "word " * 1000}}), rows=40)
    assert lines[-1].endswith("word  ... (4500 characters more)")


def test_the_table_of_a_fleet_that_is_well():
    results = {"host-1": {"consumers": [consumer("docker", "docker.service", "in_sync")]}}
    report = report_of(results)
    report["drift"] = _report_drift.drift(report, report)
    lines = _report_table.render(report, rows=40)
    assert lines[0].startswith("Proxy audit: 1 host, none needs attention")
    assert lines[-1] == "Since 2026-11-21T14:00:00+00:00: no change"


@given(text=ANYTHING)
@settings(max_examples=200, deadline=None)
def test_no_character_that_drives_a_terminal_gets_through(text):
    results = {text: {"consumers": [consumer("docker", text, "drifted", why=text, mend=text)]}}
    for line in _report_table.render(report_of(results), rows=5):
        assert line == visible(line)
