# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a fleet: how to reach each host, and what the stage offers to playbooks."""

from __future__ import annotations

import json
import pathlib
import typing as t

from . import host, python, registry, squid


def write(
    path: pathlib.Path, folder: pathlib.Path, hosts: list[host.Host], proxy: squid.Squid, group: str = "moby"
) -> None:
    """Write an inventory that Ansible's yaml plugin reads (JSON is YAML); its hosts are all in that one group."""
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(folder / "ssh_key"),
        # Off for these alone: their keys are as old as the image, and their addresses come round again.
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_ssh_pipelining": True,
        "ansible_python_interpreter": python.interpreter(),
        "stage_proxy": proxy.url(),
        "stage_proxy_auth": proxy.url(squid.AUTH_PORT),
        "stage_proxy_user": squid.USER,
        "stage_proxy_password": squid.PASSWORD,
        "stage_registry": registry.NAME,
        "stage_hub": registry.HUB,
        "stage_registry_ca": str(folder / "registry-ca.pem"),
        "stage_payload": str(folder / "payload.tar"),
        # The role's default, Docker Hub, is out of reach here even through the proxy: the proxy alone is tried.
        "moby_preflight_endpoints": [],
        # Eight by default; tests restart engines all the time, and those of an unstable unit say so themselves.
        "moby_stable_seconds": 2,
    }
    members: dict[str, t.Any] = {each.name: {"ansible_host": each.address} for each in hosts}
    groups = {"children": {group: {"hosts": members}}, "vars": variables}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"container_hosts": groups}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path.chmod(0o600)
