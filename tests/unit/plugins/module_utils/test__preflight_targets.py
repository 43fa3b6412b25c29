# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may list as endpoints, and the tables behind the names."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight_endpoints, _preflight_targets
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._preflight_endpoints import SETS, Endpoint

COMPLETE = [
    "docker",
    {"set": "iotedge", "hub": "example.azure-devices.net", "dps": True},
    {"set": "ecs", "region": "eu-central-1"},
    {"set": "circleci", "host": "circleci.example.com", "nomad": "nomad.example.com"},
]


def ends(*entries: t.Any) -> list[Endpoint]:
    return [target.endpoint for target in _preflight_targets.parse(list(entries))]


@pytest.mark.parametrize(
    ("entry", "host", "port", "protocol"),
    [
        ("registry.example.com:443", "registry.example.com", 443, "https"),
        ("Registry.Example.com.:5000", "registry.example.com", 5000, "tcp"),
        ("10.0.0.5:80", "10.0.0.5", 80, "http"),
        ("[FD00::0001]:443", "fd00::1", 443, "https"),
        ("hub.example.com:5671", "hub.example.com", 5671, "amqp"),
        ("hub.example.com:8883", "hub.example.com", 8883, "mqtt"),
        ("https://registry.example.com/v2/", "registry.example.com", 443, "https"),
        ("HTTPS://registry.example.com:5000?a#b", "registry.example.com", 5000, "https"),
        ("http://deb.example.com", "deb.example.com", 80, "http"),
        ("https://[fd00::1]/", "fd00::1", 443, "https"),
        ({"host": "registry.example.com", "port": 5000, "protocol": "https"}, "registry.example.com", 5000, "https"),
        ({"host": "fd00::1", "port": "22"}, "fd00::1", 22, "tcp"),
    ],
)
def test_ones_own_endpoint(entry, host, port, protocol):
    (end,) = ends(entry)
    assert (end.host, end.port, end.protocol, end.needed, end.via) == (host, port, protocol, "required", "proxy")


def test_a_dictionary_says_the_rest():
    given = {"host": "ntp.example.com", "port": 4460, "via": "direct", "required": False, "purpose": "time"}
    assert ends(given) == [Endpoint("ntp.example.com", 4460, "time", "optional", "direct", "tcp")]


def test_lists_can_be_put_together_and_doubles_count_once():
    entries = ends(["docker", "registry.example.com:443"], "registry.example.com:443", "docker")
    assert len(entries) == len({(end.host, end.port) for end in entries}) == len(SETS["docker"].always) + 1


def test_what_is_optional_in_one_set_and_required_elsewhere_is_required():
    host = next(end.host for end in SETS["docker"].always if end.needed == "optional")
    for entries in (["docker", f"{host}:443"], [f"{host}:443", "docker"]):
        assert [end.needed for end in ends(*entries) if end.host == host] == ["required"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("dokcer", "Did you mean docker?"),
        ("registry.example.com", "Write registry.example.com:443."),
        ("registry.example.com:0", "'0' is no port"),
        ("registry.example.com:99999", "'99999' is no port"),
        ("a b:443", "has no port"),
        ("-x.example.com:443", "neither a host name nor an address"),
        ("10.0.0.999:443", "neither a host name nor an address"),
        ("ftp://example.com", "neither an http:// nor an https:// URL"),
        ("https://user:Zq7x9K@example.com", "holds an @"),
        ("https:///v2", "has no host"),
        (443, "is not text, but int"),
        ("ecs", "has no region, which the set ecs needs"),
        ({"set": "ecs", "region": "Frankfurt"}, "is no region"),
        ({"set": "dokcer"}, "Did you mean docker?"),
        ({"set": "iotedge", "hbu": "x"}, "Did you mean hub?"),
        ({"set": "iotedge", "hub": "example"}, "Write example.azure-devices.net."),
        ({"set": "iotedge", "hub": True}, "has a hub that is no text"),
        ({"set": "iotedge", "dps": "0ne00000000"}, "has a dps that is no host name"),
        ({"set": "docker", "region": "x"}, "It takes none."),
        ({"host": "example.com", "prot": 1}, "Did you mean port?"),
        ({"host": "example.com"}, "has no host or no port"),
        ({"host": "example.com", "port": 1, "required": "no"}, "no boolean"),
        ({"host": "example.com", "port": 1, "via": "tunnel"}, "has a via that is none"),
        ({"host": "example.com", "port": 1, "protocol": "udp"}, "has a protocol that is none"),
    ],
)
def test_what_is_refused(entry, message):
    with pytest.raises(Refused, match=r"^endpoints\[1\]: ") as refused:
        _preflight_targets.parse(["docker", entry])
    assert message in str(refused.value)
    assert "Zq7x9K" not in str(refused.value)


def test_no_list_at_all():
    with pytest.raises(Refused, match="is not a list"):
        _preflight_targets.parse("docker")


@pytest.mark.parametrize("entry", COMPLETE, ids=SETS)
def test_every_row_of_a_set_is_filled_in(entry):
    for end in ends(entry):
        assert re.fullmatch(r"(\*\.|[a-z-]+-\*\.)?[a-z0-9.-]+", end.host), end
        assert 0 < end.port < 65536
        assert end.purpose
        assert (end.needed, end.via) in {(n, v) for n in ("required", "optional") for v in ("proxy", "direct")}
        assert end.protocol in _preflight_targets.PROTOCOLS


def test_a_region_of_china_has_another_domain():
    assert ends({"set": "ecs", "region": "cn-north-1"})[0].host == "ecs.cn-north-1.amazonaws.com.cn"


def test_the_vendors_list_for_iot_edge_is_whole():
    """The rows of the vendor's page "Allow connections from IoT Edge devices", as it has them."""
    page = {
        ("mcr.microsoft.com", 443),
        ("*.data.mcr.microsoft.com", 443),
        ("*.cdn.azcr.io", 443),
        ("global.azure-devices-provisioning.net", 443),
        ("*.azurecr.io", 443),
        ("*.blob.core.windows.net", 443),
        ("*.azure-devices.net", 5671),
        ("*.azure-devices.net", 8883),
        ("*.azure-devices.net", 443),
        ("*.docker.io", 443),
        ("aka.ms", 443),
        ("raw.githubusercontent.com", 443),
    }
    assert page <= {(end.host, end.port) for end in ends(COMPLETE[1])}


def test_a_row_of_a_set_names_only_what_the_set_takes():
    for name, chosen in SETS.items():
        known = {*chosen.by_parameter, *(["domain"] if "region" in chosen.by_parameter else [])}
        rows = [*chosen.always, *(row for rows in chosen.by_parameter.values() for row in rows)]
        assert {field for row in rows for field in re.findall(r"{(\w+)}", row.host)} <= known, name
    assert _preflight_endpoints.filled("docker", {})
