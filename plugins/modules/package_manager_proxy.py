#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_manager_proxy
short_description: Put apt, dnf or yum behind an HTTP proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - For apt, two files of its own. Credentials are in one that only root may read, which apt 2.0 and later use for
    proxies, so that the settings stay readable for every user.
  - For dnf and yum, the option C(proxy) of the section C([main]); C(proxy_username) and C(proxy_password) give way to
    it, and every other byte stays.
  - What the manager cannot do, such as exceptions in dnf, becomes a warning that names the entry.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  manager:
    description:
      - Whose proxy to set.
      - V(auto) takes the first of apt, dnf and yum that the host has.
    type: str
    choices: [auto, apt, dnf, yum]
    default: auto
  private_config:
    description:
      - dnf and yum keep credentials in the file with all their settings. This allows to make it readable by root alone;
        an ordinary user's C(dnf) then runs without these settings.
      - Without it, credentials are refused for a file that others may read. apt does not need it.
    type: bool
    default: false
  state:
    description:
      - V(present) needs O(proxy).
      - V(absent) removes the files, or the options, that V(present) sets. A mode that it tightened stays.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Put the package manager behind the proxy
  fleetops.container_hosts.package_manager_proxy:
    proxy: "{{ container_hosts_proxy }}"

- name: Take it away again
  fleetops.container_hosts.package_manager_proxy:
    state: absent
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
manager:
  description: Whose proxy was set, or null where O(state=absent) met a host without any of them.
  returned: success
  type: str
  sample: apt
files:
  description: The files that hold the proxy.
  returned: success
  type: list
  elements: str
  sample: [/etc/apt/auth.conf.d/00-container-hosts-proxy.conf, /etc/apt/apt.conf.d/zz-container-hosts-proxy.conf]
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._package_manager_proxy import (
    ARGUMENT_SPEC,
    ensure,
)


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
