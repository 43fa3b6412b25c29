# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils import _redaction

DOCUMENTATION = r"""
name: redact
short_description: Mask the credentials in a text or a structure
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Replaces the user information of URLs, and values that are named password, token or alike, by asterisks.
  - For what is to be shown or reported, such as the output of C(docker info) or C(systemctl show).
options:
  _input:
    description: A text, or a structure of dictionaries and lists with texts in it.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the unit's environment without its password
  ansible.builtin.debug:
    msg: "{{ shown.stdout | fleetops.container_hosts.redact }}"
"""

RETURN = r"""
_value:
  description: A copy of the input in which only the credentials differ.
  type: raw
  sample: HTTP_PROXY=http://********@192.0.2.1:3128
"""


def redact(value: t.Any) -> t.Any:
    return _redaction.redact_all(value)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"redact": redact}
