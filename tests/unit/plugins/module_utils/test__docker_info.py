# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GET /info tells of daemon.json's keys. What it really says is held against real engines in tests/conformance."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_info import in_effect, swarm_active

INFO = {
    "Debug": False,
    "LiveRestoreEnabled": True,
    "LoggingDriver": "local",
    "Driver": "overlay2",
    "DockerRootDir": "/var/lib/docker",
    "CgroupDriver": "systemd",
    "Labels": ["a=1", "b=2"],
    "HttpProxy": "http://xxxxx:xxxxx@192.0.2.1:3128",
    "HttpsProxy": "http://192.0.2.1:3128",
    "NoProxy": "localhost,.example.com",
    "Plugins": {"Authorization": None},
    "RegistryConfig": {
        "Mirrors": ["https://mirror.example.com/"],
        "InsecureRegistryCIDRs": ["127.0.0.0/8", "10.0.0.0/8"],
        "IndexConfigs": {
            "docker.io": {"Name": "docker.io", "Secure": True},
            "registry.example.com:5000": {"Name": "registry.example.com:5000", "Secure": False},
        },
    },
    "DefaultAddressPools": [{"Base": "10.200.0.0/16", "Size": 24}],
}


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("debug", False, True),
        ("debug", True, False),
        ("live-restore", True, True),
        ("log-driver", "local", True),
        ("log-driver", "journald", False),
        ("log-opts", {"max-size": "1m"}, None),
        ("dns", ["192.0.2.1"], None),
        ("nosuch", 1, None),
        ("debug", None, None),
        ("labels", ["b=2", "a=1", "a=1"], True),
        ("labels", ["a=1"], False),
        ("labels", "a=1", None),  # of a wrong type, which is refused elsewhere
        ("registry-mirrors", ["https://mirror.example.com"], True),
        ("registry-mirrors", [], False),
        ("insecure-registries", ["http://registry.example.com:5000", "10.1.2.3/8", "127.0.0.0/8"], True),
        ("insecure-registries", ["10.0.0.0/8"], False),
        ("proxies", {"https-proxy": "http://192.0.2.1:3128", "no-proxy": ".example.com,localhost"}, True),
        ("proxies", {"https-proxy": "http://192.0.2.1:3129"}, False),
        ("proxies", {"https-proxy": "http://u:p@192.0.2.1:3128"}, False),
        ("proxies", {"http-proxy": "http://u:p@192.0.2.1:3128"}, None),  # the password is masked there
        ("proxies", {"http-proxy": "http://192.0.2.1:3128"}, False),
        ("proxies", {"no-proxy": "localhost"}, False),
        ("storage-driver", "overlay2", True),
        ("storage-driver", "btrfs", None),
        ("data-root", "/var/lib/docker", True),
        ("data-root", "/srv/docker", None),
        ("exec-opts", ["native.cgroupdriver=systemd"], True),
        ("exec-opts", ["native.cgroupdriver=cgroupfs"], False),
        ("exec-opts", ["native.cgroupdriver=systemd", "other=1"], None),
        ("authorization-plugins", [], True),
        ("authorization-plugins", ["x"], False),
        ("default-address-pools", [{"base": "10.200.0.0/16", "size": 24}], True),
        ("default-address-pools", [{"base": "10.200.0.0/16", "size": 25}], False),
        ("experimental", True, None),  # not in this engine's answer
    ],
)
def test_in_effect(key, value, verdict):
    assert in_effect({key: value}, INFO) == {key: verdict}
    assert in_effect({key: value}, {}).get(key) in (None, False, True)


@pytest.mark.parametrize(
    ("info", "active"),
    [
        ({}, False),
        ({"Swarm": None}, False),
        ({"Swarm": {"LocalNodeState": "inactive"}}, False),
        ({"Swarm": {"LocalNodeState": "active"}}, True),
        ({"Swarm": {"LocalNodeState": "locked"}}, True),
    ],
)
def test_swarm_active(info, active):
    assert swarm_active(info) is active
