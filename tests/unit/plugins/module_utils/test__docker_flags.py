# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags of dockerd, as pflag reads them, from a process and from a unit."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _docker_flags


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (
            ["-H", "fd://", "--containerd=/run/containerd.sock"],
            {"host": ["fd://"], "containerd": ["/run/containerd.sock"]},
        ),
        (["-Hfd://", "-H=unix:///a", "--host", "tcp://b"], {"host": ["fd://", "unix:///a", "tcp://b"]}),
        (["-D", "--tls=false", "--live-restore"], {"debug": ["true"], "tls": ["false"], "live-restore": ["true"]}),
        (["-Dl", "debug"], {"debug": ["true"], "log-level": ["debug"]}),
        (["-D=false", "-G", "docker"], {"debug": ["false"], "group": ["docker"]}),
        (["--log-opt", "max-size=10m", "--log-opt=max-file=3"], {"log-opt": ["max-size=10m", "max-file=3"]}),
        (["--debug", "stray", "--", "--mtu=1"], {"debug": ["true"]}),
        (["--mtu"], {"mtu": [""]}),
        (["--label="], {"label": [""]}),
        ([], {}),
    ],
)
def test_parse(arguments, flags):
    assert _docker_flags.parse(arguments) == flags
    assert _docker_flags.parse(_docker_flags.without(arguments, ())) == flags


def test_without():
    arguments = ["-H", "fd://", "--config-file", "/etc/docker/daemon.json", "-D"]
    assert _docker_flags.without(arguments, ("config-file",)) == ["--host=fd://", "--debug=true"]


@pytest.mark.parametrize(
    ("text", "environment", "argv"),
    [
        (
            "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS ; ignore_errors=no ; pid=1 }",
            {"DOCKER_OPTS": "--mtu=1450 --label 'a=b c'"},
            ["/usr/sbin/dockerd", "-H", "fd://", "--mtu=1450", "--label", "a=b c"],
        ),
        ("-/usr/bin/dockerd $OPTIONS", {}, ["/usr/bin/dockerd"]),
        ("/usr/bin/dockerd --mtu=${MTU} a$MTU", {"MTU": "1 2"}, ["/usr/bin/dockerd", "--mtu=1 2", "a$MTU"]),
        ("/usr/bin/dockerd --label it's", {}, ["/usr/bin/dockerd", "--label", "it's"]),
        ("", {}, []),
    ],
)
def test_exec_start(text, environment, argv):
    assert _docker_flags.from_exec_start(text, environment) == argv


def test_the_argv_of_a_process():
    with subprocess.Popen(["cat", "-u", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # Its echo says that it has become cat.
        process.stdin.write(b"?")
        process.stdin.flush()
        assert process.stdout.read(1) == b"?"
        assert _docker_flags.of_process(process.pid) == ["cat", "-u", "-"]
    assert _docker_flags.of_process(process.pid) is None
