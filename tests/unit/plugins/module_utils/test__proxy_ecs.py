# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy in the agent's words: the metadata stays direct, whatever the user's list says."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _no_proxy,
    _no_proxy_go,
    _proxy,
    _proxy_ecs,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

LISTS = [
    None,
    [],
    ["corp.example.com", "10.0.0.0/8"],
    ["169.254.169.254"],
    ["169.254.0.0/16", "/var/run/docker.sock"],
    ["*"],
]


def environment(*, ipv6=False, **model):
    return _proxy_ecs.environment(_proxy.parse(_proxy_ecs.with_scheme(model)), ipv6=ipv6).value


@pytest.mark.parametrize("no_proxy", LISTS, ids=str)
@pytest.mark.parametrize("ipv6", [False, True])
def test_the_metadata_is_never_asked_of_the_proxy(no_proxy, ipv6):
    value = environment(http="http://192.0.2.1:3128", no_proxy=no_proxy, ipv6=ipv6)["NO_PROXY"]
    entries = _no_proxy.parse(value)
    assert len({entry.text for entry in entries}) == len(value.split(","))
    for host in ("169.254.169.254", "169.254.170.2", *(["fd00:ec2::254"] if ipv6 else [])):
        assert _no_proxy_go.covered_by(entries, host, 80)
    for entry in _no_proxy.parse(no_proxy):
        assert entry.text in value.split(",")
    if no_proxy != ["*"]:
        assert value.endswith(",/var/run/docker.sock")
        assert bool(_no_proxy_go.covered_by(entries, "fd00:ec2::254", 80)) == ipv6


@pytest.mark.parametrize(
    ("http", "written"),
    [
        ("192.0.2.1:3128", "http://192.0.2.1:3128"),
        ("proxy.example.com", "http://proxy.example.com:80"),
        ("http://192.0.2.1:3128/", "http://192.0.2.1:3128"),
        ("https://proxy.example.com:3129", "https://proxy.example.com:3129"),
    ],
)
def test_a_scheme_may_be_missing_as_in_the_vendors_page(http, written):
    names = environment(http=http)
    assert (names["HTTP_PROXY"], names["HTTPS_PROXY"], set(names)) == (written, written, set(_proxy_ecs.NAMES))
    assert _proxy_ecs.url(http) == written


@pytest.mark.parametrize("value", ["socks5://192.0.2.1:1080", "a b", "u:s3cret@", ["x"], "", None])
def test_what_is_no_proxy_is_refused(value):
    with pytest.raises(Refused) as refused:
        _proxy_ecs.url(value)
    assert "s3cret" not in str(refused.value)
