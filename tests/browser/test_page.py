# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person does with the report's page: look, filter, sort, open, print, by mouse and by keyboard."""

from __future__ import annotations

import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet, setting
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

OLD = "http://192.0.2.7:8080"
# A colour whose red is up to 127, or above.
DARK = re.compile(r"^rgb\((\d{1,2}|1[01]\d|12[0-7]),")
LIGHT = re.compile(r"^rgb\((12[89]|1[3-9]\d|2\d\d),")
RESULTS = {
    "host-10": {"consumers": [consumer("docker", "docker.service", "in_sync"), consumer("nomad", "nomad", "absent")]},
    "host-2": {"consumers": [consumer("docker", "docker.service", "in_sync")]},
    "drifted-1": {
        "consumers": [
            consumer(
                "docker",
                "docker.service",
                "drifted",
                why="https_proxy is another one.",
                mend="ansible-playbook fleetops.container_hosts.site --limit drifted-1",
                settings=[
                    setting(
                        "https_proxy", "http://192.0.2.10:3128", running=OLD, same=False, difference=f"runs with {OLD}"
                    )
                ],
                leftovers=[
                    {
                        "tool": "kolla",
                        "path": "/etc/k.conf",
                        "line": 7,
                        "variables": ["A"],
                        "read": True,
                        "why": "It wins.",
                    }
                ],
                shadowed_by=[{"variable": "B", "path": "/etc/zz.conf", "line": 4}],
                seen_in=["/proc/812/environ"],
            ),
            consumer("package_manager", "apt", "unmanaged"),
        ],
        "notices": [{"reader": "docker", "entry": "/run/docker.sock", "why": "nobody answers"}],
    },
    "restart-1": {"consumers": [consumer("docker", "docker.service", "restart_needed")]},
    "shadowed-1": {"consumers": [consumer("docker", "docker.service", "shadowed")]},
    "legacy-1": {"consumers": [consumer("docker", "docker.service", "legacy")]},
    "bare-1": {"consumers": [consumer("docker", "docker.service", "unmanaged")]},
    "empty-1": {"consumers": [consumer("docker", "docker", "absent")]},
    "gone-1": {"unreachable": True, "msg": "ssh: connect to host gone-1 port 22: No route to host"},
    "broken-1": {"failed": True, "msg": "The module interpreter was not found."},
}
GROUPS = {"all": [*RESULTS], "moby": ["host-10", "host-2"], "odd": ["gone-1", "broken-1"]}
# The worst first, then by name as people count.
BY_VERDICT = [
    "broken-1",
    "gone-1",
    "drifted-1",
    "shadowed-1",
    "restart-1",
    "legacy-1",
    "host-2",
    "host-10",
    "bare-1",
    "empty-1",
]


@pytest.fixture
def page(opened):
    return opened(
        RESULTS, groups=GROUPS, earlier={**RESULTS, "host-2": RESULTS["bare-1"], "legacy-1": RESULTS["host-2"]}
    )


def test_says_how_the_fleet_is(page):
    assert page.locator("h1").inner_text() == "6 of 10 hosts need attention"
    tiles = [text.split() for text in page.locator("#tiles button").all_inner_texts()]
    assert [tile[0] for tile in tiles] == ["1"] * 6 + ["2", "1", "1"]
    assert page.title() == "Proxy audit hosts.yml: 6 of 10 hosts need attention"


def test_verdicts_are_told_apart_without_colour(page):
    told = page.locator("#legend dt").evaluate_all(
        """terms => terms.map(term => [term.innerText.trim(),
             term.querySelector("svg").innerHTML])"""
    )
    words, shapes = zip(*told, strict=True)
    assert len(set(words)) == len(set(shapes)) == 9
    shown = page.locator("#matrix tbody tr.host > td:nth-child(2) .word").all_inner_texts()
    assert set(shown) == set(words)


def test_sorts_as_people_count(page, names):
    assert names(page) == BY_VERDICT
    assert page.locator("#matrix th[aria-sort='ascending']").inner_text() == "Verdict"
    page.get_by_role("button", name="Host", exact=True).click()
    assert names(page) == [
        "bare-1",
        "broken-1",
        "drifted-1",
        "empty-1",
        "gone-1",
        "host-2",
        "host-10",
        "legacy-1",
        "restart-1",
        "shadowed-1",
    ]
    page.get_by_role("button", name="Host", exact=True).click()
    assert names(page)[:2] == ["shadowed-1", "restart-1"]
    assert page.locator("#matrix th[aria-sort='descending']").inner_text() == "Host"
    # Hosts that say nothing of the consumer come last.
    page.get_by_role("button", name="docker", exact=True).click()
    assert names(page) == [*BY_VERDICT[2:], "broken-1", "gone-1"]


def test_filters(page, names):
    find = page.get_by_role("searchbox")
    for words, hosts in (
        ("HOST-1", ["host-10"]),
        ("/proc/812", ["drifted-1"]),
        ("192.0.2.7 drifted", ["drifted-1"]),
        ("192.0.2.7 gone", []),
        ("no route", ["gone-1"]),
        ("odd", ["broken-1", "gone-1"]),
    ):
        find.fill(words)
        assert names(page) == hosts
        assert page.locator("#count").inner_text() == f"{len(hosts)} of 10 hosts"
    assert page.get_by_text("No host is like that.").count() == 0
    find.fill("nowhere")
    assert page.get_by_text("No host is like that.").is_visible()
    page.get_by_role("button", name="Clear").click()
    assert names(page) == BY_VERDICT
    page.get_by_role("combobox", name="Group").select_option("moby")
    assert names(page) == ["host-2", "host-10"]
    page.get_by_role("combobox", name="Group").select_option("")
    page.get_by_role("combobox", name="Consumer").select_option("package_manager")
    assert names(page) == ["drifted-1"]


def test_numbers_lead_to_their_hosts(page, names):
    tile = page.locator("#tiles button", has_text="Drifted")
    tile.click()
    assert names(page) == ["drifted-1"]
    assert tile.get_attribute("aria-pressed") == "true"
    tile.click()
    assert names(page) == BY_VERDICT
    page.get_by_role("button", name="1 host with docker legacy").click()
    assert names(page) == ["legacy-1"]
    page.locator("#findings").get_by_role("button", name="gone-1").click()
    assert names(page) == ["gone-1"]
    page.get_by_role("button", name="show all").click()
    assert names(page) == BY_VERDICT


def test_a_view_has_an_address(opened, names):
    page = opened(RESULTS, groups=GROUPS, address="#verdict=in_sync&group=moby&query=host-10")
    assert names(page) == ["host-10"]
    page.get_by_role("searchbox").fill("host-2")
    assert names(page) == ["host-2"]
    assert page.evaluate("location.hash") == "#query=host-2&verdict=in_sync&group=moby"


def test_a_host_in_detail(page):
    page.get_by_role("button", name="drifted-1", exact=True).last.click()
    detail = page.locator("tr.detail")
    text = re.sub(r"\s+", " ", detail.inner_text())
    for told in (
        "https_proxy is another one.",
        "ansible-playbook fleetops.container_hosts.site --limit drifted-1",
        "/etc/systemd/system/docker.service.d/zz-container-hosts.conf:3",
        "Shadowed by /etc/zz.conf:4, which sets B.",
        "Left by kolla: /etc/k.conf:7 (A), which is read. It wins.",
        "What runs was seen in /proc/812/environ.",
        "docker: /run/docker.sock: nobody answers",
    ):
        assert told in text
    odd = detail.locator("td.other")
    assert re.sub(r"\s+", " ", odd.inner_text()) == f"{OLD} runs with {OLD}"
    assert detail.locator("details[open]").count() == 1
    page.get_by_role("button", name="gone-1", exact=True).last.click()
    assert page.get_by_text("No route to host").last.is_visible()


def test_shows_what_has_changed(page, names):
    assert page.locator("#drift-summary").inner_text().startswith("1 worse, 1 changed since")
    rows = [re.sub(r"\s+", " ", row) for row in page.locator("#drift li").all_inner_texts()]
    assert rows == [
        "Worse legacy-1 docker.service In sync became → Legacy",
        "Changed host-2 docker.service Unmanaged became → In sync",
    ]
    page.get_by_label("Changed only").check()
    assert names(page) == ["legacy-1", "host-2"]
    page.locator("#drift").get_by_role("button", name="legacy-1").click()
    assert names(page) == ["legacy-1"]
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Changed only").check()
    assert page.locator("#matrix .badge").all_inner_texts() == ["worse", "changed"]


def test_works_by_keyboard_alone(page, names):
    keys = page.keyboard
    focused = "document.activeElement.innerText"
    keys.press("Tab")
    assert page.evaluate(focused) == "Skip to the hosts"
    keys.press("Enter")
    assert page.evaluate("document.activeElement.id") == "hosts"
    keys.press("/")
    keys.type("-1")
    assert page.evaluate("document.activeElement.id") == "query"
    assert "host-2" not in names(page)
    # On from the filters, over the column heads, to the first host.
    for _press in range(40):
        keys.press("Tab")
        if page.evaluate(focused) == "broken-1":
            break
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert page.evaluate(focused) == "drifted-1"
    keys.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert page.locator("tr.detail").is_visible()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    keys.press("Escape")
    assert page.locator("tr.detail").count() == 0
    assert page.evaluate(focused) == "drifted-1"
    keys.press("End")
    assert page.evaluate(focused) == "empty-1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_breaks_no_rule_of_accessibility(opened, scheme):
    page = opened(RESULTS, groups=GROUPS, earlier={"host-2": RESULTS["bare-1"]}, color_scheme=scheme)
    page.get_by_role("button", name="drifted-1", exact=True).last.click()
    page.locator("#tiles button").first.click()
    page.locator("#tiles button").first.click()
    found = Axe().run(page).response
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == []
    assert {"color-contrast", "button-name", "select-name"} <= {rule["id"] for rule in found["passes"]}


def test_dark_and_light(opened):
    page = opened(RESULTS, color_scheme="dark")
    # Asked for by the locator, since a predicate in JavaScript that isn't true at once is evaluated again as a
    # string, which the page's own policy forbids.
    ground = expect(page.locator("html"))
    ground.to_have_css("background-color", DARK)
    page.emulate_media(color_scheme="light")
    ground.to_have_css("background-color", LIGHT)
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: light").click()
    ground.to_have_css("background-color", DARK)
    page.reload()
    ground.to_have_css("background-color", DARK)
    assert page.get_by_role("button", name="Theme: dark").is_visible()


def test_prints_all_that_the_filters_leave(opened, tmp_path, names):
    results, groups = fleet(400)
    page = opened(results, groups=groups, color_scheme="dark")
    page.get_by_role("combobox", name="Group").select_option("moby")
    page.get_by_role("combobox", name="Group").select_option("")
    page.get_by_role("searchbox").fill("edge-")
    page.pdf(path=tmp_path / "report.pdf")
    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "Copy" not in text
    assert "Theme" not in text
    listed = text[text.index("\nHosts") :]
    assert set(re.findall(r"(?:edge|build|ecs|nomad)-\d+\.example\.com", listed)) == {
        name for name in results if name.startswith("edge-")
    }
    assert len(names(page)) == 50
    page.emulate_media(media="print")
    # No column is beyond the paper's edge.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#matrix").evaluate("matrix => matrix.scrollWidth <= matrix.clientWidth")
    page.emulate_media(media="screen")
    assert page.get_by_role("button", name="Print").is_visible()


def test_goes_through_pages_of_hosts(opened, names):
    page = opened(230)
    assert len(names(page)) == 50
    assert page.locator("#range").inner_text() == "1 to 50 of 230"
    assert page.get_by_role("button", name="Previous").is_disabled()
    seen = names(page)
    for _page in range(4):
        page.get_by_role("button", name="Next").click()
        seen += names(page)
    assert len(seen) == len(set(seen)) == 230
    assert page.get_by_role("button", name="Next").is_disabled()


def test_without_scripts_the_totals_are_there(opened):
    page = opened(RESULTS, java_script_enabled=False)
    assert page.locator("h1").inner_text() == "6 of 10 hosts need attention"
    assert "audit.csv" in page.locator("noscript").inner_text()
    assert page.locator("noscript tr", has_text="in_sync").inner_text().split() == ["in_sync", "2"]
