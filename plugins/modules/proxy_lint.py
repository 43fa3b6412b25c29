#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The code is in the action plugin of the same name: it runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_lint
short_description: Judge what an inventory says of proxies and container hosts, without the hosts
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Says what the roles of this collection would refuse or warn of, before any host is asked. The playbook
    C(fleetops.container_hosts.lint) does all of it.
  - Works out each host's variables as the inventory has them, with the defaults of the roles that its groups give it,
    and has them judged by the code that the roles' tasks use.
  - Hosts for which all variables that count are written alike are judged once, so that a fleet of thousands takes
    seconds.
  - Connects to no host, and works in check mode.
notes:
  - Runs on the controller, whatever host the task is for. One task is for the whole fleet, so use C(run_once).
  - Variables of plays, of roles' callers and facts are not known to it; what C(--extra-vars) give is.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  check_mode:
    details: O(report) is not written.
  diff_mode:
    support: none
    details: Nothing is edited.
  platform:
    platforms: posix
    description: Runs on the controller.
options:
  hosts:
    description: The names of the hosts to judge.
    type: list
    elements: str
    default: []
  manifests:
    description:
      - Deployment manifests of IoT Edge to judge too, as M(fleetops.container_hosts.iotedge_manifest) does. They are
        looked for beside the inventory and in the working directory.
    type: list
    elements: str
    default: []
  behind_proxy:
    description:
      - Whether the devices that get O(manifests) are behind a proxy. By default they are if one of O(hosts) is.
    type: bool
  placeholders:
    description:
      - Patterns, as a shell has them, of variables that hold secrets, such as V(vault_*). Their values are not looked
        at, and may be missing or encrypted without the password being here; a text stands for each.
      - What needs a member of such a variable is then not judged, which is told as V(info).
    type: list
    elements: str
    default: []
  ignore:
    description: Rules whose findings are left out.
    type: list
    elements: str
    default: []
  report:
    description: Where to write the findings as JSON. The file is for its owner alone.
    type: path
  fail_on:
    description: From which severity on findings count for RV(failing). The task itself does not fail.
    type: str
    choices: [error, warning, info, never]
    default: error
seealso:
  - module: fleetops.container_hosts.iotedge_manifest
  - module: fleetops.container_hosts.proxy_preflight
"""

EXAMPLES = r"""
- name: Judge an inventory in a pipeline that has no vault password
  hosts: all
  gather_facts: false
  tasks:
    - name: Judge it
      fleetops.container_hosts.proxy_lint:
        hosts: "{{ ansible_play_hosts_all }}"
        placeholders: ["vault_*"]
        report: lint.json
        fail_on: warning
      run_once: true
      register: judged

    - name: Fail for what is wrong
      ansible.builtin.assert:
        that: judged.failing == 0
        fail_msg: "{{ judged.failing }} findings"
      run_once: true
"""

RETURN = r"""
findings:
  description: What is wrong, the worst first, and then what most hosts have.
  returned: once the hosts could be judged
  type: list
  elements: dict
  contains:
    severity:
      description:
        - V(error) for what a role or a reader refuses, V(warning) for what a reader does otherwise than one may expect,
          V(info) for what may not concern the hosts, or could not be judged.
      type: str
    rule:
      description:
        - V(proxy), V(reader), V(setting), V(argument), V(template), V(unknown_variable), V(file) or V(no_hosts).
        - For a manifest, a rule of M(fleetops.container_hosts.iotedge_manifest).
      type: str
      sample: proxy
    where:
      description: The variable, the file and key, or the reader and the entry that it is about.
      type: str
      sample: container_hosts_proxy.http
    what:
      description: What is wrong. Never with a secret.
      type: str
      sample: has an impossible port
    mend:
      description: What to write instead; empty where the rest says it.
      type: str
    roles:
      description: The roles that have found it.
      type: list
      elements: str
    hosts:
      description: The hosts that it is so for; none for a manifest.
      type: list
      elements: str
failing:
  description: How many findings are as bad as O(fail_on), or worse.
  returned: once the hosts could be judged
  type: int
counts:
  description: How many findings there are of each severity.
  returned: once the hosts could be judged
  type: dict
  sample: {error: 1, warning: 2, info: 0}
hosts_judged:
  description: The number of hosts.
  returned: once the hosts could be judged
  type: int
judgements:
  description: How many times a role's variables had to be judged. It is small where many hosts are alike.
  returned: once the hosts could be judged
  type: int
table:
  description: The findings as lines for a terminal. They are printed too.
  returned: once the hosts could be judged
  type: list
  elements: str
"""
