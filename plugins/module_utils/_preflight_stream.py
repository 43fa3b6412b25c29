# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Byte streams to an endpoint, plain or TLS inside any other stream, none of which waits longer than it may."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
import typing as t

_PIECE = 65536
_KEPT = 1 << 20  # bytes of a handshake that are kept to be read; a chain is some kilobytes


class Trouble(Exception):
    """What went wrong on the way to an endpoint, as data. It holds no secret."""

    def __init__(self, outcome: str, at: str, detail: str = "") -> None:
        super().__init__(outcome, at, detail)
        self.outcome = outcome  # a code of _preflight_probe.OUTCOMES
        self.at = at  # 'proxy', 'tunnel' or 'endpoint'
        self.detail = detail


class Limit:
    """How long a step may take, in seconds, and when everything must be over."""

    def __init__(self, step: float, whole: float) -> None:
        self.step = step
        self._end = time.monotonic() + whole

    def whole(self) -> float:
        """Return the seconds until everything must be over; negative afterwards."""
        return self._end - time.monotonic()

    def left(self) -> float:
        """Return the seconds for the next step; raises socket.timeout where there are none."""
        seconds = min(self.step, self.whole())
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def within(self, step: float) -> Limit:
        """Return a limit of its own with the same end, and shorter steps unless `step` is 0."""
        return Limit(min(step or self.step, self.step), self.whole())


class Stream(t.Protocol):
    """What both kinds of streams can do."""

    def send(self, data: bytes) -> None:
        """Send all of it."""

    def receive(self) -> bytes:
        """Return what has come, at least one byte; b'' at the end."""


class Plain:
    """TCP."""

    def __init__(self, connection: socket.socket, limit: Limit) -> None:
        self._connection = connection
        self._limit = limit

    def send(self, data: bytes) -> None:
        self._connection.settimeout(self._limit.left())
        self._connection.sendall(data)

    def receive(self) -> bytes:
        self._connection.settimeout(self._limit.left())
        return self._connection.recv(_PIECE)

    def close(self) -> None:
        self._connection.close()


class Tls:
    """TLS in another stream: through a tunnel, and also inside the TLS that an https:// proxy speaks."""

    def __init__(self, under: Stream, context: ssl.SSLContext, name: str) -> None:
        self._under = under
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.seen = b""  # what the other side sent during the handshake, as it was on the wire

    def handshake(self) -> None:
        """Shake hands; raises ssl.SSLError, also where the other side just goes away."""
        try:
            self._pump(self.tls.do_handshake, keep=True)
        finally:
            self._flush()

    def send(self, data: bytes) -> None:
        self._pump(lambda: self.tls.write(data))
        self._flush()

    def receive(self) -> bytes:
        try:
            return t.cast("bytes", self._pump(lambda: self.tls.read(_PIECE)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def _pump(self, action: t.Callable[[], t.Any], keep: bool = False) -> t.Any:
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self._flush()
                try:
                    data = self._under.receive()
                except ConnectionError:
                    data = b""
                if data:
                    self._incoming.write(data)
                    self.seen += data if keep and len(self.seen) < _KEPT else b""
                else:
                    self._incoming.write_eof()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            with contextlib.suppress(OSError):  # For somebody who has gone; what is read next says so.
                self._under.send(data)


def dial(host: str, port: int, limit: Limit, at: str) -> Plain:
    """Connect by TCP to the first address of the host that answers; raises Trouble."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, socket.gaierror) and exc.strerror else "not a host name"
        raise Trouble("name_not_resolved", at, reason) from exc
    troubles = []
    for family, kind, protocol, _name, address in found:
        try:
            return Plain(_connected(family, kind, protocol, address, limit.left()), limit)
        except OSError as exc:
            troubles.append(Trouble(outcome_of(exc), at, f"{address[0]}: {reason_of(exc)}"))
    # A name may have an IPv6 address and this host no way to any, which says nothing of the address that matters.
    raise next((each for each in troubles if each.outcome != "unreachable"), troubles[0])


def outcome_of(exc: OSError) -> str:
    """Return the code for what the system says of a connection."""
    if isinstance(exc, (socket.timeout, TimeoutError)):
        return "timeout"
    if isinstance(exc, ConnectionRefusedError):
        return "refused"
    if isinstance(exc, (ConnectionResetError, BrokenPipeError)):
        return "closed"
    return "unreachable"


def reason_of(exc: OSError) -> str:
    """Return the system's words for it, without the number."""
    if isinstance(exc, socket.timeout):
        return "timed out"
    return exc.strerror or errno.errorcode.get(exc.errno or 0, type(exc).__name__)


def _connected(family: int, kind: int, protocol: int, address: t.Any, seconds: float) -> socket.socket:
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection
