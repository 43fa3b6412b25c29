# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""playbooks/lint.yml as users run it, on inventories whose hosts nobody could reach."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.support import manifests

ROOT = pathlib.Path(__file__).parents[4]
PROXY = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "s3cret-Zq7x9K"}


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """`lint(inventory, *options, **variables)` runs the playbook; the result has `.report`, what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(inventory, *options: str, **variables):
        if not isinstance(inventory, str):
            (tmp_path / "inventory.json").write_text(json.dumps(inventory))
            inventory = "inventory.json"
        extra = {"lint_report": "report.json", **variables}
        (tmp_path / "extra.json").write_text(json.dumps(extra))
        command = ["ansible-playbook", "-i", inventory, "-e", "@extra.json", *options, "fleetops.container_hosts.lint"]
        environment = os.environ | {"ANSIBLE_NOCOLOR": "1", "COLUMNS": "120"}
        ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        report = tmp_path / "report.json"
        ran.report = json.loads(report.read_text()) if report.exists() else None
        return ran

    return run


def fleet(variables=None, **groups):
    """An inventory: group -> host -> its variables, and variables of all."""
    children = {name: {"hosts": hosts} for name, hosts in groups.items()}
    return {"all": {"vars": {"container_hosts_proxy": PROXY, **(variables or {})}, "children": children}}


def told(report, severity=""):
    return {(each["rule"], each["where"]): each for each in report["findings"] if severity in ("", each["severity"])}


def test_an_inventory_that_is_right(lint):
    ran = lint(fleet(moby={"a": {}, "b": {}}), "-vvv")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 error" in ran.stdout
    assert ran.report["hosts_judged"] == 2
    assert told(ran.report, "error") == {}
    assert "Zq7x9K" not in ran.stdout + ran.stderr + json.dumps(ran.report)
    assert stat.S_IMODE(pathlib.Path("report.json").stat().st_mode) == 0o600


WRONG = fleet(
    {"moby_regstry_mirrors": ["https://mirror.example.com"]},
    moby={
        "scheme": {"container_hosts_proxy": {"http": "192.0.2.1:3128"}},
        "port": {"container_hosts_proxy": {"http": "http://192.0.2.1:99999"}},
        "encoded": {"container_hosts_proxy": {"http": "http://fleet:p%zz@192.0.2.1:3128"}},
        "control": {"container_hosts_proxy": {**PROXY, "password": "s3cret-Zq7x9K\n"}},
        "direct": {"container_hosts_proxy": {**PROXY, "no_proxy": ["10."]}},
        "reader": {"container_hosts_proxy": {**PROXY, "no_proxy": ["10.0.0.0/8"]}, "moby_client_users": ["root"]},
        "argument": {"moby_state": "prsent"},
        "key": {"moby_daemon_settings": {"log-drivr": "local"}},
        "template": {"moby_dns": "{{ nowhere }}"},
        "client": {"moby_client_users": [7]},
        "absent": {"container_hosts_proxy": {"http": "no"}, "moby_state": "absent", "package_manager_state": "absent"},
    },
    ecs={
        "name": {"ecs_settings": {"ECS_CLUSTR": "production", "ECS_RESERVED_MEMORY": "lots"}},
        "both": {"ecs_settings": {"HTTP_PROXY": "192.0.2.1:3128"}},
        "bare": {"ecs_proxy": {"http": "192.0.2.1:3128"}},
    },
    iotedge={
        "table": {"iotedge_settings": {"provisionin": {"source": "none"}}},
        "protocol": {"iotedge_upstream_protocol": "AmqpWS1"},
        "file": {"iotedge_edge_ca_certificate": "nowhere.pem", "iotedge_edge_ca_key": "nowhere.key"},
        "storage": {"iotedge_storage": {"agent": "relative"}},
    },
    circleci_nomad={"java": {}, "option": {"circleci_nomad_jvm_extra": ["-Xmx1g -Xms1g"]}},
    circleci_services={"java2": {"circleci_nomad_proxy": {"https": "https://proxy.example.com:3129"}}},
)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """What is said of WRONG, by host."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "inventory.json").write_text(json.dumps(WRONG))
    command = ["ansible-playbook", "-i", "inventory.json", "-e", "lint_report=report.json", "-vvv"]
    ran = subprocess.run(
        [*command, "fleetops.container_hosts.lint"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "Zq7x9K" not in ran.stdout + ran.stderr
    report = json.loads((folder / "report.json").read_text())
    hosts = {host for groups in WRONG["all"]["children"].values() for host in groups["hosts"]}
    return {host: [each for each in report["findings"] if host in each["hosts"]] for host in hosts}


@pytest.mark.parametrize(
    ("host", "severity", "rule", "where", "words"),
    [
        ("scheme", "error", "proxy", "container_hosts_proxy.http", "no scheme"),
        ("port", "error", "proxy", "container_hosts_proxy.http", "impossible port"),
        ("encoded", "error", "proxy", "container_hosts_proxy.http", "not percent-encoded"),
        ("control", "error", "proxy", "container_hosts_proxy.password", "control character"),
        ("direct", "error", "proxy", "container_hosts_proxy.no_proxy[0]", "10.0.0.0/8"),
        ("reader", "warning", "reader", "Python urllib, AWS CLI, .NET and curl before 7.86: 10.0.0.0/8", "no networks"),
        ("reader", "info", "reader", "apt: 10.0.0.0/8", "single hosts"),
        ("argument", "error", "argument", "moby_state", "present, absent"),
        ("key", "error", "setting", "/etc/docker/daemon.json: log-drivr", "log-driver"),
        ("template", "error", "template", "variables", "'nowhere' is undefined"),
        ("scheme", "warning", "unknown_variable", "moby_regstry_mirrors", "moby_registry_mirrors"),
        ("name", "error", "setting", "ECS_CLUSTR", "ECS_CLUSTER"),
        ("name", "error", "setting", "ECS_RESERVED_MEMORY", ""),
        ("both", "error", "setting", "settings: HTTP_PROXY", "proxy alone"),
        ("table", "error", "setting", "/etc/aziot/config.toml: provisionin", "provisioning"),
        ("protocol", "error", "setting", "upstream_protocol", "AmqpWs"),
        ("file", "error", "file", "iotedge: src of /var/aziot/certs/edge-ca.pem", "nowhere.pem"),
        ("storage", "error", "setting", "storage: relative", "absolute"),
        ("java", "warning", "reader", "Java: username", "no credentials"),
        ("option", "error", "setting", "options for the JVM", "entry of its own"),
        ("java2", "error", "proxy", "container_hosts_proxy.http", "the JVM speaks only plain HTTP"),
    ],
)
def test_what_is_wrong_is_said_of_that_host(wrong, host, severity, rule, where, words):
    found = {(each["severity"], each["rule"], each["where"]): each for each in wrong[host]}
    assert (severity, rule, where) in found, list(found)
    each = found[severity, rule, where]
    assert words in f"{each['what']} {each['mend']}"


def test_what_is_right_is_not_said_to_be_wrong(wrong):
    for host in ("absent", "bare", "java"):
        assert [each for each in wrong[host] if each["severity"] == "error"] == [], host
    # One that is refused is said once, and not by each of its readers.
    assert len([each for each in wrong["port"] if each["severity"] == "error"]) == 1


def test_hosts_that_are_alike_are_judged_once(lint):
    direct = "{{ groups['moby'] | fleetops.container_hosts.inventory_no_proxy(hostvars) }}"
    hosts = {f"h{number}.site.example.com": {"ansible_host": f"10.0.0.{number}"} for number in range(1, 100)}
    many = lint(fleet({"container_hosts_proxy": {**PROXY, "no_proxy": direct}}, moby=hosts), "-v")
    assert '"judgements": 3' in many.stdout, many.stdout
    assert many.report["hosts_judged"] == 99
    # And not those that only look alike: what a template names is another one for each.
    named = {name: {"proxy_of_site": f"http://192.0.2.1:{99998 + number % 2}"} for number, name in enumerate(hosts)}
    named["h1.site.example.com"] = {"proxy_of_site": "http://192.0.2.1:3128"}
    by_name = {"container_hosts_proxy": {"http": "{{ lookup('vars', 'proxy_of_' ~ 'site') }}"}}
    ran = lint(fleet(by_name, moby=named))
    refused = told(ran.report, "error")["proxy", "container_hosts_proxy.http"]
    assert len(refused["hosts"]) == 98
    assert "h1.site.example.com" not in refused["hosts"]


def test_secrets_that_are_not_here(lint):
    model = {"http": "http://192.0.2.1:3128", "username": "u", "password": "{{ vault_password }}"}
    inventory = fleet(
        {"container_hosts_proxy": model},
        iotedge={
            "edge": {"iotedge_provisioning": {"source": "{{ vault_of[inventory_hostname] }}"}, "iotedge_watchdg": 1}
        },
    )
    without = lint(inventory)
    assert without.returncode == 2
    assert ("template", "variables") in told(without.report, "error")
    given = lint(inventory, lint_placeholders=["vault_*"])
    assert given.returncode == 0, given.stdout
    assert told(given.report, "info")["template", "iotedge_provisioning"]["what"].startswith("is not judged")
    assert ("unknown_variable", "iotedge_watchdg") in told(given.report, "warning")


def test_exit_status_check_mode_limit_and_rules_left_out(lint):
    warned = fleet(moby={"a": {"moby_client_users": ["root"]}, "b": {}})
    warned["all"]["vars"]["container_hosts_proxy"]["no_proxy"] = ["10.0.0.0/8"]
    assert lint(warned).returncode == 0
    failed = lint(warned, lint_fail_on="warning")
    assert failed.returncode == 2
    assert "1 findings at warning or worse" in failed.stdout
    pathlib.Path("report.json").unlink()
    checked = lint(warned, "--check", "--limit", "b", lint_fail_on="warning")
    assert checked.returncode == 0, checked.stdout
    assert "1 host judged" in checked.stdout
    assert checked.report is None
    assert lint(warned, lint_fail_on="info", lint_ignore=["reader"]).returncode == 0
    mistaken = lint(warned, lint_ignore=["raeder"])
    assert mistaken.returncode == 2
    assert "Did you mean reader?" in mistaken.stdout + mistaken.stderr


def test_manifests_and_an_inventory_without_our_groups(lint, tmp_path):
    document = manifests.good()
    del manifests.modules_of(document)["edgeAgent"]["env"]["https_proxy"]
    (tmp_path / "deployment.json").write_text(json.dumps(document, indent=2))
    ran = lint("localhost,", lint_manifests=["deployment.json"], lint_behind_proxy=True)
    assert ran.returncode == 2
    (found,) = told(ran.report, "error").values()
    assert found["rule"] == "agent_without_proxy"
    assert found["where"].startswith("deployment.json:")
    assert told(lint("localhost,").report, "warning").keys() == {("no_hosts", "the inventory")}
    missing = lint("localhost,", lint_manifests=["nowhere.json"])
    assert told(missing.report, "error").keys() == {("file", "manifests")}


def test_certificates_of_the_proxy_are_judged(lint, tmp_path):
    (tmp_path / "root.pem").write_text("-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n")
    ran = lint(fleet({"container_hosts_proxy": {**PROXY, "ca_certificate": "root.pem"}}, moby={"a": {}}))
    (found,) = told(ran.report, "error").values()
    assert "damaged" in found["what"]
