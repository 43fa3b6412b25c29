# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role package_manager on this machine's own /etc, as an overlay shows it: then the real apt and dnf use it."""

from __future__ import annotations

import json
import os
import sys

import pytest
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import AWKWARD

MODEL = {
    "http": "http://127.0.0.1:3128",
    "username": AWKWARD[0].replace(" ", ""),
    "password": AWKWARD[1].replace(" ", ""),
    "no_proxy": ["example.org", "10.0.0.0/8"],
}
WANTED = f"{MODEL['username']}:{MODEL['password']}".encode()


@pytest.fixture
def play(network, tmp_path):
    """Return a function which runs the role with variables, and returns its output; it undoes the role at the end."""
    inventory = tmp_path / "inventory"
    inventory.write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    kept = {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}

    def run(*arguments, **variables) -> str:
        playbook = tmp_path / "play.json"
        roles = [{"role": "fleetops.container_hosts.package_manager"}]
        playbook.write_text(
            json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "roles": roles}])
        )
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "-vvv", "--diff", *arguments]
        # Its own home: nothing of the machine's configuration of Ansible, and nothing left in it.
        environment = {**kept, "HOME": str(tmp_path), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        ran = network.run([*command, str(playbook)], env=environment)
        output = ran.stdout.decode() + ran.stderr.decode()
        assert ran.returncode == 0, output
        for secret in (MODEL["password"], "p%25%40"):
            assert secret not in output
        return output

    yield run
    for manager in ("apt", "dnf"):
        run(package_manager_state="absent", package_manager_name=manager)


def fetch_by_apt(network, url):
    network.seen()
    network.run(["/usr/lib/apt/apt-helper", "-oAcquire::Retries=0", "download-file", url, "/etc/fetched-under-test"])
    return [tuple(record) for record in network.seen()]


def test_apt(play, network):
    direct = fetch_by_apt(network, "http://example.com/")
    assert direct == [("origin", "example.com", 80, None)]
    assert "changed=1" in play("--check", container_hosts_proxy=MODEL)
    assert fetch_by_apt(network, "http://example.com/") == direct
    output = play(container_hosts_proxy=MODEL)
    assert "changed=1" in output
    assert "apt: 10.0.0.0/8:" in output
    assert fetch_by_apt(network, "http://example.com/") == [("proxy", "example.com", 80, WANTED)]
    assert fetch_by_apt(network, "https://example.com/") == [("proxy", "example.com", 443, WANTED)]
    assert fetch_by_apt(network, "http://example.org/") == [("origin", "example.org", 80, None)]
    assert "changed=0" in play(container_hosts_proxy=MODEL)
    assert "changed=1" in play(package_manager_state="absent")
    assert fetch_by_apt(network, "http://example.com/") == direct


def test_dnf(play, network, program):
    before = network.run(["cat", "/etc/dnf/dnf.conf"]).stdout
    variables = {"container_hosts_proxy": MODEL, "package_manager_name": "dnf", "package_manager_private_config": True}
    play(**variables)
    network.seen()
    network.challenge = True
    repository = ["--repofrompath=under-test,http://example.com/", "--repo=under-test", "--releasever=9"]
    network.run([program("dnf", "dnf"), *repository, "--installroot=/etc/root-under-test", "makecache"])
    network.challenge = False
    assert set(map(tuple, network.seen())) == {("proxy", "example.com", 80, WANTED)}
    assert "changed=0" in play(**variables)
    play(package_manager_name="dnf", package_manager_state="absent")
    assert network.run(["cat", "/etc/dnf/dnf.conf"]).stdout == before


def test_without_a_proxy_the_role_does_nothing(play):
    assert "changed=0" in play()
