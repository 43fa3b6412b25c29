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
# Work that is always the same, some tens of milliseconds of it.
SPIN = """
() => {
  const begun = performance.now();
  let sum = 0;
  for (let step = 0; step < 1e7; step += 1) sum = (sum * 31 + step) | 0;
  return [performance.now() - begun, sum];
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


def stall(page, session):
    """How many times as long as its own work takes the page waits for a processor: 1 where nobody else wants one."""

    def worked():
        metrics = session.send("Performance.getMetrics")["metrics"]
        # What the page's thread had of the processor, not what went by on the clock.
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")

    before = worked()
    took, _sum = page.evaluate(SPIN)
    return max(1, took / (worked() - before))


def test_filters_and_sorts_without_a_pause(page):
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    acts = [*(["type", text] for text in TYPED), *(["sort", text] for text in SORTED)]
    # The best of some rounds for each act, since a test machine stalls now and then; and where others keep it busy all
    # the while, as long as it would have taken without them.
    rounds = []
    for _round in range(5):
        before = stall(page, session)
        took = page.evaluate(TIMED, acts)
        busy = min(before, stall(page, session))
        rounds.append([each / busy for each in took])
    took = [min(each) for each in zip(*rounds, strict=True)]
    print(f"typing and sorting: {[round(each) for each in took]} ms")
    assert max(took) < AT_ONCE_MS
