# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over Unix sockets: how these daemons speak with each other and with the container engine."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import socket
import socketserver
import threading
import typing as t
import urllib.parse

Answer = tuple[int, t.Any]
Answers = t.Callable[[str, str], Answer]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def request(
    path: str,
    method: str,
    target: str,
    body: t.Any = None,
    headers: t.Mapping[str, str] | None = None,
    timeout: float = 120,
) -> tuple[int, bytes]:
    """One request to a Unix socket: status and body. OSError where nobody listens."""
    connection = _Connection(path, timeout)
    try:
        sent = {"Host": "localhost", "Connection": "close", **(headers or {})}
        payload = None
        if body is not None:
            payload, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection.request(method, target, payload, sent)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as broken:
        raise OSError(f"{path}: {broken!r}") from None
    finally:
        connection.close()


def ask(path: str, target: str) -> Answer:
    """GET something from another of these daemons: status, and what its JSON says."""
    status, content = request(path, "GET", target)
    return status, json.loads(content)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(answers: Answers) -> None:
    """Answer on every socket that systemd handed over, each in a thread; returns at once.

    `answers(method, path)` gives a status and what is sent as JSON.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, said = answers(self.command, urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "-"  # a Unix socket's client has no address

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            print(self.requestline, code, flush=True)

    for given in range(3, 3 + int(os.environ.get("LISTEN_FDS", "0"))):
        server = _Server("", Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = socket.socket(fileno=given)
        threading.Thread(target=server.serve_forever, daemon=True).start()
