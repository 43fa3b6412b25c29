# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be shown: everything but the secret, and the secret in no spelling that we write or meet."""

from __future__ import annotations

import json
import string
import urllib.parse

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _redaction
from hypothesis import given
from hypothesis import strategies as st

SHAPES = [
    "Environment=HTTP_PROXY=http://user:{}@192.0.2.1:3128 OTHER=kept@example.com",
    'Environment="HTTP_PROXY=http://user:{}@192.0.2.1:3128"',
    "HTTP_PROXY='http://user:{}@192.0.2.1:3128'",
    '{{"http-proxy":"http://user:{}@192.0.2.1:3128","mail":"kept@example.com"}}',
    'Acquire::http::Proxy "http://user:{}@[2001:db8::1]:3128";',
    '{{"auths": {{"registry.example.com": {{"auth": "{}"}}}}}}',
    "HTTP_PROXY=user:{}@192.0.2.1:3128",
    "#https_proxy='user:{}@192.0.2.1:3128' mail=kept@example.com",
    "export PROXY_PASSWORD={}",
    "proxy_password={}",
    '"REGISTRY_TOKEN": "{}"',
    "HostName=hub.example.com;DeviceId=kept@example.com;SharedAccessKey={}",
    "pkcs11:token=key?pin-value={}",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\nkept@example.com",
    '{{"pem": "-----BEGIN RSA PRIVATE KEY-----\\n{}\\n-----END RSA PRIVATE KEY-----", "mail": "kept@example.com"}}',
    "-----BEGIN EC PRIVATE KEY-----\n{}\ncut off",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("secret", ["hunter2", "p%40ss%3Aword%23%2F", "p%%40ss", "c2VjcmV0OnZhbHVl"])
def test_every_shape_is_masked(shape, secret):
    shown = _redaction.redact(shape.format(secret))
    assert secret not in shown
    assert _redaction.PLACEHOLDER in shown
    assert ("kept@example.com" in shape) == ("kept@example.com" in shown)


@pytest.mark.parametrize("raw", ["p@ss", "a/b", "a:b:c", 'qu"ote', "qu'ote", "a#b?c"])
def test_a_password_that_was_never_encoded(raw):
    assert raw not in _redaction.redact(f"proxy = http://user:{raw}@192.0.2.1:3128")


@pytest.mark.parametrize(
    "text",
    [
        "NO_PROXY=localhost,127.0.0.1,10.0.0.0/8",
        "HTTP_PROXY=http://192.0.2.1:3128",
        "HTTP_PROXY=192.0.2.1:3128 mail=someone@example.com",
        '{"registry-mirrors": ["https://mirror.example.com"], "mail": "someone@example.com"}',
        "see https://example.com/a and write to someone@example.com",
    ],
)
def test_what_is_no_secret_is_shown(text):
    assert _redaction.redact(text) == text
    assert not _redaction.holds_credentials(text)


@given(st.text(string.printable.strip() + "äß€😀", min_size=1))
def test_a_known_secret_is_found_in_any_text(secret):
    encoded = urllib.parse.quote(secret, safe="")
    text = json.dumps({"http-proxy": f"http://user:{encoded}@192.0.2.1:3128", "other": secret}, ensure_ascii=False)
    shown = _redaction.redact(text, [secret, json.dumps(secret, ensure_ascii=False)[1:-1], encoded])
    assert shown.count(_redaction.PLACEHOLDER) >= 1
    assert f":{encoded}@" not in shown


def test_structures_are_masked_by_name_and_by_shape():
    shown = _redaction.redact_all(
        {
            "proxy": {"http": "http://u:pw1@192.0.2.1:1", "password": "pw2", "username": "kept"},
            "units": ["docker.service", 3, None],
        }
    )
    assert shown == {
        "proxy": {"http": "http://********@192.0.2.1:1", "password": "********", "username": "kept"},
        "units": ["docker.service", 3, None],
    }


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        (
            {"http": "http://192.0.2.1:1", "username": "kept", "pasword": "pw", "no_proxy": ["x"], "https": None},
            {"http": "http://192.0.2.1:1", "username": "kept", "pasword": "********", "no_proxy": ["x"], "https": None},
        ),
        ({"http": "user:p@ss@192.0.2.1:1"}, {"http": "********@192.0.2.1:1"}),
        ({"credentials": {"user": "pw"}}, {"credentials": "********"}),
        ("user:pw@192.0.2.1:1", "********@192.0.2.1:1"),
    ],
    ids=["misspelled key", "no scheme", "unknown key", "not a dictionary"],
)
def test_a_proxy_that_will_be_refused_is_masked_too(proxy, shown):
    assert _redaction.redact_all([{"proxy": proxy}]) == [{"proxy": shown}]


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("x", "proxy http://********@192.0.2.1 ********"), ("proxy ", "********http://********@192.0.2.1 x")],
)
def test_a_short_secret_is_masked_as_a_word_only(secret, shown):
    assert _redaction.redact("proxy http://u:x@192.0.2.1 x", [secret]) == shown


def test_the_secrets_of_a_structure():
    value = {
        "proxy": {"password": "one", "username": "no", "no_proxy": ["x"]},
        "list": [{"auth_token": "two"}],
        "password": None,
    }
    assert _redaction.secrets_in(value) == ["one", "two"]


def test_a_password_never_masks_a_name():
    # With a search through whole results, this unit's name would be gone and no role could restart it.
    assert _redaction.redact_all({"password": "docker", "units": ["docker.service"]})["units"] == ["docker.service"]


def test_diff_marks_a_change_of_only_a_secret():
    diff = _redaction.masked_diff("/x", b"A=http://u:one@192.0.2.1:1\n", b"A=http://u:two@192.0.2.1:1\n")
    assert diff["before"] == "A=http://********@192.0.2.1:1\n"
    assert diff["after"] == "A=http://********@192.0.2.1:1\n(only a secret changed)\n"


def test_diff_of_a_new_file():
    assert _redaction.masked_diff("/x", None, b"a\n") == {
        "before_header": "/x (absent)",
        "after_header": "/x",
        "before": "",
        "after": "a\n",
    }


def test_diff_survives_bytes_that_are_no_text():
    assert _redaction.masked_diff("/x", b"\xff\n", None)["before"] == "\ufffd\n"


def test_a_key_that_only_its_table_tells_of():
    document = {"attestation": {"symmetric_key": {"value": "a2V5"}}, "list": [{"password": "p"}], "value": "open"}
    assert _redaction.secrets_in(document) == ["a2V5", "p"]
    assert [path for path, _secret in _redaction.secret_paths(document)] == [
        ("attestation", "symmetric_key", "value"),
        ("list", 0, "password"),
    ]
    shown = _redaction.redact_all(document)
    assert shown["attestation"] == {"symmetric_key": {"value": _redaction.PLACEHOLDER}}
    assert shown["value"] == "open"
    by_uri = {"symmetric_key": {"uri": "file:///var/aziot/secrets/key.pem"}}
    assert _redaction.redact_all(by_uri) == by_uri


def test_a_binary_file_as_a_parameter_is_not_shown():
    assert _redaction.redact_all(["0\udc82\x01", "ä€😀"]) == [_redaction.PLACEHOLDER, "ä€😀"]


def test_an_option_for_a_key_is_masked_whatever_stands_in_it():
    options = {"iotedge_certificate": [{"key_path": "/k.pem", "key_content": "MIIEvQIBADANBg", "content": "MIIC"}]}
    [shown] = _redaction.redact_all(options)["iotedge_certificate"]
    assert shown == {"key_path": "/k.pem", "key_content": _redaction.PLACEHOLDER, "content": "MIIC"}
    assert _redaction.secrets_in(options) == ["MIIEvQIBADANBg"]


def test_docker_credentials_given_as_they_are():
    auths = {"registry.example.com": {"auth": "dXNlcjpwdw==", "email": "kept@example.com"}, "auth": {"user": "kept"}}
    masked = {"registry.example.com": {"auth": "********", "email": "kept@example.com"}, "auth": {"user": "kept"}}
    assert _redaction.redact_all({"ECS_ENGINE_AUTH_DATA": auths}) == {"ECS_ENGINE_AUTH_DATA": masked}
    assert _redaction.secrets_in(auths) == ["dXNlcjpwdw=="]


def test_a_proxys_variable_without_a_scheme():
    assert _redaction.redact_all({"settings": {"HTTP_PROXY": "user:p@ss@192.0.2.1:1"}}) == {
        "settings": {"HTTP_PROXY": "********@192.0.2.1:1"}
    }
