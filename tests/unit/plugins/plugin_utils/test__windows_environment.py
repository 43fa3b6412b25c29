# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of merging into a Windows environment, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_environment as core
from hypothesis import given
from hypothesis import strategies as st

OUR_NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ECS_CLUSTER"]
characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
values = st.text(characters, min_size=1, max_size=12)
foreign = st.text(characters, min_size=1, max_size=12).filter(
    lambda entry: entry.partition("=")[0].upper() not in OUR_NAMES
)


def spelled(names):
    """Any mixture of upper and lower case."""
    return names.flatmap(
        lambda name: st.lists(st.booleans(), min_size=len(name), max_size=len(name)).map(
            lambda lower: "".join(char.lower() if low else char for char, low in zip(name, lower, strict=True))
        )
    )


names = spelled(st.sampled_from(OUR_NAMES))
ours = st.builds("{}={}".format, names, values)
settings = st.dictionaries(names, values, max_size=4).filter(lambda found: len({*map(str.upper, found)}) == len(found))
wanted = st.builds(lambda environment: core.Wanted(environment, ()), settings)


def removal(environment):
    return core.Wanted({}, tuple(environment))


def values_of(entries, name):
    pairs = [entry.partition("=") for entry in entries]
    return [value for found, _equals, value in pairs if found.upper() == name.upper()]


@given(st.lists(st.one_of(foreign, ours)), wanted)
def test_all_is_set_once_and_what_is_foreign_stays_in_its_order(entries, wanted):
    merged = core.merge(entries, wanted)
    for name, value in wanted.environment.items():
        if name.upper() == "NO_PROXY":
            assert len(values_of(merged, name)) == 1
        else:
            assert values_of(merged, name) == [value]
    untouched = [
        entry for entry in entries if entry.partition("=")[0].upper() not in map(str.upper, wanted.environment)
    ]
    assert [entry for entry in merged if entry in untouched] == untouched


@given(st.lists(st.one_of(foreign, ours)), wanted)
def test_a_second_time_changes_nothing(entries, wanted):
    merged = core.merge(entries, wanted)
    assert core.merge(merged, wanted) == merged


@given(st.lists(foreign), wanted)
def test_taken_away_again_it_is_as_it_was(entries, wanted):
    merged = core.merge(entries, wanted)
    assert core.merge(merged, removal(wanted.environment)) == entries


@given(st.lists(st.one_of(foreign, ours)), wanted.filter(lambda wanted: wanted.environment))
def test_an_entry_that_stands_twice_for_a_moment_goes_with_the_next_run(entries, wanted):
    merged = core.merge(entries, wanted)
    written = [entry for entry in merged if entry not in entries]
    if written:
        assert core.merge([*merged, written[0]], wanted) == merged


@pytest.mark.parametrize(
    ("entries", "environment", "merged"),
    [
        pytest.param(["A=1", "b=2", "C=3"], {"B": "9"}, ["A=1", "B=9", "C=3"], id="in its place, newly spelled"),
        pytest.param(["a=1"], {"A": "1"}, ["a=1"], id="left alone where it says so already"),
        pytest.param(["a=x"], {"A": "X"}, ["A=X"], id="a value's case counts"),
        pytest.param(["A=1", "a=2", "B=3", "A=1"], {"A": "2"}, ["A=2", "B=3"], id="doubles of ours become one"),
        pytest.param(["B=1", "b=2"], {"A": "1"}, ["B=1", "b=2", "A=1"], id="doubles of others stay"),
        pytest.param(["A", "=C:=C:\\x"], {"A": "1"}, ["A", "=C:=C:\\x", "A=1"], id="what is no NAME=value stays"),
        pytest.param(["NO_PROXY=b,a"], {"no_proxy": "a,b"}, ["NO_PROXY=b,a"], id="no_proxy is a set"),
        pytest.param(["A=1=2"], {"A": "1=2"}, ["A=1=2"], id="a value may hold ="),
        pytest.param(
            ["HTTP\u017f_PROXY=1"], {"HTTPS_PROXY": "2"}, ["HTTP\u017f_PROXY=1", "HTTPS_PROXY=2"], id="long s"
        ),
    ],
)
def test_merge(entries, environment, merged):
    assert core.merge(entries, core.Wanted(environment, ())) == merged


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (None, []),
        (core.Value(core.MULTI, ["A=1", "B=2"]), ["A=1", "B=2"]),
        (core.Value(core.MULTI, "A=1"), ["A=1"]),
        (core.Value(core.MULTI, None), []),
        (core.Value(core.MULTI, ["A=1", ""]), ["A=1"]),
        (core.Value(core.PLAIN, "A=1"), ["A=1"]),
        (core.Value(core.PLAIN, ""), []),
    ],
)
def test_entries(value, entries):
    assert core.entries_of(value, "x") == entries


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (core.Value("REG_BINARY", ["0x00"]), "KEY: is REG_BINARY, and no list of variables. Find out"),
        (core.Value("REG_DWORD", 1), "KEY: is REG_DWORD"),
        (core.Value(core.MULTI, ["A=1", "", "B=2"]), "KEY: has an empty text as entry 2 of 3"),
    ],
)
def test_a_value_that_is_no_list_is_refused(value, message):
    with pytest.raises(Refused) as refused:
        core.entries_of(value, "KEY")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (1, "has a name that is no text"),
        ("", "has a name that is no text"),
        ("A=B", "is no name of a variable"),
        ("A\0", "is no name of a variable"),
        (" A", "is no name of a variable"),
        ("Ä", "is no name of a variable"),
        ("\U0001f600", "is no name of a variable"),
        ("A" * 255, "more than 254 characters"),
    ],
)
def test_a_name_is_refused(name, message):
    with pytest.raises(Refused, match=message):
        core.check_name(name, "environment")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "Name the variable under `remove`"),
        (None, "is None, not text"),
        (True, "is True, not text"),
        ({"a": "SECRET"}, "is a list or dict, not text"),
        ("SECRET\0", "holds NUL"),
        ("SECRET\ud83d", "half a surrogate pair"),
        ("SECRET\ufffd", "character that was lost"),
        ("SECRET" * 6000, "Windows knows none of more than 32767"),
    ],
)
def test_a_value_is_refused_and_not_shown(value, message):
    with pytest.raises(Refused) as refused:
        core.check_value("A", value, "environment.A")
    assert message in str(refused.value)
    assert str(refused.value).startswith("environment.A: ")
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("value", ["x" * 20_000, "\U0001f600", "a\r\nb", '%PATH% "q" a;b&c', 8080])
def test_a_value_is_taken_as_it_is(value):
    assert core.check_value("A", value, "environment.A") == str(value)


def test_emoji_count_twice_as_windows_counts_them():
    core.check_value("A", "\U0001f600" * 16382, "")
    with pytest.raises(Refused):
        core.check_value("A", "\U0001f600" * 16383, "")


FOUND = {
    "Http_Proxy": core.Value(core.PLAIN, "http://a"),
    "NO_PROXY": core.Value(core.EXPAND, "%X%,a"),
    "Count": core.Value("REG_DWORD", 1),
}


@pytest.mark.parametrize(
    ("environment", "remove", "changes"),
    [
        ({"HTTP_PROXY": "http://a"}, (), []),
        ({"HTTP_PROXY": "http://A"}, (), [core.Change("Http_Proxy", core.PLAIN, "http://a", "http://A")]),
        ({"NO_PROXY": "a,%X%"}, (), []),
        ({"no_proxy": "b"}, (), [core.Change("NO_PROXY", core.EXPAND, "%X%,a", "b")]),
        ({"NEW": "1"}, (), [core.Change("NEW", core.PLAIN, None, "1")]),
        ({}, ("http_proxy", "GONE"), [core.Change("Http_Proxy", core.PLAIN, "http://a", None)]),
    ],
)
def test_the_machines_variables(environment, remove, changes):
    assert core.changes(FOUND, core.Wanted(environment, remove), "KEY") == changes


@pytest.mark.parametrize("wanted", [core.Wanted({"COUNT": "1"}, ()), core.Wanted({}, ("count",))])
def test_a_variable_that_is_no_text_is_refused(wanted):
    with pytest.raises(Refused, match=r"KEY\\Count: is REG_DWORD, and no variable"):
        core.changes(FOUND, wanted, "KEY")
