#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iotedge_config
short_description: Hold Azure IoT Edge's config.toml true, and tell whether it counts yet
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Edits C(/etc/aziot/config.toml) as M(fleetops.container_hosts.config_toml) does, with comments, order and unknown
    keys kept, and checks the whole of it before it is written.
  - Knows what a setting needs around it. Whatever is said of the agent, the block C([agent]) is made complete, since
    IoT Edge refuses a file that has only a part of it.
  - Tells in RV(apply_required) whether C(iotedge config apply) is due, as C(iotedge check) would. It doesn't run it;
    M(fleetops.container_hosts.verified_restart) does, and takes everything back where it fails.
  - Notes what the file was before it first changed it, in C(/var/lib/container_hosts), which only root can read, so
    that O(state=absent) takes back exactly that.
  - Needs IoT Edge 1.2 or later, installed from packages. IoT Edge 1.1 and the snap are refused with the reason.
  - Needs tomlkit on the controller, and nothing on the host.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
attributes:
  action:
    description: Runs on the controller only to send its TOML libraries along.
    support: full
  async:
    description: Supports being run with C(async).
    support: full
  platform:
    platforms: linux
options:
  path:
    description: The file.
    type: path
    default: /etc/aziot/config.toml
  settings:
    description:
      - Any keys of the file, as nested dicts. Tables merge, arrays are replaced as a whole.
    type: dict
    default: {}
  remove:
    description: Keys to take out, as dotted text, or as lists of keys where a key has a dot in it.
    type: list
    elements: raw
    default: []
  proxy:
    description:
      - The proxy for the agent, with the keys V(http), V(https), V(username), V(password), V(no_proxy) and
        V(ca_certificate). It becomes C(https_proxy) in C([agent.env]).
      - Without O(upstream_protocol), C(UpstreamProtocol) becomes V(AmqpWs) with it, or V(MqttWs) where the file has
        V(Mqtt), because only these protocols use a proxy.
    type: dict
  upstream_protocol:
    description: V(Amqp), V(AmqpWs), V(Mqtt) or V(MqttWs), in any case; it is written as C(iotedge check) wants it.
    type: str
    default: ""
  agent_image:
    description:
      - The agent's image, with a specific tag.
      - Where the file has none and needs one, it is Microsoft's image of the installed version.
    type: str
    default: ""
  storage:
    description:
      - Folders of the host in which V(agent) and V(hub) keep what they have to keep, made for the users of these
        containers (13622 and 13623) alone. That of the agent is also mounted into its container.
      - That of the hub is mounted by the deployment manifest.
      - A folder that is there and holds what others own is refused.
    type: dict
    default: {}
  read_at_apply:
    description: Files, such as certificates, after whose change C(iotedge config apply) is due too.
    type: list
    elements: path
    default: []
  agent_seconds:
    description:
      - How long M(fleetops.container_hosts.verified_restart) waits for an edgeAgent that it had to have made anew; 0
        for not at all.
    type: float
    default: 300
  state:
    description:
      - V(absent) takes back what this module has changed, whatever the other options say. The file is as it was to the
        last byte; where others have edited it since, only what was ours goes, and what it replaced comes back.
      - Folders of O(storage) that were made go if they hold nothing.
    type: str
    choices: [present, absent]
    default: present
  library:
    description: What the action plugin sends along. Not to be set by anyone else.
    type: str
seealso:
  - module: fleetops.container_hosts.config_toml
  - module: fleetops.container_hosts.verified_restart
"""

EXAMPLES = r"""
- name: Have edgeAgent go through the proxy
  fleetops.container_hosts.iotedge_config:
    proxy: "{{ container_hosts_proxy }}"
    agent_image: mcr.microsoft.com/azureiotedge-agent:1.5.21
    storage:
      agent: /srv/edgeAgent
      hub: /srv/edgeHub
    settings:
      hostname: edge-1.example.com
      image_garbage_collection:
        cleanup_recurrence: 1d

- name: Take it all back
  fleetops.container_hosts.iotedge_config:
    state: absent
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
systemd_running:
  description: Whether systemd runs here, so that there are daemons to speak of.
  returned: success
  type: bool
agent:
  description:
    - What the container edgeAgent is, V(absent), V(current), V(stale) (it runs with something else than C([agent])
      says), or V(manifest) (so it does, but a deployment manifest has the say). Null where aziot-edged does not run.
  returned: success
  type: str
apply_required:
  description: V([iotedge]) if C(iotedge config apply) is due, or a new edgeAgent.
  returned: success
  type: list
  elements: str
notices:
  description: The warnings as data (reader, entry, why).
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._config_toml import LIBRARY_SPEC
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_config import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module({**ARGUMENT_SPEC, **LIBRARY_SPEC}, ensure)


if __name__ == "__main__":
    main()
