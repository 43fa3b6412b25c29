# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proxy_preflight says on real hosts with a real proxy, and what Squid and the host have seen of it."""

from __future__ import annotations

import datetime
import pathlib
import time
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, fleet, playbook
from ansible_collections.fleetops.container_hosts.tests.stage import squid as squids
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME
from ansible_collections.fleetops.container_hosts.tests.stage.squid import PASSWORD, USER, Squid
from ansible_collections.fleetops.container_hosts.tests.support import certificates, loopback

MODULE = "fleetops.container_hosts.proxy_preflight"
REGISTRY = f"{NAME}:443"
NEEDLE = "Zq7x9K"  # of the stage's password
Tried = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def ca(stage: fleet.Fleet) -> str:
    """The root that signed the registry's certificate, which no host trusts by itself."""
    return pathlib.Path(stage.registry.ca).read_text(encoding="ascii")


@pytest.fixture
def tried(run_playbook: t.Callable[..., playbook.Run]) -> Tried:
    """Run the module on one host, and return its result, failed or not."""

    def run(host: Host, *options: str, **params: t.Any) -> dict[str, t.Any]:
        task = {"name": "Try", MODULE: {"timeout": 10, "connect_timeout": 3, **params}, "ignore_errors": True}
        done = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], host, options=options).ok()
        (seen,) = done.of(host.name, "Try")
        result = seen.result
        assert result["ok"] is (seen.status == "ok")
        assert not result["changed"]
        return result

    return run


def outcomes(result: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(each["from"], each["outcome"]) for each in result["endpoints"]]


def seen(squid: Squid, host: Host, since: int) -> set[tuple[str, str, int, int, str]]:
    """What Squid logged of a host: method, what for, its own port, status, user."""
    found = squid.wait_for(lambda request: request.client == host.address, since)
    return {(request.method, request.url, request.port, request.status, request.user) for request in found}


def leftovers(host: Host) -> tuple[str, str]:
    """The images and containers that a host's engine has."""
    return host.exec("docker", "image", "ls", "--all").out, host.exec("docker", "ps", "--all").out


@pytest.mark.parametrize(
    ("port", "params", "outcome", "said"),
    [
        (squids.CLOSED_PORT, {}, "refused", "nobody listens there"),
        (squids.DROPPED_PORT, {}, "timeout", "nothing comes back"),
        (squids.SILENT_PORT, {}, "timeout", "does not answer when asked for everything"),
        (squids.UNAVAILABLE_PORT, {}, "gateway_error", "can't get through to everything"),
        (squids.AUTH_PORT, {}, "proxy_refused_password", "none is given"),
        (squids.AUTH_PORT, {"username": USER, "password": "wrong"}, "proxy_refused_password", "refuses the user name"),
    ],
    ids=["down", "a black hole", "silent", "503", "no password", "wrong password"],
)
def test_a_proxy_that_does_not_work(
    tried: Tried, host: Host, squid: Squid, port: int, params: dict[str, str], outcome: str, said: str
) -> None:
    since = squid.mark()
    endpoints = [REGISTRY, f"{squids.NAME}:443"]
    result = tried(host, proxy={"http": squid.url(port), **params}, endpoints=endpoints)
    assert outcomes(result) == [("host", outcome)] * 2
    assert len(result["failures"]) == 1, "one cause is one sentence"
    assert said in result["failures"][0]
    assert squid.url(port) in result["msg"]
    reached_squid = {"proxy_refused_password": 407, "gateway_error": 503}.get(outcome)
    if reached_squid:
        user = params.get("username", "")
        assert seen(squid, host, since) == {("CONNECT", end, port, reached_squid, user) for end in endpoints}


def test_an_address_that_nobody_has(tried: Tried, host: Host, squid: Squid) -> None:
    nobody = squid.address.rpartition(".")[0] + ".250"
    result = tried(host, proxy={"http": f"http://{nobody}:3128"})
    assert outcomes(result)[0][1] in ("unreachable", "timeout")
    assert nobody in result["msg"]


def test_a_name_with_a_typo(tried: Tried, host: Host) -> None:
    result = tried(host, proxy={"http": "http://prxy.example.com:3128"}, endpoints=[REGISTRY])
    assert outcomes(result) == [("host", "name_not_resolved")]
    assert "http://prxy.example.com:3128" in result["msg"]


def test_https_said_to_a_plain_proxy(tried: Tried, host: Host, squid: Squid) -> None:
    result = tried(host, proxy={"http": squid.url().replace("http:", "https:")}, endpoints=[REGISTRY])
    assert outcomes(result) == [("host", "speaks_http")]
    assert "Write http://" in result["msg"]


def test_the_right_password_is_enough_without_endpoints(tried: Tried, host: Host, squid: Squid) -> None:
    since = squid.mark()
    model = {"http": squid.url(squids.AUTH_PORT), "username": USER, "password": PASSWORD}
    result = tried(host, proxy=model)
    assert outcomes(result) == [("host", "ok")]
    # Squid knew who it was, which is all that was to be proven; it listens nowhere on 443.
    assert seen(squid, host, since) == {("CONNECT", f"{squid.address}:443", squids.AUTH_PORT, 503, USER)}


def test_what_squid_forbids_and_what_it_lets_through(tried: Tried, host: Host, squid: Squid, ca: str) -> None:
    since = squid.mark()
    result = tried(host, proxy={"http": squid.url()}, endpoints=[f"{NAME}:22", REGISTRY], ca_certificates=[ca])
    assert outcomes(result) == [("host", "forbidden"), ("host", "tls_inspected")]
    assert f"It lets {REGISTRY} through." in result["failures"][0]
    assert seen(squid, host, since) >= {
        ("CONNECT", f"{NAME}:22", squids.PORT, 403, ""),
        ("CONNECT", REGISTRY, squids.PORT, 200, ""),
    }


def test_the_certificate_is_trusted_once_it_is_in_the_store(
    tried: Tried, run_playbook: t.Callable[..., playbook.Run], new_host: t.Callable[..., Host], squid: Squid, ca: str
) -> None:
    """A root of one's own is what a proxy that inspects TLS has, too."""
    own = new_host("bookworm", booted=False)
    model = {"http": squid.url()}
    before = tried(own, proxy=model, endpoints=[REGISTRY])
    assert outcomes(before) == [("host", "tls_untrusted")]
    (end,) = before["endpoints"]
    assert [each["subject"] for each in end["chain"]] == [f"CN={NAME}"]
    assert end["root"] in before["msg"]

    task = {"fleetops.container_hosts.trusted_certificate": {"certificates": [ca]}}
    run_playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], own).ok()
    since = squid.mark()
    after = tried(own, proxy=model, endpoints=[REGISTRY])
    assert outcomes(after) == [("host", "tls_inspected")]
    assert [notice["entry"] for notice in after["notices"]] == [end["root"]]
    assert seen(squid, own, since) == {("CONNECT", REGISTRY, squids.PORT, 200, "")}


def test_a_container_that_the_firewall_keeps_from_the_proxy(
    tried: Tried, new_host: t.Callable[..., Host], squid: Squid, ca: str
) -> None:
    own = new_host("trixie")
    before = leftovers(own)
    asked = {"proxy": {"http": squid.url()}, "endpoints": [REGISTRY], "ca_certificates": [ca], "from_container": True}
    since = squid.mark()
    assert outcomes(tried(own, **asked)) == [("host", "tls_inspected"), ("container", "tls_inspected")]
    # Both come from the host's address, since the engine's network hides containers behind it.
    both = [request.status for request in squid.wait_for(lambda each: each.client == own.address, since)]
    assert both == [200, 200]

    engine.docker("exec", own.container, *f"iptables --insert DOCKER-USER --dest {squid.address} --jump DROP".split())
    since = squid.mark()
    result = tried(own, **asked)
    assert outcomes(result) == [("host", "tls_inspected"), ("container", "timeout")]
    assert "From a container" in result["msg"]
    assert "DOCKER-USER" in result["msg"]
    assert len(squid.log(since)) == 1
    assert leftovers(own) == before


def test_from_a_container_of_either_engine(tried: Tried, host: Host, squid: Squid) -> None:
    before = leftovers(host)
    result = tried(host, proxy={"http": squid.url(squids.AUTH_PORT)}, from_container=True)
    # What is wrong for both is said once.
    assert outcomes(result) == [("host", "proxy_refused_password"), ("container", "proxy_refused_password")]
    assert len(result["failures"]) == 1
    assert leftovers(host) == before


def test_an_engine_that_does_not_run_is_not_started(
    tried: Tried, new_host: t.Callable[..., Host], squid: Squid
) -> None:
    own = new_host("bookworm")
    # The socket stays, and a question there would start the engine.
    engine.docker("exec", own.container, "systemctl", "stop", "docker.service")
    assert own.exec("systemctl", "is-active", "docker.socket").out.strip() == "active"
    result = tried(own, proxy={"http": squid.url()}, from_container=True)
    assert outcomes(result) == [("host", "ok")]
    assert [notice["entry"] for notice in result["notices"]] == ["from_container"]
    assert own.exec("systemctl", "is-active", "docker.service").out.strip() == "inactive"


def test_a_container_that_cannot_be_run_leaves_nothing_behind(
    tried: Tried, new_host: t.Callable[..., Host], squid: Squid
) -> None:
    own = new_host("bookworm")
    before = leftovers(own)
    failing = (
        b'#!/bin/sh\n[ "$1" = run ] && { echo "no space left on device" >&2; exit 125; }\nexec /usr/bin/docker "$@"\n'
    )
    engine.put(own.container, {"/usr/local/bin/docker": (failing, 0o755)})
    result = tried(own, proxy={"http": squid.url()}, from_container=True)
    assert result["failures"][0].startswith("Nothing could be tried from a container")
    assert "no space left on device" in result["msg"]
    assert leftovers(own) == before


def test_no_password_in_any_output_argument_or_log(
    run_playbook: t.Callable[..., playbook.Run], new_host: t.Callable[..., Host], squid: Squid, ca: str
) -> None:
    """Every command line of the module's is the one for the docker client, which is noted down here."""
    own = new_host("bookworm")
    noting = b'#!/bin/sh\n{ printf "%s\\n" "$@"; env; } >>/run/noted\nexec /usr/bin/docker "$@"\n'
    engine.put(own.container, {"/usr/local/bin/docker": (noting, 0o755)})
    model = {"http": squid.url(squids.AUTH_PORT), "username": USER, "password": PASSWORD}
    params = {"proxy": model, "endpoints": [REGISTRY, f"{NAME}:22"], "from_container": True}
    tasks = [
        {"name": "Try", MODULE: {**params, "ca_certificates": certificate}, "ignore_errors": True}
        for certificate in ([ca], [])
    ]
    since = squid.mark()
    run = run_playbook([{"hosts": "all", "gather_facts": False, "tasks": tasks}], own, options=("-vvv",)).ok()
    shown = run.stdout + run.stderr + repr(run.tasks)
    # It was used, also from the container.
    users = [request.user for request in squid.log(since) if request.status == 200]
    assert users.count(USER) >= 4
    noted = own.read("/run/noted")
    assert "--cap-drop" in noted
    journal = own.exec("journalctl", "--no-pager", "--output=export").out
    assert "docker" in journal
    for text in (shown, noted, journal, own.exec("docker", "info").out):
        assert NEEDLE not in text


def test_a_silent_name_server_costs_no_more_than_the_time_limit(
    tried: Tried, new_host: t.Callable[..., Host], squid: Squid
) -> None:
    own = new_host("bookworm", booted=False)
    # Nobody answers there, and what would say so is dropped, so that the C library waits for twice 30 seconds.
    resolv = f"nameserver {squid.address}\\noptions timeout:30 attempts:2\\n"
    engine.docker("exec", own.container, "sh", "-c", f"printf '{resolv}' >/etc/resolv.conf")
    engine.docker("exec", own.container, *["iptables", "--insert", "INPUT", "--protocol", "icmp", "--jump", "DROP"])
    begun = time.monotonic()
    result = tried(own, proxy={"http": "http://proxy.example.com:3128"}, endpoints=[REGISTRY], timeout=2)
    took = time.monotonic() - begun
    assert outcomes(result) == [("host", "timeout")]
    assert "the name look-up" in result["msg"]
    assert 2 <= result["endpoints"][0]["seconds"] < 3
    assert took < 20
    # No process of the module's waits on for the answer; nothing else here is written in Python.
    assert own.exec("pgrep", "python").rc == 1


def test_what_no_proxy_covers_goes_direct(
    tried: Tried, new_host: t.Callable[..., Host], host: Host, squid: Squid
) -> None:
    other = new_host("bookworm", booted=False)
    since = squid.mark()
    model = {"http": squid.url(), "no_proxy": [other.address.rpartition(".")[0] + ".0/24"]}
    result = tried(host, proxy=model, endpoints=[f"{other.address}:22"])
    assert result["ok"]
    assert [(each["via"], each["no_proxy"]) for each in result["endpoints"]] == [
        ("direct", model["no_proxy"][0]),
        ("proxy", None),
    ]
    assert "direct, past the proxy" in result["notices"][0]["why"]
    # Squid was asked for nothing but itself: its own address is no name of the list's.
    assert {url for _method, url, _port, _status, _user in seen(squid, host, since)} == {f"{squid.address}:443"}


def test_a_wrong_clock_is_what_is_blamed(
    tried: Tried, new_host: t.Callable[..., Host], stage: fleet.Fleet, squid: Squid
) -> None:
    """A container's clock can't be set. So the other side stands in for it: a server of this machine's, whose Date and
    whose certificate are three days ahead.
    """
    own = new_host("bookworm", booted=False)
    gateway = own.exec("sh", "-c", "ip -o -4 address show dev eth0").out
    assert own.address in gateway
    networks = engine.inspect(own.container)["NetworkSettings"]["Networks"]
    here = next(iter(networks.values()))["Gateway"] or own.address.rpartition(".")[0] + ".1"
    now = datetime.datetime.now(datetime.UTC)
    root = certificates.make("Clock Root", now=now)
    name = "clock.example.com"
    leaf = certificates.make(name, issuer=root, now=now, days=(2, 4), constraints=certificates.LEAF, hosts=[name])
    server = loopback.Origin([leaf], ahead=3 * 86400, address=here)
    engine.docker("exec", own.container, "sh", "-c", f"echo '{here} {name}' >>/etc/hosts")
    end = {"host": name, "port": server.port, "protocol": "https", "via": "direct"}
    result = tried(own, proxy={"http": squid.url()}, endpoints=[end], ca_certificates=[root.pem])
    server.close()
    assert outcomes(result)[0] == ("host", "clock")
    assert "This host's clock is 3 days behind" in result["msg"]
    assert result["clock_offset"] == pytest.approx(3 * 86400, abs=3)


def test_iot_edge_is_told_to_use_websockets(tried: Tried, host: Host, squid: Squid) -> None:
    endpoints = [{"set": "iotedge", "hub": "example.azure-devices.net", "dps": True}]
    result = tried(host, proxy={"http": squid.url()}, endpoints=endpoints)
    assert result["upstream_protocol"] == "AmqpWs"
    assert ("*.data.mcr.microsoft.com", 443) in {(row["host"], row["port"]) for row in result["firewall"]}


def test_check_mode_tries_the_same(tried: Tried, host: Host, squid: Squid) -> None:
    since = squid.mark()
    model = {"http": squid.url(squids.AUTH_PORT), "username": USER, "password": "wrong"}
    assert outcomes(tried(host, "--check", proxy=model)) == [("host", "proxy_refused_password")]
    # Squid may still be writing down requests of an earlier test, at its other port.
    asked = squid.wait_for(lambda request: request.port == squids.AUTH_PORT, since)
    assert [request.status for request in asked] == [407]


def test_the_playbook(run_playbook: t.Callable[..., playbook.Run], stage: fleet.Fleet, squid: Squid) -> None:
    variables = {
        "container_hosts_proxy": {
            "http": squid.url(squids.AUTH_PORT),
            "username": USER,
            "password": PASSWORD,
            "ca_certificate": stage.registry.ca,
        },
        "preflight_endpoints": [REGISTRY],
        "preflight_from_container": True,
    }
    name = "fleetops.container_hosts.preflight"
    shared = [stage.host(f"{suite}-1") for suite in ("bookworm", "trixie")]
    since = squid.mark()
    run = run_playbook(name, *shared, variables=variables).ok()
    assert run.changed == []
    table = run.of(shared[0].name, "Firewall")[0].result["msg"]
    assert table == [
        f"host  to {squid.address}:{squids.AUTH_PORT}/tcp outbound, required: the proxy itself",
        f"proxy to {REGISTRY}/tcp outbound, required: yours",
    ]
    for host in shared:
        lines = run.of(host.name, "Results")[0].result["msg"]
        proxy = squid.url(squids.AUTH_PORT)
        assert lines == [f"{view:9} {REGISTRY}, {proxy}, tls_inspected" for view in ("host", "container")]
        assert seen(squid, host, since) == {("CONNECT", REGISTRY, squids.AUTH_PORT, 200, USER)}
    assert NEEDLE not in run.stdout + run.stderr

    variables["preflight_endpoints"] = [f"{NAME}:22"]
    failed = run_playbook(name, *shared, variables=variables)
    assert failed.rc != 0
    for host in shared:
        (last,) = failed.of(host.name, "Fail")
        assert last.status == "failed"
        assert f"forbids {NAME}:22" in last.result["msg"]
