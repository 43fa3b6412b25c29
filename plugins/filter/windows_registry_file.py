# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import Refused
from ..plugin_utils import _windows_image
from ..plugin_utils._rendering import decrypted, warn

DOCUMENTATION = r"""
name: windows_registry_file
short_description: Render the proxy as a .reg file, for images of Windows hosts
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - For images that are made before any playbook runs, by C(reg import), or with C(virt-win-reg --merge) into one that
    is not running.
  - A .reg file writes a value as a whole. Where somebody else has set variables of a service, use
    M(fleetops.container_hosts.win_registry_environment) instead, which merges.
  - The file has to be written in UTF-16. C(virt-win-reg) alone wants it in UTF-8, see docs/windows.md.
positional: services
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection. Empty for none.
    type: dict
    required: true
  services:
    description: The services that get it as their own environment.
    type: list
    elements: str
    default: []
  machine:
    description: Give it to every process of the host.
    type: bool
    default: false
  settings:
    description: Variables of the Amazon ECS agent, as O(fleetops.container_hosts.ecs_config#module:settings) has them.
    type: dict
    default: {}
  readers:
    description: Who reads the variables, as O(fleetops.container_hosts.win_registry_environment#module:proxy_readers).
    type: str
    choices: [go, shared, ecs]
    default: go
  control_set:
    description: V(CurrentControlSet) for a running host; an image that is not running has V(ControlSet001).
    type: str
    default: CurrentControlSet
"""

EXAMPLES = r"""
- name: Make a .reg file for an image with Docker
  ansible.builtin.template:
    # It holds {{ registry_file }}, and nothing else.
    src: text.j2
    dest: docker.reg
    output_encoding: utf-16
    mode: "0600"
  vars:
    registry_file: "{{ container_hosts_proxy | fleetops.container_hosts.windows_registry_file(['docker']) }}"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The file, as text, with line ends of Windows.
  type: str
"""


def windows_registry_file(
    model: t.Any,
    services: t.Sequence[str] = (),
    machine: bool = False,
    settings: t.Mapping[str, t.Any] | None = None,
    readers: str = "go",
    control_set: str = "CurrentControlSet",
) -> str:
    try:
        rendered = _windows_image.registry_file(
            decrypted(model or {}),
            [services] if isinstance(services, str) else list(services),
            machine=machine,
            settings=settings or {},
            readers=readers,
            control_set=control_set,
        )
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc
    warn(rendered.notices)
    return t.cast(str, rendered.value)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"windows_registry_file": windows_registry_file}
