# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heads of answers, also those that nobody should send."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight_http
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("values", "schemes"),
    [
        (["Basic realm=x"], ["Basic"]),
        (['Basic realm="x"', "Negotiate"], ["Basic", "Negotiate"]),
        (['NTLM, Digest realm="a, Basic b", nonce="x", Basic realm = "y"'], ["NTLM", "Digest", "Basic"]),
        (["Negotiate YII==,NTLM"], ["Negotiate", "NTLM"]),
        (['Digest realm="a \\" , Basic b"'], ["Digest"]),
        (["", ",", "Basic realm=x, charset = UTF-8"], ["Basic"]),
        (["Basic", "basic", "Basic"], ["Basic", "basic"]),
    ],
)
def test_what_a_407_offers(values, schemes):
    lines = "".join(f"Proxy-Authenticate: {value}\r\n" for value in values)
    answer = _preflight_http.parse(f"HTTP/1.1 407 x\r\n{lines}\r\n".encode())
    assert answer.schemes == schemes


def test_what_is_shown_of_a_status_is_in_our_words():
    answer = _preflight_http.parse(b"HTTP/1.1 403 \x1b[2J password\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n")
    assert answer.shown == "HTTP 403 Forbidden (ERR_ACCESS_DENIED)"
    assert _preflight_http.parse(b"HTTP/1.0 599 whatever\n\n").shown == "HTTP 599"


@pytest.mark.parametrize(
    "received", [b"", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"SSH-2.0\r\n", b"\x15\x03\x01"]
)
def test_what_is_no_head(received):
    assert _preflight_http.parse(received) is None


@given(st.binary(max_size=200))
def test_no_bytes_of_a_stranger_end_in_an_error(received):
    answer = _preflight_http.parse(b"HTTP/1.1 407 " + received)
    assert answer is None or (answer.status == 407 and answer.schemes is not None and answer.shown.isascii())


@pytest.mark.parametrize(
    ("request_", "lines"),
    [
        (_preflight_http.connect_request("fd00::1", 443), ["CONNECT [fd00::1]:443 HTTP/1.1", "Host: [fd00::1]:443"]),
        (_preflight_http.head_request("example.com", 443), ["HEAD / HTTP/1.1", "Host: example.com"]),
        (_preflight_http.head_request("example.com", 8080), ["HEAD / HTTP/1.1", "Host: example.com:8080"]),
        (
            _preflight_http.head_request("fd00::1", 80, through_proxy=True),
            ["HEAD http://[fd00::1]/ HTTP/1.1", "Host: [fd00::1]"],
        ),
    ],
)
def test_requests(request_, lines):
    assert request_.decode().split("\r\n")[:2] == lines
    assert request_.endswith(b"\r\n\r\n")
    assert b"Authorization" not in request_
