# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Asks the Docker Engine on its Unix socket. Never ask where the daemon may be down: on a socket that systemd holds
for it, the question alone would start it.
"""

from __future__ import annotations

import json
import socket
import typing as t

from ._errors import Refused

SOCKET = "/var/run/docker.sock"
_NO_ENGINE = "Is it the Docker Engine that listens there?"
_LIMIT = 16 * 1024 * 1024  # bytes; an answer is some kilobytes


class Answer(t.NamedTuple):
    """What the engine answers: an HTTP status, and the decoded JSON of its body, None where that holds none."""

    status: int
    body: t.Any


def get(path: str, socket_path: str = SOCKET, timeout: float = 5) -> t.Any:
    """Return the decoded JSON answer to GET `path`, or None where no engine listens; `timeout` is in seconds.

    Raises Refused for anything but a proper answer.
    """
    answer = ask("GET", path, socket_path, timeout)
    if answer is None:
        return None
    if answer.status != 200 or answer.body is None:
        said = str(answer.status) + (" and no JSON" if answer.status == 200 else "")
        raise Refused(f"answers GET {path} with {said}", where=f"unix://{socket_path}", instead=_NO_ENGINE)
    return answer.body


def ask(method: str, path: str, socket_path: str = SOCKET, timeout: float = 5) -> t.Optional[Answer]:
    """Return the answer to a request without a body, whatever its status; None where no engine listens.

    By hand and not by http.client, whose import alone would take as long as the question and its answer.
    Raises Refused for what is not HTTP, or no answer within `timeout` seconds.
    """
    where = f"unix://{socket_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(socket_path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as exc:
            raise Refused(f"can't be reached: {exc}", where=where, instead="Run with become: true.") from exc
        try:
            # In HTTP/1.0 the end of the answer is the end of the connection: no chunks, no lengths.
            connection.sendall(f"{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
            answer = _read_all(connection)
        except OSError as exc:
            raise Refused(
                f"did not answer {method} {path} within {timeout:g} s: {exc}",
                where=where,
                instead="Look at systemctl status docker.",
            ) from exc
    head, _blank, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2] if head.startswith(b"HTTP/1.") else []
    if not status or not status[0].isdigit():
        raise Refused(f"answers {method} {path} with something that is not HTTP", where=where, instead=_NO_ENGINE)
    try:
        return Answer(int(status[0]), json.loads(body))
    except ValueError:
        return Answer(int(status[0]), None)


def _read_all(connection: socket.socket) -> bytes:
    pieces = []
    size = 0
    while size < _LIMIT:
        piece = connection.recv(65536)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
