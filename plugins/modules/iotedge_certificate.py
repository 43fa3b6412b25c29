#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iotedge_certificate
short_description: Put a certificate and its key on an Azure IoT Edge device, readable by the services that need them
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Writes a certificate for C(aziot-certd) and its private key for C(aziot-keyd), with the owners and modes that they
    need, or judges those that are on the device already. It does not name them in C(config.toml), which
    M(fleetops.container_hosts.config_toml) does, and applies nothing.
  - All of it is judged before the first write, by OpenSSL too. An expired certificate, one that is no CA's where a CA's
    is needed, a chain in the wrong order, a key of another certificate, an encrypted one, DER in place of PEM, and a
    folder that the service may not enter are errors. IoT Edge itself finds them when a module or the cloud has turned
    the device away, and a missing trust bundle not even then.
  - The key is never shown; a diff only says that it changed.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
attributes:
  platform:
    platforms: linux
  safe_file_operations:
    description: Files are replaced as a whole or not at all, owner and mode in the same step.
options:
  usage:
    description:
      - What C(config.toml) names the certificate for, which decides what is asked of it.
      - V(trust_bundle) for C(trust_bundle_cert) and V(est_trusted) for C(trusted_certs) of C([cert_issuance.est]).
        Any number of CAs' certificates in any order, without keys.
      - V(edge_ca) for C([edge_ca]) and V(local_ca) for C([cert_issuance.local_ca]). A CA's certificate with its key;
        its issuers may follow, each after the one that it issued.
      - V(device_id) for C(identity_cert) of C([provisioning]) and V(est_identity) for C(identity_cert) or
        C(bootstrap_identity_cert) of C([cert_issuance.est.auth]). A certificate with its key; its issuers may follow.
    type: str
    choices: [trust_bundle, est_trusted, edge_ca, local_ca, device_id, est_identity]
    required: true
  path:
    description:
      - The certificate's file on the device.
      - Its folder is made, if need be, as C(/var/aziot/certs) should be, that of O(owner), mode V(0755).
    type: path
    required: true
  content:
    description:
      - The certificate's text (PEM). The file gets these bytes, the owner O(owner) and the mode V(0644), also where
        only its owner or mode were different.
      - A newline that is missing at its end, as behind a lookup, is put there.
      - Empty for a file that is on the device already, which then is judged and not changed.
    type: str
    default: ""
  src:
    description:
      - A file of the controller to take O(content) from. It may be encrypted with Ansible Vault, and is looked for in
        the role's and the playbook's folder and their C(files/), beside the inventory, and in the working directory.
    type: str
    default: ""
  key_path:
    description:
      - The private key's file on the device, or its C(pkcs11:) URI, where nothing can be judged.
      - Its folder is made, if need be, as C(/var/aziot/secrets) should be, that of O(key_owner), mode V(0700).
      - Required where O(usage) has a key, and an error where it has none.
    type: path
    default: ""
  key_content:
    description:
      - The private key's text (PEM), not encrypted; keep it in Ansible Vault. The file gets the owner O(key_owner) and
        the mode V(0600), also where only its owner or mode were different.
      - Empty for a file that is on the device already, which then is judged and not changed.
    type: str
    default: ""
  key_src:
    description: A file of the controller to take O(key_content) from, as with O(src).
    type: str
    default: ""
  minimum_days:
    description: Warn about a certificate that is valid for less days than this. C(iotedge check) does so at 7.
    type: int
    default: 7
  owner:
    description:
      - The user that C(aziot-certd) runs as. Name or number.
      - The user has to be there, which the package C(aziot-identity-service) sees to.
    type: str
    default: aziotcs
  group:
    description: The group of the certificate's file.
    type: str
    default: aziotcs
  key_owner:
    description: The user that C(aziot-keyd) runs as, like O(owner).
    type: str
    default: aziotks
  key_group:
    description: The group of the key's file.
    type: str
    default: aziotks
  state:
    description:
      - V(absent) removes O(path) if O(content) is given, and O(key_path) if O(key_content) is; whatever the files hold,
        and whatever these texts are. Without its text, a file is the device's own, and a key maybe the only copy.
      - A folder that is empty then goes too, if its owner and mode are those with which one is made.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Without pipelining, Ansible itself puts the parameters of any module, here the key, into a temporary file on the
    host, which only the remote user can read, and removes it after the task.
seealso:
  - module: fleetops.container_hosts.config_toml
  - module: fleetops.container_hosts.trusted_certificate
    description: The host's own store, which the engine and the daemons use. A proxy's root has to be in both.
"""

EXAMPLES = r"""
- name: Have modules trust the root of a proxy that inspects TLS
  fleetops.container_hosts.iotedge_certificate:
    usage: trust_bundle
    path: /var/aziot/certs/trust-bundle.pem
    src: proxy-root.pem

- name: Give a device its own edge CA
  fleetops.container_hosts.iotedge_certificate:
    usage: edge_ca
    path: /var/aziot/certs/edge-ca.pem
    src: devices/{{ inventory_hostname }}/edge-ca.pem
    key_path: /var/aziot/secrets/edge-ca.key.pem
    # Best encrypted with Ansible Vault.
    key_src: devices/{{ inventory_hostname }}/edge-ca.key.pem
  register: edge_ca

- name: Judge an identity that was put on the device when it was made
  fleetops.container_hosts.iotedge_certificate:
    usage: device_id
    path: /var/aziot/certs/device-id.pem
    key_path: /var/aziot/secrets/device-id.key.pem
    minimum_days: 30
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
path:
  description: The certificate's file.
  returned: success
  type: str
changed_files:
  description:
    - Those of O(path) and O(key_path) that changed, in bytes, owner or mode. If there is one, C(iotedge config apply)
      is due.
    - The time of a file's last change (mtime) is new then, too, unless only its mode changed. So
      C(iotedge config apply) is due as long as the file is newer than what it made.
  returned: success
  type: list
  elements: str
subject:
  description: Whose the first certificate is, or null with O(state=absent), as all that follows.
  returned: success
  type: str
  sample: CN=device-1.ca
not_after:
  description: Until when the first certificate is valid, in UTC.
  returned: success
  type: str
  sample: "2031-06-01T12:00:00Z"
fingerprint:
  description: The SHA-256 fingerprint of the first certificate.
  returned: success
  type: str
days_left:
  description: The whole days for which the first certificate is still valid.
  returned: success
  type: int
certificates:
  description: The same of each certificate, in the file's order. Empty with O(state=absent).
  returned: success
  type: list
  elements: dict
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
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_certificate import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
