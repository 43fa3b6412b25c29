# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container engine that knows one container, on a Unix socket; and an aziot-edged that makes that one anew."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

ENV_LABEL = "net.azure-devices.edge.env"


def agent(
    env: dict[str, str], image: str = "a:1.5.1", *, labels: str | None = "{}", binds: list[str] | None = None
) -> dict[str, Any]:
    """Return what an engine shows of an edgeAgent that runs; `labels` is the environment its maker noted on it."""
    return {
        "State": {"Status": "running", "Running": True, "ExitCode": 0, "Error": ""},
        "Config": {
            "Image": image,
            "Env": [f"{name}={value}" for name, value in env.items()] + ["PATH=/bin", "RuntimeLogLevel=info"],
            "Labels": None if labels is None else {ENV_LABEL: labels},
        },
        "HostConfig": {"Binds": binds},
    }


class FakeEngine:
    """`edged` is called when the container was removed; what it returns is there a moment later."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.container: dict[str, Any] | None = None
        self.images: set[str] = set()
        self.asked: list[str] = []
        self.edged: Callable[[], dict[str, Any] | None] = lambda: None

    def answer(self, method: str, path: str) -> tuple[str, Any]:
        """Return the status line and body of an answer."""
        if path.startswith("/images/"):
            known = urllib.parse.unquote(path[len("/images/") : -len("/json")]) in self.images
            return ("200 OK", {}) if known else ("404 Not Found", {"message": "no such image"})
        if not path.startswith("/containers/edgeAgent"):
            return "404 Not Found", {"message": "page not found"}
        if self.container is None:
            # As the real one: it was gone for the question before, and is made by now.
            self.container = self.edged()
            return "404 Not Found", {"message": "No such container: edgeAgent"}
        if method == "DELETE":
            self.container = None
            return "204 No Content", None
        return "200 OK", self.container

    def removals(self) -> int:
        """Return how often the container was removed."""
        return len([line for line in self.asked if line.startswith("DELETE ")])


@contextlib.contextmanager
def engine(path: str) -> Iterator[FakeEngine]:
    """Serve an engine on the socket `path`."""
    fake = FakeEngine(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=_serve, args=(listener, fake))
        thread.start()
        try:
            yield fake
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, fake: FakeEngine) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            request = connection.recv(65536).decode()
            method, path = request.split(" ")[:2]
            fake.asked.append(f"{method} {path}")
            status, body = fake.answer(method, path)
            content = b"" if body is None else json.dumps(body).encode()
            connection.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode() + content)
