# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import Refused
from ..plugin_utils import _windows_image
from ..plugin_utils._rendering import decrypted

DOCUMENTATION = r"""
name: iotedge_windows_installer
short_description: Render the install step of Azure IoT Edge 1.1 for Windows behind a proxy
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - A script for PowerShell that fetches the vendor's C(Deploy-IoTEdge) and runs it, both through the proxy.
  - No credentials are in it. Where the proxy wants some, it asks for the password, so they may hold what no URL can.
  - IoT Edge 1.1 is past its end of life, and its script may not be there to be fetched any more.
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection. Empty for none.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Make the script
  ansible.builtin.copy:
    dest: install-iotedge.ps1
    content: "{{ container_hosts_proxy | fleetops.container_hosts.iotedge_windows_installer }}"
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The script, as text.
  type: str
"""


def iotedge_windows_installer(model: t.Any) -> str:
    try:
        return _windows_image.installer(decrypted(model or {}))
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"iotedge_windows_installer": iotedge_windows_installer}
