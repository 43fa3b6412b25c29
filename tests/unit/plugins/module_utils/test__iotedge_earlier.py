# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that was changed is taken back: to the last byte, or, where others have edited the file since, key by key."""

from __future__ import annotations

import json
import tomllib

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_earlier, _toml_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given, settings
from hypothesis import strategies as st

LITERAL = (
    b"hostname = 'old'  # theirs\nnumber = 0x10\n\n[agent.env]\n\"HTTPS_PROXY\" = 'http://192.0.2.9:1'\nlast = 'x'\n"
)


class File:
    """A file and its note, changed as the module does it."""

    def __init__(self, content):
        self.content = content
        self.note = None

    def plan(self, wanted, remove=()):
        remove = [tuple(path) for path in remove]
        after = _toml_document.edit(self.content, wanted, remove)
        before = {} if self.content is None else _toml_document.load(self.content)
        note = _iotedge_earlier.noted(self.note, self.content, after, before, wanted, remove)
        return note, after

    def apply(self, wanted, remove=()):
        self.note, self.content = self.plan(wanted, remove)
        return self

    def by_others(self, wanted, remove=()):
        self.content = _toml_document.edit(self.content, wanted, remove)
        return self

    def taken_back(self):
        return _iotedge_earlier.taken_back(self.note, self.content, name="f")

    def document(self):
        return tomllib.loads((self.taken_back() or b"").decode())


# To the last byte -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [None, b"", b"# only\n", LITERAL, b"\xef\xbb\xbf[agent.env]\r\nlast = 1\r\n", b"x=1"]
)
def test_one_change_and_many_go_back_to_the_last_byte(content):
    file = File(content).apply({"hostname": "new", "agent": {"name": "edgeAgent", "env": {"last": "y"}}})
    assert file.content != content
    assert file.taken_back() == content
    file.apply({"number": 17}, [("agent", "env", "HTTPS_PROXY"), ("hostname",)])
    assert file.taken_back() == content
    file.apply({"hostname": "newest"}, [("agent",)])
    assert file.taken_back() == content


def test_where_nothing_changes_nothing_is_noted():
    assert File(LITERAL).apply({"hostname": "old", "number": 16}, [("nosuch", "key")]).note is None
    file = File(LITERAL).apply({"hostname": "new"})
    note = file.note
    assert file.apply({"hostname": "new"}).note is note


def test_a_lost_note_takes_back_nothing():
    file = File(LITERAL).apply({"hostname": "new"})
    file.note = None
    assert file.taken_back() == file.content


def test_a_run_that_dies_between_note_and_file_loses_nothing():
    file = File(LITERAL)
    file.note, _never_written = file.plan({"hostname": "new"})
    assert file.taken_back() == LITERAL
    file.apply({"hostname": "newer"}, [("number",)])
    assert file.taken_back() == LITERAL
    file.note, _never_written = file.plan({"hostname": "newest"})
    assert file.taken_back() == LITERAL


def test_a_run_that_dies_before_its_note_goes_leaves_one_that_does_no_harm():
    file = File(LITERAL).apply({"hostname": "new"}).apply({"other": 1})
    file.content = file.taken_back()
    assert file.taken_back() == LITERAL
    assert file.apply({"hostname": "newest"}).taken_back() == LITERAL


# Key by key, after others -----------------------------------------------------------------------------------------


def test_what_others_have_set_stays_and_what_was_ours_goes():
    file = File(b'# theirs\nhostname = "old"\n').apply({"hostname": "new", "agent": {"name": "edgeAgent"}})
    file.by_others({"theirs": 1, "agent": {"imagePullPolicy": "never"}})
    assert file.document() == {"hostname": "old", "theirs": 1, "agent": {"imagePullPolicy": "never"}}
    file.apply({"hostname": "newer", "cloud_retries": 2})
    assert file.document() == {"hostname": "old", "theirs": 1, "agent": {"imagePullPolicy": "never"}}
    assert file.taken_back().startswith(b"# theirs\n")


def test_what_was_removed_comes_back():
    file = File(LITERAL).apply({"a": 1}, [("agent", "env", "HTTPS_PROXY"), ("number",)]).by_others({"theirs": 1})
    assert file.document() == {**tomllib.loads(LITERAL.decode()), "theirs": 1}


def test_a_table_that_was_removed_comes_back_without_what_was_ours_in_it():
    file = File(LITERAL).apply({"agent": {"env": {"ours": "1"}, "config": {"image": "a:1"}}})
    file.apply({}, [("agent",)]).by_others({"theirs": 1})
    assert file.document() == {**tomllib.loads(LITERAL.decode()), "theirs": 1}
    file.apply({"agent": {"env": {"last": "z", "ours": "2"}}})
    assert file.document() == {**tomllib.loads(LITERAL.decode()), "theirs": 1}


def test_a_table_that_was_wholly_ours_does_not_come_back():
    file = File(b"x = 1\n").apply({"agent": {"env": {"ours": "1"}}})
    file.apply({}, [("agent",)]).by_others({"theirs": 1})
    assert file.document() == {"x": 1, "theirs": 1}


def test_a_value_in_place_of_which_a_table_was_put():
    """As moby_runtime.network: a name, or a table."""
    source = b'[moby_runtime]\nnetwork = "azure-iot-edge"\nuri = "unix:///s"\n'
    file = File(source).apply({}, [("moby_runtime", "network")])
    file.apply({"moby_runtime": {"network": {"name": "n", "ipv6": True}}})
    assert file.taken_back() == source
    assert file.by_others({"theirs": 1}).document() == {**tomllib.loads(source.decode()), "theirs": 1}


def test_an_empty_table_that_is_asked_for_notes_nothing_of_a_full_one():
    file = File(b"[auth]\nusername = 'u'\n").apply({"auth": {}, "x": 1}).by_others({"auth": {"username": "other"}})
    assert file.document() == {"auth": {"username": "other"}}


def test_an_empty_table_that_is_made_goes_again():
    assert File(b"x = 1\n").apply({"auth": {}}).by_others({"y": 1}).document() == {"x": 1, "y": 1}


def test_a_file_that_others_have_removed_does_not_come_back():
    file = File(LITERAL).apply({"hostname": "new"})
    file.content = None
    assert file.taken_back() is None


def test_what_others_have_put_in_the_way_is_theirs():
    file = File(b"").apply({"agent": {"env": {"a": "b"}}})
    file.content = b"agent = 1\n"
    assert file.taken_back() == b"agent = 1\n"


@pytest.mark.parametrize("value", ["07:30:00", "2020-02-02", "inf", "9223372036854775808"])
def test_what_no_setting_can_be_is_noted_all_the_same(value):
    """An unquoted time of day is a common slip, and our setting the cure for it."""
    source = f"[image_garbage_collection]\ncleanup_time = {value}\n".encode()
    file = File(source).apply({"image_garbage_collection": {"cleanup_time": "07:30"}})
    assert file.taken_back() == source
    assert file.by_others({"x": 1}).document()["image_garbage_collection"] == {"cleanup_time": value}


# Notes ------------------------------------------------------------------------------------------------------------


def test_a_note_without_the_file_itself_is_read_too():
    note = json.dumps({"keys": [[["hostname"], ["old"]], [["x"], []]]}).encode()
    assert _iotedge_earlier.taken_back(note, b'hostname = "new"\nx = 1\ny = 2\n', name="f") == (
        b'hostname = "old"\ny = 2\n'
    )


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"null", b'{"keys": [1]}', b'{"keys": {}, "whole": 1}x', b"\xff"])
def test_a_note_that_is_damaged(note):
    with pytest.raises(Refused, match=r"what was noted of config\.toml: can't be read"):
        _iotedge_earlier.taken_back(note, b"x = 1\n", name="f")


# Laws -------------------------------------------------------------------------------------------------------------

_names = st.sampled_from(["a", "b", "c.d", "e"])
_scalars = st.sampled_from([1, 2, True, "x", 'y"', ["l"], []])
_documents = st.recursive(_scalars, lambda inner: st.dictionaries(_names, inner, max_size=3), max_leaves=6).filter(
    lambda value: isinstance(value, dict)
)
_paths = st.lists(_names, min_size=1, max_size=3).map(tuple)
_changes = st.tuples(_documents, st.lists(_paths, max_size=2))
laws = settings(max_examples=300, deadline=None)


def changed(file, change, act):
    """Make a change where it can be made; return whether it was."""
    wanted, remove = change
    try:
        act(file, wanted, remove)
    except Refused:
        return False
    return True


@laws
@given(st.one_of(st.none(), _documents), st.lists(_changes, max_size=4))
def test_law_several_changes_and_back(document, changes):
    source = None if document is None else b"# theirs\n" + (_toml_document.edit(b"", document) or b"")
    file = File(source)
    for change in changes:
        changed(file, change, File.apply)
    assert file.taken_back() == source


@laws
@given(_documents, st.lists(_changes, min_size=1, max_size=3))
def test_law_back_by_keys_alone_gives_the_same_values(document, changes):
    """As after an edit of others that changes no value."""
    file = File(_toml_document.edit(b"", document))
    for change in changes:
        changed(file, change, File.apply)
        file.content = (file.content or b"") + b"# theirs\n"
    assert without_empty(file.document()) == without_empty(document)


@laws
@given(_documents, st.lists(_changes, min_size=1, max_size=3), _documents)
def test_law_what_others_add_stays(document, changes, theirs):
    file = File(_toml_document.edit(b"", document))
    for number, change in enumerate(changes):
        changed(file, change, File.apply)
        file.by_others({f"theirs{number}": theirs})
    found = file.document()
    for number in range(len(changes)):
        assert found.pop(f"theirs{number}") == theirs
    assert without_empty(found) == without_empty(document)


def without_empty(document):
    """Return a document without its empty tables: whether these stay is the layout's affair."""
    shown = {key: without_empty(value) if isinstance(value, dict) else value for key, value in document.items()}
    return {key: value for key, value in shown.items() if value != {}}
