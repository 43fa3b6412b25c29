# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parts of CircleCI server are told: the vendor's own example, without the defects of its page."""

from __future__ import annotations

import urllib.parse

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_circleci
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given
from hypothesis import strategies as st

# The vendor's page: proxy, Services machine, GitHub Enterprise.
PAGE = {"http": "http://10.0.0.33:8080"}
DIRECT = ["10.0.1.238", "ghe.example.com"]
SECRETS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def parsed(given, **options):
    return _proxy.parse(_proxy_circleci.model(given, **options))


def test_what_the_page_says_with_the_port_of_the_url_in_both_flags():
    variables = _proxy_circleci.customizations(parsed(PAGE, direct=DIRECT, s3=True)).value
    assert {variables[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy")} == {PAGE["http"]}
    direct = {"169.254.169.254", "127.0.0.1", "localhost", "s3.amazonaws.com", *DIRECT}
    assert direct <= set(variables["NO_PROXY"].split(","))
    options = dict(option.split("=") for option in variables["JVM_OPTS"].split(" "))
    assert [options[f"-D{scheme}.proxyPort"] for scheme in ("http", "https")] == ["8080", "8080"]
    assert [options[f"-D{scheme}.proxyHost"] for scheme in ("http", "https")] == ["10.0.0.33", "10.0.0.33"]
    patterns = options["-Dhttp.nonProxyHosts"].split("|")
    assert {"169.254.169.254", "10.0.1.238", "s3.amazonaws.com", "*.s3.amazonaws.com"} <= set(patterns)


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        ({}, ["169.254.169.254"]),
        ({"direct": ["10.1.0.0/16"]}, ["169.254.169.254", "10.1.0.0/16"]),
        (
            {"s3": True, "s3_regions": ["eu-west-1", "cn-north-1"]},
            [
                "169.254.169.254",
                "s3.amazonaws.com",
                "s3.eu-west-1.amazonaws.com",
                "s3.cn-north-1.amazonaws.com.cn",
            ],
        ),
    ],
)
@pytest.mark.parametrize("own", [None, "", [], ["a.example.com", "169.254.169.254"], "a.example.com"])
def test_what_stays_direct_comes_before_the_users_own_and_once(options, entries, own):
    model = _proxy_circleci.model({**PAGE, "no_proxy": own}, **options)
    assert model["no_proxy"] == [*entries, "metadata.google.internal"] + (["a.example.com"] if own else [])


def test_everything_direct_is_everything_direct():
    assert _proxy_circleci.model({**PAGE, "no_proxy": ["*"]}, direct=DIRECT)["no_proxy"] == ["*"]


def test_what_is_no_address_is_refused_by_its_name():
    with pytest.raises(Refused, match=r"^direct\[1\]"):
        _proxy_circleci.model(PAGE, direct=["10.0.0.1", "http://x/"])


@given(SECRETS.filter(lambda text: ":" not in text), SECRETS)
def test_the_chart_gets_credentials_in_parts_and_as_they_are(username, password):
    proxy = parsed({**PAGE, "username": username, "password": password}, direct=DIRECT)
    value = _proxy_circleci.values(proxy).value
    for side in ("http", "https"):
        auth = {"enabled": "1", "username": username, "password": password}
        assert value[side] == {"host": "10.0.0.33", "port": "8080", "auth": auth}
    words = _proxy_circleci.kots_flags(proxy).value
    assert words[::2] == ("--http-proxy", "--https-proxy", "--no-proxy")
    userinfo = urllib.parse.urlsplit(words[1]).netloc.rpartition("@")[0]
    assert [urllib.parse.unquote(part) for part in userinfo.split(":")] == [username, password]


def test_the_chart_without_credentials():
    value = _proxy_circleci.values(parsed({"http": "http://[fd00::1]"}, direct=DIRECT)).value
    assert value["enabled"] == "1"
    assert value["http"] == {"host": "fd00::1", "port": "80", "auth": {"enabled": "0"}}
    assert set(DIRECT) <= set(value["no_proxy"])


@pytest.mark.parametrize("render", [_proxy_circleci.values, _proxy_circleci.kots_flags, _proxy_circleci.customizations])
def test_a_proxy_that_speaks_tls_is_refused(render):
    with pytest.raises(Refused, match=r"container_hosts_proxy.https: is an https:// proxy"):
        render(parsed({**PAGE, "https": "https://192.0.2.1"}))


def test_job_containers_have_names_of_their_own():
    proxy = parsed(PAGE, direct=DIRECT)
    variables = _proxy_circleci.job_containers(proxy).value
    assert list(variables) == ["DOCKER_HTTP_PROXY", "DOCKER_HTTPS_PROXY", "NO_PROXY"]
    assert variables["DOCKER_HTTP_PROXY"] == "http://10.0.0.33:8080"
    assert variables["NO_PROXY"] == _proxy_circleci.job_environment(proxy).value["NO_PROXY"]


def test_what_can_not_work_is_told():
    local = parsed({"http": "http://localhost:3128", "username": "u", "password": "s3cret"})
    told = {
        render.__name__: {(notice.reader, notice.entry) for notice in render(local).notices}
        for render in (
            _proxy_circleci.customizations,
            _proxy_circleci.job_containers,
            _proxy_circleci.values,
            _proxy_circleci.kots_flags,
            _proxy_circleci.job_environment,
        )
    }
    assert all(("containers", "http://localhost:3128") in notices for notices in told.values())
    assert ("Java", "username") in told["customizations"]
    assert ("kubectl kots", "credentials") in told["kots_flags"]
    assert ("CircleCI", "credentials") in told["job_environment"]


@pytest.mark.parametrize("option", ["", "-Xmx1g -Xms1g", "-Da=b\n"])
def test_jvm_opts_is_split_at_blanks(option):
    with pytest.raises(Refused, match="is not one option"):
        _proxy_circleci.jvm_opts(parsed(PAGE), [option])


def test_other_options_of_the_jvm_come_last():
    assert _proxy_circleci.jvm_opts(parsed(PAGE), ["-Xmx1g"]).value.endswith(" -Xmx1g")


def test_an_address_as_the_page_writes_it_gets_a_scheme():
    assert parsed({"http": "10.0.0.33:3128"}).https == "http://10.0.0.33:3128"
