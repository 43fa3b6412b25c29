# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers on this machine that behave as they are told: proxies that let through, refuse or say nothing, and TLS."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import socketserver
import ssl
import tempfile
import threading
import time
import typing as t

from ansible_collections.fleetops.container_hosts.tests.support.certificates import Made

_HANGS = 60  # seconds; longer than any test waits


class Server:
    """A listener on a port of its own. `behaviour(connection)` is called for each connection, in a thread."""

    def __init__(self, behaviour: t.Callable[[socket.socket], None], address: str = "127.0.0.1") -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # Whoever only wanted to look hangs up whenever he likes.
                with contextlib.suppress(OSError):
                    behaviour(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        self._listener = Listener((address, 0), Handler)
        self.port: int = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()


class Proxy(Server):
    """A proxy: `answers` says what each CONNECT gets, by its target or for `*`; without any, it goes to `ways`.

    An answer is bytes to send, or None for silence. `asked` gathers the heads of all requests, as they came.
    """

    def __init__(
        self,
        ways: t.Mapping[str, int] | None = None,
        answers: t.Mapping[str, bytes | None] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._ways = ways or {}
        self._answers = answers or {}
        self._context = context
        super().__init__(self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _serve(self, connection: socket.socket) -> None:
        if self._context is None:
            self._answer(connection)
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        head = _head(connection)
        if not head:
            return
        self.asked.append(head)
        target = head.split(" ")[1]
        if target in self._answers or "*" in self._answers:
            answer = self._answers.get(target, self._answers.get("*"))
            if answer is None:
                time.sleep(_HANGS)
            else:
                connection.sendall(answer)
            return
        with socket.create_connection(("127.0.0.1", self._ways[target])) as origin:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(origin, connection), daemon=True)
            back.start()
            _pump(connection, origin)
            back.join()


class Origin(Server):
    """A web server by TLS whose clock is `ahead` seconds ahead of this machine's. `asked` counts its HTTP requests."""

    def __init__(
        self,
        chain: t.Sequence[Made],
        *,
        ahead: float = 0,
        newest: bool = False,
        http: bool = True,
        address: str = "127.0.0.1",
    ) -> None:
        """`chain`: its own certificate first, then what it sends along. `newest`: TLS 1.3 alone."""
        self.asked = 0
        self._ahead = ahead
        self._http = http
        self._context = server_context(chain)
        if newest:
            self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        super().__init__(self._serve, address)

    def _serve(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as secured:
            if not self._http or not _head(secured):
                return
            self.asked += 1
            date = email.utils.formatdate(time.time() + self._ahead, usegmt=True)
            secured.sendall(f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())


def server_context(chain: t.Sequence[Made]) -> ssl.SSLContext:
    """Return what a server presents these certificates with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(chain[0].key_pem + "".join(made.pem for made in chain))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _head(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(4096)
        if not data:
            return ""
        received += data
    return received.decode("latin-1")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
