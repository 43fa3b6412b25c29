# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxies, names and what is applied, by the rules of the vendor's check."""

from __future__ import annotations

import string

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_settings as settings
from hypothesis import given
from hypothesis import strategies as st

PROXY = "http://proxy.example.com:3128"
DOCKER, EDGED, IDENTITYD = settings.DOCKER, settings.EDGED, settings.IDENTITYD


# What systemd 252 prints for a line of a unit, and what the vendor's check makes of it.
@pytest.mark.parametrize(
    ("shown", "value"),
    [
        (f"Environment=https_proxy={PROXY}\n", PROXY),
        (f"Environment=A=1 https_proxy={PROXY} B=2\n", PROXY),
        ("Environment=https_proxy=http://u:p%40ss@proxy:3128\n", "http://u:p%40ss@proxy:3128"),
        ("Environment=\n", ""),  # a single %, a reset, an EnvironmentFile=, or no unit
        ("", ""),
        ("Environment=https_proxy=http://u:proot@proxy:3128\n", "http://u:proot@proxy:3128"),  # %u is expanded
        ('Environment="https_proxy=http://u:p$s@proxy:3128"\n', ""),
        ('Environment="https_proxy=http://[fd00::1]:3128"\n', ""),
        ("Environment=https_proxy=http://u:p=ss@proxy:3128\n", "http://u:p"),
        ("Environment=https_proxy=\n", ""),
        ("Environment=https_proxy\n", ""),
        (f"Environment=HTTPS_PROXY={PROXY}\n", ""),
        (f"Environment=http_proxy={PROXY}\n", ""),
        (f'Environment="no_proxy=*.corp,10.0.0.0/8" https_proxy={PROXY}\n', PROXY),
        (f"Environment=https_proxy={PROXY} https_proxy=http://other\n", PROXY),
        (f"Environment=https_proxy={PROXY}/\n", PROXY + "/"),
        ("Environment=https_proxy=http://~-_.,+^{}:#/@%\n", "http://~-_.,+^{}:#/@%"),
    ],
)
def test_what_the_check_sees_of_a_unit(shown, value):
    assert settings.unit_value(shown) == value


@given(st.text(string.ascii_letters + string.digits + "-._~:/@%", min_size=1))
def test_a_value_without_special_characters_is_seen_whole(value):
    assert settings.unit_value(f"Environment=A=b https_proxy={value} C=d\n") == value


def judged(agent=PROXY, **differing):
    units = {EDGED: PROXY, IDENTITYD: PROXY, DOCKER: PROXY, **differing}
    told = {}
    for name, value in units.items():
        if isinstance(value, str) and not value.startswith("Environment="):
            value = f"Environment=https_proxy={value}" if value else "Environment="
        told[name] = settings.Unit(value) if isinstance(value, str) else value
    return settings.proxy_settings(agent, "/etc/aziot/edged", told)


def test_four_equal_values_pass_and_so_do_four_empty_ones():
    assert judged().result == "ok"
    assert judged("", **dict.fromkeys((EDGED, IDENTITYD, DOCKER), "")).result == "ok"


@pytest.mark.parametrize("differs", ["agent", EDGED, IDENTITYD, DOCKER])
@pytest.mark.parametrize(
    "value", ["", PROXY + "/", PROXY.upper(), "http://PROXY.example.com:3128", "http://proxy.example.com:3128 "]
)
def test_one_that_differs_in_a_byte_is_a_warning(differs, value):
    row = judged(value) if differs == "agent" else judged(**{differs: value})
    # A blank ends a unit's value.
    expected = "ok" if value.endswith(" ") and differs != "agent" else "warning"
    assert row.result == expected
    if row.result == "warning":
        assert "container_hosts_proxy" in row.advice


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (settings.Unit('Environment="https_proxy=http://[fd00::1]:3128"'), "percent-encode"),
        (settings.Unit(f"Environment=HTTPS_PROXY={PROXY}"), "has HTTPS_PROXY"),
        (settings.Unit("Environment=https_proxy=http://u:a=b@proxy"), "%3D"),
        (settings.Unit("Environment=", files=True), "EnvironmentFile="),
    ],
)
def test_the_reason_why_it_is_not_seen(unit, said):
    row = judged(**{DOCKER: unit})
    assert said in row.detail
    assert DOCKER in row.detail


def test_credentials_that_differ_are_said_and_not_shown():
    row = judged(
        "http://u:first1st@proxy:3128", **dict.fromkeys((EDGED, IDENTITYD, DOCKER), "http://u:second@proxy:3128")
    )
    assert row.result == "warning"
    assert "credentials differ" in row.detail
    assert "first1st" not in row.detail
    assert "second@" not in row.detail


def test_before_the_runtime_is_there():
    missing = dict.fromkeys((EDGED, IDENTITYD))
    row = judged(**missing)
    assert row.result == "skipped"
    assert EDGED in row.detail
    # What is there already differs, and installing the rest does not mend that.
    assert judged(**missing, **{DOCKER: ""}).result == "warning"
    assert judged(None).result == "skipped"


# Names


@pytest.mark.parametrize(
    ("configured", "result"),
    [
        (None, "ok"),
        ("edge-1", "ok"),
        ("EDGE-1", "ok"),
        ("edge-1.example.com", "ok"),
        ("Edge-1.Example.com", "ok"),
        ("192.0.2.7", "ok"),
        ("2001:db8::7", "ok"),
        ("edge-2", "error"),
        ("edge-1x.example.com", "error"),
        ("localhost", "error"),
        ("", "error"),
        ("edge-1.under_score", "warning"),
        ("edge-1.1digit", "warning"),
        ("edge-1..com", "warning"),
        ("edge-1." + "a" * 57, "ok"),  # 64
        ("edge-1." + "a" * 58, "warning"),
        ("edge-1." + "a" * 64, "warning"),
    ],
)
def test_hostname(configured, result):
    assert settings.hostname(configured, "edge-1").result == result


@pytest.mark.parametrize(
    ("configured", "result"),
    [
        (None, "ignored"),
        ("192.0.2.1", "ok"),
        ("parent.example.com", "ok"),
        ("under_score", "warning"),
        (".".join(["a" * 32] * 2), "error"),  # 65
        ("a" * 63, "ok"),
    ],
)
def test_parent_hostname(configured, result):
    assert settings.parent_hostname(configured).result == result


# What is applied


@pytest.mark.parametrize(
    ("config", "applied", "result"),
    [
        (None, {"a": None}, "ignored"),
        (5, {"a": 5}, "ok"),
        (5, {"a": 6, "b": 5}, "ok"),
        (5, {"a": 6, "b": 4}, "warning"),
        (5, {"a": 6, "b": None}, "warning"),
    ],
)
def test_up_to_date(config, applied, result):
    row = settings.up_to_date("configs-up-to-date", config, applied)
    assert row.result == result
    if result == "warning":
        assert "b" in row.detail
        assert "iotedge config apply" in row.advice


def test_dropins_merge_as_the_daemons_merge_them():
    base = {"agent": {"env": {"a": "1", "b": "2"}}, "list": [1], "hostname": "old", "x": {"y": 1}}
    later = {"agent": {"env": {"b": "3"}}, "list": [2], "hostname": "new", "x": 2}
    assert settings.merge(base, later) == {
        "agent": {"env": {"a": "1", "b": "3"}},
        "list": [1, 2],
        "hostname": "new",
        "x": 2,
    }
    assert base["list"] == [1]


TREES = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), TREES), st.dictionaries(st.sampled_from("abc"), TREES))
def test_merging_keeps_every_key_and_the_empty_one_changes_nothing(base, later):
    assert settings.merge(base, {}) == base
    assert settings.merge({}, later) == later
    assert set(settings.merge(base, later)) == set(base) | set(later)
