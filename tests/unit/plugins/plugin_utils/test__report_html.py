# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: all of the report is in it, and none of it is markup."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _report_files, _report_html, _report_model
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet
from hypothesis import given, settings, strategies

ANYTHING = strategies.text(alphabet=strategies.characters(), max_size=20)


def report_of(results, **more):
    return _report_model.build(results, made="2026-11-21T14:00:00+00:00", **more)


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
    page = page_of(report_of({}))
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    digest = base64.b64encode(hashlib.sha256(page.content["script"].encode()).digest()).decode()
    style = base64.b64encode(hashlib.sha256(page.content["style"].encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["style-src"] == f"'sha256-{style}'"
    assert "style=" not in _report_files.page_parts().frame
