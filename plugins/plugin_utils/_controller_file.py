# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM texts that a user gives as they are, or as files of the controller."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


def pem(action: ActionBase, where: str, entry: t.Any, variables: dict[str, t.Any]) -> tuple[str, bytes]:
    """Return what to call the entry in a message, and its bytes; raises Refused where there are none.

    The file may be encrypted with Ansible Vault. `where` is the entry's place in the task's options.
    """
    if not isinstance(entry, str) or not entry.strip():
        raise Refused(
            "is neither a path nor a PEM text",
            where=where,
            instead="Name a PEM file on the controller, or write the text itself.",
        )
    if "-----BEGIN" in entry:
        return where, entry.encode()
    path = find(action, where, entry, variables)
    try:
        with open(action._loader.get_real_file(path), "rb") as handle:
            return path, handle.read()
    except (OSError, AnsibleError) as exc:
        raise Refused(f"can't be read: {exc}", where=path) from exc


def find(action: ActionBase, where: str, path: str, variables: dict[str, t.Any]) -> str:
    """Look for a file where Ansible does; then beside the inventory, and in the working directory.

    A path in group_vars is written by somebody whose playbook may be this collection's own, which lies elsewhere.
    """
    try:
        return t.cast("str", action._find_needle("files", path))
    except AnsibleError as exc:
        folders = [variables.get("inventory_dir"), os.getcwd()]
        for folder in filter(None, folders):
            candidate = os.path.join(folder, os.path.expanduser(path))
            if os.path.isfile(candidate):
                return candidate
        raise Refused(
            f"there is no file {path} on the controller",
            where=where,
            instead="It is looked for in the role's and the playbook's folder and their files/, beside the"
            " inventory, and in the working directory.",
        ) from exc
