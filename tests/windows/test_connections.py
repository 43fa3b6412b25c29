# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own connection plugins on the way to the stand-in: what they put where, and what they show."""

from __future__ import annotations

import json
import os

import pytest

from . import powershell, ssh_server, winrm_server
from .conftest import HERE

OLD, NEW = "http://u:0ldS3cret@192.0.2.10:3128", "http://u:N3wS3cret@192.0.2.10:3128"


@pytest.fixture(params=["ssh, powershell", "ssh, cmd", "psrp", "winrm"])
def variables(request, host, monkeypatch):
    """What leads Ansible to the host."""
    name, _comma, shell = request.param.partition(", ")
    monkeypatch.setenv("WINE_HOST_PREFIX", str(host.wine.prefix))
    monkeypatch.setenv("WINE_HOST_RECORD", str(host.folder))
    account = {"ansible_user": winrm_server.USER, "ansible_password": winrm_server.PASSWORD}
    if name == "psrp":
        monkeypatch.setenv("PYTHONPATH", f"{HERE / 'psrp'}:{os.environ['PYTHONPATH']}")
        yield {"ansible_connection": "psrp", "ansible_psrp_auth": "basic", "ansible_host": "192.0.2.20", **account}
        return
    windows = powershell.Host(str(host.wine.prefix), str(host.folder))
    if name == "ssh":
        monkeypatch.setenv("SSH_ARGUMENTS", str(host.folder / "arguments.jsonl"))
        with ssh_server.serving(windows, host.folder) as access:
            yield {
                "ansible_connection": "ssh",
                "ansible_shell_type": shell,
                "ansible_ssh_executable": str(HERE / "ssh.py"),
                "ansible_host": "127.0.0.1",
                "ansible_port": access.port,
                "ansible_user": winrm_server.USER,
                "ansible_ssh_private_key_file": str(access.key),
                # Nothing of the developer's own settings, and no connection that outlives the server.
                "ansible_ssh_args": f"-F none -o UserKnownHostsFile={access.known_hosts}",
            }
        return
    with winrm_server.serving(windows) as port:
        yield {
            "ansible_connection": "winrm",
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": "basic",
            **account,
        }


def test_a_secret_goes_by_standard_input_and_is_shown_nowhere(host, variables):
    host.set(7, ["KEEP=1", f"HTTP_PROXY={OLD}"])
    # Two more than what is promised: there the plugins winrm and psrp show what a module printed.
    run = host.run("-vv", service="docker", environment={"HTTP_PROXY": NEW}, variables=variables).ok()
    assert host.entries() == ["KEEP=1", f"HTTP_PROXY={NEW}"]
    sent = host.wire()
    assert len(sent) == 3
    assert any("N3wS3cret" in each["input"] for each in sent)
    seen = [run.stdout, run.stderr, json.dumps([task.result for task in run.tasks]), *host.events()]
    seen += [each["command"] for each in sent]
    # Of the process that one of the plugins starts.
    arguments = [record.read_text() for record in host.folder.glob("arguments.jsonl")]
    assert bool(arguments) is (variables["ansible_connection"] == "ssh")
    seen += arguments
    assert not [secret for secret in ("0ldS3cret", "N3wS3cret") for text in seen if secret in text]


def test_what_is_shown_otherwise(host, variables):
    """That the test above can fail: a task with one of the modules alone shows it all."""
    host.set(7, [f"HTTP_PROXY={OLD}"])
    read = {"ansible.windows.win_reg_stat": {"path": r"HKLM:\SYSTEM\CurrentControlSet\Services\docker"}}
    assert "0ldS3cret" in host.play([read], "-vv", variables=variables).ok().stdout
