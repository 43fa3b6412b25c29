# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A row for each consumer, and no cell that does anything."""

from __future__ import annotations

import csv
import io

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _report_csv, _report_model
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._report_text import visible
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, setting
from hypothesis import given, settings, strategies

PROXY, OLD = "http://192.0.2.1:1", "http://192.0.2.2:1"
RESULTS = {
    "host-1": {
        "consumers": [
            consumer(
                "docker",
                "docker.service",
                "drifted",
                why="It is another one.",
                mend="ansible-playbook site --limit host-1",
                settings=[
                    setting("https_proxy", PROXY, running=OLD, path="/etc/d.conf", line=4),
                    setting("no_proxy", None, path=None),
                ],
                shadowed_by=[{"variable": "A", "path": "/etc/z.conf", "line": None}],
            ),
            consumer("package_manager", "apt", "in_sync"),
        ]
    },
    "host-2": {"unreachable": True, "msg": "No route to host"},
}
ANYTHING = strategies.text(alphabet=strategies.characters(), max_size=20)


def report_of(results, **more):
    return _report_model.build(results, made="2026-11-21T14:00:00+00:00", **more)


def rows_of(report):
    return list(csv.DictReader(io.StringIO(_report_csv.render(report), newline="")))


def test_csv_has_a_row_for_each_consumer_and_each_host_without_any():
    rows = rows_of(report_of(RESULTS, groups={"moby": ["host-1"], "ecs": ["host-1"]}))
    assert [(row["host"], row["consumer"], row["verdict"], row["host_verdict"]) for row in rows] == [
        ("host-1", "docker", "drifted", "drifted"),
        ("host-1", "package_manager", "in_sync", "drifted"),
        ("host-2", "", "", "unreachable"),
    ]
    first = rows[0]
    assert first["groups"] == "ecs moby"
    assert (first["https_proxy_wanted"], first["https_proxy_running"], first["no_proxy_wanted"]) == (PROXY, OLD, "")
    assert (first["configured_in"], first["shadowed_by"], first["active"]) == ("/etc/d.conf:4", "/etc/z.conf", "yes")
    assert rows[2]["why"] == "No route to host"


@given(text=ANYTHING)
@settings(max_examples=200, deadline=None)
def test_no_cell_is_a_formula_or_has_what_would_not_be_seen(text):
    results = {text: {"consumers": [consumer("docker", text, "drifted", why=text, mend=text)]}}
    report = report_of(results)
    [row] = rows_of(report)
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell == visible(cell)
