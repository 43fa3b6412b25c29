#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The code is in the action plugin of the same name: it runs on the controller, with modules of ansible.windows.

from __future__ import annotations

DOCUMENTATION = r"""
module: win_registry_environment
short_description: Set environment variables of a Windows service, or of the whole machine
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Sets variables in the C(Environment) of one service (a C(REG_MULTI_SZ) of its key), or among those of the machine.
  - Every other variable stays, byte for byte and in its order. Names are compared as Windows does, without regard to
    case; a variable that has its value already keeps its spelling, and its place.
  - What was written is read back, and anything else than that is an error.
  - Never restarts a service. A service gets its variables when it starts, so restart it where this reports a change.
requirements:
  - The collection ansible.windows, on the controller.
  - An account with administrator rights on the host.
notes:
  - Values are not shown by C(-vvv), are in no process's arguments, and go into no event log.
    ANSIBLE_DEBUG shows them, as it does for every module.
  - It compares the registry, not the running process, whose environment no module shows. Where a run ends
    after the change and before its restart, the next one reports no change.
  - Machine variables are told to the programs of a desktop, where the host has one. Services see them when they start.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: windows
  safe_file_operations:
    support: N/A
    details: It edits no file.
options:
  service:
    description:
      - The name of the service whose own variables to set, as C(Get-Service) shows it; not its display name.
      - A service that does not exist is an error.
      - One of O(service) and O(scope) is needed.
    type: str
  scope:
    description:
      - V(machine) for the variables that every process of the host gets.
      - A variable that is a C(REG_EXPAND_SZ) stays one; a new one is a C(REG_SZ), which Windows does not expand.
      - Variables that Windows itself needs (C(Path), C(TEMP), C(ComSpec) and so on) are refused.
    type: str
    choices: [machine]
  environment:
    description:
      - The variables, as text. They override those made of O(proxy).
      - Two spellings of one name are an error, and so is an empty value, since an empty variable is none on Windows.
      - With O(state=absent) only their names count.
    type: dict
  proxy_readers:
    description:
      - Who reads the variables made of O(proxy), which are C(HTTP_PROXY), C(HTTPS_PROXY) and C(NO_PROXY).
      - V(go) for programs in Go (Docker, the Amazon ECS agent), V(shared) where curl, Python or .NET read them too.
    type: str
    choices: [go, shared]
    default: go
  remove:
    description:
      - The names of variables to take away.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) sets O(environment) and what is made of O(proxy), and takes O(remove) away. An empty O(proxy), and
        nothing else, means that all is left alone, so that a fleet may have hosts without one.
      - V(absent) takes away the variables of O(environment), O(remove) and O(proxy) by name; those of a proxy
        where none is named. A service's C(Environment) without any variable left is deleted.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: ansible.windows.win_service
  - module: ansible.windows.win_environment
"""

EXAMPLES = r"""
- name: Put Docker behind the proxy
  fleetops.container_hosts.win_registry_environment:
    service: docker
    proxy:
      http: http://192.0.2.10:3128
      username: fleet
      password: "{{ vault_proxy_password }}"
      no_proxy: [10.0.0.0/8, corp.example.com]
  notify: Restart docker

- name: Tell the Amazon ECS agent, which reads the machine's variables
  fleetops.container_hosts.win_registry_environment:
    scope: machine
    proxy:
      http: http://192.0.2.10:3128
      no_proxy: [169.254.169.254, 169.254.170.2, '\\.\pipe\docker_engine']

- name: Take the proxy's variables away again
  fleetops.container_hosts.win_registry_environment:
    service: docker
    state: absent
"""

RETURN = r"""
configured:
  description: The variables that were asked for, with their values. Credentials are masked.
  returned: success
  type: dict
  sample:
    HTTP_PROXY: http://********@192.0.2.10:3128
removed:
  description: The names of the variables that were there, and were taken away.
  returned: success
  type: list
  elements: str
notices:
  description: The warnings as data.
  returned: always
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
