#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_json
short_description: Set and remove keys of a JSON file, and keep every other byte of it
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Merges O(settings) into the file and takes O(remove) out of it. Order, indentation, the spelling of numbers and
    everything else in the file stay byte for byte.
  - With O(schema=docker) it judges Docker's C(daemon.json) by what C(dockerd) would refuse or ignore, has the installed
    engine validate the file before it replaces it, and says whether the running daemon has to be reloaded or restarted.
    It does neither itself.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  path:
    description:
      - The file.
      - By default C(/etc/docker/daemon.json) for O(schema=docker). Required otherwise.
    type: path
  settings:
    description:
      - The keys to set. Objects are merged, lists and all other values are replaced.
      - A value that is equal already keeps its spelling.
      - With O(schema=docker), numbers and booleans in C(log-opts) are written as the strings that C(dockerd) wants.
      - An empty dict, or an empty O(proxy), asks for nothing; neither of them, without O(remove), is an error.
    type: dict
  remove:
    description:
      - The keys to take out of the file. What is not there needs not be removed.
      - Text is a path with dots (V(log-opts.max-size)), a list is a path of keys of any form.
      - An object that the collection made goes with its last key.
    type: list
    elements: raw
    default: []
  schema:
    description:
      - V(docker) for C(daemon.json). Unknown keys, wrong types, keys that C(dockerd) would ignore in silence, and keys
        that it is given as flags too, are errors.
      - V(docker_client) for the C(config.json) of the Docker CLI, in which only C(proxies) is looked at.
    type: str
    choices: [docker, docker_client]
  proxy:
    description:
      - The proxy, written to C(proxies) of C(daemon.json) (Docker Engine 23.0 and later) or C(proxies.default) of the
        CLI's C(config.json).
      - What O(settings) says of the same keys has precedence.
  state:
    description:
      - V(absent) takes out every key that O(settings), O(remove) and O(proxy) name, whatever its value.
      - What V(present) wrote is taken out to the byte, down to a file that did not exist.
    type: str
    choices: [present, absent]
    default: present
  create:
    description: Whether to make a file that does not exist.
    type: bool
    default: true
  backup:
    description: Keep a copy of the file beside it when it changes.
    type: bool
    default: false
  owner:
    description:
      - The owner of a new file. An existing one keeps its own.
      - By default whom the home belongs to with O(schema=docker_client), otherwise the user that the module runs as.
    type: str
  group:
    description: The group of a new file, like O(owner).
    type: str
  unit:
    description: The unit of the Docker daemon that reads the file. Only for O(schema=docker).
    type: str
    default: docker.service
  expected_engine:
    description:
      - Warn if the running engine is another one. V(moby-engine) is Microsoft's package, the one that Azure IoT Edge
        supports in production.
      - Only for O(schema=docker).
    type: str
    choices: ["", moby-engine]
    default: ""
notes:
  - A file that holds credentials is readable by its owner alone, whatever its mode was.
  - A new C(config.json) of the CLI is readable by its user alone, and so is the folder that is made for it.
"""

EXAMPLES = r"""
- name: Keep containers' logs small, and containers running while the daemon restarts
  fleetops.container_hosts.config_json:
    schema: docker
    settings:
      log-driver: local
      log-opts: {max-size: 10m, max-file: 3}
      live-restore: true
  register: daemon_json

- name: Restart Docker where it runs with something else
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: restarted
  loop: "{{ daemon_json.restart_required }}"

- name: Give a user's containers and builds the proxy
  fleetops.container_hosts.config_json:
    path: /home/deploy/.docker/config.json
    schema: docker_client
    proxy:
      http: http://192.0.2.10:3128
      no_proxy: [10.0.0.0/8]

- name: Take a key out of any JSON file
  fleetops.container_hosts.config_json:
    path: /etc/replicated.conf
    remove: [HttpProxy]
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
restart_required:
  description:
    - O(unit), if its running daemon has to be restarted for it to have the settings, or to lose what was removed.
    - Empty where it has them already, where a reload is enough, where it does not run, and without O(schema=docker).
  returned: success
  type: list
  elements: str
reload_required:
  description: O(unit), if a reload (C(systemctl reload)) is enough for it. A unit is never in both lists.
  returned: success
  type: list
  elements: str
engine_version:
  description: The version of the Docker Engine, or null if it did not matter and no daemon runs.
  returned: O(schema=docker)
  type: str
in_effect:
  description:
    - For each key of O(settings) whether the running daemon says that it has the value.
    - Null for what it does not tell.
    - Empty if no daemon runs.
  returned: O(schema=docker)
  type: dict
foreign_proxies:
  description: The keys of C(proxies) in C(daemon.json) that this call did not ask for. They win over the environment.
  returned: O(schema=docker)
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._config_json import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
