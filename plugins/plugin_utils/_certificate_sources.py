# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and keys for devices, which a playbook names as files of the controller."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._controller_file import pem

# An option that names a file, and the one of the module that takes its text.
_OPTIONS = {"src": "content", "key_src": "key_content"}


def with_texts(action: ActionBase, entries: t.Any, variables: dict[str, t.Any]) -> t.Any:
    """Return entries of iotedge_certificate, nested lists included, with each file's text in place of its name.

    Of what is to go only the name matters, as the file may have gone already.
    """
    if isinstance(entries, list):
        return [with_texts(action, entry, variables) for entry in entries]
    if not isinstance(entries, dict):
        return entries  # refused where its other options are looked at
    found = {key: value for key, value in entries.items() if key not in _OPTIONS}
    for option, text in _OPTIONS.items():
        if not entries.get(option):
            continue
        if entries.get(text):
            raise Refused(f"is given, and {text} too", where=option, instead="Give the one or the other.")
        if entries.get("state") == "absent":
            found[text] = entries[option]
            continue
        name, content = pem(action, f"{option} of {entries.get('path')}", entries[option], variables)
        try:
            found[text] = content.decode()
        except UnicodeDecodeError as exc:
            raise Refused(
                "is not PEM but binary",
                where=name,
                instead="Convert it: openssl x509 -inform der -in FILE -out FILE.pem (openssl pkey for a key).",
            ) from exc
    return found
