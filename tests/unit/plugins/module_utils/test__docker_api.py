# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The question to the engine's socket, answered by sockets of our own that do well and badly."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_api import Answer, ask, get
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


@pytest.fixture
def folder():
    # Not tmp_path: a Unix socket's path has at most 107 bytes.
    path = tempfile.mkdtemp()
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def engine(folder, answer, keep_open=False):
    """Listen on a socket and give each caller `answer`; yields the path and the list of what callers asked."""
    path, asked, done = f"{folder}/docker.sock", [], threading.Event()

    def serve():
        with contextlib.suppress(OSError):
            connection, _address = listener.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)
                if keep_open:
                    done.wait(10)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path, asked
        finally:
            done.set()
            thread.join()


def test_the_answer_comes_decoded_however_long_it_is(folder):
    body = {"Labels": ["é" * 1000] * 1000}
    answer = b"HTTP/1.1 200 OK\r\nServer: Docker\r\n\r\n" + json.dumps(body).encode()
    with engine(folder, answer) as (path, asked):
        assert get("/info", path) == body
    assert asked == [b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n"]


def test_nobody_listens(folder):
    assert get("/info", f"{folder}/nosuch.sock") is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(f"{folder}/dead.sock")
    assert os.path.exists(f"{folder}/dead.sock")
    assert get("/info", f"{folder}/dead.sock") is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n{}", "answers GET /info with 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n{", "answers GET /info with 200 and no JSON"),
        (b"HTTP/1.1 200 OK\r\n", "answers GET /info with 200 and no JSON"),
        (b"220 mail.example.com ESMTP\r\n", "answers GET /info with something that is not HTTP"),
        (b"\xff\xfe", "answers GET /info with something that is not HTTP"),
        (b"", "answers GET /info with something that is not HTTP"),
    ],
)
def test_garbage_is_refused(folder, answer, message):
    with engine(folder, answer) as (path, _asked), pytest.raises(Refused, match=message):
        get("/info", path)


def test_an_engine_that_hangs_costs_a_bounded_time(folder):
    said = r"did not answer GET /info within 0\.2 s"
    with engine(folder, b"HTTP/1.1 200 OK\r\n", keep_open=True) as (path, _asked), pytest.raises(Refused, match=said):
        get("/info", path, timeout=0.2)


# Any request, whatever the status -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"Id": "1"}', Answer(200, {"Id": "1"})),
        (b"HTTP/1.1 204 No Content\r\nServer: Docker\r\n\r\n", Answer(204, None)),
        (b'HTTP/1.1 404 Not Found\r\n\r\n{"message": "no"}', Answer(404, {"message": "no"})),
        (b"HTTP/1.0 500\r\n\r\noops", Answer(500, None)),
    ],
)
def test_a_request_gets_its_status_and_body(folder, answer, expected):
    with engine(folder, answer) as (path, asked):
        assert ask("DELETE", "/containers/edgeAgent?force=1", path) == expected
    assert asked == [b"DELETE /containers/edgeAgent?force=1 HTTP/1.0\r\nHost: docker\r\n\r\n"]


def test_a_request_to_nobody(folder):
    assert ask("DELETE", "/containers/x", f"{folder}/nosuch.sock") is None


def test_an_answer_that_is_cut_off_before_its_status_is_refused(folder):
    with engine(folder, b"HTTP/1.1 ") as (path, _asked), pytest.raises(Refused, match="not HTTP"):
        ask("DELETE", "/containers/x", path)


def test_a_request_that_hangs(folder):
    said = r"did not answer DELETE /containers/x within 0\.2 s"
    with engine(folder, b"", keep_open=True) as (path, _asked), pytest.raises(Refused, match=said):
        ask("DELETE", "/containers/x", path, timeout=0.2)
