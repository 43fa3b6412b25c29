# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's file and the runtime's storage, by the rules of the vendor's check."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_engine as engine
from hypothesis import given
from hypothesis import strategies as st

LOGS, DNS, IPV6 = "container-engine-logrotate", "container-engine-dns", "container-engine-ipv6"
OPTS = {"max-size": "10m", "max-file": "3"}


def results(source, ipv6=False):
    return {row.id: row.result for row in engine.daemon_json(source, ipv6)}


@pytest.mark.parametrize(
    ("document", "result"),
    [
        ({}, "warning"),
        ({"log-driver": "journald"}, "ok"),
        ({"log-driver": "json-file", "log-opts": OPTS}, "ok"),
        ({"log-driver": "local", "log-opts": OPTS}, "ok"),
        ({"log-driver": "anything", "log-opts": {"max-size": "nonsense", "max-file": ""}}, "ok"),
        ({"log-opts": OPTS}, "warning"),
        ({"log-driver": None, "log-opts": OPTS}, "warning"),
        ({"log-driver": "local"}, "warning"),
        ({"log-driver": "json-file", "log-opts": {"max-size": "10m"}}, "warning"),
        ({"log-driver": "json-file", "log-opts": {"max-file": "3"}}, "warning"),
        ({"log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": 3}}, "error"),
        ({"log-driver": "journald", "log-opts": {"max-file": 3}}, "error"),
        ({"log-driver": 1}, "error"),
        ({"log-driver": "journald", "log-opts": []}, "error"),
    ],
)
def test_logs(document, result):
    assert results(json.dumps(document).encode())[LOGS] == result


@pytest.mark.parametrize(
    ("document", "result"),
    [
        ({}, "warning"),
        ({"dns": []}, "warning"),
        ({"dns": None}, "warning"),
        ({"dns": ["192.0.2.53"]}, "ok"),
        ({"dns": "192.0.2.53"}, "error"),
        ({"dns": [1]}, "error"),
    ],
)
def test_dns(document, result):
    assert results(json.dumps(document).encode())[DNS] == result


@pytest.mark.parametrize(
    ("source", "wanted", "result"),
    [
        (b"{}", False, "ignored"),
        (b"{", False, "ignored"),
        (b'{"ipv6": true}', True, "ok"),
        (b'{"ipv6": false}', True, "error"),
        (b'{"ipv6": "true"}', True, "error"),
        (b"{}", True, "error"),
        (None, True, "error"),
        (b'{"ipv6": true}', None, "skipped"),
    ],
)
def test_ipv6(source, wanted, result):
    assert results(source, wanted)[IPV6] == result


@pytest.mark.parametrize(
    ("source", "result"),
    [
        (None, "warning"),
        (b"", "error"),
        (b"{", "error"),
        (b"[]", "error"),
        (b"null", "error"),
        (b'{"a": NaN}', "error"),
        (b"\xef\xbb\xbf{}", "error"),
        (b"\xff\xfe", "error"),
        (b"[" * 100_000, "error"),
        (b"{}", "warning"),
    ],
)
def test_no_file_and_no_json(source, result):
    assert {results(source)[LOGS], results(source)[DNS]} == {result}


@given(
    st.binary(max_size=40)
    | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_the_file_has_is_judged(source):
    assert set(results(source, True)) == {LOGS, DNS, IPV6}


def test_every_finding_has_an_advice():
    for row in engine.daemon_json(b"{}", True):
        assert "moby_" in row.advice


def container(environment=(), destinations=(), volumes=None):
    mounts = [{"Type": "bind", "Source": "/srv", "Destination": place} for place in destinations]
    return {"Config": {"Env": list(environment), "Volumes": volumes}, "Mounts": mounts}


@pytest.mark.parametrize(
    ("described", "result"),
    [
        (None, "error"),
        (container(), "warning"),
        (container(destinations=["/tmp"]), "ok"),
        (container(destinations=["/tmp/edgeAgent/"]), "ok"),
        (container(destinations=["/tmp/edgeHub"]), "warning"),
        (container(destinations=["/tmp/edge"]), "warning"),
        (container(destinations=["/"]), "ok"),
        (container(volumes={"/tmp": {}}), "ok"),
        (container(["storageFolder=/iotedge/storage"], ["/iotedge/storage/"]), "ok"),
        (container(["StorageFolder=/iotedge/storage"], ["/iotedge"]), "ok"),
        (container(["storageFolder=/iotedge/storage"], ["/tmp"]), "warning"),
        (container(["mystorageFolder=/x"], ["/x"]), "warning"),
        (container(["storageFolder=/a", "storageFolder=/b"], ["/b"]), "warning"),
        ({"Config": {"Env": None, "Volumes": None}, "Mounts": None}, "warning"),
    ],
)
def test_storage(described, result):
    row = engine.storage("edgeAgent", described)
    assert (row.id, row.result) == ("edge-agent-storage-mounted-from-host", result)
    assert bool(row.advice) == (result != "ok")


def test_the_hub_stores_in_its_own_folder():
    assert engine.storage("edgeHub", container(destinations=["/tmp/edgeHub"])).result == "ok"


@pytest.mark.parametrize(
    ("running", "version", "moby", "result"),
    [(True, "20.10.25+azure-2", True, "ok"), (True, "26.1.5", False, "warning"), (False, "", True, "skipped")],
)
def test_whose_engine_it_is(running, version, moby, result):
    assert engine.is_moby(running, version, moby).result == result
