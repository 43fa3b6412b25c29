# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused in the Docker CLI's config.json, and what is none of our business."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_client import check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


def judge(wanted, document=None):
    return check({**(document or {}), **wanted}, wanted=wanted)


def test_what_is_right_and_what_is_not_ours():
    everything = dict.fromkeys(("httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy"), "x")
    assert judge({"proxies": {"default": everything, "tcp://192.0.2.1:2376": {"noProxy": "a"}}}) == []
    assert judge({"credsStore": "pass", "nosuch": [1]}, {"auths": {}, "proxies": {"x": 1}}) == []
    assert judge({}) == []


def test_an_entry_of_another_daemon_is_said_to_replace_the_default():
    document = {"proxies": {"default": {"noProxy": "a"}, "unix:///run/other.sock": {}}}
    [notice] = check(document, wanted={"proxies": {"default": {"noProxy": "a"}}})
    assert notice.entry == "proxies.unix:///run/other.sock"


@pytest.mark.parametrize(
    ("wanted", "message", "instead"),
    [
        ({"httpProxy": "x"}, "httpProxy: is ignored by the Docker CLI at the top level", '"default": {"httpProxy"'),
        ({"no_proxy": "x"}, "no_proxy: is ignored by the Docker CLI at the top level", '"default": {"noProxy"'),
        ({"proxies": "x"}, "proxies: is not an object", ""),
        ({"proxies": {"httpProxy": "x"}}, "proxies.httpProxy: stands beside", '{"default": {"httpProxy": "..."}}'),
        ({"proxies": {"http-proxy": "x"}}, "proxies.http-proxy: stands beside", "daemon.json (schema: docker)"),
        ({"proxies": {"defualt": {}}}, "proxies.defualt: is neither default nor", "Write default"),
        ({"proxies": {"default": "x"}}, "proxies.default: is not an object", ""),
        ({"proxies": {"default": {"http-proxy": "x"}}}, "proxies.default.http-proxy: is ignored", "Write httpProxy."),
        (
            {"proxies": {"default": {"httpPrxy": "x"}}},
            "proxies.default.httpPrxy: is ignored",
            "Did you mean httpProxy?",
        ),
        ({"proxies": {"default": {"noProxy": ["x"]}}}, "proxies.default.noProxy: is not a string", "commas"),
    ],
)
def test_what_the_cli_would_ignore_is_refused(wanted, message, instead):
    with pytest.raises(Refused, match=re.escape(message)) as caught:
        judge(wanted)
    assert instead in str(caught.value)
