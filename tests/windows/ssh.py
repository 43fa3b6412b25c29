#!/usr/bin/env python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for ssh(1), with a Windows host behind it: Ansible's own ssh plugin starts it, and can't tell.

It is started as `ssh OPTION... HOST COMMAND`; the environment says where the host is.
"""

from __future__ import annotations

import os
import sys

from ansible_collections.fleetops.container_hosts.tests.windows import powershell


def main() -> None:
    """Run the one command."""
    *arguments, command = sys.argv[1:]
    if command == "ControlPersist":
        # The plugin asks whether ssh knows the option.
        return
    host = powershell.Host(os.environ["WINE_HOST_PREFIX"], os.environ["WINE_HOST_RECORD"])
    sys.stdout.buffer.write(host.run(command, sys.stdin.buffer.read(), arguments))


if __name__ == "__main__":
    main()
