#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings
short_description: Hold several kinds of settings of a container host true in one round trip
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Does what the modules named by its options do, with the same options and the same results, in one task.
    A remote task costs more than all the work of one of these modules, so a role over a large fleet uses this one.
  - Where the shell of the connection is one of Windows, it does nothing, and says so by RV(windows); what is for such
    hosts is M(fleetops.container_hosts.win_host_settings). What is of CircleCI is refused there.
  - Every entry is checked for form before the first is acted on.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.settings
  - fleetops.container_hosts.attributes.proof
attributes:
  platform:
    platforms: linux
seealso:
  - module: fleetops.container_hosts.config_json
  - module: fleetops.container_hosts.config_toml
  - module: fleetops.container_hosts.iotedge_certificate
  - module: fleetops.container_hosts.iotedge_config
  - module: fleetops.container_hosts.ecs_config
  - module: fleetops.container_hosts.environment_file
  - module: fleetops.container_hosts.ecs_instance
  - module: fleetops.container_hosts.circleci_nomad
  - module: fleetops.container_hosts.circleci_services
  - module: fleetops.container_hosts.systemd_environment
"""

EXAMPLES = r"""
- name: Put Docker behind the proxy, and limit its logs
  fleetops.container_hosts.host_settings:
    systemd_environment:
      - units: [docker]
        proxy: "{{ container_hosts_proxy }}"
    config_json:
      - path: /etc/docker/daemon.json
        schema: docker
        settings:
          log-driver: local
          log-opts: {max-size: 10m, max-file: "3"}
  register: settings

- name: Do it under a checkpoint, restart what needs it, and prove it or take it back, all in one task
  fleetops.container_hosts.host_settings:
    systemd_environment:
      - units: [docker]
        proxy: "{{ container_hosts_proxy }}"
    checkpoint: docker_proxy
    verified_restart:
      units: [docker.service]
      preflight:
        endpoints: [docker]
"""

RETURN = r"""
windows:
  description: That the host is a Windows host, where nothing was done.
  returned: on Windows
  type: bool
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
config_json:
  description: The results of M(fleetops.container_hosts.config_json), in the order asked for.
  returned: success
  type: list
  elements: dict
config_toml:
  description: The results of M(fleetops.container_hosts.config_toml), in the order asked for.
  returned: success
  type: list
  elements: dict
iotedge_certificate:
  description: The results of M(fleetops.container_hosts.iotedge_certificate), in the order asked for.
  returned: success
  type: list
  elements: dict
ecs_config:
  description: The results of M(fleetops.container_hosts.ecs_config), in the order asked for.
  returned: success
  type: list
  elements: dict
environment_file:
  description: The results of M(fleetops.container_hosts.environment_file), in the order asked for.
  returned: success
  type: list
  elements: dict
ecs_instance:
  description: The results of M(fleetops.container_hosts.ecs_instance), in the order asked for.
  returned: success
  type: list
  elements: dict
circleci_nomad:
  description: The results of M(fleetops.container_hosts.circleci_nomad), in the order asked for.
  returned: success
  type: list
  elements: dict
circleci_services:
  description: The results of M(fleetops.container_hosts.circleci_services), in the order asked for.
  returned: success
  type: list
  elements: dict
systemd_environment:
  description: The results of M(fleetops.container_hosts.systemd_environment), in the order asked for.
  returned: success
  type: list
  elements: dict
iotedge_config:
  description: The results of M(fleetops.container_hosts.iotedge_config), in the order asked for.
  returned: success
  type: list
  elements: dict
apply_required:
  description:
    - What is due besides restarts, V(iotedge) for C(iotedge config apply) or a new edgeAgent. With
      O(verified_restart), what is left to do of these three.
  returned: success
  type: list
  elements: str
restart_required:
  description: The units whose process runs with something else than its next start would get.
  returned: success
  type: list
  elements: str
reload_required:
  description: The units for which a reload is enough, and due.
  returned: success
  type: list
  elements: str
apply:
  description: What was done besides restarts.
  returned: with O(verified_restart), when there was something to do
  type: list
  elements: str
restart:
  description: The units that were due for a restart.
  returned: with O(verified_restart), when there was something to do
  type: list
  elements: str
reload:
  description: The units for which a reload was enough.
  returned: with O(verified_restart), when there was something to do
  type: list
  elements: str
outcome:
  description:
    - How the change ended, as RV(fleetops.container_hosts.verified_restart#module:outcome).
  returned: with O(verified_restart), when there was something to do
  type: dict
notices:
  description: The warnings as data (reader, entry, why).
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._host_settings import ARGUMENT_SPEC, ensure

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it. Imported it is only where there is something to prove.
    from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proven_settings

    _ALSO_SENT = _proven_settings


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
