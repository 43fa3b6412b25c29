# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The report as JSON: all of it, for scripts, and for the next report to compare with."""

from __future__ import annotations

import json

from ._report_model import Data


def render(report: Data) -> str:
    """Return the report as JSON in ASCII, a line for each host."""
    head = {key: value for key, value in report.items() if key != "hosts"}
    lines = json.dumps(head, indent=1)[:-2]
    hosts = ",\n  ".join(json.dumps(host) for host in report["hosts"])
    return f'{lines},\n "hosts": [\n  {hosts}\n ]\n}}\n' if hosts else f'{lines},\n "hosts": []\n}}\n'
