#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trusted_certificate
short_description: Have a host trust the certificates of certificate authorities
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Puts certificates into the host's own store, that of Debian and Ubuntu or that of RHEL, Fedora and Amazon Linux,
    and has the store's tool make its bundle anew, only if a file changed or the bundle is behind the files.
  - The certificates are judged on the controller before anything is sent. A file with a private key is refused, as is a
    certificate that is damaged, expired, not valid yet, or not that of a certificate authority for TLS servers.
    One that expires within 30 days, is weak, or is no root without its root beside it, is warned about.
  - Most programs read the bundle once, when they start; among them C(dockerd). RV(files) tells which files to compare
    with the start of a process, see O(fleetops.container_hosts.systemd_environment#module:read_at_start).
  - On Windows they go into C(Trusted Root Certification Authorities) of the local computer, by way of the collection
    ansible.windows. That store knows no O(name), so a certificate that is not named any more stays there, and
    O(state=absent) takes away those that it is given.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
attributes:
  platform:
    platforms: linux, windows
options:
  certificates:
    description:
      - PEM files on the controller, each with one or several certificates, or the texts themselves.
      - A relative path is looked for as M(ansible.builtin.copy) does, then beside the inventory, and then in the
        working directory. A file may be encrypted with Ansible Vault.
      - They are all that the store has under O(name); one that was there and is not named any more is removed.
      - Required, unless O(state=absent).
    type: list
    elements: str
    aliases: [certificate]
  name:
    description:
      - What the names of these certificates' files in the store begin with; a part of the fingerprint follows.
      - Letters, digits, C(_) and C(-).
    type: str
    default: container-hosts
  state:
    description:
      - V(absent) removes all that the store has under O(name); the certificates need not be named.
    type: str
    choices: [present, absent]
    default: present
  checkpoint_run:
    description: What tells one run of a playbook from another. Set by the controller's part of the module.
    type: str
"""

EXAMPLES = r"""
- name: Trust the root of a proxy that inspects TLS
  fleetops.container_hosts.trusted_certificate:
    certificates: [files/proxy-root.pem]

- name: Trust what a vault keeps, beside the above
  fleetops.container_hosts.trusted_certificate:
    certificates: ["{{ vault_registry_root }}"]
    name: registry

- name: Trust none of the first any more
  fleetops.container_hosts.trusted_certificate:
    state: absent
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
store:
  description: The store's folder, or null where O(state=absent) met a host without a known store.
  returned: success
  type: str
  sample: /usr/local/share/ca-certificates
bundle:
  description: The file that TLS libraries read, or null.
  returned: success
  type: str
  sample: /etc/ssl/certs/ca-certificates.crt
files:
  description: The files in the store, one for each certificate.
  returned: success
  type: list
  elements: str
  sample: [/usr/local/share/ca-certificates/container-hosts.3f1c0b7d9a52e684.crt]
notices:
  description: The warnings as data.
  returned: success
  type: list
  elements: dict
  contains:
    reader:
      description: Who reads the setting.
      type: str
    entry:
      description: The setting.
      type: str
    why:
      description: What happens, and what to do about it.
      type: str
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._trusted_certificate import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
