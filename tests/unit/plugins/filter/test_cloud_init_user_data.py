# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filter takes, refuses and warns of; what its texts do is seen in tests/conformance."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetops.container_hosts.plugins.filter.cloud_init_user_data import cloud_init_user_data
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _rendering, _user_data

PROXY = {"http": "192.0.2.1:3128", "no_proxy": ["corp.example.com"]}
FORMATS = _user_data.FORMATS


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(_rendering._display, "warning", said.append)
    return said


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_both_proxies_and_the_metadata(warnings, form):
    text = cloud_init_user_data(PROXY, form, {"ECS_CLUSTER": "production"}, ipv6_metadata=True)
    for what in ("HTTPS_PROXY", "http://192.0.2.1:3128", "169.254.169.254,169.254.170.2,fd00:ec2::254", "production"):
        assert what in text
    assert "https://192.0.2.1" not in text
    assert text == cloud_init_user_data(PROXY, form, {"ECS_CLUSTER": "production"}, ipv6_metadata=True)


@pytest.mark.parametrize("form", FORMATS)
def test_credentials_are_warned_of_without_being_shown(warnings, form):
    cloud_init_user_data({"http": "http://192.0.2.1:1", "username": "u", "password": "s3cret"}, form)
    assert [text for text in warnings if "metadata service" in text]
    assert "s3cret" not in "".join(warnings)


def test_a_restart_in_user_data_waits_for_nothing(warnings):
    for form in ("boothook", "cloud_config"):
        text = cloud_init_user_data(PROXY, form)
        restarts = re.findall(r"systemctl[^\n]*restart|\"systemctl\",[^]]*restart", re.sub(r"\n +", " ", text))
        assert restarts
        assert all("--no-block" in each for each in restarts)


def test_quotes_in_powershell(warnings):
    text = cloud_init_user_data({}, "powershell", {"ECS_CLUSTER": "it's \u2019 $x `n"})
    assert "-Cluster 'it''s \u2019\u2019 $x `n' -EnableTaskIAMRole" in text
    text = cloud_init_user_data(PROXY, "powershell")
    assert r"\\.\pipe\docker_engine'" in text
    assert "docker.sock" not in text
    assert text.index("Restart-Service docker -Force") < text.index("Initialize-ECSAgent")


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        (PROXY, {"format": "bash"}, "boothook, cloud_config, powershell"),
        ({}, {}, "asks for nothing"),
        ({"http": "ftp://192.0.2.1"}, {}, "container_hosts_proxy.http: is neither"),
        ({}, {"settings": {"ECS_CLUSTR": "x"}}, "ECS_CLUSTER"),
        ({}, {"settings": {"ECS_LOGLEVEL": "a\nb"}}, "ECS_LOGLEVEL"),
        (PROXY, {"settings": {"NO_PROXY": "x"}}, "settings: NO_PROXY"),
        ({**PROXY, "no_proxy": [f"host-{number}.example.com" for number in range(999)]}, {}, "no more than 16384"),
    ],
)
def test_what_is_refused(warnings, model, arguments, words):
    with pytest.raises(AnsibleFilterError, match=re.escape(words)):
        cloud_init_user_data(model, **arguments)
