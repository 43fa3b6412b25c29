# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the README's picture of the audit's report: `make picture`. The fleet in it is made up."""

from __future__ import annotations

import pathlib
import sys
import tempfile

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _report_drift,
    _report_files,
    _report_model,
)
from ansible_collections.fleetops.container_hosts.tests.browser.chromium import launched
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import fleet

HOSTS = 240
SIZE = {"width": 1240, "height": 1700}
# A host whose detail is told is worth more in a picture than a second page of hosts.
OPENED = "Drifted"


def main(path: str) -> None:
    """Write the picture, a PNG of the page's head and its first hosts, to `path`."""
    results, groups = fleet(HOSTS, seed=3, well=0.97)
    earlier, _groups = fleet(HOSTS, seed=3, well=0.965)
    report = _report_model.build(
        results,
        made="2026-11-21T14:00:00+00:00",
        title="production.yml",
        groups=groups,
        fail_on=["drifted", "shadowed", "unreachable"],
    )
    before = _report_model.build(earlier, made="2026-11-20T14:00:00+00:00")
    report["drift"] = _report_drift.drift(before, report)
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        _report_files.write(report, folder, check_mode=False)
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-GB", timezone_id="UTC")
        page.goto((pathlib.Path(folder) / "audit.html").as_uri())
        page.locator("#matrix tr.host", has_text=OPENED).first.get_by_role("button").click()
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)


if __name__ == "__main__":
    main(sys.argv[1])
