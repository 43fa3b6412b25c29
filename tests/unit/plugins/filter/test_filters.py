# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as a playbook uses them: through Ansible's own templating, documentation and warnings."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FILTERS = (
    "inventory_no_proxy",
    "jvm_proxy_options",
    "no_proxy",
    "pinned_image",
    "proxy_environment",
    "redact",
    "rollout_progress",
)
MODEL = {
    "http": "http://192.0.2.1:3128",
    "username": "fleet",
    "password": "p@ss",
    "no_proxy": ["10.0.0.0/8", "example.com"],
}


def templated(tmp_path, expression: str, model: dict | None = None) -> subprocess.CompletedProcess[str]:
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"proxy": MODEL if model is None else model},
            "tasks": [
                {
                    "name": "Template",
                    "ansible.builtin.copy": {
                        "dest": str(tmp_path / "result"),
                        "content": "{{ {'value': " + expression + "} | to_json }}",
                        "mode": "0600",
                    },
                    "diff": False,
                }
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    host = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
    (tmp_path / "inventory").write_text(host + "\n")
    command = ["ansible-playbook", "--inventory", str(tmp_path / "inventory"), str(tmp_path / "play.yml")]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def result(tmp_path):
    return json.loads((tmp_path / "result").read_text())["value"]


def test_all_of_them_in_one_play(tmp_path):
    name = "fleetops.container_hosts."
    ran = templated(
        tmp_path,
        f"[proxy | {name}proxy_environment('go', ['upper']), proxy | {name}no_proxy, proxy | {name}jvm_proxy_options,"
        f" [proxy.http, 'http://u:p@192.0.2.1', {{'password': 'x', 'user': 'y'}}] | {name}redact]",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    environment, names, options, redacted = result(tmp_path)
    assert environment == {
        "HTTP_PROXY": "http://fleet:p%40ss@192.0.2.1:3128",
        "HTTPS_PROXY": "http://fleet:p%40ss@192.0.2.1:3128",
        "NO_PROXY": "localhost,127.0.0.1,::1,10.0.0.0/8,example.com",
    }
    assert names == "localhost,127.0.0.1,::1,[::1],10.0.0.0/8,example.com,.example.com"
    assert options.split()[-1] == "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|10.*|example.com|*.example.com"
    assert redacted == ["http://192.0.2.1:3128", "http://********@192.0.2.1", {"password": "********", "user": "y"}]
    warnings = " ".join(ran.stderr.split())
    assert warnings.count("Python urllib, AWS CLI, .NET and curl before 7.86: 10.0.0.0/8:") == 1
    assert "Java: username:" in warnings
    assert "p@ss" not in ran.stdout + ran.stderr
    assert "p%40ss" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("expression", "model", "said"),
    [
        ("proxy | fleetops.container_hosts.no_proxy", {"htp": "x"}, "Did you mean http?"),
        ("proxy | fleetops.container_hosts.no_proxy('nobody')", MODEL, "Write shared or go"),
        ("proxy | fleetops.container_hosts.proxy_environment('go', 'upper')", MODEL, "Write [upper]"),
        (
            "'example.com/agent:1.5' | fleetops.container_hosts.pinned_image(strict=true)",
            MODEL,
            "has tag 1.5, which moves",
        ),
        ("proxy | fleetops.container_hosts.jvm_proxy_options", {"http": "https://192.0.2.1:1"}, "only plain HTTP"),
        ("'moby' | fleetops.container_hosts.inventory_no_proxy", MODEL, "Write groups['moby']"),
        ("[] | fleetops.container_hosts.inventory_no_proxy(networks=['x'])", MODEL, "'x' is no network"),
        ("[] | fleetops.container_hosts.inventory_no_proxy(netwoks=[])", MODEL, "See its documentation"),
    ],
)
def test_bad_input_fails_the_task_with_the_reason(expression, model, said, tmp_path):
    ran = templated(tmp_path, expression, model)
    assert ran.returncode != 0
    assert said in " ".join((ran.stdout + ran.stderr).split())
    assert "p@ss" not in ran.stdout + ran.stderr


def test_an_image_is_pinned_or_warned_of(tmp_path):
    digest = f"example.com/agent@sha256:{'0' * 64}"
    names = ["example.com:5000/agent:1.5.21", digest, "example.com/agent:1.5", "example.com/hub:latest", "agent"]
    ran = templated(tmp_path, f"{names} | map('fleetops.container_hosts.pinned_image')")
    assert ran.returncode == 0, ran.stderr
    assert result(tmp_path) == names
    warnings = " ".join(ran.stderr.split())
    assert [warnings.count(f"{name}: has") for name in names] == [0, 0, 1, 1, 1]


def test_an_inventory_s_hosts_by_name_and_address(tmp_path):
    addresses = {"web-1.example.com": "10.0.0.1", "web-2.example.com": "10.0.0.2", "alias": "10.0.1.{{ 1 + 1 }}"}
    inventory = {"all": {"hosts": {name: {"ansible_host": address} for name, address in addresses.items()}}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    expression = "groups['all'] | fleetops.container_hosts.inventory_no_proxy(hostvars)"
    arguments = {"msg": "{{ " + expression + " | join(' ') }}"}
    play = [{"hosts": "alias", "gather_facts": False, "tasks": [{"ansible.builtin.debug": arguments}]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    command = ["ansible-playbook", "--limit", "alias", "--inventory", str(tmp_path / "hosts.json")]
    ran = subprocess.run([*command, str(tmp_path / "play.yml")], check=False, capture_output=True, text=True)
    assert '"msg": "10.0.0.0/23 .example.com"' in ran.stdout, ran.stdout + ran.stderr


def test_ansible_doc_knows_them():
    command = ["ansible-doc", "--type", "filter", "--json", *(f"fleetops.container_hosts.{name}" for name in FILTERS)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    documented = json.loads(ran.stdout)
    assert len(documented) == len(FILTERS)
    for entry in documented.values():
        assert entry["doc"]["options"]["_input"]["required"]
        assert entry["return"]["_value"]["sample"]
        assert "fleetops.container_hosts." in entry["examples"]
