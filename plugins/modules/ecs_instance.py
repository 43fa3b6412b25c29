#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_instance
short_description: Configure a container instance of Amazon ECS, and put it behind an HTTP proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Holds every file true that the Amazon ECS agent, C(ecs-init) and the Docker engine read their settings and their
    proxy from. Which files these are depends on the platform, and is found out on the host.
  - The Amazon Linux AMI, which Upstart starts, has C(ecs.config), C(/etc/init/ecs.override) and C(export) lines in
    C(/etc/sysconfig/docker), which a shell sources.
  - Amazon Linux 2 and 2023, and what Amazon's packages for ECS Anywhere run on (like Debian, Ubuntu, Red Hat or SUSE),
    have C(ecs.config) and a drop-in for each of C(ecs.service) and C(docker.service).
  - C(NO_PROXY) is the same list everywhere, and always has the addresses of the instance's and the tasks' metadata.
  - It restarts nothing, and says what has to be restarted.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  path:
    description: The agent's configuration file.
    type: path
    default: /etc/ecs/ecs.config
  settings:
    description: Variables of it, as O(fleetops.container_hosts.ecs_config#module:settings) has them.
    type: dict
    default: {}
  remove:
    description: Variables to take out of it.
    type: list
    elements: str
    default: []
  allow_unknown:
    description: Take variables that neither the agent nor C(ecs-init) is known to read.
    type: bool
    default: false
  proxy:
    description:
      - The proxy of the agent, of C(ecs-init) and of the engine. A scheme may be missing, and is then C(http://).
      - An empty dict asks for nothing.
  ipv6_metadata:
    description: Have C(NO_PROXY) list the metadata's IPv6 address, C(fd00:ec2::254), too.
    type: bool
    default: false
  exposure:
    description:
      - With V(environment), every local user can read the proxy's credentials of a unit; with V(file), only root can.
      - Empty means V(file) if there are credentials, else V(environment).
    type: str
    choices: ["", environment, file]
    default: ""
  adopt:
    description:
      - Take the proxy out of the administrator's other drop-ins of both units, out of C(/etc/sysconfig/docker) where
        systemd reads it, and in lower case out of C(ecs.config). Without it, what wins over ours becomes a warning.
    type: bool
    default: false
  read_at_start:
    description: Files that the daemons read only at their start; if one is newer than a process, a restart is due.
    type: list
    elements: path
    default: []
  unit:
    description: The unit of C(ecs-init). SUSE's own package calls it C(amazon-ecs.service).
    type: str
    default: ecs.service
  engine_unit:
    description: The engine's unit.
    type: str
    default: docker.service
  state:
    description:
      - V(absent) takes away what V(present) wrote. C(ecs.config) is then what it was before, to the byte where nobody
        else has edited it since; that is kept in C(/var/lib/container_hosts/ecs_config.json), for root alone.
      - A file that begins with the collection's comment, as user data makes it, loses the three variables of the proxy
        and those that O(settings) name without such a note. What else is in C(ecs.config) is not ours, and stays.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: fleetops.container_hosts.ecs_config
  - module: fleetops.container_hosts.systemd_environment
  - module: fleetops.container_hosts.environment_file
"""

EXAMPLES = r"""
- name: Put a container instance behind the proxy
  fleetops.container_hosts.ecs_instance:
    proxy: "{{ container_hosts_proxy }}"
    settings:
      ECS_CLUSTER: production
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
platform:
  description: C(amazon-linux-ami), C(amazon-linux-2), C(amazon-linux-2023), C(deb) or C(rpm).
  returned: success
  type: str
systemd_running:
  description: Whether systemd runs. Where it doesn't, nothing could be asked of running units.
  returned: success
  type: bool
ecs_config:
  description: The result of M(fleetops.container_hosts.ecs_config), or null where nothing was asked of the file.
  returned: success
  type: dict
environment_file:
  description: The results of M(fleetops.container_hosts.environment_file).
  returned: success
  type: list
  elements: dict
systemd_environment:
  description: The result of M(fleetops.container_hosts.systemd_environment), or null.
  returned: success
  type: dict
restart_required:
  description: Units whose process runs with something else than its next start would get, in the order of restarts.
  returned: success
  type: list
  elements: str
  sample: [docker.service, ecs.service]
upstart_restart_required:
  description: The same on the Amazon Linux AMI, as the names of the jobs.
  returned: success
  type: list
  elements: str
  sample: [docker, ecs]
notices:
  description: The warnings as data.
  returned: success
  type: list
  elements: dict
  contains:
    reader:
      description: Who reads the setting.
      type: str
    entry:
      description: The setting.
      type: str
    why:
      description: What happens, and what to do about it.
      type: str
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._ecs_instance import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
