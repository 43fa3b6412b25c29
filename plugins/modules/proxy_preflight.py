#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_preflight
short_description: Try from a host whether a proxy would work, before anything is set
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Tries the given proxy, not the one that is set, from where it is to be used, and needs nothing there but Python.
  - Every endpoint is tried at once, by the name look-up, TCP, CONNECT with the credentials, TLS and the clock, within
    one time limit. The failure says what is wrong in a sentence for each cause.
  - Without O(proxy), everything is tried directly.
  - What O(proxy)'s C(no_proxy) covers is tried directly, by the rules of Go, which dockerd and the ECS agent follow.
  - Nothing is changed on the host. O(from_container) makes an empty image and a container, and removes both.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.proxy
attributes:
  diff_mode:
    support: none
    details: Nothing is ever changed.
  platform:
    platforms: linux
  safe_file_operations:
    support: N/A
    details: No file is written.
options:
  endpoints:
    description:
      - 'Whom to reach: C(host:port), a URL, or a dictionary with V(host), V(port), and as you like V(protocol)
        (V(https), V(http), V(amqp), V(mqtt), V(tcp); by default what the port suggests), V(via) (V(proxy) or
        V(direct)), V(required) and V(purpose). What you list is required unless you say otherwise.'
      - 'Or a set by its name: V(docker) (Docker Hub), V({set: iotedge, hub: example.azure-devices.net, dps: true}),
        V({set: ecs, region: eu-central-1}), V({set: circleci, host: circleci.example.com,
        nomad: nomad.example.com}). Of a set, some endpoints are required, and for the others a warning is enough.'
      - A list within the list is taken as its entries.
      - Without any, the proxy itself is tried, and whether it takes the credentials.
    type: list
    elements: raw
    default: []
  timeout:
    description:
      - Seconds after which there is a result, even where a name server never answers. With O(from_container) it takes a
        second or two more, and where the engine hangs up to a minute and a half.
    type: float
    default: 15
  connect_timeout:
    description:
      - Seconds for each single step, such as one address of a name or one answer.
    type: float
    default: 5
  max_clock_offset:
    description:
      - Seconds that the host's clock may differ from those of who answers. More is a warning, or what a certificate
        that seems out of date is blamed on.
    type: float
    default: 300
  from_container:
    description:
      - Try all of it from a container too, for which the rules of C(DOCKER-USER) and the container's own name servers
        count. No image is pulled; the host's Python is mounted into an empty one.
      - Left out with a warning where the engine does not run; it is never started for this.
    type: bool
    default: false
  ca_certificates:
    description:
      - Certificates (PEM) that count as trusted although they are not in the host's store yet, for a preflight before
        the role C(trusted_ca) has run.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Would this proxy work for Docker Hub and our own registry
  fleetops.container_hosts.proxy_preflight:
    proxy: "{{ container_hosts_proxy }}"
    endpoints:
      - docker
      - registry.example.com:443
    from_container: true

- name: What an IoT Edge device needs
  fleetops.container_hosts.proxy_preflight:
    proxy: "{{ container_hosts_proxy }}"
    endpoints:
      - {set: iotedge, hub: example.azure-devices.net, dps: true}
  register: tried

- name: Show which UpstreamProtocol suits this network
  ansible.builtin.debug:
    var: tried.upstream_protocol
"""

RETURN = r"""
ok:
  description: Whether all that is required was reached. A result with V(false) comes with a failure.
  returned: always
  type: bool
failures:
  description: What is wrong, a sentence or two for each cause.
  returned: always
  type: list
  elements: str
  sample:
    - "The proxy http://10.0.0.131:3128 refuses the user name or the password (HTTP 407 Proxy Authentication Required).
      Correct username and password; write them as they are, without percent-encoding."
endpoints:
  description: What was tried, and what came of it. Where no endpoint went through a proxy, the proxy itself is one.
  returned: always
  type: list
  elements: dict
  contains:
    from:
      description: Where it was tried from, V(host) or V(container).
      type: str
    host:
      description: The endpoint's name or address.
      type: str
    port:
      description: Its TCP port.
      type: int
    protocol:
      description: What was spoken.
      type: str
    via:
      description: V(proxy) or V(direct).
      type: str
    proxy:
      description: The proxy's URL without credentials, or null.
      type: str
    no_proxy:
      description: The entry of C(no_proxy) that made it direct, or null; V(loopback) is direct without any.
      type: str
    needed:
      description: V(required) or V(optional).
      type: str
    purpose:
      description: What it is for.
      type: str
    set:
      description: The set it is of, V(user), or null for the proxy itself.
      type: str
    outcome:
      description:
        - V(ok); or V(tls_inspected), which is also trusted, but by an authority that the administrator added.
        - Or what went wrong, V(name_not_resolved), V(refused), V(unreachable), V(timeout), V(closed),
          V(proxy_refused_password) (407), V(forbidden) (403), V(gateway_error) (500, 502, 503, 504),
          V(unexpected_answer), V(not_a_proxy), V(not_http), V(speaks_tls), V(speaks_http), V(tls_failed),
          V(tls_untrusted), V(tls_other_name), V(tls_expired), V(tls_not_yet_valid), V(clock).
      type: str
    at:
      description: Where, V(proxy) on the way to it, V(tunnel) by its answer, or V(endpoint).
      type: str
    detail:
      description: What was seen.
      type: str
    seconds:
      description: How long it took.
      type: float
    chain:
      description: The certificates that the server sent, its own first. With a server of TLS 1.3 alone, only its own.
      type: list
      elements: dict
      contains:
        subject:
          description: Whose it is.
          type: str
        issuer:
          description: Who signed it.
          type: str
        not_before:
          description: From when it is valid, in seconds since the epoch.
          type: int
        not_after:
          description: Until when it is valid.
          type: int
    root:
      description: Who signed the last one of the chain, which is the root unless the server has TLS 1.3 alone.
      type: str
    schemes:
      description: What a proxy that asks for a password offers, such as V(Basic) or V(Negotiate).
      type: list
      elements: str
    clock_offset:
      description: Seconds that the other side's clock is ahead of the host's, or null.
      type: float
upstream_protocol:
  description: The IoT Edge setting UpstreamProtocol that suits this network, or null where no hub was tried.
  returned: always
  type: str
  sample: AmqpWs
clock_offset:
  description: Seconds that the clocks of who answered are ahead of the host's; null where nobody told the time.
  returned: always
  type: float
firewall:
  description: What has to be allowed, with the names that are patterns and can't be tried.
  returned: always
  type: list
  elements: dict
  contains:
    host:
      description: A name, a pattern with an asterisk, or an address.
      type: str
    port:
      description: The port.
      type: int
    protocol:
      description: Always V(tcp).
      type: str
    direction:
      description: Always V(outbound).
      type: str
    from:
      description: Who connects, V(host) or V(proxy).
      type: str
    purpose:
      description: What for.
      type: str
    needed:
      description: V(required) or V(optional).
      type: str
    set:
      description: The set it is of, V(user), or null for the proxy itself.
      type: str
notices:
  description: The warnings as data.
  returned: always
  type: list
  elements: dict
  contains:
    reader:
      description: Who says so.
      type: str
    entry:
      description: The endpoint or setting.
      type: str
    why:
      description: What is the matter with it.
      type: str
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._preflight import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_directly(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
