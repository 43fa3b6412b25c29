# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the collection ansible.windows where the tests find it: python -m ...tests.windows

It comes out of the package `ansible`, which holds it, because a Galaxy server may be out of reach where tests run.
"""

from __future__ import annotations

import json

from ..stage import wheel
from ..stage.playbook import COLLECTIONS

# What the stand-in for its modules was written after; see modules.KNOWN.
PACKAGE = "ansible==12.3.0"
VERSION = "3.3.0"
FOLDER = COLLECTIONS / "ansible_collections/ansible/windows"


def main() -> None:
    """Install it, unless it is there."""
    install("ansible/windows", VERSION)


def install(name: str, version: str) -> None:
    """Put a collection (namespace/name) of that package into the checkout's import path, unless it is there."""
    inside = f"ansible_collections/{name}/"
    manifest = COLLECTIONS / inside / "MANIFEST.json"
    if manifest.exists() and json.loads(manifest.read_text())["collection_info"]["version"] == version:
        return
    wheel.unpack(PACKAGE, inside, COLLECTIONS)


if __name__ == "__main__":
    main()
