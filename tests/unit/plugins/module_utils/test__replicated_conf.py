# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/etc/replicated.conf: the installer's grep, the real one, finds what was written; and it goes without a trace."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _replicated_conf
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import example, given, settings
from hypothesis import strategies as st

URL = "http://10.0.0.33:3128"
# How the installer reads a key: grep for the member, line by line, and sed the key away. Its function cats a fixed
# path; here the file comes on standard input.
READ = r"""grep -o "\"$1\":\s*\"[^\"]*" | sed "s/\"$1\":\s*\"//" """
KEYS = st.sampled_from(["LogLevel", "DaemonAuthenticationType", "ImportSettingsFrom", "a b", "é"])
OTHERS = st.dictionaries(KEYS, st.sampled_from(["", "x", {"HttpProxyUser": "y"}, ["1"], 1, True]), max_size=4)
LAYOUTS = st.sampled_from(
    [
        {},
        {"indent": 2},
        {"indent": "\t", "ensure_ascii": False},
        {"separators": (",", ":")},
        {"separators": (" , ", " : ")},
        {"indent": 4, "separators": (",", " :\n ")},
    ]
)
URLS = st.builds(
    lambda user, password, port: (
        _proxy.parse({"http": f"http://192.0.2.1:{port}", "username": user, "password": password}).http
    ),
    st.sampled_from(["fleet", 'a"b\\']),
    st.sampled_from(["", '"', "\\", "$(id)", "`id`", "a/b?c", "&"]),
    st.integers(1, 65535),
)


def read(content):
    done = subprocess.run(
        ["/bin/bash", "-c", READ, "bash", "HttpProxy"], input=content, capture_output=True, check=True
    )
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{}",
        b"{\n}\n",
        b'{"LogLevel": "debug"}',
        b'{"LogLevel" : "debug"}\n',
        b'{"HttpProxy" : "http://192.0.2.9:1"}',
        b'{"HttpProxy":\n "http://10.0.0.33:3128"}',
        b'{"HttpProxy": "http:\\/\\/10.0.0.33:3128", "LogLevel": "debug"}',
        b'{"Http\\u0050roxy": "http://10.0.0.33:3128"}',
    ],
)
def test_the_installer_finds_it_whatever_was_there(content):
    after = _replicated_conf.edit(content, URL)
    assert read(after) == [URL]
    assert json.loads(after)["HttpProxy"] == URL
    assert _replicated_conf.edit(after, URL) == after


def test_what_the_installer_finds_already_keeps_its_bytes():
    content = b'{ "HttpProxy":\t"http://10.0.0.33:3128","LogLevel" :"debug" }'
    assert _replicated_conf.edit(content, URL) == content


@settings(max_examples=60)
@given(OTHERS, LAYOUTS, URLS)
@example({}, {}, URL)
def test_it_comes_and_goes_and_everything_else_stays(others, layout, url):
    for content in (None, json.dumps(others, **layout).encode()):
        after = _replicated_conf.edit(content, url)
        assert read(after) == [url]
        assert json.loads(after) == {**(others if content else {}), "HttpProxy": url}
        assert _replicated_conf.edit(after, url) == after
        assert _replicated_conf.edit(after, None) == content


@pytest.mark.parametrize("content", [b"[]", b"HttpProxy: x", b'{"a": 1,}', b'{"HttpProxy": "a", "HttpProxy": "b"}'])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(Refused, match=r"^/etc/replicated\.conf"):
        _replicated_conf.edit(content, URL)
