# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Tries endpoints from where it runs, the host or a container: names, TCP, the proxy's CONNECT, TLS, the clock.

JSON in, JSON out, and nothing but the standard library and its own few neighbours: the same code runs in a container.
"""

from __future__ import annotations

import contextlib
import email.utils
import threading
import time
import typing as t

from . import _preflight_http as http
from ._preflight_stream import Limit, Plain, Stream, Tls, Trouble, dial, outcome_of, reason_of
from ._preflight_tls import Seen, inspect, root
from ._preflight_trust import Trust

OUTCOMES = (
    "ok",  # reached, and trusted where it speaks TLS
    "tls_inspected",  # reached, and trusted only because of an authority that the administrator added
    "name_not_resolved",
    "refused",  # nobody listens there
    "unreachable",  # no route, or a firewall that says no
    "timeout",  # nothing came back in time: a firewall that says nothing, or a name server
    "closed",  # the connection was ended without an answer
    "proxy_refused_password",  # 407
    "forbidden",  # 403
    "gateway_error",  # 502, 503, 504; Squid also says 500 where it can't get through
    "unexpected_answer",  # any other status
    "not_a_proxy",  # it answers CONNECT as a web server does
    "not_http",  # what it answers is not HTTP
    "speaks_tls",  # http:// was said
    "speaks_http",  # https:// was said
    "tls_failed",  # no handshake came about
    "tls_untrusted",
    "tls_other_name",  # the certificate is for another host
    "tls_expired",
    "tls_not_yet_valid",
    "clock",  # one of the two before, because this host's clock is wrong
)
REACHED = ("ok", "tls_inspected")
WITH_TLS = ("https", "amqp", "mqtt")

_GATEWAY = (500, 502, 503, 504)
_WEB_SERVER = (400, 404, 405, 501)
# What it looks like when the other of the two schemes would be right, and many other things do as well.
_PERHAPS_THE_SCHEME = {
    "http": ("closed", "not_http", "not_a_proxy", "speaks_tls"),
    "https": ("closed", "tls_failed", "speaks_http", "timeout"),
}
_DATE_SECONDS = 3.0  # a server that does not answer HEAD costs no more


def run(request: t.Dict[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    """Try all at once; return a result for each of `request["targets"]`, in their order, within its time limit.

    `request`: {targets, timeout, connect_timeout (seconds), trust: {bundle, added, extra}}, as Trust takes them.
    A target: {host, port, protocol, proxy: null | {scheme, host, port, username, password}, patience (seconds, 0:
    connect_timeout)}. A target whose host is '' is the proxy itself.
    A result: {outcome, at, detail, seconds, chain, root, schemes, clock_offset}.
    """
    trust = Trust(**request["trust"])
    limit = Limit(request["connect_timeout"], request["timeout"])
    tries = [_Try(target, trust, limit.within(target.get("patience") or 0)) for target in request["targets"]]
    # A name server that is silent holds getaddrinfo for as long as it likes, and nothing can end that: hence threads
    # of which nobody waits for the end.
    threads = [threading.Thread(target=each.run, daemon=True) for each in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, limit.whole()))
    return [each.result() for each in tries]


class _Try:
    """One endpoint. What it knows can be read at any time, also while it hangs."""

    def __init__(self, target: t.Dict[str, t.Any], trust: Trust, limit: Limit) -> None:
        self._target = target
        self._proxy: t.Optional[t.Dict[str, t.Any]] = target["proxy"]
        self._trust = trust
        self._limit = limit
        self._begun = time.monotonic()
        self._dialled: t.List[Plain] = []
        self._at = "proxy" if self._proxy else "endpoint"
        self._doing = "the name look-up"
        self._found: t.Dict[str, t.Any] = {"chain": [], "root": "", "schemes": [], "clock_offset": None}
        self._verdict: t.Optional[t.Tuple[str, str, str, float]] = None

    def run(self) -> None:
        outcome, at, detail = "ok", "endpoint", ""
        try:
            outcome, detail = self._endpoint()
        except Trouble as first:
            trouble = self._other_scheme(first)
            outcome, at, detail = trouble.outcome, trouble.at, trouble.detail
        except OSError as exc:
            outcome, at, detail = outcome_of(exc), self._at, f"{reason_of(exc)} during {self._doing}"
        finally:
            for stream in self._dialled:
                stream.close()
        self._verdict = (outcome, at, detail, time.monotonic() - self._begun)

    def result(self) -> t.Dict[str, t.Any]:
        elapsed = time.monotonic() - self._begun
        pending = ("timeout", self._at, f"no end of {self._doing} after {elapsed:.1f} s", elapsed)
        outcome, at, detail, seconds = self._verdict or pending
        return {"outcome": outcome, "at": at, "detail": detail, "seconds": round(seconds, 3), **self._found}

    def _endpoint(self) -> t.Tuple[str, str]:
        host, port, protocol = self._target["host"], self._target["port"], self._target["protocol"]
        if not host:
            return self._proxy_itself()
        if protocol == "http":
            return self._plain_http(host, port)
        if protocol in WITH_TLS:
            seen = inspect(lambda: self._open(host, port), host, self._trust, "endpoint")
            return self._judged(seen, host, port if protocol == "https" else None)
        self._open(host, port)
        return "ok", ""

    def _judged(self, seen: Seen, host: str, port: t.Optional[int]) -> t.Tuple[str, str]:
        self._keep_chain(seen)
        if seen.stream is not None and port is not None:
            self._keep_date(seen.stream, host, port)
        if seen.trouble is not None:
            raise seen.trouble
        return ("tls_inspected" if seen.added else "ok"), ""

    def _plain_http(self, host: str, port: int) -> t.Tuple[str, str]:
        stream, authorization = self._entrance(), self._authorization()
        if stream is None:
            stream = self._dial(host, port, "endpoint")
        self._at, self._doing = ("tunnel" if self._proxy else "endpoint"), "the wait for an answer"
        request = http.head_request(host, port, through_proxy=bool(self._proxy), authorization=authorization)
        answer = http.ask(stream, request, self._at)
        self._note_date(answer)
        if self._proxy and answer.status in (403, 407, *_GATEWAY):
            self._refuse(answer)
        return "ok", answer.shown

    def _open(self, host: str, port: int) -> Stream:
        """Return a stream to the endpoint, through the proxy if there is one."""
        stream = self._entrance()
        if stream is None:
            stream = self._dial(host, port, "endpoint")
        else:
            self._connect(stream, host, port)
        self._at, self._doing = "endpoint", "the TLS handshake"
        return stream

    def _connect(self, stream: Stream, host: str, port: int) -> None:
        self._at, self._doing = "tunnel", "the wait for the proxy's answer to CONNECT"
        answer = http.ask(stream, http.connect_request(host, port, self._authorization()), "tunnel")
        if not 200 <= answer.status < 300:
            self._note_date(answer)
            self._refuse(answer)

    def _refuse(self, answer: http.Answer) -> t.NoReturn:
        if answer.status == 407:
            self._found["schemes"] = answer.schemes
            raise Trouble("proxy_refused_password", "proxy", answer.shown)
        if answer.status == 403:
            raise Trouble("forbidden", "tunnel", answer.shown)
        if answer.status in _GATEWAY:
            raise Trouble("gateway_error", "tunnel", answer.shown)
        if answer.status in _WEB_SERVER:
            raise Trouble("not_a_proxy", "tunnel", answer.shown)
        raise Trouble("unexpected_answer", "tunnel", answer.shown)

    def _proxy_itself(self) -> t.Tuple[str, str]:
        """Ask the proxy for itself on port 443: it needs no name server for that, and asks for the password before."""
        itself = t.cast("t.Dict[str, t.Any]", self._proxy)
        try:
            self._open(itself["host"], 443)
        except Trouble as trouble:
            # It is a proxy, and any complaint but the one about the password comes after the password.
            if trouble.outcome not in ("forbidden", "gateway_error"):
                raise
            return "ok", trouble.detail
        return "ok", ""

    def _entrance(self) -> t.Optional[Stream]:
        """Return a stream to the proxy, or None where none is to be used."""
        proxy = self._proxy
        if proxy is None:
            return None
        if proxy["scheme"] == "http":
            return self._dial(proxy["host"], proxy["port"], "proxy")
        seen = inspect(lambda: self._dial(proxy["host"], proxy["port"], "proxy"), proxy["host"], self._trust, "proxy")
        if seen.trouble is not None:
            self._keep_chain(seen)
            raise seen.trouble
        return seen.stream

    def _other_scheme(self, trouble: Trouble) -> Trouble:
        """Return what is wrong with the proxy's http:// or https:// if that is what it is; else the trouble itself."""
        proxy = self._proxy
        if proxy is None or trouble.outcome not in _PERHAPS_THE_SCHEME[proxy["scheme"]] or trouble.at == "endpoint":
            return trouble
        try:
            stream = self._dial(proxy["host"], proxy["port"], "proxy")
            if proxy["scheme"] == "http":
                Tls(stream, self._trust.context(verify=False), proxy["host"]).handshake()
                found = Trouble("speaks_tls", "proxy", "shakes hands for TLS")
            else:
                answer = http.ask(stream, http.connect_request(proxy["host"], 443), "proxy")
                found = Trouble("speaks_http", "proxy", f"answers plain HTTP: {answer.shown}")
        except (Trouble, OSError):
            return trouble
        return found

    def _dial(self, host: str, port: int, at: str) -> Plain:
        self._at, self._doing = at, "the name look-up"
        stream = dial(host, port, self._limit, at)
        self._dialled.append(stream)
        return stream

    def _authorization(self) -> str:
        return http.basic(self._proxy["username"], self._proxy["password"]) if self._proxy else ""

    def _keep_chain(self, seen: Seen) -> None:
        fields = ("subject", "issuer", "not_before", "not_after")
        self._found["chain"] = [{name: getattr(each, name) for name in fields} for each in seen.chain]
        self._found["root"] = root(seen.chain)

    def _keep_date(self, stream: Tls, host: str, port: int) -> None:
        self._doing = "the wait for an answer to HEAD"
        # This try's own limit, and its last step.
        self._limit.step = min(self._limit.step, _DATE_SECONDS)
        with contextlib.suppress(Trouble, OSError):  # Who speaks TLS and no HTTP is reached all the same.
            self._note_date(http.ask(stream, http.head_request(host, port), "endpoint"))

    def _note_date(self, answer: http.Answer) -> None:
        for value in answer.all("date"):
            try:
                told = email.utils.parsedate_to_datetime(value).timestamp()
            except (TypeError, ValueError, OverflowError):
                continue
            # A cache's answer has the date of what it has kept.
            age = next(
                (int(text) for text in answer.all("age") if text.isascii() and text.isdigit() and len(text) < 19), 0
            )
            self._found["clock_offset"] = round(told + age - time.time(), 1)
