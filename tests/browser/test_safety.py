# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hostile host can do to who reads the report: nothing. And the page talks to nobody."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, setting

EVIL = (
    "</script><script>window.harmed = 1</script>",
    "<img src=http://evil.example/a onerror='window.harmed = 1'>",
    "<!--<script>",
    "<svg/onload=alert(1)>",
    "\"'><iframe src=http://evil.example/b></iframe>",
    "</style><link rel=stylesheet href=http://evil.example/c>",
    "{{ data }}{{program}}",
    "javascript:alert(1)",
    "__proto__",
    "constructor",
    "]]>&lt;b&gt;&amp;\u2028\u2029",
    "\u202egro.elpmaxe\u2066\x1b[31m\x00\x07",
)


def evil_result(text):
    return {
        "consumers": [
            consumer(
                "docker",
                text,
                "drifted",
                kind=text,
                why=text,
                mend=text,
                settings=[
                    setting(text, text, running=text + "!", same=False, difference=text, variable=text, path=text)
                ],
                seen_in=[text],
                shadowed_by=[{"variable": text, "path": text, "line": 1}],
                leftovers=[{"tool": text, "path": text, "line": 2, "variables": [text], "read": True, "why": text}],
            ),
            consumer(text, text, "legacy", why=text),
        ],
        "notices": [{"reader": text, "entry": text, "why": text}],
    }


def test_what_a_host_says_is_text(opened):
    results = {text: evil_result(text) for text in EVIL}
    results["unreachable-1"] = {"unreachable": True, "msg": EVIL[1]}
    page = opened(results, groups={text: list(results) for text in EVIL}, earlier=dict.fromkeys(EVIL, results[EVIL[0]]))
    for button in page.locator("#matrix tr.host th button").all():
        button.click()
    for part in ("#findings", "#drift-list"):
        page.locator(part).get_by_role("button", name=re.compile(r"\d+ more ")).click()
    assert page.evaluate("window.harmed") is None
    # A command of a host's own making can't be copied with a click.
    assert page.get_by_role("button", name="Copy", exact=True).count() == 0
    assert page.locator(".word-of").count() > len(EVIL)
    assert page.locator("img, iframe, object, embed, base, link[rel=stylesheet]").count() == 0
    assert page.evaluate("document.scripts.length") == 2
    # Every one can be read as it is, but for what would not be seen, which is shown as its number.
    shown = page.locator("#matrix tr.host th bdi").all_inner_texts()
    assert set(EVIL[:-2]) < set(shown)
    assert "]]>&lt;b&gt;&amp;\\u2028\\u2029" in shown
    assert "\\u202egro.elpmaxe\\u2066\\x1b[31m\\x00\\x07" in shown
    for text in EVIL[:-2]:
        page.get_by_role("searchbox").fill(text.split()[0])
        assert text in page.locator("#matrix tr.host th bdi").all_inner_texts()


MADE = "const made = Object.assign(document.createElement('{}'), {}); document.head.append(made)"
ATTEMPTS = {
    "a script": MADE.format("script", "{textContent: 'window.harmed = 1'}"),
    "a script from elsewhere": MADE.format("script", "{src: 'http://evil.example/s.js'}"),
    "a style from elsewhere": MADE.format("link", "{rel: 'stylesheet', href: 'http://evil.example/c.css'}"),
    "a picture from elsewhere": MADE.format("img", "{src: 'http://evil.example/i.png'}"),
    "a handler": "document.body.insertAdjacentHTML('beforeend', '<p id=p onclick=\"window.harmed = 1\">');"
    " document.getElementById('p').click()",
    "a request": "fetch('http://evil.example/f').catch(() => 0)",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_the_policy_stops_what_would_get_in_all_the_same(opened, attempt):
    page = opened({"host-1": evil_result("x")}, attacked=True)
    stopped = page.evaluate(
        "() => new Promise((resolve) => {"
        ' addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));'
        ' setTimeout(() => resolve("nothing"), 20000);'
        f" {attempt}; }})"
    )
    assert stopped.split("-")[0] in ("script", "style", "img", "connect")
    assert page.evaluate("window.harmed") is None


def test_the_witness_would_see_a_request(browser, watch):
    """The proxy that hears of none of the above hears of a page without the policy."""
    page = browser.new_page()
    page.set_content("<img src=http://witness.test/seen.png>")
    page.wait_for_load_state("load")
    assert watch.asked_for("witness.test/seen.png")
    page.close()
