# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of value, each bound and each value that ends the agent; tests/conformance asks Go itself."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config_document, _ecs_config_values
from ansible_collections.fleetops.container_hosts.plugins.module_utils._ecs_config_keys import KEYS, SDK_NAMES
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given
from hypothesis import strategies as st

canonical = _ecs_config_values.canonical

# By kind: what is given, and what is written.
GOOD = {
    "choice": [],
    "credentials": [
        ({"r.example.com": {"auth": "dTpw"}}, '{"r.example.com":{"auth":"dTpw"}}'),
        ('{"r": {"username": "u", "password": "p"}}', '{"r":{"username":"u","password":"p"}}'),
    ],
    "csv": [("a:1", "a:1"), (["a:1", "b"], "a:1,b"), ("a:1, b", "a:1,b")],
    "duration": [],
    "integer": [(7, "7"), ("7", "7"), ("+7", "7"), ("007", "7")],
    "map": [
        ({}, "{}"),
        ({"a": "1", "ü": "b c"}, '{"a":"1","ü":"b c"}'),
        ('{ "a" : "\\u00fc" }', '{"a":"ü"}'),
    ],
    "names": [([], "[]"), (["awslogs", "none"], '["awslogs","none"]'), ('[ "gelf" ]', '["gelf"]')],
    "networks": [(["10.0.0.0/16", "fd00::1/64"], '["10.0.0.0/16","fd00::1/64"]'), ("[]", "[]")],
    "no proxy": [
        ("10.0.0.1, example.com", "localhost,127.0.0.1,::1,10.0.0.1,example.com"),
        (["*"], "*"),
        ([".example.com", "/var/run/docker.sock"], "localhost,127.0.0.1,::1,.example.com,/var/run/docker.sock"),
    ],
    "number": [(5, "5"), ("2.5", "2.5"), (2.5, "2.5")],
    "pair": [("40,60", "40,60"), (" 40 , 60 ", "40,60"), ([40, 60], "40,60"), ("1,1", "1,1")],
    "path": [("/a b", "/a b")],
    "port range": [("1-65535", "1-65535"), ("49153-49153", "49153-49153")],
    "ports": [([0, 22, 65535], "[0,22,65535]"), ("[22, 80]", "[22,80]"), ([], "[]")],
    "proxy": [("192.0.2.1:3128", "http://192.0.2.1:3128"), ("http://u:p%40@H:1", "http://u:p%40@h:1")],
    "size": [("16m", "16m"), (1024, "1024")],
    "switch": [
        *((given_, "true") for given_ in (True, 1, "1", "t", "T", "TRUE", "True", "true")),
        *((given_, "false") for given_ in (False, 0, "0", "f", "F", "FALSE", "False", "false")),
    ],
    "text": [],
    "texts": [(["efsAuth"], '["efsAuth"]'), ([], "[]")],
}
BAD = {
    "choice": [True, 1, "no such", " ", ["x"]],
    "credentials": ["x", [], {"r": "x"}, {"r": {"auth": 1}}, '{"r":{},"r":{}}', {1: {}}],
    "csv": ["a,,b", ",", ["a,b"], ["a", ""], [1], {"a": "b"}, 3],
    "duration": [
        3600,
        "3600",
        "1d",
        "1 h",
        "h",
        "-1s",
        "1s ",
        "1h30",
        1.5,
        True,
        "9999999h",
        "\u0661s",
        "9" * 5000 + "s",
        [],
        ".",
    ],
    "integer": ["", "x", "1.0", 1.5, True, "1_0", "\u0663", [], "0x10", 2**63, "1e3", "9" * 5000],
    "map": [
        "x",
        [],
        {"a": 1},
        {"a": True},
        {"a": None},
        '{"a":"1"',
        '{"a":"1","a":"2"}',
        '{"a":NaN}',
        '"a"',
        "[" * 9999,
    ],
    "names": ["json-file", ["local"], ["etwlogs"], ["JSON-file"], [1], {}, "json-file,none", '["local"]', [["none"]]],
    "networks": [
        "10.0.0.0/8",
        ["10.0.0.0"],
        ["10.0.0.0/33"],
        ["10.0.0/8"],
        ["010.0.0.0/8"],
        ["a"],
        [8],
        ["10.0.0.0/08"],
    ],
    "no proxy": ["http://x", "10.*", ["a", 1], {"a": 1}, "a b", "\\\\.\\pipe\\x*"],
    "number": ["", "x", "-1", "1e3", "0x1", True, [], ".5", "1."],
    "pair": ["40", "40,", "40,60,80", "a,b", "0,60", "40,0", 40, [40], "40;60", {"a": 1}],
    "path": ["a", "./a", True, ["x"], " /a"],
    "port range": ["0-1", "2-1", "1-65536", "1", "1:2", "1-", "-1-2", 3, "1 - 2", "999999-999999"],
    "ports": ["22", "22,80", [-1], [65536], ["22"], [True], [1.5], {}, "[22"],
    "proxy": ["socks5://h:1", "a b", "http://h:99999", "http://", ["x"], True, "http://u:p/w@h"],
    "size": ["16M", "16mb", "m", "-1", "1.5g", True],
    "switch": ["yes", "no", "on", "off", "enabled", "tRUE", " true", "", 2, 1.0, [], {}, "$TRUE"],
    "text": [True, ["x"], {"a": "b"}],
    "texts": ["x", [1], {}, '["a"', [None]],
}


def cases(table):
    return [
        pytest.param(name, case, id=f"{name}-{str(case)[:40]}")
        for name, key in KEYS.items()
        for case in table[key.kind]
    ]


def platform(name):
    return "linux" if KEYS[name].linux else "windows"


def written(name, value):
    """Return the text of a variable, if the file can carry it."""
    text = canonical(name, value, platform=platform(name))
    _ecs_config_document.check(name, text)
    return text


def test_the_table_is_whole():
    assert len(KEYS) == 114
    assert {key.kind for key in KEYS.values()} == set(GOOD) == set(BAD)
    assert not set(SDK_NAMES) & set(KEYS)
    assert all(_ecs_config_document.is_name(name) for name in (*KEYS, *SDK_NAMES))


@pytest.mark.parametrize(("name", "case"), cases(GOOD))
def test_what_is_written(name, case):
    given_, text = case
    assert written(name, given_) == text
    assert written(name, text) == text


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_what_is_refused(name, value):
    with pytest.raises(Refused) as refused:
        written(name, value)
    assert refused.value.where == name
    assert refused.value.instead
    fatal = KEYS[name].fatal or "a logging driver" in str(refused.value)
    assert ("be started again for ever" in str(refused.value)) == fatal


@pytest.mark.parametrize("name", KEYS)
def test_nothing_is_no_value(name):
    for value in (None, ""):
        with pytest.raises(Refused, match=f"^{name}: is .* remove"):
            canonical(name, value, platform=platform(name))


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.choices and key.kind == "choice"])
def test_choices(name):
    for choice in KEYS[name].choices:
        assert canonical(name, choice) == choice
        if KEYS[name].any_case:
            assert canonical(name, choice.upper()) == choice
        else:
            with pytest.raises(Refused, match=f"Did you mean {choice}"):
                canonical(name, choice.upper())


BOUNDED = [name for name, key in KEYS.items() if key.kind == "integer" and (key.minimum, key.maximum) != (None, None)]


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_of_numbers(name):
    low, high = KEYS[name].minimum, KEYS[name].maximum
    assert canonical(name, low) == str(low)
    with pytest.raises(Refused, match=f"Write (at least|from) {low}"):
        canonical(name, low - 1)
    if high is not None:
        assert canonical(name, str(high)) == str(high)
        with pytest.raises(Refused, match=f"Write from {low} to {high}"):
            canonical(name, high + 1)


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.kind == "duration"])
def test_bounds_of_durations(name):
    key = KEYS[name]
    assert canonical(name, key.minimum or "0") == (key.minimum or "0")
    if key.minimum:
        with pytest.raises(Refused, match=f"Write (at least|from) {key.minimum}"):
            canonical(name, "7999999ns")
    if key.maximum:
        assert canonical(name, key.maximum) == key.maximum
        with pytest.raises(Refused, match=f"to {key.maximum}"):
            canonical(name, "1h")
    else:
        assert canonical(name, "2h1.5m") == "2h1.5m"
    if key.minimum_windows:
        with pytest.raises(Refused, match=f"at least {key.minimum_windows}"):
            canonical(name, key.minimum, platform="windows")


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if not (key.linux and key.windows)])
def test_what_one_platform_alone_reads(name):
    other, named = ("linux", "Windows") if KEYS[name].windows else ("windows", "Linux")
    with pytest.raises(Refused, match=f"^{name}: is read on {named} only"):
        canonical(name, "x", platform=other)


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.prefix])
def test_what_is_ignored_without_its_prefix(name):
    assert canonical(name, "unix:///x") == "unix:///x"
    with pytest.raises(Refused, match=f"^{name}: does not begin with unix://"):
        canonical(name, "tcp://192.0.2.1:2375")


def test_paths_of_windows():
    assert canonical("ECS_DATADIR", "C:\\ProgramData", platform="windows") == "C:\\ProgramData"
    with pytest.raises(Refused):
        canonical("ECS_DATADIR", "C:\\ProgramData")


def test_tags_have_a_length():
    assert canonical("ECS_CONTAINER_INSTANCE_TAGS", {"n" * 128: "v" * 256})
    for tags in ({"n" * 129: "v"}, {"n": "v" * 257}):
        with pytest.raises(Refused, match="at most 128, a value 256"):
            canonical("ECS_CONTAINER_INSTANCE_TAGS", tags)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_json_is_compact_and_means_the_same(entries):
    text = canonical("ECS_INSTANCE_ATTRIBUTES", entries)
    assert json.loads(text) == entries
    assert len(text) <= len(json.dumps(entries, ensure_ascii=False))
    assert _ecs_config_values.same("ECS_INSTANCE_ATTRIBUTES", text, json.dumps(entries, indent=1))


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("NO_PROXY", "a,b", "b,a", True),
        ("NO_PROXY", "a,b", "a", False),
        ("ECS_EXTERNAL", "true", "1", False),  # ecs-init takes 1 for no
        ("ECS_RESERVED_PORTS", "[22,80]", "[22, 80]", True),
        ("ECS_RESERVED_PORTS", "[22,80]", "[80,22]", False),
        ("ECS_INSTANCE_ATTRIBUTES", '{"a"', '{"a" ', False),
        ("OTHER", "[1]", "[1 ]", False),
        ("ECS_CLUSTER", "a", None, False),
        ("ECS_CLUSTER", None, None, True),
    ],
)
def test_what_comes_to_the_same(name, one, other, same):
    assert _ecs_config_values.same(name, one, other) is same


PAIRS = {
    "docker": ("docker", {"r": {"username": "u", "password": "p", "email": "e"}}, None),
    "dockercfg": ("dockercfg", {"r": {"auth": "dTpw"}}, None),
    "swapped": ("docker", {"r": {"auth": "s3cret"}}, "has other members at r than password and username"),
    "swapped the other way": ("dockercfg", {"r": {"username": "u", "password": "s3cret"}}, "than auth"),
    "no registry": ("docker", {"auth": {}}, "has other members"),
    "no kind": (None, {"r": {"auth": "s3cret"}}, "ECS_ENGINE_AUTH_TYPE: is missing"),
    "no data": ("docker", None, "ECS_ENGINE_AUTH_DATA: is missing"),
}


@pytest.mark.parametrize(("kind", "data", "message"), PAIRS.values(), ids=PAIRS.keys())
def test_credentials_fit_their_kind(kind, data, message):
    environment = {"ECS_ENGINE_AUTH_TYPE": kind, "ECS_ENGINE_AUTH_DATA": data and json.dumps(data)}
    if message is None:
        _ecs_config_values.check_credentials(environment)
        return
    with pytest.raises(Refused, match=message) as refused:
        _ecs_config_values.check_credentials(environment)
    assert "s3cret" not in str(refused.value)
