#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verified_restart
short_description: Restart what needs it, prove that it works, or take the change back
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Ends a change that other modules of this collection began under O(checkpoint). It proves that the new proxy can be
    used, restarts the units that run with something else, watches them, and proves that they run with what was
    wanted. Only then is the change committed. Where anything of this fails, every file is restored, the units are
    restarted with what they had, and the task fails with a report.
  - The work is done by a service of systemd on the host, the guard, and not by the SSH session. It goes on when the
    connection is lost, and the task waits for the host to come back. If the whole play is gone, the next run tells
    how it ended.
  - While a change is pending, the host also has a timer and a unit of its boot. A change that nobody comes to prove
    within O(deadline), and one that a power loss cuts off, is taken back by the host itself. All of this is removed
    at the end.
  - A unit that systemd restarts along with another one, as that of the Amazon ECS agent with Docker, isn't restarted a
    second time; where the other one's restart took it down, it is started again.
  - A unit that has to wait for cloud-init, which is at work, is restarted with C(--no-block) and not waited for.
  - A unit that was stopped before stays stopped. A unit is restarted at most once; C(systemctl reset-failed) comes
    first, since some units allow few starts a minute.
  - A restart of Docker keeps its containers running wherever live-restore is on before or after it.
  - One change at a time is under way on a host; others wait for it.
  - The host needs systemd. On a Windows host only O(state=rolled_back) is done, from the controller, of what
    M(fleetops.container_hosts.win_host_settings) did under a checkpoint. There O(units), O(settings), O(preflight),
    O(verify), O(drain), O(seconds) and O(deadline) are refused, and the collection ansible.windows is needed on the
    controller. What a run left unproven is taken back alone, before any commit.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  action:
    description: A part of it runs on the controller, which waits for a host that is out of reach.
    support: full
  async:
    description: Need not be run with C(async), since it survives a lost connection by itself.
    support: none
  platform:
    details: On Windows only O(state=rolled_back).
    platforms: linux, windows
options:
  checkpoint:
    description:
      - The name under which the change was made, as other modules'
        O(fleetops.container_hosts.host_settings#module:checkpoint).
      - With O(state=rolled_back), none means every checkpoint that the last run of a playbook committed something to.
    type: str
  units:
    description:
      - The units to restart, in order; a name, or a dict with the keys below. Only those are restarted whose process
        runs with something else than O(settings) or V(environment) want.
      - V(name), the unit's name.
      - V(environment), the variables that the process must show, V('') for one that it must not have.
      - V(restart) is V(if_needed), the default, V(always), or V(never) to leave a restart that is due to others.
    type: list
    elements: raw
    default: []
  settings:
    description:
      - What must hold, with the options of M(fleetops.container_hosts.host_settings). It is judged before the
        restart, which tells what needs one, and after it.
    type: dict
  preflight:
    description:
      - How the new proxy is tried before any unit is touched, with the options of
        M(fleetops.container_hosts.proxy_preflight). It is tried once more, after the restart, with what the unit's
        process really has in its environment.
      - None means that it is not tried.
    type: dict
  verify:
    description:
      - Commands, each a list of words, that must end with 0 after the restart.
      - They are run as root, without a shell, and have two minutes each.
    type: list
    elements: list
    default: []
  drain:
    description:
      - What moves the host's work elsewhere before the first restart, if there is any, and gives it back at the end,
        whether the change was proven or taken back.
      - V(before) and V(after) are lists of steps. Each is a command, as a list of words that are run as root without a
        shell, or a URL, which is sent a POST request, without a proxy.
      - V(nomad) is the unit of a Nomad client whose node is drained before all these, and made what it was before, the
        first of all, at the end. It is drained without a deadline, so that no job is killed; one that is drained or
        ineligible already stays so. Its command gets the C(NOMAD_) variables of the unit's process.
      - V(seconds) is how long each step, and the drain of the node, may take, 600 by default.
      - With O(state=rolled_back), what was said for the change itself is said for its way back.
      - A step of V(before) that fails takes the change back. One of V(after) that fails becomes a warning.
    type: dict
  stable:
    description: The seconds for which each restarted unit has to stay up with one and the same process.
    type: float
    default: 8
  seconds:
    description: The seconds that the restart of one unit may take.
    type: float
    default: 120
  deadline:
    description:
      - The seconds within which a change that this task began has to end, if the host itself goes down in between.
    type: float
    default: 3600
  state:
    description:
      - V(verified) proves the change or takes it back.
      - V(rolled_back) goes back to before a commit, proves that the units run so, and drops the commit.
      - V(reported) waits for a change that is under way, and tells how it ended.
    type: str
    choices: [verified, rolled_back, reported]
    default: verified
  commit:
    description:
      - With O(state=rolled_back), the commit to go back to before, by its ID or the beginning of it; those after it
        are taken back too. By default the last one.
    type: str
  force:
    description:
      - With O(state=rolled_back), also take back a file that someone else has changed since. A copy of it is kept on
        the host, and named in the result.
    type: bool
    default: false
  this_run:
    description:
      - With O(state=rolled_back) and no O(checkpoint), only take back what this very run of a playbook committed to the
        host; nothing where it committed nothing.
    type: bool
    default: false
  run:
    description: What tells one run of a playbook from another. Set by the controller's part of the module.
    type: str
  toml_library:
    description: What reads the TOML files of O(settings). Set by the controller's part of the module.
    type: str
seealso:
  - module: fleetops.container_hosts.host_settings
  - module: fleetops.container_hosts.proxy_preflight
"""

EXAMPLES = r"""
- name: Put Docker behind the proxy
  fleetops.container_hosts.systemd_environment:
    units: [docker.service]
    proxy: "{{ container_hosts_proxy }}"
    checkpoint: docker_proxy

- name: Prove it, or take it back
  fleetops.container_hosts.verified_restart:
    checkpoint: docker_proxy
    units: [docker.service]
    settings:
      systemd_environment:
        - units: [docker.service]
          proxy: "{{ container_hosts_proxy }}"
    preflight:
      proxy: "{{ container_hosts_proxy }}"
      endpoints: [docker]
    verify:
      - [docker, pull, registry.example.com/team/payload:1]

- name: Go back to what was before the last change
  fleetops.container_hosts.verified_restart:
    checkpoint: docker_proxy
    state: rolled_back
"""

RETURN = r"""
apply:
  description: What was due besides restarts, V(iotedge) for C(iotedge config apply) or a new edgeAgent.
  returned: success
  type: list
  elements: str
restart:
  description: The units that were due for a restart.
  returned: success
  type: list
  elements: str
reload:
  description: The units for which a reload was enough.
  returned: success
  type: list
  elements: str
pending:
  description: Whether a change is left to prove.
  returned: success
  type: bool
outcome:
  description:
    - How it ended, state (V(committed), V(rolled_back), or V(failed) where also the old state doesn't run), reason,
      restarted, reloaded, restored (files), foreign (by file, where that is which others wrote to it in between),
      troubles, units and commit.
  returned: when there was something to do
  type: dict
earlier:
  description: How an earlier change ended whose run did not live to hear it.
  returned: always
  type: dict
checkpoints:
  description: The results by checkpoint, where none was named.
  returned: O(state=rolled_back) without O(checkpoint)
  type: list
  elements: dict
notices:
  description: The warnings as data (reader, entry, why).
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._verified_restart import ARGUMENT_SPEC, ensure

if t.TYPE_CHECKING:
    # So that Ansible, which reads import statements, sends it: what is proven may be of any kind. Imported is the kind
    # that it is of; compiling all of them would cost a host as much as a ping.
    from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_settings_rare

    _ALSO_SENT = _host_settings_rare


def main() -> None:
    """Run the module."""
    _module.run_directly(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
