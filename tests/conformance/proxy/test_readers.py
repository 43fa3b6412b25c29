# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asked by the readers of the environment: Go's net/http (dockerd, the ECS agent), curl, Python, and the JVM.

The proxy and the origin servers tell; a reader that does otherwise than the list means must be named by a notice.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _errors,
    _proxy,
    _proxy_environment,
    _proxy_java,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import (
    AWKWARD,
    CREDENTIALS,
    LISTS,
    TARGETS,
    Meant,
    differences,
    missing,
)
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.network import Network
from hypothesis import example, given, settings

HERE = Path(__file__).parent
PROXY = "http://127.0.0.1:3128"

# What a reader is called in notices, and how it is told of the proxy.
READERS = {
    "go": ("Go", "go"),
    "go among others": ("Go", "shared"),
    "curl": ("curl", "shared"),
    "urllib": ("Python urllib", "shared"),
    "requests": ("Python requests", "shared"),
    "java": ("Java", "java"),
}
ENVIRONMENT_READERS = [name for name in READERS if name != "java"]
SLOW = {"java": 12, "requests": 15, "urllib": 15}


@pytest.fixture(scope="session")
def commands(
    program: t.Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory, network: Network
) -> dict[str, list[str]]:
    """Return each reader's command, to which URLs are added."""
    folder = tmp_path_factory.mktemp("readers")
    go = ["build", "-o", str(folder / "probe"), str(HERE / "probe.go")]
    caches = {
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "go"),
        "GOTOOLCHAIN": "local",
    }
    for command in (
        [program("go", "golang-go"), *go],
        [program("javac", "default-jdk-headless"), "-d", str(folder), str(HERE / "Probe.java")],
    ):
        built = network.run(command, env=caches)
        assert built.returncode == 0, built.stderr.decode()
    probe = [program("/usr/bin/python3", "python3"), str(HERE / "probe.py")]
    found = network.run([*probe, "requests"])
    assert found.returncode == 0, "requests is missing: install the Debian package python3-requests (make test does)"
    java = [program("java", "default-jdk-headless"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", str(folder)]
    return {
        "go": [str(folder / "probe")],
        "go among others": [str(folder / "probe")],
        "curl": [program("curl", "curl"), "--silent", "--globoff", "--max-time", "5"],
        "urllib": [*probe, "urllib"],
        "requests": [*probe, "requests"],
        "java": java,
    }


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    return request.param


def asked(
    network: Network,
    commands: dict[str, list[str]],
    reader: str,
    model: dict[str, t.Any],
    urls: t.Sequence[str],
) -> tuple[Notice, ...]:
    """Let a reader ask for the URLs with the proxy of `model`, and return the notices of its rendering."""
    proxy = _proxy.parse(model)
    dialect = READERS[reader][1]
    command = list(commands[reader])
    environment: dict[str, str] = {}
    if dialect == "java":
        rendered = _proxy_java.options(proxy)
        command += [*rendered.value, "Probe"]
    else:
        rendered = _proxy_environment.environment(proxy, readers=dialect)
        environment = rendered.value
    if reader == "curl":
        urls = [word for url in urls for word in ("--output", "/dev/null", url)]
    network.seen()
    network.run([*command, *urls], env=environment)
    return rendered.notices


def check(network: Network, commands: dict[str, list[str]], reader: str, meant: t.Sequence[Meant]) -> None:
    model = {"http": PROXY, "no_proxy": [entry.written for entry in meant]}
    notices = asked(network, commands, reader, model, TARGETS)
    seen = [record[:3] for record in network.seen()]
    assert missing(seen) == set()
    assert differences(meant, seen, notices, READERS[reader][0]) == []


def test_no_proxy(reader, network, commands):
    """Generated lists: each target is asked directly or through the proxy as the list means, or a notice says so."""

    @settings(max_examples=SLOW.get(reader, 40), deadline=None)
    @given(LISTS)
    @example([])
    @example([Meant("*.example.com", "example.com", names_under_it=True, itself=False)])
    @example([Meant("com", "com", names_under_it=True), Meant("127.0.0.0/8", "127.0.0.0/8")])
    @example([Meant(".com", "com", names_under_it=True, itself=False), Meant("/run/docker.sock", "/run/docker.sock")])
    @example([Meant("0.0.0.0/0", "0.0.0.0/0"), Meant("192.0.2.4/30", "192.0.2.4/30")])
    def run(meant):
        check(network, commands, reader, meant)

    run()


def test_a_lone_star_exempts_everything(reader, network, commands):
    asked(network, commands, reader, {"http": PROXY, "no_proxy": "*"}, TARGETS)
    assert {record.via for record in network.seen()} == {"origin"}


@pytest.mark.parametrize("reader", ENVIRONMENT_READERS)
def test_credentials(reader, network, commands):
    """The proxy gets the very bytes of the user name and the password, for http:// and https://."""

    @settings(max_examples=SLOW.get(reader, 40), deadline=None)
    @given(CREDENTIALS)
    @example(AWKWARD)
    @example(("u", "%"))
    @example(("user", "%41%zz"))
    def run(credentials):
        username, password = credentials
        model = {"http": PROXY, "username": username, "password": password}
        notices = asked(network, commands, reader, model, ["http://example.com/", "https://example.com/"])
        if any("password" in notice.entry and reader in notice.reader for notice in notices):
            return
        wanted = f"{username}:{password}".encode()
        assert [tuple(seen) for seen in network.seen()] == [
            ("proxy", "example.com", 80, wanted),
            ("proxy", "example.com", 443, wanted),
        ]

    run()


@pytest.mark.parametrize("reader", ENVIRONMENT_READERS)
def test_an_empty_password(reader, network, commands):
    notices = asked(network, commands, reader, {"http": PROXY, "username": "u"}, ["http://example.com/"])
    told = any(notice.entry == "password" and reader in notice.reader for notice in notices)
    assert [record.credentials for record in network.seen()] == [None if told else b"u:"]


def test_each_scheme_has_its_own_proxy_at_an_ipv6_address(reader, network, commands):
    model = {"http": "http://[::1]:3128", "https": "http://[2001:DB8::99]:3128/"}
    asked(network, commands, reader, model, ["http://example.com/", "https://example.com/"])
    assert [record[:3] for record in network.seen()] == [("proxy", "example.com", 80), ("proxy", "example.com", 443)]


def test_requests_takes_the_loopback_address_for_a_suffix(network, commands):
    """What is not wanted, but known, and better than requests that send ::1 to the proxy."""
    asked(network, commands, "requests", {"http": PROXY}, ["http://[::1]/", "http://[fd00::1]/", "http://[fd00::2]/"])
    assert [record[:2] for record in network.seen()] == [("origin", "::1"), ("origin", "fd00::1"), ("proxy", "fd00::2")]


def test_the_environment_of_one_case_reaches_go(network, commands):
    for cases in (["upper"], ["lower"]):
        rendered = _proxy_environment.environment(_proxy.parse({"http": PROXY}), cases=cases)
        network.seen()
        network.run([*commands["go"], "http://example.com/", "http://127.0.0.1/"], env=rendered.value)
        assert [record[:2] for record in network.seen()] == [("proxy", "example.com"), ("origin", "127.0.0.1")]


# The entries that the readers were measured with, and that mean something else to each of them.
@pytest.mark.parametrize(
    "entry",
    [
        "*example.com",
        "sub*.example.com",
        "a b example.com",
        "http://example.com",
        "10.",
        "10.*",
        "10.0.0.0/8:8080",
        "<local>",
        "x,*",
        "10.*|*.example.com",
    ],
)
def test_what_no_reader_or_not_every_reader_matches_is_refused(entry):
    with pytest.raises(_errors.Refused):
        _proxy.parse({"http": PROXY, "no_proxy": entry})


@pytest.mark.parametrize("reader", ENVIRONMENT_READERS)
def test_a_proxy_that_speaks_tls(reader, network, commands):
    """Who can't is named by a notice."""
    model = {"http": "https://127.0.0.1:3129", "username": "u", "password": "p@"}
    notices = asked(network, commands, reader, model, ["http://example.com/", "https://example.com/"])
    if not any("cannot speak TLS" in notice.why and reader in notice.reader for notice in notices):
        assert [tuple(record) for record in network.seen()] == [
            ("proxy", "example.com", 80, b"u:p@"),
            ("proxy", "example.com", 443, b"u:p@"),
        ]
    assert any("speaks TLS" in notice.why for notice in notices)
