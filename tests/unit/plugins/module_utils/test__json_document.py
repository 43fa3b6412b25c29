# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON editor: its two laws on generated files of every layout, and what it leaves alone, byte for byte."""

from __future__ import annotations

import json
import re
import sys

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_change, _json_skip, _json_syntax
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_document import (
    edit,
    is_blank,
    line_of,
    load,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._key_paths import leaf_paths
from hypothesis import example, given, settings
from hypothesis import strategies as st

# Generated documents and settings ---------------------------------------------------------------------------------

BLANK = st.text(alphabet=" \t\r\n", max_size=4)
THEIRS = st.sampled_from(["a", "b", "c", "log-opts", "dém\u2028on", 'q"\\'])
OURS = st.sampled_from(["x", "y", "z", "proxies", 'ø"\\\n'])
SPELLED = st.sampled_from(
    ["0", "-0", "3", "3.0", "3e0", "1E+2", "0.10", "true", "false", "null", '""', '"\\u00e9\\/"', '"é\\n"', '"{},:"']
)


@st.composite
def objects(draw, depth=3):
    """An object's text, with white space of any kind at every place where JSON allows some."""
    keys = draw(st.lists(THEIRS, unique=True, max_size=4 if depth else 0))
    members = []
    for key in keys:
        quoted = json.dumps(key, ensure_ascii=draw(st.booleans()))
        value = draw(values(depth - 1))
        members.append(f"{draw(BLANK)}{quoted}{draw(BLANK)}:{draw(BLANK)}{value}{draw(BLANK)}")
    return "{" + (",".join(members) or draw(BLANK)) + "}"


def values(depth):
    scalars = SPELLED | st.sampled_from(["[]", "[ ]", "[1,\n 2]", '[{"x": {}}]'])
    return scalars | objects(depth) if depth >= 0 else scalars


@st.composite
def neat_objects(draw):
    """What tools write: json.dumps with every usual indentation, perhaps with other line ends."""
    data = json.loads(draw(objects()))
    text = json.dumps(data, indent=draw(st.sampled_from([None, 0, 1, 2, 3, 4, 8, "\t"])))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@st.composite
def documents(draw):
    if draw(st.booleans()):
        text = draw(BLANK) + draw(objects() | neat_objects() | st.just("{" + draw(BLANK) + "}")) + draw(BLANK)
    else:
        text = draw(st.none() | BLANK | objects() | neat_objects())
    return None if text is None else (draw(st.sampled_from(["", "\ufeff"])) + text).encode()


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def wanted(draw, depth=3):
    """Settings whose leaves no generated document has; the objects around them it may have."""
    if depth and draw(st.booleans()):
        return draw(st.dictionaries(THEIRS | OURS, wanted(depth - 1), min_size=1, max_size=2))
    return draw(st.dictionaries(OURS, JSON_VALUES, min_size=1, max_size=3))


def apply(source, asked, remove=()):
    """Edit, or None where a path of `asked` crosses what isn't an object: then nothing is to be shown."""
    try:
        return edit(source, asked, remove)
    except Refused:
        return None


def merged(base, asked):
    """What the file must mean afterwards, said once more and without a layout."""
    result = dict(base)
    for key, value in asked.items():
        if isinstance(value, dict) and isinstance(result.get(key, {}), dict):
            result[key] = merged(result.get(key, {}), value)
        else:
            result[key] = value
    return result


def meaning(source):
    return {} if is_blank(source) else json.loads(source.decode("utf-8-sig"))


# The laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(source=documents(), asked=wanted())
@example(source=None, asked={"x": 1})
@example(source=b"", asked={"x": 1})
@example(source=b"\n", asked={"x": 1})
@example(source=b"{}", asked={"x": {"y": {}}})
@example(source=b"{}\n", asked={"x": {"y": 1}, "z": [1]})
@example(source=b"{\n}\n", asked={"x": 1})
@example(source=b"{\r\n}\r\n", asked={"x": 1})
@example(source=b"{\n    }\n", asked={"x": 1})
@example(source=b'{"a": {"b": {}}}', asked={"a": {"b": {"c": {"x": 1}}}})
@example(source=b'{"a": {\n}}', asked={"a": {"x": {"y": 1}, "z": 2}})
@example(source=b'{\n  "a": {}\n}', asked={"a": {"x": {"y": 1}}})
def test_an_edit_says_what_was_asked_once_and_can_be_taken_back(source, asked):
    after = apply(source, asked)
    if after is None:
        return
    assert meaning(after) == merged(meaning(source), asked)
    assert edit(after, asked) == after
    assert edit(after, {}, leaf_paths(asked)) == source


@settings(max_examples=200, deadline=None)
@given(source=documents(), first=wanted(), second=wanted())
def test_two_edits_are_taken_back_in_any_order(source, first, second):
    if set(first) & set(second):
        return
    once = apply(source, first)
    twice = once and apply(once, second)
    if not twice:
        return
    assert edit(edit(twice, {}, leaf_paths(first)), {}, leaf_paths(second)) == source
    assert edit(edit(twice, {}, leaf_paths(second)), {}, leaf_paths(first)) == source


@settings(max_examples=200, deadline=None)
@given(source=documents(), data=st.data())
def test_removal_takes_what_was_named_and_nothing_else(source, data):
    paths = [path for path in leaf_paths(meaning(source)) if len(path) == 1]
    doomed = data.draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    after = edit(source, {}, doomed)
    assert meaning(after) == {key: value for key, value in meaning(source).items() if (key,) not in doomed}
    assert edit(after, {}, doomed) == after


@settings(max_examples=200, deadline=None)
@given(source=documents())
def test_what_is_there_already_is_not_touched(source):
    assert edit(source, meaning(source)) == source


@given(source=st.binary(max_size=60) | st.text(alphabet="{}[]\":,\\ue0\n /*#'a1-", max_size=40).map(str.encode))
def test_whatever_the_bytes_only_a_refusal_comes_out(source):
    try:
        data = load(source)
    except Refused:
        return
    assert data == json.loads(source.decode("utf-8-sig"))


# Layout -----------------------------------------------------------------------------------------------------------

LAYOUTS = {
    "no file": (
        None,
        {"debug": True, "log-opts": {"max-size": "10m"}, "dns": ["192.0.2.1"]},
        b'{\n    "debug": true,\n    "log-opts": {\n        "max-size": "10m"\n    },\n'
        b'    "dns": [\n        "192.0.2.1"\n    ]\n}\n',
    ),
    "an empty object": (b"{}\n", {"debug": True}, b'{\n  "debug": true\n}\n'),
    "the indentation of the file": (
        b'{\n\t"a": 1\n}',
        {"b": {"c": [1]}},
        b'{\n\t"a": 1,\n\t"b": {\n\t\t"c": [\n\t\t\t1\n\t\t]\n\t}\n}',
    ),
    "a compact file": (b'{"a":1,"b":2}', {"c": {"d": 1}}, b'{"a":1,"b":2,"c":{ "d":1 }}'),
    "one line with blanks": (b'{ "a" : 1 }\n', {"b": ["x", "y"]}, b'{ "a" : 1, "b" : ["x", "y"] }\n'),
    "commas first": (b'{ "a": 1\n, "b": 2\n}\n', {"c": 3}, b'{ "a": 1\n, "b": 2\n, "c": 3\n}\n'),
    "blank lines are not copied": (
        b'{\n  "a": 1,\n\n\n  "b": 2\n}\n',
        {"c": 3},
        b'{\n  "a": 1,\n\n\n  "b": 2,\n  "c": 3\n}\n',
    ),
    "CRLF": (b'{\r\n  "a": 1\r\n}\r\n', {"b": 2}, b'{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n'),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"b": 2}, b'\xef\xbb\xbf{"a": 1, "b": 2}'),
    "a list that was on one line stays on one": (
        b'{\n  "dns": [ "192.0.2.1" ],\n  "z": 1e0\n}',
        {"dns": ["192.0.2.1", "192.0.2.2"], "z": 1},
        b'{\n  "dns": ["192.0.2.1", "192.0.2.2"],\n  "z": 1e0\n}',
    ),
    "escapes and numbers elsewhere": (
        b'{"\\u0061": 1.50E+1, "b": "\\/\\u00e9", "debug": false}',
        {"debug": True},
        b'{"\\u0061": 1.50E+1, "b": "\\/\\u00e9", "debug": true}',
    ),
    "non-ASCII is written as it is": (b'{"a": 1}', {"b": "zür\u00ecch"}, '{"a": 1, "b": "zürìch"}'.encode()),
}


@pytest.mark.parametrize(("before", "asked", "after"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_of_the_file_is_followed(before, asked, after):
    assert edit(before, asked) == after


@pytest.mark.parametrize("spelling", ["3", "3.0", "3e0", "30e-1", "0.3E1"])
def test_an_equal_number_keeps_its_spelling(spelling):
    source = f'{{"mtu": {spelling}}}'.encode()
    assert edit(source, {"mtu": 3}) == source
    assert edit(source, {"mtu": 3.0}) == source


@pytest.mark.parametrize(
    ("found", "asked"), [("1", True), ("true", 1), ("0", False), ("null", False), ('"3"', 3), ("[1]", [True])]
)
def test_what_only_python_holds_equal_is_replaced(found, asked):
    assert json.loads(edit(f'{{"a": {found}}}'.encode(), {"a": asked}))["a"] is asked or isinstance(asked, list)
    assert edit(f'{{"a": {found}}}'.encode(), {"a": asked}) == f'{{"a": {json.dumps(asked)}}}'.encode()


def test_removal_of_the_first_the_middle_and_the_last_member():
    source = b'{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n'
    assert edit(source, {}, [["a"]]) == b'{\n  "b": 2,\n  "c": 3\n}\n'
    assert edit(source, {}, [["b"]]) == b'{\n  "a": 1,\n  "c": 3\n}\n'
    assert edit(source, {}, [["c"]]) == b'{\n  "a": 1,\n  "b": 2\n}\n'
    assert edit(source, {}, [["a"], ["c"]]) == b'{\n  "b": 2\n}\n'


def test_a_removal_may_name_an_object_and_what_is_in_it():
    source = b'{"a": 1, "b": {"c": 1, "d": 2}}'
    assert edit(source, {}, [["b"], ["b", "c"], ["b", "nosuch", "deep"]]) == b'{"a": 1}'


def test_setting_and_removing_in_one_edit():
    source = b'{"log-opts": {"env": "x"}}'
    after = edit(source, {"log-opts": {"max-size": "1m"}}, [["log-opts", "env"]])
    assert after == b'{"log-opts": {"max-size": "1m"}}'


MANY = [f'"k{number}": {value}' for number in range(60) for value in ("1", '"a, b"', "null", "[{}]", "-1.5e3")]


@pytest.mark.parametrize("place", [0, 1, 63, 64, 65, 150, 298, 299])
@pytest.mark.parametrize("ours", ['"x": 1', '"\\u0078": 1'])
def test_a_key_among_very_many_members_wherever_it_stands(place, ours):
    """Members that nobody asks about are skipped there, many at once."""
    lines = [re.sub(r"k(?=\d)", f"{number}k", member) for number, member in enumerate(MANY)]
    source = ("{\n  " + ",\n  ".join(lines) + "\n}\n").encode()
    lines.insert(place, ours)
    with_ours = ("{\n  " + ",\n  ".join(lines) + "\n}\n").encode()
    assert edit(with_ours, {"x": 1}) == with_ours
    assert edit(with_ours, {"x": 2}) == with_ours.replace(ours.encode(), ours.encode()[:-1] + b"2")
    assert edit(with_ours, {}, [("x",)]) == source
    assert line_of(with_ours, ("x",)) == place + 2
    assert edit(edit(source, {"x": {"y": 1}}), {}, [("x", "y")]) == source
    twice = with_ours.replace(b"\n}", b',\n  "x": 3\n}')
    with pytest.raises(
        Refused, match=f"line {place + 2}: x: stands there more than once .again in line {len(lines) + 2}"
    ):
        edit(twice, {"x": 1})


@pytest.mark.parametrize(
    "wrong", ['"z": 01', '"z": tru', '"z": "\t"', '"z" 1', "z: 1", '"z": 1,', '"z": "\\q"', '"z": -']
)
def test_a_mistake_among_very_many_members_is_found(wrong):
    for place in (70, 150, len(MANY)):
        lines = [*MANY[:place], wrong, *MANY[place:]]
        with pytest.raises(Refused, match=rf"line {place + 1}\b"):
            edit(("{" + ",\n".join(lines) + "}").encode(), {"x": 1})


@st.composite
def rows(draw):
    """Members of all kinds one after the other, as text; now and then one twice, or one that is broken."""
    names = st.sampled_from([f'"{name}"' for name in ("x", "y", "\\u0078", "a", "b", "c", "d,", "é")])
    whole = SPELLED | st.sampled_from(["[]", "[1, 2]", '{"a": {"b": "}"}}', '{"x": 1}', '{"x" :["\\""]}', "{}"])
    members = draw(st.lists(st.tuples(BLANK, names, BLANK, whole, BLANK), min_size=1, max_size=20))
    text = ",".join(f"{one}{key}{two}:{two}{value}{three}" for one, key, two, value, three in members)
    broken = draw(st.sampled_from(["", "", "", "", "1", ",", '"', '"x": 01,']))
    place = draw(st.integers(0, len(text)))
    return f"{{{text[:place]}{broken}{text[place:]}}}".encode()


@settings(max_examples=300, deadline=None)
@given(
    source=rows() | rows().map(lambda row: b'{"in": ' + row + b"}"),
    asked=st.dictionaries(st.sampled_from(["x", "y", "n"]), st.sampled_from([1, "a", {"x": 1}, {}]), max_size=2),
    doomed=st.lists(
        st.sampled_from([("x",), ("y",), ("a", "b"), ("a", "x"), ("in", "x"), ("in", "x", "x")]), max_size=2
    ),
    inside=st.booleans(),
    few=st.sampled_from([0, 16]),
)
def test_what_is_skipped_makes_no_difference(source, asked, doomed, inside, few):
    """To any edit: its result, or its refusal, is the same as where each member is looked at."""
    asked = {"in": asked} if inside and asked else asked
    outcomes = []
    for many in (10**9, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json_syntax, "_MANY", many)
            patch.setattr(_json_skip, "_FEW", few)
            try:
                outcomes.append(edit(source, asked, doomed, name="daemon.json"))
            except Refused as refused:
                outcomes.append(str(refused))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("keys", [1, 16, 17, 300])
def test_one_object_among_thousands_of_them(keys):
    lines = [f'    "runtime-{number}": {{"path": "/bin/{number}", "args": ["{{"]}}' for number in range(1000)]
    before = ('{\n  "runtimes": {\n' + ",\n".join(lines) + '\n  },\n  "debug": true\n}\n').encode()
    chosen = range(0, 900, 900 // keys)[:keys]
    for number in chosen:
        lines[number] = lines[number].replace("/bin/", "/usr/bin/")
    changed = ('{\n  "runtimes": {\n' + ",\n".join(lines) + '\n  },\n  "debug": true\n}\n').encode()
    wanted = {f"runtime-{number}": {"path": f"/usr/bin/{number}"} for number in chosen}
    assert edit(before, {"runtimes": wanted}) == changed
    added = {f"mine-{number}": {"path": "/usr/bin/mine"} for number in range(keys)}
    after = edit(changed, {"runtimes": added})
    assert meaning(after) == {"runtimes": {**meaning(changed)["runtimes"], **added}, "debug": True}
    assert edit(after, {}, leaf_paths({"runtimes": added})) == changed
    for number in reversed(chosen):
        del lines[number]
    left = ('{\n  "runtimes": {\n' + ",\n".join(lines) + '\n  },\n  "debug": true\n}\n').encode()
    assert edit(changed, {}, [("runtimes", key) for key in wanted]) == left


def test_where_nothing_is_to_be_done_nothing_is_laid_out(monkeypatch):
    monkeypatch.delattr(_json_change, "changed")
    source = b'\xef\xbb\xbf{"a": {"b": 1.0, "c": {"d": [{"e": null}]}, "f": {}}, "g": "h"}\r\n'
    asked = {"a": {"b": 1, "c": {"d": [{"e": None}]}, "f": {}}}
    assert edit(source, asked, [("x",), ("g2", "x"), ("a", "f", "x"), ("a", "nosuch")]) == source
    with pytest.raises(AttributeError):
        edit(source, asked, [("g",)])


# Refusals ---------------------------------------------------------------------------------------------------------

BROKEN = {
    "nothing": (b"", "is empty", "{}"),
    "trailing comma": (b'{\n  "a": 1,\n}\n', "line 2, column 9: a comma stands after the last entry", "Remove"),
    "trailing comma in a list": (b'{"a": [1,]}', "line 1, column 9: a comma stands after the last entry", "Remove"),
    "line comment": (b'{\n  // ours\n  "a": 1\n}', "line 2, column 3: a comment", "Remove"),
    "hash comment": (b'{"a": 1} # ours', "line 1, column 10: a comment", "Remove"),
    "single quotes": (b"{\n'a': 1}", "line 2, column 1: a string in single quotes", '"..."'),
    "unquoted key": (b'{"a": 1, debug: true}', "line 1, column 10: the key debug is not in quotes", '"debug"'),
    "no key at all": (b'{"a": 1, hush}', "line 1, column 10: what stands here is not in quotes", '"key": value'),
    "unquoted value": (b'{"a": yes}', "line 1, column 7: this is no JSON value", "double quotes"),
    "Python's words": (b'{"a": True}', "line 1, column 7: True is Python", "Write true"),
    "missing comma": (b'{"a": 1\n"b": 2}', "line 2, column 1: a comma is missing", ""),
    "missing comma after a string": (b'{"a": "x"\n"b": 2}', "line 2, column 1: a comma is missing", ""),
    "missing colon": (b'{"a" 1}', "line 1, column 6: a colon is expected", ""),
    "open string": (b'{"a": "x}\n', "line 1, column 10: a line break or tab inside a string", "closing quote"),
    "open string at the end": (b'{"a": "x', "line 1, column 7: the string that begins here has no closing quote", ""),
    "open object": (b'{"a": {"b": 1}', "line 1, column 15: the file ends in the middle", "}"),
    "one brace too many": (b'{"a": 1}}', "line 1, column 9: text follows the end", ""),
    "Windows path": (b'{"a": "C:\\docker"}', "line 1, column 10: a backslash that escapes nothing", "\\\\"),
    "NaN": (b'{"b": "NaN", "a": [1, NaN]}', "line 1, column 23: NaN is not JSON", ""),
    "a list": (b"[]", "line 1: the file holds a list, not an object", "{"),
    "a string": (b'\n"x"', "line 2: the file holds a string, not an object", "{"),
    "UTF-16": ("{}".encode("utf-16"), "UTF-16", "UTF-8"),
    "UTF-16 without a mark": ("{}".encode("utf-16-le"), "UTF-16", "UTF-8"),
    "Latin-1": (b'{\n"a": "z\xfcrich"}', "line 2: byte 0xfc is not UTF-8", "UTF-8"),
    "deep lists": (b'{"a": ' + b"[" * 200_000, "nested too deeply", ""),
    "deep objects": (b'{"a":' * 200_000, "nested too deeply", ""),
}


@pytest.mark.parametrize(("source", "what", "instead"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_with_its_place_and_a_way_out(source, what, instead):
    for read in (load, lambda text, name: edit(text, {"x": 1}, name=name)):
        if source == b"" and read is not load:
            continue  # an empty file can be edited
        with pytest.raises(Refused) as caught:
            read(source, name="/etc/docker/daemon.json")
        assert str(caught.value).startswith("/etc/docker/daemon.json")
        assert what in str(caught.value)
        assert instead in str(caught.value)


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python converts numbers of any length")
def test_a_number_that_python_will_not_convert_is_refused():
    with pytest.raises(Refused, match=r"^line 1, column 15: the number has too many digits"):
        load(b'{"a": 1, "b": ' + b"9" * 5000 + b"}")


def test_an_unquoted_password_is_not_repeated():
    with pytest.raises(Refused) as caught:
        load(b'{"auth": s3cret}')
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "asked", "message"),
    [
        (b'{"a": 1,\n "log-opts": []}', {"log-opts": {"x": "y"}}, "line 2: log-opts: holds a list, not an object"),
        (b'{"a": {\n"b": null}}', {"a": {"b": {"c": 1}}}, "line 2: a.b: holds null, not an object"),
        (b'{"a": {"b": 1}}', {"a": "x"}, "line 1: a: holds an object, not a string"),
        (b'{"a": {"b": 1}}', {"a": None}, "line 1: a: holds an object, not null"),
        (b'{"a": 1,\n"b": 2,\n"a": 3}', {"a": 3}, "line 1: a: stands there more than once (again in line 3)"),
        (b'{"a": {},\n"a": {}}', {"a": {"b": 1}}, "line 1: a: stands there more than once (again in line 2)"),
    ],
)
def test_a_path_that_can_not_be_followed_is_refused(source, asked, message):
    with pytest.raises(Refused, match="^" + message.replace("(", r"\(").replace(")", r"\)")):
        edit(source, asked)


def test_a_removal_that_crosses_a_list_is_refused():
    with pytest.raises(Refused, match="line 1: dns: holds a list, not an object"):
        edit(b'{"dns": ["192.0.2.1"]}', {}, [["dns", "0"]])


def test_a_duplicate_that_no_path_crosses_is_none_of_our_business():
    assert edit(b'{"a": 1, "a": 2}', {"b": 1}) == b'{"a": 1, "a": 2, "b": 1}'


@pytest.mark.parametrize(
    ("asked", "remove", "message"),
    [
        ({1: 2}, [], "settings: key 1 is not a string"),
        ({"a": {True: 1}}, [], "a: key True is not a string"),
        ({"a": float("nan")}, [], "a: is nan"),
        ({"a": [1, float("inf")]}, [], "a.1: is inf"),
        ({"a": 10**400}, [], "a: is a number of more than 300 digits"),
        ({"a": object()}, [], "a: is of type object"),
        ({"a": "\ud800"}, [], "a: holds half of a UTF-16 surrogate pair"),
        ({"a": 1}, [["a"]], "a: is both set and removed"),
        ({"a": {"b": 1}}, [["a"]], "a: is both set and removed"),
        ({"a": 1}, [["a", "b"]], "a.b: is both set and removed"),
        ({}, ["log-opts"], "remove: 'log-opts' is not a list of keys"),
        ({}, [[]], r"remove: \[\] is not a list of keys"),
        ({}, [["dns", 0]], "is not a list of keys"),
    ],
)
def test_what_can_not_be_asked_for(asked, remove, message):
    with pytest.raises(Refused, match=message):
        edit(b"{}", asked, remove)


def test_settings_that_are_too_deep_are_refused():
    deep: dict = {}
    for _level in range(500):
        deep = {"a": deep}
    with pytest.raises(Refused, match="nested more than 100 levels"):
        edit(b"{}", deep)
    with pytest.raises(Refused, match=r"remove: a.a.a...: names more than 100 levels"):
        edit(b"{}", {}, [["a"] * 101])


def test_what_is_asked_for_may_be_as_deep_as_that():
    path = ["a"] * 100
    source = b'{"a": ' * 100 + b"1" + b"}" * 100
    assert line_of(source, path) == 1
    assert edit(edit(b"{}", json.loads(source)), {}, [path]) == b"{}"
    assert edit(source, json.loads(source)) == source


def test_line_of():
    source = b'{\n  "a": 1,\n  "log-opts": {\n    "max-size": "1m"\n  }\n}\n'
    assert line_of(source, ["a"]) == 2
    assert line_of(source, ["log-opts", "max-size"]) == 4
    assert line_of(source, ["log-opts", "nosuch"]) is None
    assert line_of(source, ["a", "b"]) is None
    assert line_of(b"", ["a"]) is None
