# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests go past the proxy, by our reckoning and by what Go's net/http does in fact."""

from __future__ import annotations

import typing as t
import urllib.parse
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _no_proxy_go,
    _proxy,
    _proxy_environment,
)
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import LISTS, LOCAL, TARGETS, Meant
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.network import Network
from hypothesis import example, given, settings

HERE = Path(__file__).parent
PROXY = "http://127.0.0.1:3128"


@pytest.fixture(scope="session")
def go(
    program: t.Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory, network: Network
) -> t.Callable[[dict[str, str]], set[tuple[str, str, int]]]:
    """Return a function which has a Go program ask for every target, and returns (via, host, port) as it was seen."""
    folder = tmp_path_factory.mktemp("go")
    caches = {
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "go"),
        "GOTOOLCHAIN": "local",
    }
    build = [program("go", "golang-go"), "build", "-o", str(folder / "probe"), str(HERE / "probe.go")]
    built = network.run(build, env=caches)
    assert built.returncode == 0, built.stderr.decode()

    def ask(environment: dict[str, str]) -> set[tuple[str, str, int]]:
        network.seen()
        network.run([str(folder / "probe"), *TARGETS], env=environment)
        # An origin server can't tell by which of its names this very machine was meant.
        return {(via, "local" if host in LOCAL else host, port) for via, host, port, _credentials in network.seen()}

    return ask


def test_a_request_goes_where_we_say(go):
    @settings(max_examples=40, deadline=None)
    @given(LISTS)
    @example([Meant("*", "*")])
    @example([Meant("com", "com"), Meant("127.0.0.0/8", "127.0.0.0/8")])
    @example([Meant(".com", "com"), Meant("/run/docker.sock", "/run/docker.sock")])
    def run(meant: list[Meant]) -> None:
        proxy = _proxy.parse({"http": PROXY, "no_proxy": [entry.written for entry in meant]})
        reckoned = set()
        for target in TARGETS:
            url = urllib.parse.urlsplit(target)
            host, port = url.hostname or "", url.port or {"http": 80, "https": 443}[url.scheme]
            covered = _no_proxy_go.covered_by(proxy.no_proxy, host, port)
            reckoned.add(("origin" if covered else "proxy", "local" if host in LOCAL else host, port))
        assert go(_proxy_environment.environment(proxy).value) == reckoned

    run()
