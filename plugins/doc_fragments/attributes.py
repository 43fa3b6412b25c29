# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules of the collection promise alike."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)), with every secret masked.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
  platform:
    description: The operating systems of the target that are supported.
    platforms: linux
    support: full
  safe_file_operations:
    description: Files are replaced as a whole or not at all, and keep their owner, mode and SELinux label.
    support: full
"""

    PROXY = r"""
options:
  proxy:
    description:
      - The proxy, as it is said once for all readers.
      - Secrets are masked in everything that the module returns, and are kept out of the host's log.
      - Keys are V(http), V(https) (URLs with a scheme, each falling back on the other), V(username), V(password),
        V(no_proxy) (a list) and V(ca_certificate).
    type: dict
"""

    CHECKPOINT = r"""
options:
  checkpoint:
    description:
      - The name of a checkpoint. Before its first change, each file's bytes and attributes are kept on the host under
        this name, and M(fleetops.container_hosts.verified_restart) with the same name has to come, to prove the
        change or to take it back.
      - Where the task fails half-way, all that is pending under the checkpoint is taken back at once.
      - Without effect where systemd doesn't run, as in an image that is being built.
    type: str
    default: ""
  checkpoint_deadline:
    description:
      - The seconds after which the host takes the change back by itself if no
        M(fleetops.container_hosts.verified_restart) has come. The host does so too after a power loss in between,
        before its services start.
    type: float
    default: 3600
"""
