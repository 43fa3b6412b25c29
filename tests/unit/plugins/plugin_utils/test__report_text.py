# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text as it can be seen."""

from __future__ import annotations

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._report_text import visible


def test_visible_keeps_what_can_be_seen():
    assert visible("Zürich 北京 ✓") == "Zürich 北京 ✓"
    assert visible("a\x1b[31m\u202eb\U000e0041") == "a\\x1b[31m\\u202eb\\U000e0041"
