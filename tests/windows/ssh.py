#!/usr/bin/env python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ssh(1), whose arguments are written down before: Ansible's own ssh plugin starts it so."""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Become ssh."""
    with open(os.environ["SSH_ARGUMENTS"], "a", encoding="utf-8") as record:
        record.write(json.dumps(sys.argv[1:]) + "\n")
    os.execvp("ssh", ["ssh", *sys.argv[1:]])  # noqa: S606  # a shell would read the arguments its own way


if __name__ == "__main__":
    main()
