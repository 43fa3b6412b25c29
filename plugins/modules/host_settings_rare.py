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
attributes:
  platform:
    platforms: linux
options:
  config_json:
    description:
      - JSON files, each a dict with the options of M(fleetops.container_hosts.config_json).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  config_toml:
    description:
      - TOML files, each a dict with the options of M(fleetops.container_hosts.config_toml). They need tomlkit on the
        controller.
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  iotedge_certificate:
    description:
      - Certificates and keys of an Azure IoT Edge device, each a dict with the options of
        M(fleetops.container_hosts.iotedge_certificate).
      - A list of such dicts in place of one is taken as if its members stood there.
      - They are judged and written before the TOML files that name them.
    type: list
    elements: raw
    default: []
  iotedge_config:
    description:
      - Azure IoT Edge's config.toml, as a list with a dict with the options of
        M(fleetops.container_hosts.iotedge_config). It needs tomlkit on the controller.
    type: list
    elements: raw
    default: []
  ecs_config:
    description:
      - Configuration files of the Amazon ECS agent, each a dict with the options of
        M(fleetops.container_hosts.ecs_config).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  environment_file:
    description:
      - Files of NAME=value lines, each a dict with the options of M(fleetops.container_hosts.environment_file).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  systemd_environment:
    description:
      - Units' environments, each a dict with the options of M(fleetops.container_hosts.systemd_environment).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  toml_library:
    description: What the action plugin sends along for TOML files. Not to be set by anyone else.
    type: str
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

# Imported so that Ansible sends it.
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _host_settings_rare,  # noqa: F401 - see above
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._host_settings import ARGUMENT_SPEC, ensure
from ansible_collections.fleetops.container_hosts.plugins.module_utils._module import run_module


def main() -> None:
    """Run the module."""
    run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
