# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils import _iotedge_schema_doubts

DOCUMENTATION = r"""
name: pinned_image
short_description: Warn of an image's name whose tag moves to newer images
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Returns the name as it is. A tag that a vendor moves, such as C(1.5) or C(latest), or no tag becomes a warning.
  - A name with a digest never does.
options:
  _input:
    description: The name of an image, as C(docker pull) takes it.
    type: str
    required: true
  strict:
    description: Refuse such a name instead.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Have the agent of one whole version
  ansible.builtin.set_fact:
    agent: "{{ 'mcr.microsoft.com/azureiotedge-agent:1.5.21' | fleetops.container_hosts.pinned_image(strict=true) }}"
"""

RETURN = r"""
_value:
  description: The name, unchanged.
  type: str
  sample: mcr.microsoft.com/azureiotedge-agent:1.5.21
"""

_display = Display()
_ENTRY = "agent.config.image"


def pinned_image(image: str, strict: bool = False) -> str:
    # The rule is that of edgeAgent's image in config.toml, so it is asked about one.
    for notice in _iotedge_schema_doubts.notices({"agent": {"config": {"image": image}}}):
        if notice.entry == _ENTRY:
            if strict:
                raise AnsibleFilterError(f"{image}: {notice.why}.")
            _display.warning(f"{image}: {notice.why}.")
    return image


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"pinned_image": pinned_image}
