# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of 5,000 hosts opens in less than 3 s, and filters and sorts without a pause."""

from __future__ import annotations

import pytest

HOSTS = 5000
# Up to here, "Interaction to Next Paint", the web's measure of it, calls a page responsive.
AT_ONCE_MS = 200

# Each act's milliseconds until the browser has shown what came of it.
TIMED = """
async (acts) => {
  const took = [];
  for (const [kind, text] of acts) {
    const begun = performance.now();
    if (kind === "type") {
      const query = document.getElementById("query");
      query.value = text;
      query.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      document.querySelector(`[data-sort="${text}"]`).click();
    }
    await new Promise((resolve) => requestAnimationFrame(() => {
      const shown = new MessageChannel();
      shown.port1.onmessage = resolve;
      shown.port2.postMessage(0);
    }));
    took.push(performance.now() - begun);
  }
  return took;
}
"""
TYPED = ("e", "ed", "edg", "edge-", "edge-1", "edge-12", "", "192.0.2.7", "kubespray", "no_proxy", "zzz", "")
SORTED = ("host", "host", "docker", "verdict")


@pytest.fixture
def page(opened):
    return opened(HOSTS)


def test_opens_in_less_than_three_seconds(page):
    # The best of three, since a test machine stalls now and then; the first one has the file read from the disk.
    took = []
    for _load in range(3):
        page.reload()
        page.locator("#matrix tbody tr.host").first.wait_for()
        took.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    print(f"5,000 hosts open in {min(took):.0f} ms")
    assert 0 < min(took) < 3000
    assert page.locator("#count").inner_text() == "5,000 hosts"


def test_filters_and_sorts_without_a_pause(page):
    acts = [*(["type", text] for text in TYPED), *(["sort", text] for text in SORTED)]
    # The best of some rounds for each act, since a test machine stalls now and then.
    rounds = [page.evaluate(TIMED, acts) for _round in range(5)]
    took = [min(each) for each in zip(*rounds, strict=True)]
    print(f"typing and sorting: {[round(each) for each in took]} ms")
    assert max(took) < AT_ONCE_MS
