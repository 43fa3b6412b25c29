#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_environment
short_description: Set the environment of systemd units, and tell whether their processes run with it
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Writes a drop-in for each unit, in a marked block, so that what else stands in the file stays byte for byte.
  - Reloads systemd in the same call when a drop-in changed, and never restarts a unit.
    RV(units[].restart_required) says which process runs with something else than its next start would get.
  - Where systemd does not run, as in an image build, it writes the files only.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  units:
    description:
      - The service units. V(docker) means V(docker.service).
      - A unit that does not exist on the host is an error, since systemd would accept a drop-in for it in silence.
    type: list
    elements: str
    required: true
  environment:
    description:
      - The variables, as text.
      - They are everything that the drop-in sets, together with those made of O(proxy), which they override.
      - Without any, an empty O(proxy) means that the units are left alone, so that a fleet may have hosts without one.
      - Any character but NUL can stand in a value, C(%), quotes, backslashes and line breaks included.
    type: dict
  proxy_readers:
    description:
      - Who reads the variables made of O(proxy).
      - V(go) for programs in Go (Docker, the Amazon ECS agent), V(shared) where curl, Python or .NET read them too.
      - V(iotedge) for the daemons of Azure IoT Edge, which get C(https_proxy) alone.
    type: str
    choices: [go, shared, iotedge]
    default: go
  exposure:
    description:
      - V(environment) writes C(Environment=) lines, which every local user can read by C(systemctl show).
      - V(file) writes an C(EnvironmentFile=) that only root can read, beside the drop-in.
      - By default, or empty, V(file) if a value holds credentials, else V(environment).
    type: str
    choices: ["", environment, file]
    default: ""
  adopt:
    description:
      - Take the variables that are now ours out of the administrator's other drop-ins of the unit
        (those under C(/etc/systemd/system)), and leave everything else in them.
    type: bool
    default: false
  dropin:
    description:
      - The name of the drop-in without C(.conf).
      - The default sorts behind all usual names, because the last drop-in wins.
    type: str
    default: zz-container-hosts
  read_at_start:
    description:
      - Files that the processes read only when they start, such as a certificate that was added to the trust store.
      - A process that is older than one of them needs a restart.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(absent) takes away exactly what V(present) wrote.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Put Docker behind the proxy
  fleetops.container_hosts.systemd_environment:
    units: [docker]
    proxy:
      http: http://192.0.2.10:3128
      username: fleet
      password: "{{ vault_proxy_password }}"
      no_proxy: [10.0.0.0/8, corp.example.com]
  register: environment

- name: Restart what runs with something else
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: restarted
  loop: "{{ environment.restart_required }}"

- name: Take the variables away again
  fleetops.container_hosts.systemd_environment:
    units: [docker]
    state: absent
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
units:
  description: One entry for each unit, in the order asked for. Credentials are masked.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit's full name.
      type: str
    dropin:
      description: The path of our drop-in.
      type: str
    active:
      description: Whether the unit is active.
      type: bool
    configured:
      description: What the next start of the unit gets of the variables asked for, from whatever file.
      type: dict
    running:
      description: What its process was started with, or null if none runs.
      type: dict
    shadowed_by:
      description:
        - Where a variable is set to something else, and wins (variable, path, line).
        - The path is null where the variable is taken away (UnsetEnvironment= or an empty Environment=).
      type: list
      elements: dict
    overrides:
      description: Where else a variable of ours is set, without effect (variable, path, line).
      type: list
      elements: dict
    adopted_from:
      description: The drop-ins out of which O(adopt) took variables.
      type: list
      elements: str
    restart_required:
      description: Whether the process runs with something else than its next start would get. An active process only.
      type: bool
restart_required:
  description: The names of the units for which a restart is required.
  returned: success
  type: list
  elements: str
systemd_running:
  description: Whether systemd runs on the host. Without it nothing can be said of processes.
  returned: success
  type: bool
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._systemd_environment import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
