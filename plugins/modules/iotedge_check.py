#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iotedge_check
short_description: Judge an Azure IoT Edge device by the vendor's own check, and before there is one
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Runs C(iotedge check) where IoT Edge 1.2 or later is installed, without the probes that can't pass where a proxy is
    the only way out, and says of each finding which setting of this collection mends it.
  - States the same checks by itself too, proxies, logs, name servers, storage, certificates and more, by the rules of
    the vendor's program. So a host can be judged before the runtime is installed or applied.
  - Never fails for what it finds. IoT Edge 1.1 and the snap are a finding, too.
  - Nothing is changed on the host by this module. Of the vendor's probes, some pull Microsoft's diagnostics image and
    start containers for a moment.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  diff_mode:
    support: none
    details: Nothing is ever changed.
  platform:
    platforms: linux
  safe_file_operations:
    support: N/A
    details: No file is written.
requirements:
  - tomlkit >= 0.12 on the controller, in the Python that runs Ansible, unless O(engine=vendor)
options:
  engine:
    description:
      - V(vendor) runs the program C(iotedge), V(own) states its checks by itself.
      - V(both) does both where the program is installed, and V(own) elsewhere.
    type: str
    choices: [both, own, vendor]
    default: both
  all_probes:
    description:
      - Whether to run the vendor's probes, too, that go past any proxy. Without a proxy, or with a firewall that lets
        them out, they can pass.
    type: bool
    default: false
  dont_run:
    description: Further checks that C(iotedge check) is to leave out, as C(iotedge check-list) calls them.
    type: list
    elements: str
    default: []
  iothub_hostname:
    description:
      - The hub, such as V(example.azure-devices.net), for devices that DPS provisions. Without it, C(iotedge check)
        can't try the way to the hub on these.
    type: str
    default: ""
  timeout:
    description: Seconds after which C(iotedge check) is ended, with all that it has started.
    type: float
    default: 300
  library:
    description: What the action plugin sends along. Not to be set by anyone else.
    type: str
"""

EXAMPLES = r"""
- name: Judge a device
  fleetops.container_hosts.iotedge_check:
  register: judged

- name: Say whether a host that is about to become one would pass
  fleetops.container_hosts.iotedge_check:
    engine: own
  register: judged

- name: Fail for errors, and show them alone
  ansible.builtin.assert:
    that: judged.ok
    fail_msg: "{{ judged.checks | selectattr('result', 'in', ['error', 'fatal']) }}"
"""

RETURN = r"""
checks:
  description: The findings, the worst ones first. Secrets are masked.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description:
        - The vendor's name of the check, or one of ours, V(installation), V(config-toml-well-formed),
          V(container-engine-is-moby), and V(iotedge-check) for the program itself.
      type: str
    source:
      description: Who says so, V(own) or V(vendor).
      type: str
    result:
      description:
        - V(ok); V(ignored) where it does not apply or was left out, V(skipped) where it can't be told; V(warning);
          V(error); V(fatal), after which the vendor's program does not go on.
      type: str
    detail:
      description: What was found. Of a longer text, the first lines.
      type: str
    advice:
      description: What to set or to do; empty where nothing is wrong, or nothing is known.
      type: str
table:
  description: The same as lines for a person; what V(own) and V(vendor) say alike is said once.
  returned: always
  type: list
  elements: str
worst:
  description: The worst result of all.
  returned: always
  type: str
  sample: warning
ok:
  description: Whether there is no V(error) and no V(fatal).
  returned: always
  type: bool
supported:
  description: Whether the collection works with what is installed, or nothing is.
  returned: always
  type: bool
generation:
  description: What is installed, V(none), V(1.1) (or older), V(snap), or V(current) (1.2 and later).
  returned: always
  type: str
engines:
  description: Which of V(own) and V(vendor) have judged.
  returned: always
  type: list
  elements: str
left_out:
  description: The vendor's checks that were not run.
  returned: always
  type: list
  elements: str
  sample: [host-connect-iothub-amqp, host-local-time]
notices:
  description: The warnings as data; always empty, since findings are in RV(checks).
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_check import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_directly(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
