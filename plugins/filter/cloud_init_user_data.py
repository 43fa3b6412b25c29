# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import Refused
from ..plugin_utils import _user_data
from ..plugin_utils._rendering import decrypted, warn

DOCUMENTATION = r"""
name: cloud_init_user_data
short_description: Render the user data of container instances of Amazon ECS
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - For launch templates, where no playbook ever runs. It gives the proxy and the agent's settings to an instance as
    role C(ecs) would, from the same model and by the same renderers.
  - V(boothook) is a shell script for the Amazon Linux AMI, Amazon Linux 2 and 2023. It writes the same bytes as the
    role and role C(package_manager), keeps what else is in the files, changes nothing at later boots, and waits for no
    unit. With credentials, what holds them is root's alone, C(yum.conf) too.
  - V(cloud_config) writes whole files, for instances with systemd; the package manager is not among them.
  - V(powershell) is for Windows, with the machine's variables and C(Initialize-ECSAgent).
  - Whoever reaches the instance's metadata can read its user data. With credentials in it, there is a warning.
positional: format
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection. Empty for none.
      - A scheme may be missing, and is then C(http://).
    type: dict
    required: true
  format:
    description: What to render.
    type: str
    choices: [boothook, cloud_config, powershell]
    default: boothook
  settings:
    description: Variables of the agent, as O(fleetops.container_hosts.ecs_config#module:settings) has them.
    type: dict
    default: {}
  allow_unknown:
    description: Take variables that the agent is not known to read.
    type: bool
    default: false
  ipv6_metadata:
    description: Have C(NO_PROXY) list the metadata's IPv6 address, C(fd00:ec2::254), too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make a launch template whose instances are behind the proxy
  ansible.builtin.copy:
    dest: user-data
    content: "{{ container_hosts_proxy | fleetops.container_hosts.cloud_init_user_data(settings=agent) }}"
    mode: "0600"
  vars:
    agent: {ECS_CLUSTER: production}
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The user data, as text.
  type: str
"""


def cloud_init_user_data(
    model: t.Any,
    format: str = "boothook",  # noqa: A002 - the user's word for it
    settings: t.Mapping[str, t.Any] | None = None,
    allow_unknown: bool = False,
    ipv6_metadata: bool = False,
) -> str:
    if format not in _user_data.FORMATS:
        raise AnsibleFilterError(f"format: {format!r} is not one of {', '.join(_user_data.FORMATS)}.")
    try:
        rendered = _user_data.instance(
            decrypted(model or {}),
            settings or {},
            allow_unknown=allow_unknown,
            ipv6=ipv6_metadata,
            windows=format == "powershell",
        )
        text = _user_data.render(rendered.value, format)
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc
    warn(rendered.notices)
    return text


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"cloud_init_user_data": cloud_init_user_data}
