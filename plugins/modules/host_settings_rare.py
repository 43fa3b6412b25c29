#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings_rare
short_description: The form in which host_settings is sent where it has kinds of settings that few hosts have
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Not to be used in playbooks. M(fleetops.container_hosts.host_settings) is sent to a host in this form if it is to
    hold other files true than JSON files and units' environments, so that all others need not carry what that takes.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.settings
  - fleetops.container_hosts.attributes.proof
attributes:
  platform:
    platforms: linux
seealso:
  - module: fleetops.container_hosts.host_settings
"""

EXAMPLES = r"""
- name: The action plugin of host_settings chooses it by itself
  fleetops.container_hosts.host_settings:
    config_toml:
      - path: /etc/aziot/config.toml
        settings: {hostname: edge-1.example.com}
"""

RETURN = r"""
changed:
  description: As of M(fleetops.container_hosts.host_settings), and so is all else that is returned.
  returned: always
  type: bool
"""

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._host_settings import ARGUMENT_SPEC, ensure

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it. Imported is what is asked for, since a host compiles
    # what is imported at each run.
    from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_settings_rare, _proven_settings

    _ALSO_SENT = (_host_settings_rare, _proven_settings)


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
