# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils import _proxy_environment
from ..plugin_utils._rendering import render

DOCUMENTATION = r"""
name: no_proxy
short_description: Render the list of what is reached without the proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Returns the value of C(NO_PROXY) for the proxy model of this collection, with the local host always on it.
  - What a reader does not do as the list says becomes a warning that names the reader and the entry.
positional: readers
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection.
      - Its key V(no_proxy) may be a list or a comma-separated string.
    type: dict
    required: true
  readers:
    description:
      - Who reads the list.
      - V(shared) is for curl, Python, .NET and Go together.
      - V(go) is for what only Go programs read, such as dockerd and the Amazon ECS agent.
    type: str
    choices: [shared, go]
    default: shared
"""

EXAMPLES = r"""
- name: Show what a Go program would reach directly
  ansible.builtin.debug:
    msg: "{{ container_hosts_proxy | fleetops.container_hosts.no_proxy('go') }}"
"""

RETURN = r"""
_value:
  description: The entries in canonical spelling, separated by commas. Never empty.
  type: str
  sample: localhost,127.0.0.1,::1,10.0.0.0/8,example.com
"""


def no_proxy(model: t.Any, readers: str = "shared") -> t.Any:
    if readers not in ("shared", "go"):
        raise AnsibleFilterError(f"readers: {readers!r} is not one of them. Write shared or go.")
    return render(model, lambda proxy: _proxy_environment.no_proxy(proxy.no_proxy, readers=readers))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"no_proxy": no_proxy}
