# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apt does with its files: whom it asks, with which credentials, and what an ordinary user may see."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_apt
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import (
    AWKWARD,
    CREDENTIALS,
    LISTS,
    Meant,
    differences,
    target,
)
from hypothesis import example, given, settings

ETC = "/etc/proxy-under-test/apt"
# One for each kind of host: apt needs a process for each.
URLS = (
    "http://example.com/",
    "http://sub.example.com:8080/",
    "https://example.org/",
    "http://10.0.0.5/",
    "http://[fd00:ec2::254]/",
    "http://localhost/",
)
OPTIONS = f"""
Dir::Etc "{ETC}";
Acquire::Retries "0";
"""


@pytest.fixture
def apt(network):
    """Return a function which writes apt's files for a model, fetches URLs, and returns the notices."""

    def fetch(model, urls=URLS):
        rendered = _proxy_apt.files(_proxy.parse(model))
        files = rendered.value
        network.write(f"{ETC}/apt.conf.d/proxy", files.configuration, 0o600 if files.private else 0o644)
        network.write(f"{ETC}/auth.conf.d/proxy.conf", files.credentials, 0o600)
        network.write(f"{ETC}/apt.conf", OPTIONS)
        network.run(["install", "--directory", "--mode=777", f"{ETC}/fetched"])
        network.seen()
        for url in urls:
            ran = network.run(
                ["/usr/lib/apt/apt-helper", "download-file", url, f"{ETC}/fetched/file"],
                env={"APT_CONFIG": f"{ETC}/apt.conf"},
            )
            # It must have been apt's own unprivileged user that asked.
            assert b"unsandboxed" not in ran.stderr
        return rendered.notices

    return fetch


def test_whom_apt_asks(apt, network):
    @settings(max_examples=15, deadline=None)
    @given(LISTS)
    @example([Meant("example.com", "example.com", names_under_it=True), Meant("fd00:ec2::254", "fd00:ec2::254")])
    @example([Meant("10.0.0.0/8", "10.0.0.0/8"), Meant("10.0.0.5", "10.0.0.5")])
    def run(meant):
        notices = apt({"http": "http://127.0.0.1:3128", "no_proxy": [entry.written for entry in meant]})
        seen = [record[:3] for record in network.seen()]
        assert {record[1:] for record in seen} - {("127.0.0.1", 80), ("::1", 80)} >= {*map(target, URLS)} - {
            ("localhost", 80)
        }
        assert differences(meant, seen, notices, "apt") == []

    run()


def test_a_lone_star_makes_apt_ask_directly(apt, network):
    apt({"http": "http://127.0.0.1:3128", "no_proxy": "*"})
    assert {record.via for record in network.seen()} == {"origin"}


def test_credentials(apt, network):
    @settings(max_examples=25, deadline=None)
    @given(CREDENTIALS)
    @example(AWKWARD)
    @example(("machine", "login"))
    @example(("#user", "#p"))
    @example(("u", '"quoted"'))
    def run(credentials):
        username, password = credentials
        apt({"http": "http://127.0.0.1:3128", "username": username, "password": password}, URLS[:1])
        assert [record.credentials for record in network.seen()] == [f"{username}:{password}".encode()]

    run()


@pytest.mark.parametrize("password", ["p@ss", "p ss", None])
@pytest.mark.parametrize("url", ["http://127.0.0.1:3128", "http://[::1]:3128", "https://127.0.0.1:3129"])
def test_every_kind_of_url(url, password, apt, network):
    apt({"http": url, "username": "u", "password": password}, ["http://example.com/", "https://example.com/"])
    wanted = f"u:{password or ''}".encode()
    assert [tuple(record) for record in network.seen()] == [
        ("proxy", "example.com", 80, wanted),
        ("proxy", "example.com", 443, wanted),
    ]


def test_an_ordinary_user_reads_the_settings_and_no_password(apt, network):
    apt({"http": "http://127.0.0.1:3128", "username": "u", "password": "secret"}, [])

    def as_nobody(*command):
        ran = network.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command],
            env={"APT_CONFIG": f"{ETC}/apt.conf"},
        )
        return ran.stdout.decode() + ran.stderr.decode()

    dump = as_nobody("apt-config", "dump")
    assert 'Acquire::https::Proxy "http://127.0.0.1:3128";' in dump
    assert "Permission denied" not in dump
    assert "secret" not in dump
    assert "Permission denied" in as_nobody("cat", f"{ETC}/auth.conf.d/proxy.conf")
