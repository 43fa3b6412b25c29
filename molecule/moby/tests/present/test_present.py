# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host behind the proxy, seen from outside: by Squid, by the kernel, by the engine, and by a user without rights."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import squid as proxy
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

# A piece of the password that no encoding changes, as a pattern that does not match itself in an argument list.
SECRET = "[Z]q7x9K"


def test_a_pull_goes_through_squid_as_the_user(host: t.Any, inside: Host, squid: Squid, registry: Registry) -> None:
    [image] = registry.publish("team/molecule", inside.name)
    since = squid.mark()
    assert host.check_output("docker pull --quiet %s", image) == image
    seen = squid.wait_for(lambda request: request.client == inside.address, since)
    assert {(request.method, request.url, request.port, request.status, request.user) for request in seen} == {
        ("CONNECT", f"{NAME}:443", proxy.AUTH_PORT, 200, proxy.USER)
    }


def test_the_running_engine_has_the_environment(inside: Host, squid: Squid) -> None:
    environ = inside.pid_environ("docker.service")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        url = urllib.parse.urlsplit(environ[name])
        assert (url.scheme, url.hostname, url.port) == ("http", squid.address, proxy.AUTH_PORT)
        assert urllib.parse.unquote(url.username or "") == proxy.USER
        assert urllib.parse.unquote(url.password or "") == proxy.PASSWORD
    for name in ("no_proxy", "NO_PROXY"):
        assert {"10.0.0.0/8", "corp.example.com", ".svc.example.com"} <= set(environ[name].split(","))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("{{.LiveRestoreEnabled}}", "true"),
        ("{{.LoggingDriver}}", "local"),
    ],
)
def test_the_engine_says_so_itself(host: t.Any, field: str, value: str) -> None:
    assert host.check_output("docker info --format %s", field) == value


def test_the_engine_names_its_proxy(host: t.Any, squid: Squid) -> None:
    assert f"@{squid.address}:{proxy.AUTH_PORT}" in host.check_output("docker info --format '{{.HTTPSProxy}}'")


def test_a_container_lived_on(host: t.Any) -> None:
    now = host.check_output("docker inspect --format '{{.State.StartedAt}} {{.State.Pid}}' resident")
    assert now == host.check_output("cat /root/resident")
    assert host.check_output("docker exec resident cat /proc/1/cmdline | tr '\\0' ' '") == "/bin/sleep 86400 "


def test_one_restart_and_no_more(host: t.Any) -> None:
    """Converged twice, and once in check mode: the engine was started by the boot and by the first run."""
    assert host.check_output("journalctl --unit docker.service --output cat | grep --count '^Started docker'") == "2"


def test_a_new_container_gets_the_proxy(host: t.Any, inside: Host) -> None:
    seen = host.check_output("docker run --rm resident /bin/env")
    assert f"HTTPS_PROXY={inside.pid_environ('docker.service')['HTTPS_PROXY']}" in seen.splitlines()


def test_the_secret_is_root_s_alone(host: t.Any) -> None:
    """As `nobody`: files anywhere, the unit's properties, the environments and arguments of processes."""
    hunt = (
        f"grep --recursive --devices=skip --files-with-matches {SECRET} /etc /home /opt /root /run /srv /tmp /usr /var;"
        f" systemctl show docker.service | grep --only-matching {SECRET};"
        f" cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | grep --text --only-matching {SECRET}"
    )
    found = host.run("setpriv --reuid=nobody --regid=nogroup --clear-groups sh -c %s 2>/dev/null", hunt)
    assert found.stdout == ""


def test_the_secret_is_in_no_journal(host: t.Any) -> None:
    """Which groups may read; and what is logged may leave the host."""
    found = host.run("journalctl --output export | grep --text --only-matching %s", SECRET)
    assert found.stdout == ""


def test_the_hunt_would_find_it(host: t.Any) -> None:
    """The tests above can fail: root does find the secret, where it has to be."""
    assert host.run("grep --recursive --files-with-matches %s /etc /root/.docker", SECRET).stdout.split()
