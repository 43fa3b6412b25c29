# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a checkpoint's document holds after which changes; no host in here."""

from __future__ import annotations

import string

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_checkpoint as core
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint import Document, Place, Write
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import (
    EXPAND,
    MULTI,
    PLAIN,
    Value,
)
from hypothesis import given, settings
from hypothesis import strategies as st

VALUE = Place(r"HKLM:\SYSTEM\CurrentControlSet\Services\docker", "Environment")
FILE = Place(r"C:\ProgramData\docker\config\daemon.json", None)

_texts = st.text(max_size=8)
_states = st.one_of(
    st.none(),
    st.binary(max_size=8),
    st.builds(Value, st.sampled_from([PLAIN, EXPAND]), _texts),
    st.builds(Value, st.just(MULTI), st.lists(_texts.filter(bool), max_size=3)),
)
_places = st.builds(Place, st.text(string.ascii_letters, min_size=1, max_size=3), st.none() | _texts)
_writes = st.lists(st.builds(Write, _places, _states, _states), max_size=5)


def entries(*texts):
    return Value(MULTI, list(texts))


def changed(document, *writes, run="run 1", services=("docker",), running=("docker",)):
    return core.keep(document, writes, services=services, running=running, run=run)


def commit(document, *writes, when=1.0, **more):
    return core.committed(changed(document, *writes, **more), when)


@settings(max_examples=200, deadline=None)
@given(st.lists(_writes, max_size=7), _writes, _texts)
def test_what_is_written_down_is_read_back(committed, pending, run):
    document = Document()
    for number, writes in enumerate(committed):
        document = commit(document, *writes, when=float(number), run=run)
    document = changed(document, *pending, run=run)
    text = core.encode(document)
    assert text.isascii()
    assert core.decode(text, where="x") == document


@settings(max_examples=200, deadline=None)
@given(_states, st.lists(_states, min_size=1, max_size=5))
def test_the_first_state_since_the_last_commit_wins(first, later):
    document, before = Document(), first
    for after in later:
        document = changed(document, Write(VALUE, before, after))
        before = after
    (record,) = document.pending.records
    assert record.was == core.normal(first)
    assert not any(core.is_foreign(state, record) for state in (first, *later))
    (record,) = core.states_before([*core.committed(document, 1.0).commits])
    assert record.was == core.normal(first)


def test_nothing_to_write_leaves_the_document_as_it_is():
    assert changed(Document()) == Document()
    assert commit(Document()) == Document()


def test_a_place_is_the_same_whatever_its_case():
    document = changed(Document(), Write(VALUE, None, entries("A=1")))
    other = Place(VALUE.where.lower(), VALUE.name.upper())
    document = changed(document, Write(other, entries("A=1"), entries("A=2")))
    assert len(document.pending.records) == 1


def test_five_commits_are_kept_and_their_numbers_go_on():
    document = Document()
    for number in range(7):
        document = commit(document, Write(FILE, b"%d" % number, b"%d" % (number + 1)), when=float(number))
    assert [each.id[:4] for each in document.commits] == ["0003", "0004", "0005", "0006", "0007"]
    assert document.commits[-1].id == "0007-19700101T000006Z"
    assert [each.id[:4] for each in core.to_undo(document, None, "x")] == ["0007"]
    assert [each.id[:4] for each in core.to_undo(document, "0005", "x")] == ["0005", "0006", "0007"]
    (record,) = core.states_before(core.to_undo(document, "0005", "x"))
    assert record.was == b"4"
    document = core.undone(document, core.to_undo(document, "0005", "x"), [])
    assert [each.id[:4] for each in document.commits] == ["0003", "0004"]


def test_what_is_pending_goes_first_and_alone():
    document = changed(commit(Document(), Write(FILE, None, b"1")), Write(FILE, b"1", b"2"))
    assert [each.id for each in core.to_undo(document, None, "x")] == [""]
    assert [each.id[:4] for each in core.to_undo(document, "0001", "x")] == ["0001", ""]
    undone = core.undone(document, core.to_undo(document, None, "x"), [])
    assert undone.pending is None
    assert len(undone.commits) == 1


@pytest.mark.parametrize("wanted", ["0009", "000"])
def test_a_commit_that_is_none_or_many_is_refused(wanted):
    document = commit(commit(Document(), Write(FILE, None, b"1")), Write(FILE, b"1", b"2"))
    with pytest.raises(Refused, match="There are: 0001-19700101T000001Z, 0002-"):
        core.to_undo(document, wanted, "checkpoint moby")
    with pytest.raises(Refused, match="There are: none"):
        core.to_undo(Document(), wanted, "checkpoint moby")


def test_what_others_wrote_between_is_kept_and_told():
    document = changed(Document(), Write(FILE, b"old", b"ours"))
    document = changed(document, Write(FILE, b"theirs", b"ours too"))
    assert document.foreign == ((FILE, b"theirs"),)
    document = commit(document)
    document = commit(document, Write(FILE, b"hers", b"ours again"))
    (record,) = core.states_before(document.commits)
    assert (record.was, record.between) == (b"old", (b"hers",))
    for number in range(20):
        document = core.undone(document, [], [(FILE, b"%d" % number)])
    assert len(document.foreign) == core.KEPT_FOREIGN


def test_an_empty_list_is_none_and_a_list_of_one_may_be_a_text():
    assert core.normal(Value(MULTI, [])) is core.normal(Value(MULTI, [""])) is None
    assert core.normal(Value(MULTI, "A=1")) == entries("A=1")
    assert core.digest(Value(PLAIN, "x")) != core.digest(Value(EXPAND, "x"))


def test_the_last_run_is_found_over_all_checkpoints():
    one = commit(Document(), Write(FILE, None, b"1"), when=1.0, run="run 1")
    two = commit(one, Write(FILE, b"1", b"2"), when=2.0, run="run 2")
    other = commit(Document(), Write(VALUE, None, entries("A=1")), when=3.0, run="run 2")
    died = changed(Document(), Write(VALUE, None, entries("A=1")), run="run 2")
    documents = {"old": one, "moby": two, "ecs": other, "iotedge": died, "none": Document()}
    assert core.last_run(documents) == ["iotedge", "ecs", "moby"]
    assert core.last_run(documents, "run 2") == ["iotedge", "ecs", "moby"]
    assert core.last_run(documents, "run 1") == []
    assert core.last_run({}) == core.last_run({}, "run 1") == []


@pytest.mark.parametrize(
    "text",
    [
        "S3cret",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "commits": [1], "pending": null, "foreign": []}',
        "[" * 9999,
    ],
)
def test_what_is_no_document_is_refused_and_not_quoted(text):
    with pytest.raises(Refused, match="is no checkpoint that this version can read") as refused:
        core.decode(text, where="x")
    assert "S3cret" not in str(refused.value)
