#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_toml
short_description: Set and remove keys of a TOML file, and keep every other byte of it
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Merges O(settings) into the file and takes O(remove) out of it. Comments, order, the spelling of keys and values and
    everything else in the file stay byte for byte. What is commented out is never uncommented.
  - It edits with the Python library tomlkit, which only the controller needs. It is sent along with the module in the
    same round trip, used from memory, and nothing of it stays on the host.
  - Each edit is read back before it is written, by Python's own TOML parser. What would change anything else than what
    was asked is refused.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  platform:
    platforms: linux
requirements:
  - tomlkit >= 0.12 on the controller, in the Python that runs Ansible
  - tomlkit < 0.14 there, as long as a host has only Python 3.8
options:
  path:
    description: The file.
    type: path
    required: true
  settings:
    description:
      - The keys to set. Tables are merged, arrays and all other values are replaced.
      - A value that is equal already keeps its spelling. To TOML, V(1), V(1.0) and V(true) are three values.
      - A new key goes below the last one of its table, be that written with a header, with dotted keys or inline; a new
        key of the top level goes before the first table. A new table gets a header of its own.
      - An empty dict is an empty table, and as O(settings) asks for nothing. Neither it nor O(remove) is an error.
    type: dict
  remove:
    description:
      - The keys and tables to take out of the file. What is not there needs not be removed.
      - Text is a path with dots (V(agent.env.https_proxy)), a list is a path of keys of any form.
      - A table that the collection made goes with its last key. Of a table that is removed, the comments stay.
    type: list
    elements: raw
    default: []
  schema:
    description:
      - V(iotedge) for the C(/etc/aziot/config.toml) of Azure IoT Edge 1.2 and later. Unknown keys, wrong types, tables
        that lack a key, and keys that C(iotedge config apply) would ignore in silence are errors.
      - The whole file is judged as it would be after the edit, so it names mistakes that were there before, too.
    type: str
    choices: [iotedge]
  state:
    description:
      - V(absent) takes out every key that O(settings) and O(remove) name, whatever its value.
      - What V(present) added is taken out to the byte, down to a file that did not exist.
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
      - By default the user that the module runs as.
    type: str
  group:
    description: The group of a new file, like O(owner).
    type: str
  mode:
    description:
      - The mode of a new file, in octal digits and in quotes (V("0640")). An existing file keeps its own.
      - By default V("0644").
    type: str
  library:
    description: What the action plugin sends along. Not to be set by anyone else.
    type: str
notes:
  - A file that holds credentials is readable by its owner alone, whatever its mode was.
  - A few rare layouts can't be kept by tomlkit, such as an array of tables with other tables between its elements. Such
    a file is refused and stays as it is.
seealso:
  - module: fleetops.container_hosts.config_json
"""

EXAMPLES = r"""
- name: Have IoT Edge's agent go through the proxy
  fleetops.container_hosts.config_toml:
    path: /etc/aziot/config.toml
    schema: iotedge
    mode: "0600"
    settings:
      hostname: edge-1.example.com
      agent:
        name: edgeAgent
        type: docker
        config:
          image: mcr.microsoft.com/azureiotedge-agent:1.5.21
        env:
          https_proxy: http://192.0.2.10:3128
          UpstreamProtocol: AmqpWs

- name: Take keys out of any TOML file, one of them with a dot in its name
  fleetops.container_hosts.config_toml:
    path: /etc/containerd/config.toml
    remove:
      - debug.level
      - [plugins, io.containerd.grpc.v1.cri, sandbox_image]
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._config_toml import (
    ARGUMENT_SPEC,
    LIBRARY_SPEC,
    ensure,
)


def main() -> None:
    """Run the module."""
    _module.run_module({**ARGUMENT_SPEC, **LIBRARY_SPEC}, ensure)


if __name__ == "__main__":
    main()
