# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Nomad client's /etc/environment, all the way: bash sources it, and a JVM that it starts goes as the model says."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _environment_file_pam,
    _proxy,
    _proxy_circleci,
)
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import (
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
FOUND = b"# theirs\nexport NOMAD_ADDR=https://localhost:4646\nJVM_OPTS=-Dhttps.proxyPort=9\n"
# A start script of a program in Java has the variable without quotes: the shell splits it, and looks for files by `*`.
SCRIPT = (
    'set -a; . /etc/environment; exec "$0" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC $JVM_OPTS -cp "$1" Probe "${@:2}"'
)
METADATA = Meant("169.254.169.254", "169.254.169.254")


@pytest.fixture(scope="module")
def jvm(
    program: t.Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory, network: Network
) -> t.Callable[[t.Sequence[str]], None]:
    """Return a function that has a JVM with the variables of /etc/environment ask for URLs."""
    folder = tmp_path_factory.mktemp("circleci")
    built = network.run([program("javac", "default-jdk-headless"), "-d", str(folder), str(HERE / "Probe.java")])
    assert built.returncode == 0, built.stderr.decode()

    def ask(urls: t.Sequence[str]) -> None:
        java = program("java", "default-jdk-headless")
        done = network.run(["/bin/bash", "--norc", "-c", SCRIPT, java, str(folder), *urls])
        assert done.returncode == 0, done.stderr.decode()

    return ask


def test_a_jvm_goes_as_the_model_says(network: Network, jvm: t.Callable[[t.Sequence[str]], None]) -> None:
    @settings(max_examples=8, deadline=None)
    @given(LISTS)
    @example([])
    @example([Meant("172.16.0.0/12", "172.16.0.0/12"), Meant("example.com", "example.com", names_under_it=True)])
    @example([Meant(".example.com", "example.com", names_under_it=True, itself=False)])
    def run(meant: list[Meant]) -> None:
        model = _proxy_circleci.model({"http": PROXY}, [entry.written for entry in meant])
        proxy = _proxy.parse(model)
        options = _proxy_circleci.jvm_opts(proxy)
        variables = {**_proxy_circleci.environment(proxy).value, _proxy_circleci.JVM_OPTS: options.value}
        written = _environment_file_pam.edit(FOUND, variables)
        assert written is not None
        network.write("/etc/environment", written.decode())
        network.seen()
        jvm(TARGETS)
        seen = [record[:3] for record in network.seen()]
        assert missing(seen) == set()
        # The instance's metadata stays direct, whatever the list.
        assert differences([METADATA, *meant], seen, options.notices, "Java") == []
        assert {via for via, host, _port in seen if host == METADATA.host} == {"origin"}

    run()
