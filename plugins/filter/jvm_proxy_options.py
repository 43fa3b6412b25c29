# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils import _proxy_java
from ..plugin_utils._rendering import render

DOCUMENTATION = r"""
name: jvm_proxy_options
short_description: Render the proxy as options of a Java virtual machine
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Returns C(-Dhttp.proxyHost) and its companions for the proxy model of this collection.
  - Java reads no environment variable for its proxy.
  - Java knows no networks, so an IPv4 network becomes patterns of whole octets.
  - What Java cannot be told becomes a warning that names the entry; credentials are among it.
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection.
      - An https:// proxy is refused, since Java speaks only plain HTTP to one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the value for JVM_OPTS
  ansible.builtin.debug:
    msg: "{{ container_hosts_proxy | fleetops.container_hosts.jvm_proxy_options }}"
"""

RETURN = r"""
_value:
  description: The options, separated by blanks. A shell needs quotes around them.
  type: str
  sample: -Dhttp.proxyHost=192.0.2.1 -Dhttp.proxyPort=3128 -Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.example.com
"""


def jvm_proxy_options(model: t.Any) -> str:
    return " ".join(render(model, _proxy_java.options))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"jvm_proxy_options": jvm_proxy_options}
