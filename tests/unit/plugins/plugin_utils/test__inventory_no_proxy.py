# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list covers every host of the inventory and no stranger, and doesn't change with each of them."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _no_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._inventory_no_proxy import (
    Options,
    entries,
    options,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PRIVATE = st.integers(0, 2**16 - 1).map(lambda number: str(ipaddress.ip_address("10.3.0.0") + number))
PUBLIC = st.integers(0, 2**12).map(lambda number: str(ipaddress.ip_address("8.8.0.0") + number))
SIX = st.integers(0, 2**18).map(lambda number: str(ipaddress.ip_address("fd00::") + number * 2**50))
LABEL = st.sampled_from(["a", "b", "host-1", "eu"])
NAMES = st.tuples(
    LABEL, LABEL, st.sampled_from(["example.com", "x.example.com", "co.uk", "compute.amazonaws.com"])
).map(".".join)
LEFT_OUT = ["web1", "no host", "localhost"]
HOSTS = st.lists(PRIVATE | PUBLIC | SIX | NAMES | st.sampled_from(LEFT_OUT), max_size=12)


def covered(host: str, listed: list[str]) -> bool:
    """Whether a list exempts a host, by a rule of this test's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return any(host == entry or (entry.startswith(".") and host.endswith(entry)) for entry in listed)
    return any(address in ipaddress.ip_network(entry) for entry in listed if ":" in entry or entry[0].isdigit())


@settings(max_examples=300)
@given(HOSTS, st.randoms())
def test_every_host_is_on_it_whatever_the_order_and_none_twice(hosts, random):
    listed = entries(hosts, Options())
    assert [host for host in hosts if host not in LEFT_OUT and not covered(host, listed)] == []
    shuffled = hosts * 2
    random.shuffle(shuffled)
    assert entries(shuffled, Options()) == listed
    assert len(set(listed)) == len(listed)
    # Each entry is needed: without it, some host is left out.
    for entry in listed:
        rest = [each for each in listed if each != entry]
        assert any(covered(host, listed) and not covered(host, rest) for host in hosts)
    # And each is one that the proxy model takes as it is.
    assert [each.text for each in _no_proxy.parse(listed)] == listed


@settings(max_examples=200)
@given(HOSTS, st.integers(1, 254))
def test_a_further_host_of_the_same_network_and_domain_changes_nothing(hosts, number):
    before = entries([*hosts, "10.9.8.1", "web-1.site.example.com"], Options())
    after = entries(
        [*hosts, "10.9.8.1", "web-1.site.example.com", f"10.9.8.{number}", f"web-{number}.site.example.com"], Options()
    )
    assert after == before


@settings(max_examples=100)
@given(HOSTS)
def test_no_stranger_is_on_it(hosts):
    listed = entries(hosts, Options())
    strangers = ["8.9.0.1", "10.4.0.1", "x.co.uk", "y.compute.amazonaws.com", "zz.compute.amazonaws.com"]
    strangers += [str(ipaddress.ip_address("8.8.0.0") + number) for number in range(0, 4096, 97)]
    assert [each for each in strangers if each not in hosts and covered(each, listed)] == []


@pytest.mark.parametrize(
    ("hosts", "asked", "listed"),
    [
        (["10.0.0.1", "10.0.1.1"], {}, ["10.0.0.0/23"]),
        (["10.0.0.1", "10.200.0.9"], {"networks": ["10.0.0.0/8"]}, ["10.0.0.0/8"]),
        (["10.0.0.1", "10.0.0.9"], {"prefix4": 32}, ["10.0.0.1", "10.0.0.9"]),
        (["a.x.example.com", "b.y.example.com"], {}, [".x.example.com", ".y.example.com"]),
        (["a.x.example.com", "b.example.com"], {}, [".example.com"]),
        (["a.x.example.com", "b.y.example.com"], {"domains": ["example.com"]}, [".example.com"]),
        (["example.com", "a.example.com"], {"domains": ["example.com"]}, [".example.com", "example.com"]),
        (["i-1.eu-west-1.compute.amazonaws.com"], {}, ["i-1.eu-west-1.compute.amazonaws.com"]),
        (["shop.co.uk", "a.shop.co.uk"], {}, [".shop.co.uk", "shop.co.uk"]),
        (["web1", "web2"], {}, []),
        (["web1", "web2"], {"short_names": True}, ["web1", "web2"]),
        (["fd00::1", "fd00::2"], {}, ["fd00::/64"]),
        (["8.8.8.8", "127.0.0.1", "WEB.Example.COM."], {}, ["8.8.8.8", ".example.com"]),
    ],
)
def test_examples(hosts, asked, listed):
    assert entries(hosts, options(**asked)) == listed


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"networks": ["10.0.0.1"]}, "'10.0.0.1' is no network"),
        ({"networks": ["10.0.0.0/33"]}, "impossible prefix length"),
        ({"domains": ["10.0.0.0/8"]}, "is no domain"),
        ({"prefix4": 0}, "prefix4: 0 is no prefix length"),
        ({"prefix6": "64"}, "prefix6: '64'"),
    ],
)
def test_bad_options_are_refused(asked, said):
    with pytest.raises(Refused) as refused:
        options(**asked)
    assert said in str(refused.value)
