# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of no_proxy entries: one meaning and one spelling each, or a refusal that says what to write."""

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _no_proxy, _proxy_environment, _proxy_java
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._rendered import Notices
from hypothesis import given
from hypothesis import strategies as st

MEANT = [
    # as written, class, canonical spelling, host, port
    ("example.com", "domain", "example.com", "example.com", None),
    ("EXAMPLE.com", "domain", "example.com", "example.com", None),
    ("example.com.", "domain", "example.com", "example.com", None),
    ("_srv.a-b.example.com", "domain", "_srv.a-b.example.com", "_srv.a-b.example.com", None),
    ("xn--bcher-kva.example", "domain", "xn--bcher-kva.example", "xn--bcher-kva.example", None),
    ("registry", "domain", "registry", "registry", None),
    ("10.example.com", "domain", "10.example.com", "10.example.com", None),
    ("example.com:8080", "domain", "example.com:8080", "example.com", 8080),
    (".example.com", "subdomains", ".example.com", "example.com", None),
    ("*.Example.com", "subdomains", ".example.com", "example.com", None),
    ("*.example.com:80", "subdomains", ".example.com:80", "example.com", 80),
    ("10.0.0.5", "ip4", "10.0.0.5", "10.0.0.5", None),
    ("10.0.0.5:08080", "ip4", "10.0.0.5:8080", "10.0.0.5", 8080),
    ("10.1.2.3/32", "ip4", "10.1.2.3", "10.1.2.3", None),
    ("10.0.0.0/8", "cidr4", "10.0.0.0/8", "10.0.0.0/8", None),
    ("10.1.2.3/8", "cidr4", "10.0.0.0/8", "10.0.0.0/8", None),
    ("0.0.0.0/0", "cidr4", "0.0.0.0/0", "0.0.0.0/0", None),
    ("fd00:ec2::254", "ip6", "fd00:ec2::254", "fd00:ec2::254", None),
    ("FD00:EC2:0::254", "ip6", "fd00:ec2::254", "fd00:ec2::254", None),
    ("[fd00:ec2::254]", "ip6", "fd00:ec2::254", "fd00:ec2::254", None),
    ("[fd00:ec2::0254]:80", "ip6", "[fd00:ec2::254]:80", "fd00:ec2::254", 80),
    ("fd00:ec2::254/128", "ip6", "fd00:ec2::254", "fd00:ec2::254", None),
    ("fd00:ec2::254/32", "cidr6", "fd00:ec2::/32", "fd00:ec2::/32", None),
    ("::/0", "cidr6", "::/0", "::/0", None),
    ("*", "all", "*", "*", None),
    ("/var/run/docker.sock", "path", "/var/run/docker.sock", "/var/run/docker.sock", None),
    ("\\\\.\\pipe\\docker_engine", "path", "\\\\.\\pipe\\docker_engine", "\\\\.\\pipe\\docker_engine", None),
]


@pytest.mark.parametrize("case", MEANT, ids=lambda case: case[0])
def test_an_entry_has_one_meaning(case):
    written, *wanted = case
    (entry,) = _no_proxy.parse([f" {written} "])
    assert entry == (*wanted, written)
    # The canonical spelling is canonical: it means the same again.
    (again,) = _no_proxy.parse([entry.text])
    assert again[:4] == entry[:4]


REFUSED = [
    ("10.", "Write 10.0.0.0/8."),
    ("10.*", "Write 10.0.0.0/8."),
    ("10.1", "Write 10.1.0.0/16."),
    ("192.168.1.*", "Write 192.168.1.0/24."),
    ("10.0.0.0/255.0.0.0", "Write 10.0.0.0/8."),
    ("10.0.0.0/8:8080", "Write 10.0.0.0/8."),
    ("10.0.0.0/33", "prefix length"),
    ("fd00::/129", "prefix length"),
    ("010.0.0.1", "not an IPv4 address"),
    ("10.0.0.256", "not an IPv4 address"),
    ("example.1", "ends in a number"),
    ("::ffff:10.0.0.5", "Write 10.0.0.5"),
    ("fe80::1%eth0", "zone"),
    ("[fd00::1", "is not a host name"),
    ("[fd00::1]:0", "port"),
    ("example.com:65536", "port"),
    ("http://example.com", "Write example.com."),
    ("https://10.0.0.5/x", "Write 10.0.0.5."),
    ("unix:///var/run/docker.sock", "Write /var/run/docker.sock."),
    ("example.com/path", "Write example.com."),
    ("sub*.example.com", "Write example.com for it and all under it, or .example.com"),
    ("*example.com", "Write example.com for it and all under it, or .example.com"),
    ("*.*", "has a *"),
    ("**", "has a *"),
    ("<local>", "Write the names"),
    ("a b", "Separate entries by commas"),
    ("a;b", "Separate entries by commas"),
    ("a|b", "Separate entries by commas"),
    ("bücher.example", "ASCII form"),
    ("a\x00b", "no host name has"),
    (".", "is not a host name"),
    ("..example.com", "is not a host name"),
    ("-a.example.com", "is not a host name"),
    ("a" * 64, "is not a host name"),
    (".".join(["a" * 60] * 5), "longer"),
]


@pytest.mark.parametrize(("written", "said"), REFUSED, ids=lambda text: text[:20])
def test_what_no_reader_matches_is_refused_with_what_to_write(written, said):
    with pytest.raises(Refused) as refused:
        _no_proxy.parse(["example.com", written])
    assert said in str(refused.value)
    assert refused.value.where == "container_hosts_proxy.no_proxy[1]"
    assert refused.value.instead


def test_more_digits_than_python_reads_are_no_address():
    with pytest.raises(Refused):
        _no_proxy.parse(["9" * 5000 + ".0.0.1"])


def test_an_entry_that_may_be_a_url_with_a_password_is_not_shown():
    with pytest.raises(Refused) as refused:
        _no_proxy.parse(["http://user:hunter2@192.0.2.1:3128"])
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("mixed", [["example.com", "*"], "x,*", ["*", "10.0.0.0/8"]])
def test_a_star_stands_alone(mixed):
    with pytest.raises(Refused, match=r"Write \* alone"):
        _no_proxy.parse(mixed)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        ("", []),
        ([], []),
        (" a.example , ,b.example\n,", ["a.example", "b.example"]),
        (["a.example", None, "", " "], ["a.example"]),
        (["a.example,b.example", "c.example"], ["a.example", "b.example", "c.example"]),
        (["b.example", "A.example", "a.EXAMPLE", "b.example."], ["b.example", "a.example"]),
        (["*", "*"], ["*"]),
        (("a.example",), ["a.example"]),
    ],
)
def test_lists_and_strings(value, texts):
    assert [entry.text for entry in _no_proxy.parse(value)] == texts


@pytest.mark.parametrize("value", [5, 1.5, True, {"a": "b"}])
def test_neither_a_list_nor_text(value):
    with pytest.raises(Refused, match="neither a list nor text"):
        _no_proxy.parse(value)
    with pytest.raises(Refused, match="quotes"):
        _no_proxy.parse(["a.example", value], where="list")


@given(st.text(max_size=20))
def test_any_text_is_parsed_or_refused(text):
    try:
        entries = _no_proxy.parse(text)
    except Refused:
        return
    rendered = ",".join(entry.text for entry in entries)
    assert _no_proxy.same(rendered, ",".join(entry.text for entry in _no_proxy.parse(rendered)))


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("a,b", "b,a", True),
        ("a,b,a", "A, b ,", True),
        ("", " , ", True),
        ("a", "a,b", False),
        ("a.b", "b", False),
        ("[::1]", "::1", False),
    ],
)
def test_same(a, b, alike):
    assert _no_proxy.same(a, b) is alike


def test_five_thousand_entries_are_no_matter():
    """Bounded by what one CPU-second allows ten times over, so that only a wrong order of growth fails it."""
    started = time.process_time()
    entries = _no_proxy.parse([f"10.{number // 256}.{number % 256}.0/24" for number in range(1000)])
    entries += _no_proxy.parse([f"host{number}.example.com" for number in range(5000)])
    _proxy_environment.no_proxy(entries[-2500:], readers="shared")
    _proxy_java.non_proxy_hosts(entries, Notices())
    assert len(entries) > 5000
    assert time.process_time() - started < 5
