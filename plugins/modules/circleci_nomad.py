#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: circleci_nomad
short_description: Put a Nomad client of CircleCI server behind an HTTP proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Holds every place true from which the programs of a Nomad client of CircleCI server 2.x, 3.x and 4.x have their
    proxy; C(nomad.service), whose jobs of C(raw_exec) inherit from it, Docker or Podman, C(/etc/environment), and
    C(~/.docker/config.json) of users.
  - All of them get the same list of what stays direct; the instance's metadata (169.254.169.254) is always on it.
  - Reports the lines that CircleCI's own terraform leaves in C(/etc/default/docker), which systemd gives to nobody, and
    what Nomad 1.5 and later needs in its configuration so that downloads of artifacts take the proxy. Nomad's
    configuration is only read.
  - It restarts nothing, and says what has to be restarted. A restart of C(nomad.service) kills its jobs; see O(unit).
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  proxy:
    description:
      - The proxy of the host. A scheme may be missing, and is then C(http://).
      - An empty dict asks for nothing.
  direct:
    description:
      - What is reached without the proxy besides; the Services machine or the server's domain, the GitHub Enterprise
        host, the networks of the VPC and of the Nomad clients.
      - It comes on top of the proxy's C(no_proxy).
    type: list
    elements: str
    default: []
  s3_direct:
    description: Have C(s3.amazonaws.com) and all under it direct too.
    type: bool
    default: false
  s3_regions:
    description:
      - With O(s3_direct), the regions whose S3 is direct, such as V(eu-central-1); their names are not under the other.
    type: list
    elements: str
    default: []
  jvm_opts:
    description:
      - Set C(JVM_OPTS) too, in the unit and in O(environment_file). Programs in Java read no other variable.
      - An https:// proxy is refused then. With credentials there is a warning, since Java takes none from its options.
    type: bool
    default: true
  jvm_extra:
    description: Further options of the JVM, each a word, which stand behind the proxy's in C(JVM_OPTS).
    type: list
    elements: str
    default: []
  exposure:
    description:
      - With V(environment), every local user can read the proxy's credentials of a unit; with V(file), only root can.
      - Empty means V(file) if there are credentials, else V(environment).
    type: str
    choices: ["", environment, file]
    default: ""
  adopt:
    description:
      - Take the proxy out of the administrator's other drop-ins of both units, and out of O(engine_config). Without it,
        what wins over ours becomes a warning.
    type: bool
    default: false
  unit:
    description:
      - Nomad's unit.
      - CircleCI's has no C(KillMode=process), so that its restart kills all jobs.
        M(fleetops.container_hosts.verified_restart) drains the node first, with its option C(drain).
    type: str
    default: nomad.service
  engine:
    description: What runs the jobs' containers.
    type: str
    choices: [docker, podman, none]
    default: docker
  engine_unit:
    description: Its unit. Empty means C(docker.service) or C(podman.service).
    type: str
    default: ""
  engine_method:
    description:
      - Where Docker's proxy stands, in a drop-in of its unit or as C(proxies) in O(engine_config), which Docker takes
        from 23.0 on. Every other key of that file is kept, C(userns-remap) and C(default-address-pools) among them.
    type: str
    choices: [systemd, daemon_json]
    default: systemd
  engine_config:
    description: Docker's configuration file.
    type: path
    default: /etc/docker/daemon.json
  environment_file:
    description: The file from which PAM gives variables to sessions. Empty leaves it alone.
    type: str
    default: /etc/environment
  environment_file_exposure:
    description:
      - Who may read O(environment_file) when it holds credentials, as
        O(fleetops.container_hosts.environment_file#module:exposure).
    type: str
    choices: ["", private, public]
    default: ""
  client_users:
    description: Users whose C(~/.docker/config.json) gets the proxy, for the containers that they start.
    type: list
    elements: str
    default: []
  leftovers:
    description:
      - V(removed) takes the C(export) lines of a proxy out of C(/etc/default/docker). They are not brought back.
    type: str
    choices: [reported, removed]
    default: reported
  read_at_start:
    description: Files that the daemons read only at their start; if one is newer than a process, a restart is due.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(absent) takes away what V(present) wrote; in O(environment_file) the variables of the proxy and C(JVM_OPTS),
        whatever their values.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: fleetops.container_hosts.systemd_environment
  - module: fleetops.container_hosts.environment_file
  - module: fleetops.container_hosts.config_json
  - module: fleetops.container_hosts.verified_restart
"""

EXAMPLES = r"""
- name: Put a Nomad client behind the proxy
  fleetops.container_hosts.circleci_nomad:
    proxy: "{{ container_hosts_proxy }}"
    direct: [10.0.1.238, ghe.example.com, 10.0.0.0/16]
    s3_direct: true
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
systemd_running:
  description: Whether systemd runs. Where it doesn't, nothing could be asked of running units.
  returned: success
  type: bool
config_json:
  description: The results of M(fleetops.container_hosts.config_json).
  returned: success
  type: list
  elements: dict
environment_file:
  description: The result of M(fleetops.container_hosts.environment_file), or null where the file was left alone.
  returned: success
  type: dict
leftovers:
  description: The lines that were found in C(/etc/default/docker), by their number and variable.
  returned: success
  type: list
  elements: dict
  sample: [{line: 14, variable: no_proxy}]
systemd_environment:
  description: The results of M(fleetops.container_hosts.systemd_environment), the engine's first.
  returned: success
  type: list
  elements: dict
restart_required:
  description: Units whose process runs with something else than its next start would get, in the order of restarts.
  returned: success
  type: list
  elements: str
  sample: [docker.service, nomad.service]
reload_required:
  description: Units for which a reload is enough.
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._circleci_nomad import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
