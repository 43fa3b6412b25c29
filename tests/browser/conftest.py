# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of reports, opened in the browser as a person does: from a file."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _report_drift,
    _report_files,
    _report_html,
    _report_model,
)
from ansible_collections.fleetops.container_hosts.tests.browser import chromium
from ansible_collections.fleetops.container_hosts.tests.support import audited_fleet

HOSTS = "#matrix tbody tr.host"


@pytest.fixture(scope="session")
def watch():
    with chromium.witness() as running:
        yield running


@pytest.fixture(scope="session")
def browser(watch):
    with chromium.launched(watch.address) as running:
        yield running


@pytest.fixture
def opened(browser, watch, tmp_path):
    """Open the page of results (or of a number of made-up hosts); at the end it must have asked nobody for anything.

    An `attacked` page may ask, and complain, as long as nobody hears of it.
    """
    contexts, requests, complaints = [], [], []

    def opened(results, *, groups=None, earlier=None, address="", attacked=False, **options):
        if isinstance(results, int):
            results, groups = audited_fleet.fleet(results)
        report = _report_model.build(results, made="2026-11-21T14:00:00+00:00", title="hosts.yml", groups=groups)
        if earlier is not None:
            before = _report_model.build(earlier, made="2026-11-20T14:00:00+00:00")
            report["drift"] = _report_drift.drift(before, report)
        (tmp_path / "audit.html").write_text(_report_html.render(report, _report_files.page_parts()), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": 1360, "height": 1000}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        if not attacked:
            page.on("request", lambda request: requests.append(request.url))
            page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto((tmp_path / "audit.html").as_uri() + address)
        if options.get("java_script_enabled", True):
            page.locator(HOSTS).first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url.partition("#")[0] for url in requests} <= {(tmp_path / "audit.html").as_uri()}
    assert not watch.asked_for("example")


@pytest.fixture
def names():
    """Return the names of the hosts that a page shows, in their order."""
    return lambda page: page.locator(f"{HOSTS} > th button").all_inner_texts()
