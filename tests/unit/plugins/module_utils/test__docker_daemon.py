# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of daemon.json: what is refused, what is said, and what a change takes."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon import (
    canonical,
    change,
    check,
    fingerprint,
    version_of,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon_keys import (
    FLAG_KEYS,
    FLAGS_ONLY,
    KEYS,
    PROXY_ALIASES,
    PROXY_KEYS,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon_meanings import meaning
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon_values import SHAPE_IS_ALL, shape
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

BOOKWORM, TRIXIE = (20, 10, 24), (26, 1, 5)


def judge(wanted, document=None, **context):
    """Check settings as config_json does, alone in the file unless `document` says what else is there."""
    wanted = canonical(wanted)
    context.setdefault("version", TRIXIE)
    return check({**(document or {}), **wanted}, wanted=wanted, **context)


GOOD = [
    {"debug": True},
    {"dns": ["192.0.2.1", "2001:db8::1"], "dns-search": ["example.com"], "dns-opts": ["ndots:1"]},
    {"log-driver": "local", "log-opts": {"max-size": "10m", "max-file": "3", "compress": "false"}},
    {
        "log-driver": "json-file",
        "log-opts": {"max-size": "1.5g", "max-file": "2", "compress": "true", "tag": "{{.ID}}"},
    },
    {"log-opts": {"mode": "non-blocking", "max-buffer-size": "4m"}},
    {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://192.0.2.1:514"}},
    {
        "proxies": {
            "http-proxy": "http://u:p%40@192.0.2.1:3128",
            "https-proxy": "http://[2001:db8::1]:3128",
            "no-proxy": "a",
        }
    },
    {"registry-mirrors": ["https://mirror.example.com", "http://192.0.2.1:5000/", "https://mirror.example.com/path"]},
    {
        "insecure-registries": [
            "registry.example.com:5000",
            "10.0.0.0/8",
            "[2001:db8::1]:5000",
            "2001:db8::/32",
            "host_1",
        ]
    },
    {"labels": ["a=1", "b=", "a=1"]},
    {"default-address-pools": [{"base": "10.200.0.0/16", "size": 24}, {"Base": "2001:db8::/48", "Size": 64}]},
    {"runtimes": {"crun": {"path": "/usr/bin/crun"}}, "default-runtime": "crun"},
    {"default-runtime": "io.containerd.runc.v2"},
    {"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}}},
    {"features": {"buildkit": True}, "builder": {"gc": {"enabled": True}}},
    {"exec-opts": ["native.cgroupdriver=systemd"], "storage-opts": ["overlay2.size=1G"]},
    {"default-shm-size": "64m", "bip": "172.30.0.1/16", "fixed-cidr": "172.30.0.0/24", "mtu": 1450},
    {"log-level": "WARN", "log-format": "json", "default-ipc-mode": "private", "default-cgroupns-mode": "host"},
    {"ip": "192.0.2.1", "host-gateway-ip": "192.0.2.1", "hosts": ["tcp://192.0.2.1:2376"]},
    {"default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1450"}}},
]


@pytest.mark.parametrize("wanted", GOOD, ids=lambda wanted: next(iter(wanted)))
def test_what_is_right_passes_without_a_word(wanted):
    assert judge(wanted) == []


BAD = {
    "typo": ({"log-drivr": "local"}, "log-drivr: is no key", "Did you mean log-driver?"),
    "case": ({"Debug": True}, "Debug: is no key", "Did you mean debug?"),
    "underscore": ({"live_restore": True}, "live_restore: is no key", "Did you mean live-restore?"),
    "top-level proxy": (
        {"http-proxy": "http://h:1"},
        "http-proxy: is ignored by dockerd",
        '{"proxies": {"http-proxy": "..."}}',
    ),
    "camel case": ({"noProxy": "a"}, "noProxy: is no key", '{"proxies": {"no-proxy": "..."}}'),
    "CLI form": (
        {"proxies": {"default": {"httpProxy": "x"}}},
        "proxies.default: is an object, not a string",
        "docker_client",
    ),
    "CLI keys": (
        {"proxies": {"httpProxy": "http://h:1"}},
        "proxies.httpProxy: is not a key",
        "Write http-proxy. The form",
    ),
    "a flag's name": ({"registry-mirror": "https://m"}, "is the name of dockerd's flag", "Write registry-mirrors."),
    "a flag only": ({"containerd-plugins-namespace": "x"}, "can only be given to dockerd as a flag", "ExecStart="),
    "unknown object of known keys": ({"daemon": {"debug": True}}, "dockerd would ignore it and what is in it", ""),
    "bool as text": ({"debug": "yes"}, "debug: is a string, not true or false", "without quotes"),
    "bool as number": ({"debug": 1}, "debug: is a number, not true or false", ""),
    "number as text": ({"mtu": "big"}, "mtu: is a string, not a whole number", ""),
    "number as bool": ({"mtu": True}, "mtu: is true or false, not a whole number", ""),
    "fraction": ({"mtu": 1.5}, "mtu: is a number, not a whole number", ""),
    "negative": ({"max-concurrent-downloads": -1}, "is negative", ""),
    "text as number": ({"bridge": 1}, "bridge: is a number, not a string", "double quotes"),
    "list as text": ({"dns": "192.0.2.1"}, "dns: is a string, not a list", '["192.0.2.1"]'),
    "number in a list": ({"labels": [1]}, "labels.0: is a number, not a string", ""),
    "labels as an object": ({"labels": {"a": "b"}}, "labels: is an object, not a list", ""),
    "null": ({"debug": None}, "debug: is null", "remove"),
    "null option": ({"log-opts": ["a"]}, "log-opts: is a list, not an object", ""),
    "no_proxy as a list": ({"proxies": {"no-proxy": ["a"]}}, "proxies.no-proxy: is a list, not a string", "commas"),
    "proxy without scheme": ({"proxies": {"http-proxy": "h:3128"}}, "proxies.http-proxy: is no proxy URL", "http://"),
    "dns with port": ({"dns": ["192.0.2.1:53"]}, "dns.0: '192.0.2.1:53' is no IP address", "without port"),
    "dns name": ({"dns": ["192.0.2.1", "ns.example.com"]}, "dns.1: 'ns.example.com' is no IP address", "names"),
    "mirror without scheme": (
        {"registry-mirrors": ["m.example.com"]},
        "registry-mirrors.0: does not begin with",
        "https://",
    ),
    "mirror with password": ({"registry-mirrors": ["https://u:s3cret@m"]}, "holds credentials", "docker login"),
    "mirror with query": ({"registry-mirrors": ["https://m/?a"]}, "has a query", ""),
    "mirror with bad port": ({"registry-mirrors": ["https://m:x"]}, "is no URL", ""),
    "insecure with path": ({"insecure-registries": ["r.example.com/x"]}, "neither host[:port] nor a network", ""),
    "insecure with bad port": ({"insecure-registries": ["r.example.com:99999"]}, "neither host[:port]", ""),
    "insecure with hyphen": ({"insecure-registries": ["-r"]}, "neither host[:port] nor a network", ""),
    "insecure bad network": ({"insecure-registries": ["10.0.0.0/33"]}, "neither host[:port] nor a network", ""),
    "label without value": ({"labels": ["a"]}, "labels.0: 'a' has no =", "a=value"),
    "label twice": ({"labels": ["a=1", "a=2"]}, "labels.1: gives a a second value", ""),
    "unknown runtime": ({"default-runtime": "crun"}, "is crun, which is not among runtimes", '"runtimes"'),
    "reserved runtime": ({"runtimes": {"runc": {"path": "/x"}}}, "runtimes.runc: is dockerd's own name", ""),
    "empty runtime": ({"runtimes": {"x": {}}}, "runtimes.x: has neither path nor runtimeType", ""),
    "runtime as text": ({"runtimes": {"x": "/x"}}, "runtimes.x: is a string, not an object", ""),
    "ulimit as number": ({"default-ulimits": {"nofile": 1024}}, "default-ulimits.nofile: is a number", ""),
    "pool without network": (
        {"default-address-pools": [{"base": "10.0.0.0", "size": 24}]},
        "pools.0.base: is no network",
        "",
    ),
    "pool too large": (
        {"default-address-pools": [{"base": "10.0.0.0/16", "size": 8}]},
        "pools.0.size: is 8",
        "16 to 32",
    ),
    "pool members": ({"default-address-pools": [{"base": "10.0.0.0/16"}]}, "has other members than base and size", ""),
    "pools as an object": (
        {"default-address-pools": {"base": "10.0.0.0/16", "size": 24}},
        "is an object, not a list",
        "",
    ),
    "shm size": ({"default-shm-size": "lots"}, "'lots' is no size", "64m"),
    "shm size as number": ({"default-shm-size": 64}, "is a number, not a string", ""),
    "log level": ({"log-level": "loud"}, "'loud', which dockerd does not know", "debug"),
    "ipc mode": ({"default-ipc-mode": "host"}, "'host', which dockerd does not know", "private, shareable"),
    "cgroup driver": (
        {"exec-opts": ["native.cgroupdriver=x"]},
        "a cgroup driver that dockerd does not have",
        "systemd",
    ),
    "option without value": ({"storage-opts": ["x"]}, "'x' is not of the form name=value", ""),
    "bip": ({"bip": "172.30.0.1"}, "bip: is no address with a prefix length", "172.30.0.1/16"),
    "feature as text": ({"features": {"buildkit": "on"}}, "features.buildkit: is a string, not true or false", ""),
    "unknown log option": (
        {"log-driver": "local", "log-opts": {"max-fil": "3"}},
        "log-opts.max-fil: is no option",
        "max-file?",
    ),
    "option of another driver": ({"log-driver": "local", "log-opts": {"tag": "x"}}, "log-opts.tag: is no option", ""),
    "option of the default driver": ({"log-opts": {"bogus": "x"}}, "no option of the log driver json-file", ""),
    "log size": ({"log-opts": {"max-size": "-1"}}, "log-opts.max-size: is '-1', no size", "10m"),
    "log files in digits of another kind": (
        {"log-opts": {"max-file": "\u00b2"}},
        "log-opts.max-file: is '\u00b2', no number of files",
        "",
    ),
    "more digits than Python reads": ({"log-opts": {"max-file": "9" * 5000}}, "no number of files", ""),
    "log files": ({"log-opts": {"max-file": "0"}}, "log-opts.max-file: is '0', no number of files", ""),
    "compress": ({"log-opts": {"compress": "maybe"}}, "neither true nor false", ""),
    "compress alone": ({"log-opts": {"compress": "true"}}, "log-opts.compress: needs max-size", '"max-file": "3"'),
    "one compressed file": ({"log-driver": "local", "log-opts": {"max-file": "1"}}, "is 1, and the driver local", ""),
    "buffer without mode": ({"log-opts": {"max-buffer-size": "4m"}}, "has no effect without mode", "non-blocking"),
}


@pytest.mark.parametrize(("wanted", "message", "instead"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_refused_by_name_and_with_a_way_out(wanted, message, instead):
    with pytest.raises(Refused) as caught:
        judge(wanted)
    assert message in str(caught.value)
    assert instead in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("key", [*FLAG_KEYS, *FLAGS_ONLY, *PROXY_KEYS, *PROXY_ALIASES, "swarm-raft-heartbeat-tick"])
def test_no_name_of_something_else_passes_for_a_key(key):
    with pytest.raises(Refused):
        judge({key: "x"})


def test_keys_by_version():
    with pytest.raises(
        Refused, match=r"proxies: needs Docker Engine 23\.0 or later; 20\.10\.24 .* systemd_environment"
    ):
        judge({"proxies": {"http-proxy": "http://h:1"}}, version=BOOKWORM)
    with pytest.raises(Refused, match=r"graph: is no longer known to Docker Engine 26\.1\.5.* Write data-root"):
        judge({"graph": "/x"})
    with pytest.raises(Refused, match="has a path"):
        judge({"registry-mirrors": ["https://m.example.com/path"]}, version=BOOKWORM)
    assert judge({"graph": "/x"}, version=BOOKWORM) == []
    assert judge({"proxies": {"http-proxy": "http://h:1"}}, version=None) == []


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.1.5+dfsg1", (26, 1, 5)),
        ("20.10.25+azure-2", (20, 10, 25)),
        ("28.0", (28, 0, 0)),
        ("", None),
        ("Docker version 20.10.24+dfsg1, build 5d6db84", (20, 10, 24)),
    ],
)
def test_version_of(text, version):
    assert version_of(text) == version


def test_values_that_can_only_be_meant_one_way_are_spelled_as_dockerd_wants_them():
    asked = {
        "log-opts": {"max-file": 3, "compress": True, "max-size": "10m", "x": 1.5},
        "debug": "True",
        "mtu": "1450",
        "shutdown-timeout": 30.0,
        "features": {"buildkit": "false"},
        "bridge": "br0",
        "unknown": {"a": 1},
    }
    assert canonical(asked) == {
        "log-opts": {"max-file": "3", "compress": "true", "max-size": "10m", "x": "1.5"},
        "debug": True,
        "mtu": 1450,
        "shutdown-timeout": 30,
        "features": {"buildkit": False},
        "bridge": "br0",
        "unknown": {"a": 1},
    }


# What others wrote ------------------------------------------------------------------------------------------------


def test_what_is_not_ours_is_left_to_the_engine():
    document = {"nosuch": {"debug": True}, "dns": ["ns.example.com"], "registry-mirror": "x", "log-opts": None}
    assert judge({"debug": True}, document) == []


def test_a_wrong_type_that_is_not_ours_is_refused_where_it_stands():
    with pytest.raises(Refused, match=r"^file, line 4: log-opts\.max-file: is a number, not a string"):
        judge({"debug": True}, {"log-opts": {"max-file": 3}}, locate=lambda keys: f"file, line 4: {'.'.join(keys)}")
    with pytest.raises(Refused, match=r"mtu: is a number with a fraction or exponent\. Write 1500"):
        judge({"debug": True}, {"mtu": 1500.0})


# The host ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "document", "flags", "message"),
    [
        ({"hosts": ["fd://"]}, {}, {"host": ["fd://"]}, "hosts: is also given to dockerd as the flag --host"),
        (
            {"debug": True},
            {"labels": ["a=b"]},
            {"label": ["c=d"]},
            "labels: is also given to dockerd as the flag --label",
        ),
        ({"debug": True}, {"data-root": "/x"}, {"data-root": ["/x"]}, "data-root: is also given"),
        ({"proxies": {"http-proxy": "http://h:1"}}, {}, {"http-proxy": ["x"]}, "proxies.http-proxy: is also given"),
    ],
)
def test_a_key_that_is_a_flag_too_is_refused(wanted, document, flags, message):
    with pytest.raises(Refused, match=re.escape(message)):
        judge(wanted, document, flags=flags)


def test_flags_that_do_no_harm():
    assert judge({"runtimes": {"a": {"path": "/a"}}}, flags={"add-runtime": ["b=/b"], "host": ["fd://"]}) == []
    assert judge({"default-runtime": "b"}, flags={"add-runtime": ["b=/b"]}) == []
    assert judge({"log-opts": {"mtu": "x"}, "log-driver": "gelf"}, flags={"mtu": ["1450"]}) == []
    with pytest.raises(Refused, match="no option of the log driver local"):
        judge({"log-opts": {"tag": "x"}}, flags={"log-driver": ["local"]})


def test_live_restore_in_a_swarm():
    with pytest.raises(Refused, match="live-restore: does not go together with swarm mode"):
        judge({"live-restore": True}, swarm_active=True)
    assert judge({"live-restore": False}, swarm_active=True) == []


def test_what_is_said_and_not_refused():
    [plugin] = judge({"log-driver": "loki", "log-opts": {"loki-url": "http://192.0.2.1"}})
    assert plugin.entry == "log-driver loki"
    [scheme] = judge({"insecure-registries": ["http://r.example.com:5000"]})
    assert "scheme" in scheme.why


# What a change takes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "takes"),
    [
        ({"a": 1}, {"a": 1}, "none"),
        ({"mtu": 1500}, {"mtu": 1500.0}, "none"),
        ({}, {"live-restore": True}, "reload"),
        ({"labels": ["a=1"]}, {"labels": ["a=2"]}, "reload"),
        ({"labels": ["a=1"]}, {}, "restart"),  # a reload does not notice that a key is gone
        ({"max-concurrent-downloads": 1}, {}, "reload"),  # but with these
        ({"features": {"buildkit": True}}, {"features": {}}, "reload"),
        ({}, {"features": {"containerd-snapshotter": True}}, "restart"),
        (
            {"features": {"containerd-snapshotter": True, "buildkit": True}},
            {"features": {"containerd-snapshotter": True}},
            "reload",
        ),
        ({}, {"dns": ["192.0.2.1"]}, "restart"),
        ({}, {"proxies": {}}, "restart"),
        ({"log-opts": {"max-size": "1m"}}, {"log-opts": {"max-size": "2m"}}, "restart"),
        ({}, {"live-restore": True, "dns": []}, "restart"),
        ({"debug": True}, {"debug": 1}, "reload"),
        ({}, {"nosuch": 1}, "restart"),
    ],
)
def test_change(before, after, takes):
    assert change(before, after) == takes
    assert change(fingerprint(before), fingerprint(after)) == takes


def test_a_fingerprint_tells_no_secret():
    assert "s3cret" not in str(fingerprint({"proxies": {"http-proxy": "http://u:s3cret@h"}}))


def test_no_file_is_too_deep_for_a_fingerprint():
    deep: list = []
    for _level in range(10_000):
        deep = [deep]
    with pytest.raises(Refused, match="nested too deeply"):
        fingerprint({"nosuch": deep})


def test_every_kind_of_key_has_a_shape_and_a_meaning():
    for key in KEYS:
        with pytest.raises(Refused):
            judge({key: object()}, version=None)


@pytest.mark.parametrize("kind", sorted({key.kind for key in KEYS.values()} | set(SHAPE_IS_ALL)))
def test_where_the_shape_is_all_there_is_no_meaning_to_be_wrong(kind):
    """A kind is listed so or not by whether any value of the right shape is refused."""
    candidates = ["", "x", -1, 2, True, [""], ["x"], {}, {"x": "y"}, {"x": True}, {"x": {}}]
    candidates.append([{"base": "x", "size": 1}])
    refused = [
        value
        for value in candidates
        if shape(kind, value) is None and next(meaning(kind, value, None), None) is not None
    ]
    assert bool(refused) != (kind in SHAPE_IS_ALL)
