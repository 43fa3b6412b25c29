# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What tells one run of ansible-playbook from another, so that a rollback can take back all that one run changed."""

from __future__ import annotations

import multiprocessing
import os
import socket


def run_identity() -> str:
    """Return the same text in each task of one run, also across its plays.

    Ansible has no name for a run. Each task is run by a process of its own, whose parent is the run.
    """
    parent = multiprocessing.parent_process()
    return f"{socket.gethostname()}/{parent.pid if parent else os.getpid()}"
