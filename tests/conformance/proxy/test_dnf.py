# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dnf does with the options of [main]: it asks the proxy, with the very bytes of the credentials.

yum 3, which Debian has not, is not here; it hands the same URL to the same libcurl.
"""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_yum
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import AWKWARD, CREDENTIALS
from hypothesis import example, given, settings

FOLDER = "/etc/proxy-under-test/dnf"
OPTIONS = f"""
reposdir={FOLDER}/none
varsdir={FOLDER}/none
pluginpath={FOLDER}/none
cachedir={FOLDER}/cache
logdir={FOLDER}/log
persistdir={FOLDER}/persist
retries=1
timeout=5
[under-test]
name=under test
baseurl=http://example.com/
"""


@pytest.fixture
def dnf(network, program):
    """Return a function which writes dnf.conf for a model and lets dnf ask for a repository's metadata."""
    command = [
        program("dnf", "dnf"),
        "--config",
        f"{FOLDER}/dnf.conf",
        "--releasever=9",
        f"--installroot={FOLDER}/root",
    ]

    def ask(model):
        rendered = _proxy_yum.settings(_proxy.parse(model))
        lines = "".join(f"{name}={value}\n" for name, value in rendered.value.items())
        network.write(f"{FOLDER}/dnf.conf", f"[main]\n{lines}{OPTIONS}")
        network.seen()
        network.run([*command, f"--setopt=reposdir={FOLDER}/none", "--repo=under-test", "makecache"])
        return rendered.notices

    return ask


@pytest.fixture(autouse=True)
def challenge(network):
    """dnf sends credentials to a proxy that asks for them, and not before."""
    network.challenge = True
    yield
    network.challenge = False


def test_credentials(dnf, network):
    @settings(max_examples=20, deadline=None)
    @given(CREDENTIALS)
    @example(AWKWARD)
    @example((" u ", "'quoted'"))
    @example(("$releasever", "${basearch}"))
    @example(("#u", '"'))
    def run(credentials):
        username, password = credentials
        dnf({"http": "http://127.0.0.1:3128", "username": username, "password": password})
        assert {record[:] for record in network.seen()} == {
            ("proxy", "example.com", 80, f"{username}:{password}".encode())
        }

    run()


@pytest.mark.parametrize("url", ["http://[::1]:3128", "https://127.0.0.1:3129"])
def test_every_kind_of_url(url, dnf, network):
    dnf({"http": url, "username": "u", "password": "p"})
    assert {record[:] for record in network.seen()} == {("proxy", "example.com", 80, b"u:p")}


def test_a_proxy_without_credentials(dnf, network):
    network.challenge = False
    dnf({"http": "http://127.0.0.1:3128"})
    assert {record[:] for record in network.seen()} == {("proxy", "example.com", 80, None)}


def test_a_lone_star_leaves_the_proxy_out(dnf, network):
    dnf({"http": "http://127.0.0.1:3128", "no_proxy": "*"})
    assert {record.via for record in network.seen()} == {"origin"}
