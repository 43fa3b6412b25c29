# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import Refused
from ..plugin_utils import _inventory_no_proxy as core

DOCUMENTATION = r"""
name: inventory_no_proxy
short_description: Make a no_proxy list of a group's hosts that stays the same when a host comes or goes
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Returns entries for C(container_hosts_proxy.no_proxy), so that the hosts reach each other directly.
  - Each host counts by its name in the inventory and by its C(ansible_host).
  - A private address stands for its network, and a name for its domain, so a further host of the same network and
    domain changes nothing, and no daemon anywhere is restarted for it.
  - A public address stays alone, and so does a name under a domain that is shared with others, such as
    C(eu-west-1.compute.amazonaws.com) or C(co.uk); say which of them are yours by O(networks) and O(domains).
  - The order of the hosts doesn't matter, nor does C(--limit).
positional: hostvars
options:
  _input:
    description: The hosts' names in the inventory, such as C(groups['moby']).
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars), for C(ansible_host). Without it, the names alone count.
    type: dict
  networks:
    description: Networks that stand for every address in them.
    type: list
    elements: str
    default: []
  domains:
    description: Domains that stand for every name under them.
    type: list
    elements: str
    default: []
  prefix4:
    description: How large the network is that a private IPv4 address stands for. V(32) is the address alone.
    type: int
    default: 24
  prefix6:
    description: How large the network is that a private IPv6 address stands for.
    type: int
    default: 64
  short_names:
    description:
      - List names without a dot too. Each host is then one entry, and most readers let through what ends in it.
    type: bool
    default: false
notes:
  - Not every reader knows networks; those that don't are warned of where the list is rendered. Docker, containerd and
    all else in Go does.
"""

EXAMPLES = r"""
# group_vars/all.yml
container_hosts_proxy:
  http: http://192.0.2.10:3128
  no_proxy: >-
    {{ groups['container_hosts'] | fleetops.container_hosts.inventory_no_proxy(hostvars, networks=['10.20.0.0/16'])
       + ['corp.example.com'] }}
"""

RETURN = r"""
_value:
  description: Networks, then domains, each once and in order.
  type: list
  elements: str
  sample: [10.20.30.0/24, .site-1.example.com]
"""


def inventory_no_proxy(hosts: t.Any, hostvars: t.Mapping[str, t.Any] | None = None, **asked: t.Any) -> list[str]:
    if isinstance(hosts, (str, t.Mapping)) or not isinstance(hosts, t.Iterable):
        raise AnsibleFilterError("inventory_no_proxy: takes a list of hosts. Write groups['moby'].")
    try:
        names = [str(host) for host in hosts]
        known = hostvars or {}
        addresses = [(known.get(name) or {}).get("ansible_host") for name in names]
        return core.entries([*names, *(str(each) for each in addresses if each)], core.options(**asked))
    except Refused as exc:
        raise AnsibleFilterError(f"inventory_no_proxy: {exc}") from exc
    except TypeError as exc:
        raise AnsibleFilterError(f"inventory_no_proxy: {exc}. See its documentation for what it takes.") from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"inventory_no_proxy": inventory_no_proxy}
