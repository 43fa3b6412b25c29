# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as CSV, as lines and as a page: what is told, and that nothing in it can do harm."""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import io
import json
import re

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _report_csv,
    _report_drift,
    _report_files,
    _report_html,
    _report_model,
    _report_table,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._report_text import visible
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet, setting
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
def test_no_cell_is_a_formula_and_no_character_of_a_terminal_gets_through(text):
    results = {text: {"consumers": [consumer("docker", text, "drifted", why=text, mend=text)]}}
    report = report_of(results)
    [row] = rows_of(report)
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell == visible(cell)
    for line in _report_table.render(report, rows=5):
        assert line == visible(line)


def test_visible_keeps_what_can_be_seen():
    assert visible("Zürich 北京 ✓") == "Zürich 北京 ✓"
    assert visible("a\x1b[31m\u202eb\U000e0041") == "a\\x1b[31m\\u202eb\\U000e0041"


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


def test_the_table_of_a_fleet_that_is_well():
    results = {"host-1": {"consumers": [consumer("docker", "docker.service", "in_sync")]}}
    report = report_of(results)
    report["drift"] = _report_drift.drift(report, report)
    lines = _report_table.render(report, rows=40)
    assert lines[0].startswith("Proxy audit: 1 host, none needs attention")
    assert lines[-1] == "Since 2026-11-21T14:00:00+00:00: no change"


class Page(html.parser.HTMLParser):
    """What a browser takes for elements, and the contents of those that it does not look into."""

    CDATA_CONTENT_ELEMENTS = ("script", "style", "noscript")

    def __init__(self, text):
        super().__init__()
        self.inside, self.content, self.tags, self.policy = "", {}, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.inside = attributes.get("id", tag)
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        self.content[self.inside] = self.content.get(self.inside, "") + data


def page_of(report):
    return Page(_report_html.render(report, _report_files.page_parts()))


def hosts_in(packed):
    """Take the page's data apart again, by what page_data.js reads."""
    pool = packed["pool"]
    return [
        {
            "host": name,
            "groups": pool[groups],
            "verdict": packed["verdicts"][verdict],
            "why": pool[why],
            "consumers": [
                {field: pool[place] for field, place in zip(packed["fields"], pool[number], strict=True)}
                for number in consumers
            ],
            "notices": pool[notices],
        }
        for name, groups, verdict, why, consumers, notices in packed["hosts"]
    ]


def test_the_page_has_all_that_the_report_has():
    results, groups = fleet(60)
    report = report_of(results, groups=groups)
    packed = json.loads(page_of(report).content["data"])
    assert hosts_in(packed) == report["hosts"]
    assert packed["totals"] == report["totals"]


@given(
    text=ANYTHING | strategies.sampled_from(["</script>", "<!--<script>", "{{data}}", "{{program}}", "]]>", "\u2028"])
)
@settings(max_examples=100, deadline=None)
def test_no_text_of_a_host_becomes_markup(text):
    plain, hostile = (
        page_of(
            report_of(
                {name: {"consumers": [consumer(name, name, "drifted", why=name)], "notices": []}},
                title=name,
                groups={name: [name]},
            )
        )
        for name in ("host-1", text)
    )
    assert hostile.tags == plain.tags
    [host] = hosts_in(json.loads(hostile.content["data"]))
    assert host["host"] == host["consumers"][0]["why"] == text


def test_the_policy_names_the_one_style_and_the_one_program_and_nothing_else():
    page = page_of(report_of(RESULTS))
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    digest = base64.b64encode(hashlib.sha256(page.content["script"].encode()).digest()).decode()
    style = base64.b64encode(hashlib.sha256(page.content["style"].encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["style-src"] == f"'sha256-{style}'"
    assert "style=" not in _report_files.page_parts().frame
