# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole preflight against servers on loopback, which say what they were asked."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.module_utils._trusted_certificate import Store
from ansible_collections.fleetops.container_hosts.tests.support import certificates, loopback

NOW = datetime.datetime.now(datetime.timezone.utc)
NAME = "registry.example.com"
PROXY_NAME = "localhost"
ROOT = certificates.make("Example Root", now=NOW)
MIDDLE = certificates.make("Example Issuer", issuer=ROOT, now=NOW)


def signed(host: str = NAME, days: tuple[float, float] = (-1, 365)) -> list[certificates.Made]:
    leaf = certificates.make(host, issuer=MIDDLE, now=NOW, days=days, constraints=certificates.LEAF, hosts=[host])
    return [leaf, MIDDLE]


CHAIN = signed()


@pytest.fixture
def serve() -> t.Iterator[t.Callable[..., t.Any]]:
    """Return a function which keeps a server until the test ends."""
    kept: list[loopback.Server] = []

    def keep(server: t.Any) -> t.Any:
        kept.append(server)
        return server

    yield keep
    for server in kept:
        server.close()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Store:
    """Return a host's store of certificates, in which there is none yet."""
    folder, bundle = tmp_path / "added", tmp_path / "bundle.pem"
    folder.mkdir()
    # A bundle that is empty is refused by the library; an authority of nobody here stands for all others.
    bundle.write_text(certificates.make("Somebody Else", now=NOW).pem)
    own = Store("test", str(tmp_path), str(folder), str(bundle), ("true",), ())
    monkeypatch.setattr(_preflight, "STORES", (own,))
    return own


def trust(store: Store, *made: certificates.Made, added: bool = False) -> None:
    for number, each in enumerate(made):
        if added:
            pathlib.Path(store.folder, f"{number}.crt").write_text(each.pem)
        with open(store.bundle, "a") as bundle:
            bundle.write(each.pem)


def check(proxy: str | dict[str, t.Any] | None, *endpoints: t.Any, **params: t.Any) -> _preflight.Report:
    model = {"http": proxy} if isinstance(proxy, str) else proxy
    return _preflight.check(
        {"proxy": model, "endpoints": list(endpoints), "timeout": 8, "connect_timeout": 2, **params}
    )


def outcomes(report: _preflight.Report) -> list[tuple[str, str]]:
    return [(result["outcome"], result["at"]) for result in report.endpoints]


THREE = ("a.example.com:443", "b.example.com:443", "c.example.com:443")


@pytest.mark.parametrize(
    ("answer", "outcome", "at", "said"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "forbidden", "tunnel", "forbids everything"),
        (b"HTTP/1.1 500 x\r\nX-Squid-Error: ERR_CANNOT_FORWARD\r\n\r\n", "gateway_error", "tunnel", "ERR_CANNOT"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "gateway_error", "tunnel", "can't get through to everything"),
        (b"HTTP/1.0 503 x\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", "gateway_error", "tunnel", "ERR_DNS_FAIL"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "gateway_error", "tunnel", "504"),
        (b"HTTP/1.1 405 Method Not Allowed\r\n\r\n", "not_a_proxy", "tunnel", "as a web server does"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", "unexpected_answer", "tunnel", "HTTP 302"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not_http", "tunnel", "not HTTP"),
        (b"", "closed", "tunnel", "ends the connection"),
        (None, "timeout", "tunnel", "does not answer"),
        (b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "proxy_refused_password", "proxy", "407"),
    ],
)
def test_what_a_proxy_answers_to_everything_is_said_once(serve, answer, outcome, at, said):
    proxy = serve(loopback.Proxy(answers={"*": answer}))
    report = check(proxy.url, *THREE, connect_timeout=0.5)
    assert outcomes(report) == [(outcome, at)] * 3
    assert len(report.failures) == 1
    assert said in report.failures[0]
    assert proxy.url in report.failures[0]
    assert {head.split(" ")[1] for head in proxy.asked} >= set(THREE)


def test_what_a_proxy_answers_to_some_is_told_from_what_it_lets_through(serve, store):
    trust(store, ROOT)
    origin = serve(loopback.Origin(CHAIN))
    forbidden = {
        "a.example.com:443": b"HTTP/1.1 403 Forbidden\r\n\r\n",
        "b.example.com:443": b"HTTP/1.1 403 No\r\n\r\n",
    }
    proxy = serve(loopback.Proxy({f"{NAME}:443": origin.port}, forbidden))
    report = check(proxy.url, "a.example.com:443", "b.example.com:443", f"{NAME}:443")
    assert outcomes(report) == [("forbidden", "tunnel"), ("forbidden", "tunnel"), ("ok", "endpoint")]
    (sentence,) = report.failures
    assert "a.example.com:443, b.example.com:443" in sentence
    assert f"It lets {NAME}:443 through." in sentence
    assert "everything" not in sentence


def test_optional_endpoints_are_only_worth_a_notice(serve, store):
    trust(store, ROOT)
    origin = serve(loopback.Origin(CHAIN))
    refused = {"a.example.com:443": b"HTTP/1.1 403 Forbidden\r\n\r\n"}
    proxy = serve(loopback.Proxy({f"{NAME}:443": origin.port}, refused))
    report = check(proxy.url, {"host": "a.example.com", "port": 443, "required": False}, f"{NAME}:443")
    assert report.ok
    assert [notice.entry for notice in report.notices] == [proxy.url]
    assert "a.example.com:443" in report.notices[0].why


@pytest.mark.parametrize(
    ("credentials", "challenges", "said"),
    [
        ({}, ["Basic realm=x"], "none is given"),
        ({"username": "u", "password": "Zq7x9K"}, ["Basic realm=x"], "refuses the user name or the password"),
        ({"username": "u", "password": "Zq7x9K"}, [], "refuses the user name or the password"),
        ({"username": "u", "password": "Zq7x9K"}, ["Negotiate", "NTLM"], "asks for Negotiate or NTLM"),
        ({}, ['NTLM, Digest realm="a, Basic b", nonce="x"'], "asks for NTLM or Digest"),
        ({}, ["Negotiate", 'Basic realm="x"'], "none is given"),
    ],
)
def test_a_407_says_what_the_proxy_wants(serve, credentials, challenges, said):
    lines = "".join(f"Proxy-Authenticate: {challenge}\r\n" for challenge in challenges)
    answer = f"HTTP/1.1 407 Proxy Authentication Required\r\n{lines}\r\n".encode()
    proxy = serve(loopback.Proxy(answers={"*": answer}))
    report = check({"http": proxy.url, **credentials})
    assert outcomes(report) == [("proxy_refused_password", "proxy")]
    assert said in report.failures[0]
    assert "Zq7x9K" not in repr(report)


def test_credentials_are_sent_as_they_are_and_shown_nowhere(serve):
    username, password = "EXAMPLE\\süd@fleet%41", "p%41s:w@rd#/?&ü€漢 \"'$\\{Zq7x9K}"
    given = f"{username}:{password}".encode()
    answer = f"HTTP/1.1 403 you are {password} {base64.b64encode(given).decode()}\r\n\r\n".encode()
    proxy = serve(loopback.Proxy(answers={"*": answer}))
    secrets: list[str] = []
    params = {"proxy": {"http": proxy.url, "username": username, "password": password}, "endpoints": [THREE[0]]}
    report = _preflight.check(params, secrets=secrets)
    lines = dict(line.split(": ", 1) for line in proxy.asked[0].split("\r\n")[1:] if line)
    assert base64.b64decode(lines["Proxy-Authorization"].partition("Basic ")[2]) == given
    assert "Zq7x9K" not in repr(report)
    assert base64.b64encode(given).decode() not in repr(report)
    assert password in secrets


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        ({"http": f"http://127.0.0.1:{loopback.closed_port()}"}, "refused"),
        ({"http": "http://no-such-name.invalid:3128"}, "name_not_resolved"),
    ],
)
def test_a_proxy_that_is_not_there_is_said_once(model, outcome):
    report = check(model, *THREE)
    assert outcomes(report) == [(outcome, "proxy")] * 3
    assert len(report.failures) == 1


def test_an_address_without_a_way_does_not_hide_what_the_other_says(monkeypatch):
    port = loopback.closed_port()
    resolve = socket.getaddrinfo
    found = [
        *resolve("127.0.0.1", port, type=socket.SOCK_STREAM),
        *resolve("2001:db8::1", port, type=socket.SOCK_STREAM),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_more: found)
    (result,) = check("http://proxy.example.com:3128", connect_timeout=0.3).endpoints
    assert (result["outcome"], result["detail"]) == ("refused", "127.0.0.1: Connection refused")


def test_both_proxies_are_tried(serve):
    """A set with https alone still proves the proxy for http, of which nothing is asked."""
    works = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 503 x\r\n\r\n"}))
    model = {"https": works.url, "http": f"http://127.0.0.1:{loopback.closed_port()}"}
    report = check(model, {"host": "a.example.com", "port": 443, "required": False})
    assert [(result["host"], result["outcome"]) for result in report.endpoints] == [
        ("a.example.com", "gateway_error"),
        ("127.0.0.1", "refused"),
    ]
    assert len(report.failures) == 1
    assert model["http"] in report.failures[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 503 x\r\n\r\n"])
def test_without_endpoints_any_answer_but_407_proves_the_proxy(serve, answer):
    proxy = serve(loopback.Proxy(answers={"*": answer}))
    report = check({"http": proxy.url, "username": "u", "password": "p"})
    assert report.ok
    assert outcomes(report) == [("ok", "endpoint")]
    assert [head.split(" ")[:2] for head in proxy.asked] == [["CONNECT", "127.0.0.1:443"]]


def test_http_endpoints_are_asked_of_the_proxy_for_http(serve):
    proxy = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 200 OK\r\n\r\n"}))
    other = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 503 x\r\n\r\n"}))
    report = check({"http": proxy.url, "https": other.url}, "http://deb.example.com/debian")
    assert report.ok
    assert proxy.asked[0].splitlines()[0] == "HEAD http://deb.example.com/ HTTP/1.1"
    assert [head.split(" ")[1] for head in other.asked] == ["127.0.0.1:443"]


class TestTls:
    def through(self, serve: t.Any, chain: list[certificates.Made], **options: t.Any) -> tuple[t.Any, str]:
        origin = serve(loopback.Origin(chain, **options))
        return origin, serve(loopback.Proxy({f"{NAME}:443": origin.port})).url

    @pytest.mark.parametrize("newest", [False, True], ids=["TLS 1.2", "TLS 1.3 alone"])
    def test_trusted(self, serve, store, newest):
        trust(store, ROOT)
        origin, proxy = self.through(serve, CHAIN, newest=newest)
        report = check(proxy, f"{NAME}:443")
        assert (report.ok, outcomes(report)) == (True, [("ok", "endpoint")])
        assert origin.asked == 1
        assert abs(report.clock_offset) < 3

    def test_untrusted_shows_the_chain_and_its_root(self, serve, store):
        _origin, proxy = self.through(serve, CHAIN)
        report = check(proxy, f"{NAME}:443")
        assert outcomes(report) == [("tls_untrusted", "endpoint")]
        (result,) = report.endpoints
        assert [(each["subject"], each["issuer"]) for each in result["chain"]] == [
            (f"CN={NAME}", "CN=Example Issuer"),
            ("CN=Example Issuer", "CN=Example Root"),
        ]
        assert result["chain"][0]["not_after"] == CHAIN[0].certificate.not_valid_after_utc.timestamp()
        assert result["root"] == "CN=Example Root"
        assert "signed by CN=Example Root" in report.failures[0]
        assert "ca_certificate" in report.failures[0]

    def test_untrusted_with_tls_1_3_alone_shows_the_server(self, serve, store):
        _origin, proxy = self.through(serve, CHAIN, newest=True)
        (result,) = check(proxy, f"{NAME}:443").endpoints
        assert (result["outcome"], result["chain"][0]["subject"]) == ("tls_untrusted", f"CN={NAME}")

    @pytest.mark.parametrize("newest", [False, True], ids=["TLS 1.2", "TLS 1.3 alone"])
    def test_trusted_because_the_administrator_said_so(self, serve, store, newest):
        # Over TLS 1.3 older Pythons show the leaf alone, so there its issuer has to be the root itself.
        chain = CHAIN
        if newest:
            chain = [certificates.make(NAME, issuer=ROOT, now=NOW, constraints=certificates.LEAF, hosts=[NAME])]
        trust(store, ROOT, added=True)
        _origin, proxy = self.through(serve, chain, newest=newest)
        report = check(proxy, f"{NAME}:443")
        assert (report.ok, outcomes(report)) == (True, [("tls_inspected", "endpoint")])
        assert [notice.entry for notice in report.notices] == ["CN=Example Root"]

    def test_certificates_that_are_not_in_the_store_yet(self, serve, store):
        _origin, proxy = self.through(serve, CHAIN)
        assert outcomes(check(proxy, f"{NAME}:443", ca_certificates=[ROOT.pem])) == [("tls_inspected", "endpoint")]

    def test_another_name(self, serve, store):
        trust(store, ROOT)
        _origin, proxy = self.through(serve, signed("other.example.com"))
        report = check(proxy, f"{NAME}:443")
        assert outcomes(report) == [("tls_other_name", "endpoint")]
        assert "CN=other.example.com" in report.failures[0]

    def test_expired_and_the_clock_is_right(self, serve, store):
        trust(store, ROOT)
        _origin, proxy = self.through(serve, signed(days=(-1, -0.5)))
        report = check(proxy, f"{NAME}:443")
        assert outcomes(report) == [("tls_expired", "endpoint")]
        assert "has expired" in report.failures[0]
        assert "clock" not in report.failures[0]

    @pytest.mark.parametrize(
        ("days", "ahead", "side"),
        [((2, 3), 2.5, "2 days behind"), ((-0.9, -0.5), -0.7, "17 hours ahead of")],
        ids=["this host is late", "this host is early"],
    )
    def test_a_wrong_clock_is_what_is_blamed(self, serve, store, days, ahead, side):
        """The server's Date and certificate stand in for a wrong clock of the host's, which a test can't set."""
        trust(store, ROOT)
        _origin, proxy = self.through(serve, signed(days=days), ahead=ahead * 86400)
        report = check(proxy, f"{NAME}:443")
        assert outcomes(report) == [("clock", "endpoint")]
        assert f"This host's clock is {side}" in report.failures[-1]
        assert report.clock_offset == pytest.approx(ahead * 86400, abs=3)

    def test_a_wrong_clock_that_harms_nothing_is_a_notice(self, serve, store):
        trust(store, ROOT)
        _origin, proxy = self.through(serve, CHAIN, ahead=1000)
        report = check(proxy, f"{NAME}:443")
        assert report.ok
        assert [notice.entry for notice in report.notices] == ["clock"]

    def test_many_endpoints_with_one_root_are_one_sentence(self, serve, store):
        origin = serve(loopback.Origin(CHAIN))
        proxy = serve(loopback.Proxy(dict.fromkeys(THREE, origin.port)))
        report = check(proxy.url, *THREE)
        assert len(report.failures) == 1
        assert ", ".join(THREE) in report.failures[0]

    def test_a_server_that_hangs_up_on_tls(self, serve, store):
        origin = serve(loopback.Server(lambda connection: connection.recv(1)))
        proxy = serve(loopback.Proxy({f"{NAME}:443": origin.port}))
        assert outcomes(check(proxy.url, f"{NAME}:443")) == [("tls_failed", "endpoint")]

    def test_plain_http_where_tls_is_due(self, serve, store):
        def answer(connection):
            # What is left unread would reset the connection, and the answer with it.
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        origin = serve(loopback.Server(answer))
        proxy = serve(loopback.Proxy({f"{NAME}:443": origin.port}))
        assert outcomes(check(proxy.url, f"{NAME}:443")) == [("speaks_http", "endpoint")]


class TestProxyByTls:
    @pytest.fixture
    def secured(self, serve):
        origin = serve(loopback.Origin(CHAIN))
        context = loopback.server_context(signed(PROXY_NAME))
        return serve(loopback.Proxy({f"{NAME}:443": origin.port}, context=context))

    def test_tls_inside_tls(self, secured, store):
        trust(store, ROOT)
        report = check(f"https://{PROXY_NAME}:{secured.port}", f"{NAME}:443")
        assert (report.ok, outcomes(report)) == (True, [("ok", "endpoint")])
        assert secured.asked[0].startswith(f"CONNECT {NAME}:443 ")

    def test_it_is_not_trusted(self, secured, store):
        report = check(f"https://{PROXY_NAME}:{secured.port}", f"{NAME}:443")
        assert outcomes(report) == [("tls_untrusted", "proxy")]
        assert "ca_certificate" in report.failures[0]

    def test_http_is_said_to_it(self, secured, store):
        report = check(f"http://{PROXY_NAME}:{secured.port}", *THREE)
        assert outcomes(report) == [("speaks_tls", "proxy")] * 3
        assert len(report.failures) == 1
        assert "Write https://" in report.failures[0]

    @pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["an answer", "silence"])
    def test_https_is_said_to_a_plain_one(self, serve, store, answer):
        def behave(connection: socket.socket) -> None:
            said = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n" if said.startswith(b"CONNECT") else answer)

        plain = serve(loopback.Server(behave))
        report = check(f"https://{PROXY_NAME}:{plain.port}", *THREE)
        assert outcomes(report) == [("speaks_http", "proxy")] * 3
        assert len(report.failures) == 1
        assert "Write http://" in report.failures[0]


def test_what_no_proxy_covers_goes_direct(serve, store, monkeypatch):
    trust(store, ROOT)
    origin = serve(loopback.Origin(signed("direct.example.com")))
    proxy = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 403 Forbidden\r\n\r\n"}))
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _name, *rest, **more: resolve("127.0.0.1", *rest, **more))
    end = {"host": "direct.example.com", "port": origin.port, "protocol": "https"}
    report = check({"http": proxy.url, "no_proxy": [".example.com"]}, end)
    assert report.ok
    assert [(result["via"], result["no_proxy"]) for result in report.endpoints] == [
        ("direct", ".example.com"),
        ("proxy", None),
    ]
    assert [notice.entry for notice in report.notices] == ["no_proxy: .example.com"]
    assert origin.asked == 1
    assert [head.split(" ")[1] for head in proxy.asked] == ["127.0.0.1:443"]


def test_a_silent_name_server_costs_the_time_limit_and_no_more(monkeypatch):
    over = threading.Event()

    def silent(*_arguments, **_more):
        over.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    begun = time.monotonic()
    report = check("http://proxy.example.com:3128", *THREE, timeout=0.5)
    assert time.monotonic() - begun < 2
    over.set()  # the look-ups that were given up end with this test, and not within another
    assert outcomes(report) == [("timeout", "proxy")] * 3
    assert "name look-up" in report.failures[0]


def test_the_process_ends_although_the_name_server_does_not_answer():
    program = """
import socket, time
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight
socket.getaddrinfo = lambda *_arguments, **_more: time.sleep(30)
_preflight.check({"proxy": {"http": "http://proxy.example.com:3128"}, "timeout": 0.5})
"""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
    assert time.monotonic() - begun < 10


def test_nothing_of_ansible_is_needed():
    """The guard calls it on the host, where there is none."""
    program = """
import sys
import threading
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight, _preflight_container
print([name for name in sys.modules if name == "ansible" or name.startswith("ansible.")])
"""
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=20)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    ("open_ports", "protocol"),
    [(("amqp", "mqtt"), "Amqp"), (("mqtt",), "Mqtt"), ((), "AmqpWs")],
)
def test_upstream_protocol(serve, store, open_ports, protocol):
    trust(store, ROOT)
    ends = []
    for kind in ("amqp", "mqtt"):
        port = loopback.closed_port()
        if kind in open_ports:
            port = serve(loopback.Origin(signed("localhost"), http=False)).port
        ends.append({"host": "localhost", "port": port, "protocol": kind, "via": "direct", "required": False})
    report = check(None, *ends)
    assert (report.ok, report.upstream_protocol, report.notices) == (True, protocol, [])


def test_the_metadata_service_must_stay_direct(serve):
    proxy = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 503 x\r\n\r\n"}))
    endpoint = {"set": "ecs", "region": "eu-central-1"}
    bare = check(proxy.url, endpoint)
    listed = check({"http": proxy.url, "no_proxy": ["169.254.0.0/16"]}, endpoint)
    for report, told in ((bare, {"169.254.169.254", "169.254.170.2"}), (listed, set())):
        assert {notice.entry for notice in report.notices if "must be" in notice.why} == told
        direct = [result["host"] for result in report.endpoints if result["via"] == "direct"]
        assert direct == ["169.254.169.254", "169.254.170.2"]
    assert not [head for head in proxy.asked if "169.254." in head]


def test_the_firewall_table_has_patterns_too_and_says_who_connects(serve):
    proxy = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 503 x\r\n\r\n"}))
    model = {"http": proxy.url, "no_proxy": ["blob.core.windows.net"]}
    report = check(model, {"set": "iotedge", "hub": "example.azure-devices.net"}, "registry.example.com:5000")
    rows = {(row["from"], row["host"], row["port"]) for row in report.firewall}
    assert {
        ("host", "127.0.0.1", proxy.port),
        ("proxy", "mcr.microsoft.com", 443),
        ("proxy", "*.data.mcr.microsoft.com", 443),
        ("proxy", "example.azure-devices.net", 443),
        ("host", "*.azure-devices.net", 5671),
        ("host", "example.azure-devices.net", 8883),
        ("proxy", "registry.example.com", 5000),
    } <= rows
    assert not [result["host"] for result in report.endpoints if "*" in result["host"]]


def test_a_report_is_json_and_the_module_fails_with_it(serve):
    proxy = serve(loopback.Proxy(answers={"*": b"HTTP/1.1 403 Forbidden\r\n\r\n"}))
    run = Run(check_mode=True)
    with pytest.raises(Failed) as failed:
        _preflight.ensure({"proxy": {"http": proxy.url}, "endpoints": [THREE[0]]}, run)
    result = json.loads(json.dumps(failed.value.result))
    assert (result["ok"], result["endpoints"][0]["outcome"]) == (False, "forbidden")
    assert result["failures"][0] in str(failed.value)
    assert not run.changed


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"proxy": {"htp": "http://proxy.example.com"}}, "container_hosts_proxy.htp"),
        ({"timeout": 0}, "timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"max_clock_offset": "x"}, "max_clock_offset"),
        ({"endpoints": ["dokcer"]}, "endpoints[0]"),
        ({"ca_certificates": ["no certificate"]}, "ca_certificates[0]"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_tried(params, where):
    with pytest.raises(Refused) as refused:
        _preflight.check(params)
    assert refused.value.where == where
