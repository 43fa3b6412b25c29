# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage itself keeps its promises: what is closed is closed, what is open is open, and the log tells who it was."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, playbook, squid
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid


def test_a_host_reaches_no_registry_by_itself(host: Host) -> None:
    pull = host.exec("docker", "pull", f"{NAME}/team/payload:1")
    assert pull.rc != 0
    assert "i/o timeout" in pull.err or "no such host" in pull.err or "server misbehaving" in pull.err


@pytest.mark.parametrize(
    ("port", "credentials", "status"),
    [
        (squid.PORT, "", 200),
        (squid.AUTH_PORT, "", 407),
        (squid.AUTH_PORT, f"{squid.USER}:wrong", 407),
        (squid.AUTH_PORT, f"{squid.USER}:{squid.PASSWORD}", 200),
    ],
    ids=["open port", "no credentials", "wrong password", "right password"],
)
def test_who_gets_through_squid(
    stage: fleet.Fleet, host: Host, squid: Squid, port: int, credentials: str, status: int
) -> None:
    """Python's own client as the one who asks, with TLS checked against the registry's authority."""
    with open(stage.registry.ca, encoding="ascii") as ca:
        trust = ca.read()
    quoted = ":".join(urllib.parse.quote(part, safe="") for part in credentials.split(":", 1)) if credentials else ""
    proxy = f"http://{quoted}@{squid.address}:{port}" if quoted else squid.url(port)
    program = f"""
import ssl, sys, urllib.request
context = ssl.create_default_context(cadata={trust!r})
open_ = urllib.request.build_opener(urllib.request.ProxyHandler({{"https": {proxy!r}}}),
                                    urllib.request.HTTPSHandler(context=context))
print(open_.open("https://{NAME}/v2/", timeout=10).status)
"""
    since = squid.mark()
    ran = host.exec("python3", "-", stdin=program.encode())
    assert (ran.rc == 0) == (status == 200), ran
    seen = squid.wait_for(lambda request: request.client == host.address, since)
    assert [(request.method, request.url, request.port, request.status) for request in seen] == [
        ("CONNECT", f"{NAME}:443", port, status)
    ]
    if status == 200:
        assert seen[0].user == (credentials.split(":")[0] if credentials else "")


def test_squid_connects_to_443_alone(host: Host, squid: Squid) -> None:
    since = squid.mark()
    ask = f"exec 3<>/dev/tcp/{squid.address}/3128; printf 'CONNECT {NAME}:22 HTTP/1.1\\r\\n\\r\\n' >&3; head -1 <&3"
    assert "403" in host.exec("bash", "-c", ask).out
    assert [request.status for request in squid.wait_for(lambda each: each.client == host.address, since)] == [403]


def test_a_playbook_run_is_recorded(
    run_playbook: t.Callable[..., playbook.Run], new_host: t.Callable[..., Host]
) -> None:
    own = new_host("bookworm", booted=False)
    plays = [
        {
            "hosts": "moby",
            "gather_facts": False,
            "tasks": [
                {"name": "Answer", "ansible.builtin.ping": {"data": "{{ word }}"}},
                {"name": "Fail", "ansible.builtin.command": "false", "ignore_errors": True},
                {"name": "Leave out", "ansible.builtin.ping": None, "when": False},
            ],
        }
    ]
    run = run_playbook(plays, own, variables={"word": "heard"}).ok()
    assert [(task.host, task.task, task.status) for task in run.tasks] == [
        (own.name, "Answer", "ok"),
        (own.name, "Fail", "failed"),
        (own.name, "Leave out", "skipped"),
    ]
    assert run.of(own.name, "Answer")[0].result["ping"] == "heard"


def test_a_published_tag_is_new(registry: Registry) -> None:
    assert registry.publish("team/stage", "a", "b") == [f"{NAME}/team/stage:a", f"{NAME}/team/stage:b"]


def test_a_host_that_does_not_come_up_is_taken_away(stage: fleet.Fleet) -> None:
    ends = 'CMD ["/bin/busybox", "sh", "-c", "echo no room; exit 3"]'
    image = engine.docker("import", "--change", ends, str(stage.folder / "payload.tar"))
    label = f"label={engine.LABEL}={engine.inspect(stage.squid.container)['Config']['Labels'][engine.LABEL]}"
    before = engine.docker("volume", "ls", "--quiet", "--filter", label)
    try:
        with pytest.raises(engine.StageError, match=r"^stillborn has ended with exit code 3\. It said last: no room$"):
            stage.add("trixie", "stillborn", image=image)
        assert not engine.docker("ps", "--all", "--quiet", "--filter", label, "--filter", "name=stillborn")
        assert engine.docker("volume", "ls", "--quiet", "--filter", label) == before
    finally:
        engine.docker("image", "rm", image)
