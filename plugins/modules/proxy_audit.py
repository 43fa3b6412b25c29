#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_audit
short_description: Judge which proxy everything on a container host is wanted to have, is told to have, and runs with
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Compares, for each consumer on the host, the wanted proxy with what its files say (by file and line, as its own
    reader merges them) and with what runs (the environment of the process, C(docker info), C(docker inspect)).
  - Gives each a verdict, says why, and names the command that mends it.
  - A C(no_proxy) list that means the same is the same, whatever its order and spelling; so is a URL.
  - Never fails for what it finds, changes nothing on the host, and needs nothing there but Python. No daemon is started
    by it. A Windows host is judged from the controller, with modules of C(ansible.windows).
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.proxy
requirements:
  - tomlkit >= 0.12 on the controller, in the Python that runs Ansible, for V(edge_agent)
  - the collection C(ansible.windows) on the controller, for Windows hosts
attributes:
  diff_mode:
    support: none
    details: Nothing is ever changed.
  platform:
    platforms: linux, windows
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  safe_file_operations:
    support: N/A
    details: No file is written.
options:
  proxy:
    description:
      - Without it, or empty, no proxy is wanted on this host.
  consumers:
    description:
      - What to look at. One that is not on the host is V(absent).
      - V(docker) is the engine, V(docker_cli) what the users in O(docker_cli_users) have their containers and builds
        given, V(iotedge) the daemons of Azure IoT Edge, V(edge_agent) its container, V(ecs) ecs-init and V(ecs_agent)
        the container of the Amazon ECS agent, V(nomad) the Nomad client, V(replicated) the services of that name,
        V(containers) all other containers that run, V(package_manager) apt, dnf or yum, V(environment)
        C(/etc/environment).
      - V(windows_service) are the services of Docker, Azure IoT Edge 1.1 and the Amazon ECS agent on Windows, and
        V(windows_machine) its machine's variables. They are judged by the registry, from the controller, with
        ansible.windows; nothing that runs is looked at.
      - V(docker_cli), V(containers), V(environment) and V(windows_machine) need not have a proxy. One that has none is
        V(unmanaged), unless it is named here.
      - Empty means all of them that the host's system has. One that can't be looked at is left out, and
        RV(notices) says why.
    type: list
    elements: str
    choices:
      - docker
      - docker_cli
      - iotedge
      - edge_agent
      - ecs
      - ecs_agent
      - nomad
      - replicated
      - containers
      - package_manager
      - environment
      - windows_service
      - windows_machine
    default: []
  docker_cli_users:
    description:
      - The users whose C(~/.docker/config.json) is looked at, where there is one.
    type: list
    elements: str
    default: [root]
  docker_unit:
    description: The engine's unit.
    type: str
    default: docker.service
  circleci:
    description:
      - Given, if only as V({}), for a host of CircleCI server, which role C(circleci_nomad) holds. Wanted is then the
        longer C(no_proxy) of such a host, to which the metadata service of the instance always belongs.
    type: dict
    suboptions:
      direct:
        description: What stays direct besides, as C(circleci_nomad_services), C(circleci_nomad_github_enterprise) and
          C(circleci_nomad_networks) have it.
        type: list
        elements: str
        default: []
      s3_direct:
        description: Amazon S3 stays direct too, as C(circleci_nomad_s3_direct) has it.
        type: bool
        default: false
      s3_regions:
        description: The regions whose S3 does, as C(circleci_nomad_s3_regions) has it.
        type: list
        elements: str
        default: []
  name:
    description:
      - The host's name in the inventory, for the commands in RV(consumers[].mend). By default, the name that the host
        gives itself.
    type: str
    default: ""
  digest_key:
    description:
      - A secret of the controller's own, by which credentials get a digest, so that two reports show that a password
        is another one. Without it, RV(consumers[].settings[].digests) are null. The verdicts need none.
      - The digest is 16 bits of an HMAC with SHA-256. Whoever has a report, and not the key, learns nothing of a
        password but whether two are alike. Whoever has the key too learns 16 bits, not enough to find a password in
        a dictionary. One changed password in 65,536 keeps its digest.
      - At least 16 characters. Keep it beside the reports, and not in them.
    type: str
  library:
    description: What the action plugin sends along. Not to be set by anyone else.
    type: str
"""

EXAMPLES = r"""
- name: Judge a host
  fleetops.container_hosts.proxy_audit:
    proxy: "{{ container_hosts_proxy | default({}) }}"
    name: "{{ inventory_hostname }}"
  register: audited

- name: Show what does not run as wanted, and what mends it
  ansible.builtin.debug:
    msg: "{{ item.name }} is {{ item.verdict }}: {{ item.why }} {{ item.mend }}"
  loop: "{{ audited.consumers | rejectattr('verdict', 'in', ['in_sync', 'unmanaged', 'absent']) }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
verdict:
  description:
    - The worst one of RV(consumers), from V(drifted), V(shadowed), V(restart_needed), V(legacy), V(unmanaged),
      V(in_sync) to V(absent).
  returned: always
  type: str
  sample: restart_needed
counts:
  description: How many consumers have each verdict; all seven are there.
  returned: always
  type: dict
  sample: {drifted: 0, shadowed: 0, restart_needed: 1, legacy: 0, unmanaged: 2, in_sync: 4, absent: 5}
wanted:
  description: The wanted proxy without its password, or null where none is wanted.
  returned: always
  type: dict
  contains:
    http:
      description: What carries http:// requests.
      type: str
    https:
      description: What carries https:// requests.
      type: str
    no_proxy:
      description: The entries, as given.
      type: list
      elements: str
consumers:
  description: One entry for each consumer, in the order of O(consumers)' choices, then by name.
  returned: always
  type: list
  elements: dict
  contains:
    consumer:
      description:
        - Its kind, one of O(consumers)' choices.
      type: str
    name:
      description:
        - Which one of that kind; with RV(consumers[].consumer) it is unique on a host and stays from run to run. A unit
          (V(docker.service)), a container (V(edgeAgent)), a path (V(/etc/environment)), a program (V(apt)). Where
          nothing of the kind is on the host, the kind's own name.
      type: str
      sample: docker.service
    kind:
      description: V(unit), V(container) or V(file); on Windows, V(service) or V(machine).
      type: str
    verdict:
      description:
        - V(in_sync), what runs and what the files say is what is wanted.
        - V(restart_needed), the files are right, and the process or container still has something else.
        - V(drifted), the files don't say what is wanted.
        - V(shadowed), ours do, and another file wins over them (RV(consumers[].shadowed_by)).
        - V(legacy), another tool's leftovers (RV(consumers[].leftovers)) are all that sets a proxy, or they lie beside
          ours without effect.
        - V(unmanaged), it is there, but no proxy is wanted, or it needs none and has none.
        - V(absent), it is not on this host.
      type: str
    uses_wanted:
      description:
        - Whether what runs has the wanted proxy; of a file, whether its readers get it. Null where no proxy is wanted,
          nothing runs, or it can't be told.
      type: bool
    active:
      description: Whether it runs; null for a file.
      type: bool
    why:
      description: What the verdict rests on, a sentence or two; empty where nothing is to be said.
      type: str
      sample: HTTPS_PROXY in /etc/systemd/system/docker.service.d/http-proxy.conf, line 2 has another host.
    mend:
      description: The command that mends it, or what to do where none can; empty where nothing is wrong.
      type: str
      sample: ansible-playbook fleetops.container_hosts.site --limit host-1.example.com
    settings:
      description:
        - The settings that the consumer reads, in the order http_proxy, https_proxy, no_proxy. Of one of the other
          containers, those that it has, if any. Of a consumer that is absent, none.
      type: list
      elements: dict
      contains:
        setting:
          description: V(http_proxy), V(https_proxy) or V(no_proxy), whatever the reader calls it.
          type: str
        wanted:
          description: What it is to be; null, not to be set. Credentials are masked, here and below.
          type: str
        configured:
          description: What the next start gets; null, nothing.
          type: str
        running:
          description: What runs with it; null, nothing, or nothing runs.
          type: str
        same:
          description: Whether all of them that apply mean the same.
          type: bool
        difference:
          description: What is not the same; empty where all is.
          type: str
          sample: "is configured with another password; runs with another password"
        variable:
          description: What the setting is called where it is configured; null where it isn't.
          type: str
          sample: HTTPS_PROXY
        path:
          description: The file that sets it; null for none.
          type: str
        line:
          description: The line of it, null where a line says nothing.
          type: int
        digests:
          description: Digests of the credentials, each four hexadecimal digits, or null for none. See O(digest_key).
          type: dict
          contains:
            wanted:
              description: Of the wanted ones.
              type: str
            configured:
              description: Of those that are configured.
              type: str
            running:
              description: Of those that something runs with; null also where only that there are some can be seen.
              type: str
    seen_in:
      description: Where it was looked up what runs.
      type: list
      elements: str
      sample: [/proc/812/environ, docker info]
    shadowed_by:
      description: Settings that win over ours and say something else.
      type: list
      elements: dict
      contains:
        variable:
          description: The variable or key.
          type: str
        path:
          description: The file; null where it is none (UnsetEnvironment=, a deployment manifest).
          type: str
        line:
          description: The line, or null.
          type: int
    leftovers:
      description: What other tools have left for this consumer.
      type: list
      elements: dict
      contains:
        tool:
          description: Whose it is, as far as its name and form tell.
          type: str
          sample: kubespray
        path:
          description: The file.
          type: str
        line:
          description: The line, or null.
          type: int
        variables:
          description: What it sets.
          type: list
          elements: str
        read:
          description: Whether the consumer reads it at all.
          type: bool
        why:
          description: What is the matter with it.
          type: str
notices:
  description: What could not be looked at, as data.
  returned: always
  type: list
  elements: dict
  contains:
    reader:
      description: Who or what it is about.
      type: str
    entry:
      description: The file, container or setting.
      type: str
    why:
      description: What is the matter with it.
      type: str
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_directly(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
