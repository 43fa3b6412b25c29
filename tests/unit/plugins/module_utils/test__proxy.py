# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy as the user writes it: parsed into complete URLs, or refused without showing a credential."""

from __future__ import annotations

import traceback

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import example, given
from hypothesis import strategies as st

URLS = [
    ("http://192.0.2.1:3128", "http://192.0.2.1:3128"),
    ("http://192.0.2.1:3128/", "http://192.0.2.1:3128"),
    ("HTTP://Proxy.Example.COM:3128", "http://proxy.example.com:3128"),
    ("http://proxy.example.com", "http://proxy.example.com:80"),
    ("https://proxy.example.com", "https://proxy.example.com:443"),
    ("http://proxy:8080", "http://proxy:8080"),
    ("http://proxy.example.com.:3128", "http://proxy.example.com.:3128"),
    ("http://[2001:DB8::0:1]:3128", "http://[2001:db8::1]:3128"),
    ("http://[::1]", "http://[::1]:80"),
    ("http://u:p@192.0.2.1:3128", "http://u:p@192.0.2.1:3128"),
    ("http://u@192.0.2.1:3128", "http://u:@192.0.2.1:3128"),
    ("http://DOMAIN%5cu:p%40%c3%a9!@192.0.2.1:3128/", "http://DOMAIN%5Cu:p%40%C3%A9%21@192.0.2.1:3128"),
    ("http://u:a:b@192.0.2.1:3128", "http://u:a%3Ab@192.0.2.1:3128"),
]


@pytest.mark.parametrize(("written", "url"), URLS)
def test_a_url_becomes_canonical(written, url):
    proxy = _proxy.parse({"http": written})
    assert (proxy.http, proxy.https) == (url, url)
    assert _proxy.parse({"https": written})[:2] == (url, url)
    assert _proxy.parse({"http": url}).http == url
    assert _proxy.endpoint(url).url == url


def test_everything_but_the_urls_is_optional():
    model = {"http": "http://192.0.2.1:1", "https": "http://192.0.2.2:2"}
    wanted = ("http://192.0.2.1:1", "http://192.0.2.2:2", (), None, ())
    assert _proxy.parse(model) == wanted
    # AWX gives null where nothing was typed.
    for nothing in (None, ""):
        assert _proxy.parse({**dict.fromkeys(_proxy.KEYS, nothing), **model}) == wanted


def test_the_whole_model():
    proxy = _proxy.parse(
        {
            "http": "http://192.0.2.1:3128",
            "https": "http://192.0.2.2:3128",
            "username": "us er",
            "password": "p@/é",
            "no_proxy": "10.0.0.0/8, example.com",
            "ca_certificate": "files/the root.pem",
        }
    )
    assert proxy.http == "http://us%20er:p%40%2F%C3%A9@192.0.2.1:3128"
    assert proxy.https == "http://us%20er:p%40%2F%C3%A9@192.0.2.2:3128"
    assert [entry.text for entry in proxy.no_proxy] == ["10.0.0.0/8", "example.com"]
    assert proxy.ca_certificate == "files/the root.pem"
    assert proxy.secrets == ("p@/é", "p%40%2F%C3%A9", "us%20er:p%40%2F%C3%A9")


def test_a_certificate_may_be_given_as_it_is():
    text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert _proxy.parse({"http": "http://192.0.2.1:1", "ca_certificate": text}).ca_certificate == text


def test_credentials_in_one_url_stay_with_that_proxy():
    proxy = _proxy.parse({"http": "http://u:p@192.0.2.1:1", "https": "http://192.0.2.2:2"})
    assert proxy[:2] == ("http://u:p@192.0.2.1:1", "http://192.0.2.2:2")
    assert proxy.secrets == ("p", "u:p")


def test_an_empty_password_is_no_secret():
    assert _proxy.parse({"http": "http://192.0.2.1:1", "username": "u"}).secrets == ()


REFUSED = [
    ({}, "", "names no proxy"),
    ({"no_proxy": ["example.com"]}, "", "names no proxy"),
    ({"http": "192.0.2.1:3128"}, ".http", "Write http://192.0.2.1:3128."),
    ({"https": "proxy.example.com"}, ".https", "Write http://proxy.example.com."),
    ({"http": "//proxy.example.com:1"}, ".http", "has no scheme"),
    ({"http": "socks5://192.0.2.1:1080"}, ".http", "neither an http:// nor an https://"),
    ({"http": "http://"}, ".http", "no host name"),
    ({"http": "http://:3128"}, ".http", "no host name"),
    ({"http": "http://pro xy:3128"}, ".http", "blank"),
    ({"http": "http://192.0.2.1:3128\n"}, ".http", "from a file"),
    ({"http": "http://192.0.2.1:0"}, ".http", "port"),
    ({"http": "http://192.0.2.1:65536"}, ".http", "port"),
    ({"http": "http://192.0.2.1:"}, ".http", "port"),
    ({"http": "http://192.0.2.1:３１２８"}, ".http", "port"),  # noqa: RUF001  the wide digits are the case
    ({"http": "http://192.0.2.1:http"}, ".http", "port"),
    ({"http": "http://192.0.2.256:1"}, ".http", "no host name or IP address"),
    ({"http": "http://bücher.example:1"}, ".http", "ASCII form"),
    ({"http": "http://2001:db8::1:3128"}, ".http", "brackets"),
    ({"http": "http://[2001:db8::1:3128"}, ".http", "brackets"),
    ({"http": "http://[fe80::1%eth0]:3128"}, ".http", "brackets"),
    ({"http": "http://[::1]3128"}, ".http", "brackets"),
    ({"http": "http://192.0.2.1:3128/proxy.pac"}, ".http", "path"),
    ({"http": "http://192.0.2.1:3128?x"}, ".http", "query"),
    ({"http": "http://192.0.2.1:3128#x"}, ".http", "fragment"),
    ({"http": 3128}, ".http", "quotes"),
    ({"http": ["http://192.0.2.1:1"]}, ".http", "not text"),
    ({"http": "http://192.0.2.1:1", "htps": "x"}, ".htps", "Did you mean https?"),
    ({"http": "http://192.0.2.1:1", "noproxy": "x"}, ".noproxy", "Did you mean no_proxy?"),
    ({"http": "http://192.0.2.1:1", 5: "x"}, ".5", "is not a key"),
    ({"http": "http://192.0.2.1:1", "no_proxy": ["a", "b c"]}, ".no_proxy[1]", "commas"),
    ({"http": "http://192.0.2.1:1", "password": "hunter2"}, ".username", "no username"),
    ({"http": "http://192.0.2.1:1", "username": "a:hunter2", "password": "x"}, ".username", "colon"),
    ({"http": "http://192.0.2.1:1", "username": "u", "password": 12345678}, ".password", "quotes"),
    ({"http": "http://192.0.2.1:1", "username": "u", "password": "hunter2\n"}, ".password", "from a file"),
    ({"http": "http://192.0.2.1:1", "username": "u", "password": "hunter2\0"}, ".password", "control"),
    ({"http": "http://192.0.2.1:1", "username": "u", "password": "hunter2\x9b"}, ".password", "control"),
    ({"http": "http://192.0.2.1:1", "username": "u", "password": "hunter2\ud800"}, ".password", "Unicode"),
    ({"http": "http://u:hunter2@192.0.2.1:1", "username": "u"}, ".http", "Take them out of the URL"),
    ({"http": "http://u:hunter2@192.0.2.1:1", "username": "u", "password": "x"}, ".http", "Take them out of the URL"),
    ({"http": "http://u:hunter2%@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2%zz@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2@x@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2/x@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2#x@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2?x@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2é@192.0.2.1:1"}, ".http", "username and password"),
    ({"http": "http://u:hunter2%ff@192.0.2.1:1"}, ".http", "not UTF-8"),
    ({"http": "http://u:hunter2%00@192.0.2.1:1"}, ".http", "control"),
    ({"http": "http://u%3ax:hunter2@192.0.2.1:1"}, ".http", "colon"),
    ({"http": "http://:hunter2@192.0.2.1:1"}, ".http", "no user name"),
    ({"http": "u:hunter2@192.0.2.1:1"}, ".http", "Write http:// before it."),
    ({"http": "http://u:hunter2"}, ".http", "port"),
    ({"http": "http://u:hunter2/x"}, ".http", "path"),
    ({"http": "ftp://u:hunter2@192.0.2.1:1"}, ".http", "http://host:port"),
    ({"http": "http://192.0.2.1:1", "ca_certificate": "a\nb"}, ".ca_certificate", "PEM"),
    ({"http": "http://192.0.2.1:1", "ca_certificate": "-----BEGIN X\0"}, ".ca_certificate", "PEM"),
    ({"http": "http://192.0.2.1:1", "ca_certificate": "-----BEGIN PRIVATE KEY-----\nAA"}, ".ca_certificate", "private"),
    ({"http": "http://192.0.2.1:1", "ca_certificate": True}, ".ca_certificate", "not text"),
]


@pytest.mark.parametrize(("model", "where", "said"), REFUSED, ids=lambda case: repr(case)[:60])
def test_bad_input_is_refused_where_it_is_with_what_to_write(model, where, said):
    with pytest.raises(Refused) as refused:
        _proxy.parse(model)
    assert refused.value.where == f"container_hosts_proxy{where}"
    assert said in str(refused.value)
    assert refused.value.instead
    shown = "".join(traceback.format_exception(refused.type, refused.value, refused.tb))
    assert "hunter2" not in shown.replace(repr(model), "")
    assert "12345678" not in str(refused.value)


@pytest.mark.parametrize("model", [None, "http://192.0.2.1:3128", ["http"]])
def test_no_dictionary(model):
    with pytest.raises(Refused, match="not a dictionary"):
        _proxy.parse(model)


PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30)


@given(PRINTABLE.filter(lambda text: text and ":" not in text), PRINTABLE)
@example("DOMAIN\\us er", "p%@:#/\\?[] é漢😀\"'$")
def test_credentials_come_back_as_they_were(username, password):
    proxy = _proxy.parse({"http": "http://192.0.2.1:3128", "username": username, "password": password})
    end = _proxy.endpoint(proxy.http)
    assert (end.username, end.password) == (username, password)
    assert set(proxy.http) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%:/@")
    # Written into the URL, they are the same credentials.
    assert _proxy.parse({"http": proxy.http}) == proxy
    assert "" not in proxy.secrets


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_text_is_parsed_or_refused_without_a_secret(url, password):
    secret = f"hunter2{password}"
    try:
        proxy = _proxy.parse({"http": url, "username": "u", "password": secret})
    except Refused as refused:
        message = str(refused)
    else:
        message = ""
        assert _proxy.endpoint(proxy.http).password == secret
    assert "hunter2" not in message
