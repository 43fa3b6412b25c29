#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: circleci_services
short_description: Put the Services machine of CircleCI server 2.x behind an HTTP proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - For server 2.x, whose support has ended, as long as such machines run.
  - Holds every place true from which its parts have their proxy, before the installation or after it.
  - C(/etc/replicated.conf) is read by Replicated's installer, with C(grep). Its key C(HttpProxy) is spelled so that
    this finds it; every other byte stays.
  - The options C(REPLICATED_OPTS) and C(REPLICATED_OPERATOR_OPTS) in C(/etc/default) or C(/etc/sysconfig) are what
    Replicated's services run with. They are held once the installer has written their files.
  - C(/etc/circle-installation-customizations) and C(/etc/circleconfig/schedulerer/customizations) are sourced by the
    application's containers, the latter for the jobs' containers. Each gets a marked block of C(export) lines, in which
    no value is ever code.
  - Docker gets a drop-in where systemd runs.
  - It restarts nothing, and says what has to be restarted.
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
      - The proxy of the host. A scheme may be missing, and is then C(http://). An https:// proxy is refused, since Java
        can't speak to one.
      - An empty dict asks for nothing.
  direct:
    description:
      - What is reached without the proxy besides; the Services machine itself, the GitHub Enterprise host, the networks
        of the VPC and of the Nomad clients.
      - It comes on top of the proxy's C(no_proxy). The instance's metadata, 169.254.169.254, is always direct.
    type: list
    elements: str
    default: []
  s3_direct:
    description: Have C(s3.amazonaws.com) and all under it direct too.
    type: bool
    default: false
  s3_regions:
    description: With O(s3_direct), the regions whose S3 is direct, such as V(eu-central-1).
    type: list
    elements: str
    default: []
  jvm_extra:
    description: Further options of the JVM, each a word, which stand behind the proxy's in C(JVM_OPTS).
    type: list
    elements: str
    default: []
  job_containers:
    description: Hold C(/etc/circleconfig/schedulerer/customizations) too, which counts from server 2.19.2 on.
    type: bool
    default: true
  engine:
    description: Hold Docker's environment too, where systemd runs and Docker is installed.
    type: bool
    default: true
  engine_unit:
    description: Docker's unit.
    type: str
    default: docker.service
  engine_config:
    description: Docker's configuration file. A proxy in it wins over ours, and is reported. Nothing is set there.
    type: path
    default: /etc/docker/daemon.json
  adopt:
    description: Take the proxy out of the administrator's other drop-ins of O(engine_unit), that of the installer too.
    type: bool
    default: false
  exposure:
    description:
      - With V(private), the two customizations files are root's alone; with V(public), their mode stays as it is.
      - Empty means V(private) if there are credentials, else V(public).
    type: str
    choices: ["", private, public]
    default: ""
  application_container:
    description: The container of the application whose start tells when its customizations were last read.
    type: str
    default: schedulerer
  read_at_start:
    description: Files that Docker reads only at its start; if one is newer than its process, a restart is due.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(absent) takes away what V(present) wrote; of C(HttpProxy) and of the options, whatever their values.
      - Folders that were made stay.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: fleetops.container_hosts.circleci_nomad
  - module: fleetops.container_hosts.environment_file
  - module: fleetops.container_hosts.systemd_environment
"""

EXAMPLES = r"""
- name: Put the Services machine behind the proxy
  fleetops.container_hosts.circleci_services:
    proxy: "{{ container_hosts_proxy }}"
    direct: [10.0.1.238, ghe.example.com]
    s3_direct: true
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
init:
  description: What starts services on the host, V(systemd), V(upstart), or V(none) as in an image that is being built.
  returned: success
  type: str
units:
  description: Docker's unit and Replicated's, in the order of restarts, as far as they are installed and systemd runs.
  returned: success
  type: list
  elements: str
  sample: [docker.service, replicated.service, replicated-ui.service]
environment_file:
  description: The results of M(fleetops.container_hosts.environment_file).
  returned: success
  type: list
  elements: dict
config_json:
  description: The result of M(fleetops.container_hosts.config_json) for O(engine_config), or null.
  returned: success
  type: dict
systemd_environment:
  description: The result of M(fleetops.container_hosts.systemd_environment), or null.
  returned: success
  type: dict
restart_required:
  description: Units whose process runs with something else than its next start would get, in the order of restarts.
  returned: success
  type: list
  elements: str
upstart_restart_required:
  description: The same where Upstart runs, as the names of the jobs.
  returned: success
  type: list
  elements: str
application_running:
  description: Whether the application's container runs. If it does, a restart of Docker stops all builds.
  returned: success
  type: bool
application_restart_required:
  description: Whether the application runs, and was started before its customizations were written.
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._circleci_services import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
