# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as the same proxy, in which words a difference is told, and that no password is among them."""

from __future__ import annotations

import json
import string

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_values as values
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_environment
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

WANTED = "http://fleet:s3cret-word@192.0.2.1:3128"
KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (WANTED, ""),
        (f"{WANTED}/", ""),
        ("HTTP://fleet:s3cret%2Dword@192.0.2.1:3128", ""),
        ("fleet:s3cret-word@192.0.2.1:3128", ""),
        (None, "none"),
        ("", "none"),
        ("http://fleet:other@192.0.2.1:3128", "another password"),
        ("http://else:s3cret-word@192.0.2.1:3128", "another user name"),
        ("http://192.0.2.1:3128", "no credentials"),
        ("http://fleet:s3cret-word@192.0.2.2:3129", "another host and port"),
        ("https://fleet:x@192.0.2.1:3128", "another scheme and password"),
        ("http://xxxxx:xxxxx@192.0.2.1:3128", ""),
        ("http://[broken", "another value"),
    ],
)
def test_urls(found, said):
    assert values.difference("https_proxy", found, WANTED, go=True) == said


def test_what_is_not_wanted():
    assert values.difference("https_proxy", WANTED, None, go=True) == "one"
    assert values.difference("https_proxy", WANTED, "http://192.0.2.1:3128", go=True) == "credentials"
    assert values.difference("https_proxy", None, None, go=True) == ""


@pytest.mark.parametrize(
    ("found", "wanted", "go", "said"),
    [
        ("b.example.com, a.example.com,A.example.com", "a.example.com,b.example.com", True, ""),
        ("localhost,127.0.0.1,10.0.0.0/8", "10.0.0.0/8", True, ""),
        ("10.0.0.0/8", "localhost,10.0.0.0/8", False, "without localhost"),
        ("10.0.0.0/8,10.1.2.3,10.2.0.0/16", "10.0.0.0/8", True, ""),
        ("10.0.0.0/8,10.1.2.3", "10.0.0.0/8", False, "also 10.1.2.3"),
        ("example.com,.example.com,www.example.com", "example.com", True, ""),
        ("10.1.2.3/8", "10.0.0.0/8", True, ""),
        ("[fd00::1],fd00::1", "fd00:0::1", False, ""),
        ("/var/run/docker.sock,a.example.com", "a.example.com", True, ""),
        ("*,a.example.com", "*", True, ""),
        ("a.example.com", "*", True, "without *, and also a.example.com"),
        ("true", "10.0.0.0/8", True, "without 10.0.0.0/8, and also true"),
        ("a,b", "", False, "also a, b"),
        (None, "localhost,127.0.0.1,::1", True, ""),
        (None, "10.0.0.0/8", True, "none"),
        ("10.0.0.0/8,e.test,d.test,c.test,b.test", "10.0.0.0/8", True, "also b.test, c.test, d.test and 1 more"),
        ("a b;c", "a b;c", True, ""),
    ],
)
def test_lists(found, wanted, go, said):
    assert values.difference("no_proxy", found, wanted, go=go) == said


entries = st.lists(
    st.one_of(
        st.from_regex(r"\.?[a-z]{1,8}\.(?:example|test)\.com", fullmatch=True),
        st.ip_addresses(v=4).map(str),
        st.tuples(st.ip_addresses(v=4).map(str), st.integers(8, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    ),
    max_size=8,
)


@given(entries, st.randoms())
@hypothesis_settings(max_examples=200, deadline=None)
def test_every_rendering_of_a_list_means_the_same_in_any_order(listed, random):
    proxy = _proxy.parse({"http": "http://192.0.2.1:3128", "no_proxy": listed})
    go, shared = (_proxy_environment.environment(proxy, readers=each).value["no_proxy"] for each in ("go", "shared"))
    pieces = shared.split(",")
    random.shuffle(pieces)
    assert values.difference("no_proxy", ", ".join(pieces).upper(), go, go=True) == ""
    assert values.difference("no_proxy", f"{go},unheard-of.example.org", go, go=True) == "also unheard-of.example.org"


@given(st.text(alphabet=string.printable.strip() + "äß漢", min_size=6, max_size=30).map(lambda each: f"Q{each}Z"))
@hypothesis_settings(max_examples=200, deadline=None)
def test_no_password_is_shown(password):
    url = _proxy.parse({"http": "http://192.0.2.1:3128", "username": "fleet", "password": password}).http
    raw = f"fleet:{password}@192.0.2.1:3128"
    for value in (url, url.partition("://")[2], raw, f"http://{raw}"):
        shown = values.masked("https_proxy", value)
        assert shown.endswith("@192.0.2.1:3128")
        assert password not in shown
        assert "fleet" not in shown
        json.dumps(shown).encode("utf-8")
        assert password not in values.difference("https_proxy", value, WANTED, go=True)


def test_a_password_that_looks_like_a_url():
    assert values.masked("https_proxy", "fleet:pa://x@192.0.2.1:3128") == "********@192.0.2.1:3128"
    assert values.masked("http_proxy", "http://192.0.2.1:3128") == "http://192.0.2.1:3128"


def test_values_that_are_no_text():
    shown = values.masked("no_proxy", "a\udcff.example.com")
    assert shown.encode("utf-8").startswith(b"a")
    assert values.masked("no_proxy", None) is None
    assert "s3cret" not in values.masked("no_proxy", f"{WANTED},a.example.com")
    assert "s3cret" not in values.difference("no_proxy", f"{WANTED},a.example.com", "b.example.com", go=True)


def test_a_digest_is_of_the_credentials_alone():
    digests = [
        values.digest(url, KEY)
        for url in (
            WANTED,
            "https://fleet:s3cret%2Dword@proxy.example.com",  # the same ones for another proxy
            "http://fleet:s3cret-wore@192.0.2.1:3128",
            "http://fleeu:s3cret-word@192.0.2.1:3128",
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert all(len(each) == 4 for each in digests)
    assert values.digest(WANTED, KEY[::-1]) != digests[0]


@pytest.mark.parametrize("value", [None, "", "http://192.0.2.1:3128", "http://xxxxx:xxxxx@192.0.2.1:3128", "http://["])
def test_what_has_no_digest(value):
    assert values.digest(value, KEY) is None


def test_no_digest_without_a_key():
    assert values.digest(WANTED, "") is None
