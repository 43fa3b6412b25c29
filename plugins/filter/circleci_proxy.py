# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils import _proxy, _proxy_circleci, _proxy_ecs
from ..module_utils._errors import Refused
from ..module_utils._rendered import Rendered
from ..plugin_utils import _circleci_rendering
from ..plugin_utils._rendering import decrypted, warn

DOCUMENTATION = r"""
name: circleci_proxy
short_description: Render the proxy for CircleCI server where no playbook reaches it
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - For what an installation of CircleCI server 3.x or 4.x gets from elsewhere than role C(circleci_nomad), from the
    same model and by the same renderers.
  - V(values_yaml) is the block C(proxy) of the C(values.yaml) of server 4.x. Host, port, user name and password stand
    there on their own, and not percent-encoded.
  - V(kots_flags) are the flags of C(kubectl kots install circleci-server) of server 3.x, on one line for a shell.
  - V(job_environment) is the fragment C(environment) for an image under C(docker) of a job, the only place in a
    project's configuration whose variables reach a job's containers.
  - V(cloud_config) and V(shell) are user data for the launch template of Nomad clients. They write the drop-ins of
    Docker and Nomad, C(/etc/environment) and apt's configuration. V(shell) can also be put in front of CircleCI's own
    script, in a template of terraform too; what follows then goes through the proxy.
  - Whoever reaches an instance's metadata can read its user data. With credentials in it, there is a warning.
positional: format
options:
  _input:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection.
      - A scheme may be missing, and is then C(http://). An https:// proxy is refused, since Java can't speak to one;
        not in V(job_environment), and not in user data with O(jvm_opts=false).
    type: dict
    required: true
  format:
    description: What to render.
    type: str
    choices: [values_yaml, kots_flags, job_environment, cloud_config, shell]
    required: true
  direct:
    description:
      - What is reached without the proxy besides; the server's domain, the GitHub Enterprise host, the networks of the
        VPC and of the Nomad clients. It comes on top of the proxy's C(no_proxy).
    type: list
    elements: str
    default: []
  s3_direct:
    description: Have C(s3.amazonaws.com) and all under it direct too.
    type: bool
    default: false
  s3_regions:
    description: With O(s3_direct), the regions whose S3 is direct.
    type: list
    elements: str
    default: []
  jvm_opts:
    description: Have user data set C(JVM_OPTS) too. Only server 2.x has programs in Java on a Nomad client.
    type: bool
    default: true
  jvm_extra:
    description: Further options of the JVM, each a word, which stand behind the proxy's.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the block for values.yaml
  ansible.builtin.copy:
    dest: circleci-proxy.yaml
    content: "{{ container_hosts_proxy | fleetops.container_hosts.circleci_proxy('values_yaml', direct=addresses) }}"
    mode: "0600"
  vars:
    addresses: [circleci.example.com, ghe.example.com, 10.0.0.0/16]
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

_PLAIN = {
    "values_yaml": _circleci_rendering.values_yaml,
    "kots_flags": _circleci_rendering.kots_flags,
    "job_environment": _circleci_rendering.job_environment,
}
_USER_DATA = {"cloud_config": _circleci_rendering.cloud_config, "shell": _circleci_rendering.shell}


def circleci_proxy(
    model: t.Any,
    format: str,  # noqa: A002 - the user's word for it
    direct: t.Sequence[str] | None = None,
    s3_direct: bool = False,
    s3_regions: t.Sequence[str] | None = None,
    jvm_opts: bool = True,
    jvm_extra: t.Sequence[str] | None = None,
) -> str:
    if format not in (*_PLAIN, *_USER_DATA):
        raise AnsibleFilterError(f"format: {format!r} is not one of {', '.join((*_PLAIN, *_USER_DATA))}.")
    try:
        if not isinstance(model, t.Mapping):
            _proxy.parse(model)  # says what it is instead
        given = _proxy_ecs.with_scheme(decrypted(model))
        proxy = _proxy.parse(_proxy_circleci.model(given, direct, s3=s3_direct, s3_regions=s3_regions or ()))
        if format in _PLAIN:
            rendered = _PLAIN[format](proxy)
        else:
            wanted = _circleci_rendering.client(
                proxy, _proxy.parse(given), jvm_opts=jvm_opts, jvm_extra=jvm_extra or ()
            )
            rendered = Rendered(_USER_DATA[format](wanted.value), wanted.notices)
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc
    warn(rendered.notices)
    return str(rendered.value)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"circleci_proxy": circleci_proxy}
