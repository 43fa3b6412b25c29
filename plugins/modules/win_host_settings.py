#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The code is in the action plugin of the same name: it runs on the controller, with modules of ansible.windows.

from __future__ import annotations

DOCUMENTATION = r"""
module: win_host_settings
short_description: Hold the settings of a Windows container host true, and have its services run with them
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Sets the environments of services and of the machine, edits C(daemon.json), and restarts the services that are to
    take a change up, in the order of their dependencies, with the services that depend on them.
  - Every part is judged before the first is written.
  - Where a service doesn't start with the new settings, or doesn't stay up, all of it is taken back, and the services
    are started with what they had. That is done from the controller, so it takes a connection.
  - A service that is stopped stays so.
  - Before the first change, each service that is to be restarted gets the value C(ContainerHostsRestartDue) in its key,
    which goes after the restart. So a run that was cut off is completed by the next one.
requirements:
  - The collection ansible.windows, on the controller.
  - An account with administrator rights on the host.
notes:
  - A restart of the engine stops its containers, since Windows has no live-restore.
  - The new proxy is not tried from the host before the services get it, as it is on Linux.
  - Values are not shown by C(-vvv), are in no process's arguments, and go into no event log.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  platform:
    platforms: windows
  safe_file_operations:
    details: A file's owner and permissions stay; a new one has those of its folder.
options:
  registry_environment:
    description:
      - Environments, each a dict with the options of M(fleetops.container_hosts.win_registry_environment), and
        V(optional), by which a service that does not exist is left out rather than an error.
    type: list
    elements: dict
    default: []
  config_json:
    description:
      - Files C(daemon.json), each a dict with V(path), the V(service) that reads it, and V(settings), V(proxy),
        V(remove) and V(state) as in M(fleetops.container_hosts.config_json).
      - Keys and log drivers that C(dockerd) doesn't have on Windows are refused.
    type: list
    elements: dict
    default: []
  ecs_agent:
    description:
      - The Amazon ECS agent. V(settings) are its variables, which are those of the machine, known by name, type and
        bounds unless V(allow_unknown); V(remove) takes some away, and V(state) all of them.
      - With V(cluster), a host that was never initialized is, by C(Initialize-ECSAgent) of the ECS-optimized AMI, after
        the engine got its settings; with V(task_iam_role), by default, for IAM roles of tasks.
      - A host counts as never initialized without a variable C(ECS_CLUSTER), or without the agent's V(service).
    type: dict
  iotedge:
    description:
      - Azure IoT Edge 1.1, by its V(service). Its V(config), a config.yaml, is read and never edited; V(asked) names
        the role's variables that would have to go there, and is refused. Without the V(proxy) in it, it warns.
      - V(install) runs the vendor's C(Deploy-IoTEdge) where there is no such service.
    type: dict
  services:
    description:
      - The services that the settings are for, those first which others depend on.
    type: list
    elements: str
    required: true
  restart:
    description:
      - V(never) reports in RV(restart_required) what is due, and leaves it to a later run.
    type: str
    choices: [if_needed, never]
    default: if_needed
  stable:
    description: The seconds for which a restarted service has to stay up.
    type: float
    default: 8
  checkpoint:
    description:
      - The name of the checkpoint under which the host keeps what was before, for
        M(fleetops.container_hosts.verified_restart) with V(state=rolled_back) to go back to. Five changes are kept.
      - It is in the registry, at C(HKLM\SOFTWARE\container_hosts\checkpoints), where only SYSTEM and administrators can
        read it.
      - Without a name nothing is kept, and a change that fails is taken back all the same.
    type: str
seealso:
  - module: fleetops.container_hosts.verified_restart
  - module: fleetops.container_hosts.win_registry_environment
  - module: fleetops.container_hosts.host_settings
"""

EXAMPLES = r"""
- name: Put Docker behind the proxy, and limit its logs
  fleetops.container_hosts.win_host_settings:
    registry_environment:
      - service: docker
        proxy:
          http: http://192.0.2.10:3128
          no_proxy: [10.0.0.0/8, corp.example.com]
    config_json:
      - path: C:\ProgramData\docker\config\daemon.json
        service: docker
        settings:
          log-driver: json-file
          log-opts: {max-size: 10m, max-file: "3"}
    services: [docker]
    checkpoint: my_docker

- name: Go back to what was before
  fleetops.container_hosts.verified_restart:
    state: rolled_back
    checkpoint: my_docker
"""

RETURN = r"""
restarted:
  description: The services that were restarted, in the order of their start.
  returned: success
  type: list
  elements: str
restart_required:
  description: The services that run with something else, with O(restart=never).
  returned: success
  type: list
  elements: str
restored:
  description: What was written as it was before.
  returned: failure, once something had been written
  type: list
  elements: str
outcome:
  description: How a change ended that failed.
  returned: failure, once something had been written
  type: dict
  contains:
    state:
      description: V(rolled_back), or V(failed) where not all of it could be taken back.
      type: str
initialized:
  description: Whether the Amazon ECS agent was set up.
  returned: success
  type: bool
installed:
  description: Whether IoT Edge 1.1 was installed.
  returned: success
  type: bool
notices:
  description: The warnings as data (reader, entry, why).
  returned: always
  type: list
  elements: dict
"""
