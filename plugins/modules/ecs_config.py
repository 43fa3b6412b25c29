#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_config
short_description: Set and remove variables of the Amazon ECS agent's configuration file
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Sets O(settings) and takes O(remove) out of C(ecs.config). Everything else in the file stays byte for byte.
  - The file has two readers with two grammars, C(ecs-init), which knows no comment and no quote, and systemd, which
    knows both. Only what they understand alike is written, and anything else is refused.
  - Every variable is known by its type and bounds, since the agent says nothing of an unknown one, warns of a wrong
    value somewhere in its log, and with some of them ends and is started again for ever. Here each is an error.
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
    description: The file.
    type: path
    default: /etc/ecs/ecs.config
  settings:
    description:
      - The variables to set. Of several lines of one name only the last remains, which is the one that counts.
      - Switches are written as C(true) or C(false). For JSON give a list, a dict or text; it is written compactly.
      - A proxy's address without a scheme is taken for C(http://).
    type: dict
  remove:
    description: The variables to take out of the file. What is not there needs not be removed.
    type: list
    elements: str
    default: []
  allow_unknown:
    description:
      - Take variables that neither the agent nor C(ecs-init) is known to read. Nothing is known of their values then.
      - Unknown variables that others wrote are kept in any case, and become a warning.
    type: bool
    default: false
  proxy:
    description:
      - The proxy, written as C(HTTP_PROXY), C(HTTPS_PROXY) and C(NO_PROXY). The latter always has the addresses of the
        instance's and the tasks' metadata.
      - What O(settings) says of the same variables has precedence.
      - An empty dict asks for nothing.
      - A scheme may be missing, as in the vendor's page, and is then C(http://).
  ipv6_metadata:
    description: Have C(NO_PROXY) list the metadata's IPv6 address, C(fd00:ec2::254), too.
    type: bool
    default: false
  state:
    description:
      - V(absent) takes out every variable that O(settings), O(remove) and O(proxy) name, whatever its value.
      - What V(present) wrote is taken out to the byte, down to a file that did not exist.
    type: str
    choices: [present, absent]
    default: present
  backup:
    description: Keep a copy of the file beside it when it changes.
    type: bool
    default: false
notes:
  - A file that holds credentials is readable by its owner alone, whatever its mode was.
  - C(#HTTP_PROXY=http://user:password@192.0.2.10:3128) is no comment to C(ecs-init), which gives the agent's container
    a variable of the name C(#HTTP_PROXY). Such a line stays, and becomes a warning.
"""

EXAMPLES = r"""
- name: Put the agent behind the proxy
  fleetops.container_hosts.ecs_config:
    proxy:
      http: http://192.0.2.10:3128
      no_proxy: [10.0.0.0/8, corp.example.com]
    settings:
      ECS_CLUSTER: production
      ECS_ENABLE_SPOT_INSTANCE_DRAINING: true
      ECS_CONTAINER_STOP_TIMEOUT: 90s
      ECS_AVAILABLE_LOGGING_DRIVERS: [json-file, awslogs]
      ECS_INSTANCE_ATTRIBUTES: {stack: blue}
  register: ecs_config

- name: Restart the agent where it runs with something else
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: restarted
  loop: "{{ ecs_config.restart_required }}"

- name: Take the proxy away
  fleetops.container_hosts.ecs_config:
    remove: [HTTP_PROXY, HTTPS_PROXY, NO_PROXY]
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
path:
  description: The file.
  returned: success
  type: str
backup_file:
  description: The copy that O(backup) made, or null.
  returned: success
  type: str
foreign_proxies:
  description: The proxy's variables in the file that this call did not ask for. They win over a drop-in of the unit.
  returned: success
  type: list
  elements: str
restart_required:
  description:
    - The unit of C(ecs-init) (C(ecs.service), or C(amazon-ecs.service) of SUSE), if its process was started before the
      file changed, and with other values of the variables named.
    - Empty where it does not run, and where systemd doesn't, as on the Amazon Linux AMI; there, go by C(changed).
  returned: success
  type: list
  elements: str
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._ecs_config import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
