# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils import _proxy_environment
from ..plugin_utils._rendering import render

DOCUMENTATION = r"""
name: proxy_environment
short_description: Render the proxy as environment variables
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Returns C(HTTP_PROXY), C(HTTPS_PROXY), C(NO_PROXY) and their lower-case twins for the proxy model.
  - The values are as a process has to see them. Quoting them for a file is the matter of what writes the file.
  - What a reader does not do as the list says becomes a warning that names the reader and the entry.
positional: readers
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection.
      - Its keys are V(http), V(https), V(username), V(password), V(no_proxy) and V(ca_certificate).
    type: dict
    required: true
  readers:
    description:
      - Who reads the variables.
      - V(shared) is for curl, Python, .NET and Go together.
      - V(go) is for what only Go programs read, such as dockerd and the Amazon ECS agent.
    type: str
    choices: [shared, go]
    default: shared
  cases:
    description:
      - Which spellings of the names to return.
      - curl reads only V(lower) for http:// requests.
    type: list
    elements: str
    choices: [upper, lower]
    default: [upper, lower]
"""

EXAMPLES = r"""
- name: Run an installer through the proxy
  ansible.builtin.command: /opt/vendor/install.sh
  environment: "{{ container_hosts_proxy | fleetops.container_hosts.proxy_environment }}"
  changed_when: true
"""

RETURN = r"""
_value:
  description: Variable name to value. No value is empty.
  type: dict
  sample:
    HTTP_PROXY: http://192.0.2.1:3128
    NO_PROXY: localhost,127.0.0.1,::1,[::1],example.com,.example.com
"""


def proxy_environment(model: t.Any, readers: str = "shared", cases: t.Sequence[str] = ("upper", "lower")) -> t.Any:
    if readers not in ("shared", "go"):
        raise AnsibleFilterError(f"readers: {readers!r} is not one of them. Write shared or go.")
    if isinstance(cases, str) or not cases or not set(cases) <= {"upper", "lower"}:
        raise AnsibleFilterError(f"cases: {cases!r} is no list of them. Write [upper], [lower] or [upper, lower].")
    return render(model, lambda proxy: _proxy_environment.environment(proxy, readers=readers, cases=cases))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"proxy_environment": proxy_environment}
