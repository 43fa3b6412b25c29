# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The little HTTP that a preflight speaks: a CONNECT or HEAD, and the head of what answers it."""

from __future__ import annotations

import base64
import http
import re
import socket
import typing as t

from ._preflight_stream import Stream, Trouble, outcome_of, reason_of

_LIMIT = 65536  # bytes; more is no head
_STATUS_LINE = re.compile(r"HTTP/1\.[01] (?P<status>[0-9]{3})(?: |\Z)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")
_KNOWN = frozenset(http.HTTPStatus)
_SQUID_ERROR = re.compile(r"[A-Z][A-Z_]{3,40}")


class Answer(t.NamedTuple):
    """The head of an answer."""

    status: int
    headers: t.Tuple[t.Tuple[str, str], ...]  # names in lower case, in the order they came

    def all(self, name: str) -> t.List[str]:
        """Return the values of a header."""
        return [value for header, value in self.headers if header == name]

    @property
    def schemes(self) -> t.List[str]:
        """What a 407 offers: Basic, NTLM, Negotiate, ..., each once."""
        parts = [part for value in self.all("proxy-authenticate") for part in _QUOTED.sub("", value).split(",")]
        words = [part.split(None, 1) for part in parts]
        # What is no scheme is a parameter of the one before: realm="x", also with blanks round its =.
        found = [pair[0] for pair in words if pair and "=" not in pair[0] and not "".join(pair[1:]).startswith("=")]
        return list(dict.fromkeys(scheme for scheme in found if _TOKEN.fullmatch(scheme)))

    @property
    def shown(self) -> str:
        """The status for a message, in words of ours: what a stranger writes there could be anything."""
        reason = http.HTTPStatus(self.status).phrase if self.status in _KNOWN else ""
        squid = [match.group() for value in self.all("x-squid-error") for match in [_SQUID_ERROR.match(value)] if match]
        return f"HTTP {self.status}" + (f" {reason}" if reason else "") + (f" ({squid[0]})" if squid else "")


def connect_request(host: str, port: int, authorization: str = "") -> bytes:
    """Return a CONNECT; `authorization` as from `basic`."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *_common(authorization)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def head_request(host: str, port: int, *, through_proxy: bool = False, authorization: str = "") -> bytes:
    """Return a HEAD for /, with the whole URL where it goes to a proxy that is to forward it."""
    name = f"[{host}]" if ":" in host else host
    authority = name if port in (80, 443) else f"{name}:{port}"
    target = f"http://{authority}/" if through_proxy else "/"
    lines = [f"HEAD {target} HTTP/1.1", f"Host: {authority}", "Connection: close", *_common(authorization)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def basic(username: str, password: str) -> str:
    """Return the value of Proxy-Authorization, or '' without a user name. Go too encodes it as UTF-8."""
    if not username:
        return ""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def ask(stream: Stream, request: bytes, at: str) -> Answer:
    """Send a request and return the head of its answer; raises Trouble, not_http for what is no answer."""
    received = b""
    try:
        stream.send(request)
        while b"\r\n\r\n" not in received and b"\n\n" not in received and len(received) < _LIMIT:
            data = stream.receive()
            if not data:
                break
            received += data
            if not b"HTTP/1.".startswith(received[:7]):
                break
    except OSError as exc:
        # Whoever resets the connection after his answer has still given it.
        if not received or isinstance(exc, (socket.timeout, TimeoutError)):
            raise Trouble(outcome_of(exc), at, reason_of(exc)) from exc
    if not received:
        raise Trouble("closed", at, "closed without an answer")
    answer = parse(received)
    if answer is None:
        raise Trouble("speaks_tls" if looks_like_tls(received) else "not_http", at, "the answer is not HTTP")
    return answer


def parse(received: bytes) -> t.Optional[Answer]:
    """Return the head at the beginning of some bytes, or None where there is none."""
    text = received.decode("latin-1").replace("\r\n", "\n")
    status_line, *lines = text.partition("\n\n")[0].split("\n")
    match = _STATUS_LINE.match(status_line)
    if match is None:
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return Answer(int(match["status"]), tuple(headers))


def looks_like_tls(received: bytes) -> bool:
    """Tell a TLS record (an alert or a handshake message) by its first bytes."""
    return received[:1] in (b"\x15", b"\x16") and received[1:2] == b"\x03"


def _common(authorization: str) -> t.List[str]:
    agent = ["User-Agent: container-hosts-preflight"]
    return [*agent, f"Proxy-Authorization: {authorization}"] if authorization else agent
