# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules of the collection promise alike."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)), with every secret masked.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
  platform:
    description: The operating systems of the target that are supported.
    platforms: linux
    support: full
  safe_file_operations:
    description: Files are replaced as a whole or not at all, and keep their owner, mode and SELinux label.
    support: full
"""

    PROXY = r"""
options:
  proxy:
    description:
      - The proxy, as it is said once for all readers.
      - Secrets are masked in everything that the module returns, and are kept out of the host's log.
      - Keys are V(http), V(https) (URLs with a scheme, each falling back on the other), V(username), V(password),
        V(no_proxy) (a list) and V(ca_certificate) (the path of a PEM file on the controller, or its text).
    type: dict
"""

    CHECKPOINT = r"""
options:
  checkpoint:
    description:
      - The name of a checkpoint. Before its first change, each file's bytes and attributes are kept on the host under
        this name, and M(fleetops.container_hosts.verified_restart) with the same name has to come, to prove the
        change or to take it back.
      - Where the task fails half-way, all that is pending under the checkpoint is taken back at once.
      - Without effect where systemd doesn't run, as in an image that is being built.
    type: str
    default: ""
  checkpoint_deadline:
    description:
      - The seconds after which the host takes the change back by itself if no
        M(fleetops.container_hosts.verified_restart) has come. The host does so too after a power loss in between,
        before its services start.
    type: float
    default: 3600
  manage_runtime:
    description:
      - Whether running processes are looked at and systemd is spoken to.
      - V(auto) does so where systemd runs on the host (C(/run/systemd/system) is there), as it does in no chroot,
        and in no container without systemd.
      - V(false) holds files alone true, for an image that is being built on a machine which runs systemd. Nothing is
        reported to need a restart, and O(checkpoint) has no effect.
      - V(true) fails where systemd does not run.
      - A Windows host has no use for it.
    type: str
    choices: [auto, "true", "false"]
    default: auto
"""

    SETTINGS = r"""
options:
  config_json:
    description:
      - JSON files, each a dict with the options of M(fleetops.container_hosts.config_json).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  config_toml:
    description:
      - TOML files, each a dict with the options of M(fleetops.container_hosts.config_toml). They need tomlkit on the
        controller.
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  iotedge_certificate:
    description:
      - Certificates and keys of an Azure IoT Edge device, each a dict with the options of
        M(fleetops.container_hosts.iotedge_certificate).
      - A list of such dicts in place of one is taken as if its members stood there.
      - They are judged and written before the TOML files that name them.
    type: list
    elements: raw
    default: []
  iotedge_config:
    description:
      - Azure IoT Edge's config.toml, as a list with a dict with the options of
        M(fleetops.container_hosts.iotedge_config). It needs tomlkit on the controller.
    type: list
    elements: raw
    default: []
  ecs_config:
    description:
      - Configuration files of the Amazon ECS agent, each a dict with the options of
        M(fleetops.container_hosts.ecs_config).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  environment_file:
    description:
      - Files of NAME=value lines, each a dict with the options of M(fleetops.container_hosts.environment_file).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  ecs_instance:
    description:
      - A container instance of Amazon ECS, as a list with a dict with the options of
        M(fleetops.container_hosts.ecs_instance).
    type: list
    elements: raw
    default: []
  circleci_nomad:
    description:
      - A Nomad client of CircleCI server, as a list with a dict with the options of
        M(fleetops.container_hosts.circleci_nomad).
    type: list
    elements: raw
    default: []
  circleci_services:
    description:
      - The Services machine of CircleCI server 2.x, as a list with a dict with the options of
        M(fleetops.container_hosts.circleci_services).
    type: list
    elements: raw
    default: []
  systemd_environment:
    description:
      - Units' environments, each a dict with the options of M(fleetops.container_hosts.systemd_environment).
      - A list of such dicts in place of one is taken as if its members stood there.
    type: list
    elements: raw
    default: []
  toml_library:
    description: What the action plugin sends along for TOML files. Not to be set by anyone else.
    type: str
"""

    PROOF = r"""
options:
  verified_restart:
    description:
      - Brings the running daemons to their settings in the same round trip, where anything is due, and proves it or
        takes everything back, as M(fleetops.container_hosts.verified_restart) does. Needs O(checkpoint).
      - A host where nothing is to change, and every daemon runs with its settings, pays nothing for it.
      - Where no systemd runs, or O(manage_runtime=false), it is left out.
    type: dict
    suboptions:
      units:
        description: The units to restart, in order, as O(fleetops.container_hosts.verified_restart#module:units).
        type: list
        elements: raw
        default: []
      config_json:
        description:
          - The C(daemon.json) of engines among these units, with the options of
            M(fleetops.container_hosts.config_json), where this task sets nothing in it. By it, containers are kept
            through a restart of the engine.
        type: list
        elements: raw
        default: []
      preflight:
        description:
          - How the new proxy is tried before any unit is touched, as
            O(fleetops.container_hosts.verified_restart#module:preflight).
          - Its V(proxy) is the first one that the task sets, unless it names one. Where the task sets none, nothing is
            tried.
        type: dict
      verify:
        description: Commands that must end with 0, as O(fleetops.container_hosts.verified_restart#module:verify).
        type: list
        elements: list
        default: []
      drain:
        description:
          - What moves the host's work elsewhere before the first restart, as
            O(fleetops.container_hosts.verified_restart#module:drain).
        type: dict
      stable:
        description: The seconds for which each restarted unit has to stay up with one and the same process.
        type: float
        default: 8
      seconds:
        description: The seconds that the restart of one unit may take.
        type: float
        default: 120
      run:
        description: What tells one run of a playbook from another. Set by the controller's part of the module.
        type: str
"""
