# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that was changed is taken back: to the last byte, or, where others have edited the file since, name by name."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config_document, _ecs_config_earlier
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["ECS_CLUSTER", "HTTP_PROXY", "NO_PROXY", "ECS_LOGLEVEL"])
LINES = st.one_of(
    st.builds("{}={}".format, NAMES, st.sampled_from(["a", "b c", "'q'", "x\\", "", "\udcff", " lead"])),
    st.sampled_from(["", "# theirs", "  OTHER=1", "export ECS_CLUSTER=x", " ECS_CLUSTER =y", "\ufeffECS_LOGLEVEL=z"]),
)
FILES = st.one_of(
    st.none(),
    st.builds(
        lambda lines, end, last: (end.join(lines) + (end if last else "")).encode("utf-8", "surrogateescape"),
        st.lists(LINES, max_size=6),
        st.sampled_from(["\n", "\r\n"]),
        st.booleans(),
    ),
)
CHANGES = st.lists(
    st.tuples(st.dictionaries(NAMES, st.sampled_from(["1", "2", "two words"]), max_size=3), st.sets(NAMES, max_size=2)),
    max_size=4,
)


class File:
    """A file and its note, changed as the module does it."""

    def __init__(self, content):
        self.content = content
        self.note = None

    def apply(self, wanted, remove=()):
        after = _ecs_config_document.put(self.content, wanted, [name for name in remove if name not in wanted])
        self.note = _ecs_config_earlier.noted(self.note, self.content, after)
        self.content = after
        return self

    def taken_back(self):
        return _ecs_config_earlier.taken_back(self.note, self.content)

    def values(self):
        return _ecs_config_document.environment(self.taken_back())


@settings(max_examples=300)
@given(FILES, CHANGES)
def test_any_number_of_changes_goes_back_to_the_last_byte(content, changes):
    file = File(content)
    for wanted, remove in changes:
        file.apply(wanted, remove)
    if file.note is None:
        assert file.content == content
    else:
        assert file.taken_back() == content
        # A run that dies before it writes the file, or after it has taken it back, leaves its note.
        assert _ecs_config_earlier.taken_back(file.note, content) == content


@settings(max_examples=300)
@given(FILES, CHANGES, st.lists(st.sampled_from(["MINE=1", "# mine", "ECS_RESERVED_PORTS=[22]"]), min_size=1))
def test_what_others_have_added_since_stays(content, changes, theirs):
    file = File(content)
    for wanted, remove in changes:
        file.apply(wanted, remove)
    if file.note is None or file.content is None:
        return
    file.content = file.content.rstrip(b"\r\n") + "".join(f"\n{line}" for line in theirs).encode() + b"\n"
    last = (file.taken_back() or b"").decode("utf-8", "surrogateescape").splitlines()
    assert [line for line in last if line in theirs][-len(theirs) :] == theirs
    before = _ecs_config_document.lines(content or b"")
    was = {line.meant: line.value for line in before if line.meant}
    now = {line.meant: line.value for line in _ecs_config_document.lines(file.taken_back()) if line.meant}
    for name in _ecs_config_earlier.names(file.note):
        assert now.get(name) == was.get(name)


def test_what_stood_there_with_the_same_value_was_never_ours():
    file = File(b"ECS_CLUSTER=blue\n").apply({"ECS_CLUSTER": "blue", "HTTP_PROXY": "192.0.2.1:3128"})
    assert _ecs_config_earlier.names(file.note) == ["HTTP_PROXY"]
    file.content += b"MINE=1\n"
    assert file.taken_back() == b"ECS_CLUSTER=blue\nMINE=1\n"


def test_where_nothing_changes_nothing_is_noted():
    assert File(b"ECS_CLUSTER=a\n").apply({"ECS_CLUSTER": "a"}, ["HTTP_PROXY"]).note is None
    file = File(b"").apply({"ECS_CLUSTER": "a"})
    note = file.note
    assert file.apply({"ECS_CLUSTER": "a"}).note is note


def test_the_first_value_counts_and_not_that_of_a_later_change():
    file = File(b"ECS_CLUSTER=theirs\n").apply({"ECS_CLUSTER": "one"}).apply({"ECS_CLUSTER": "two"})
    file.content += b"MINE=1\n"
    assert file.values() == {"ECS_CLUSTER": "theirs", "MINE": "1"}


def test_a_file_that_is_gone_does_not_come_back():
    file = File(b"ECS_CLUSTER=a\n").apply({"ECS_CLUSTER": "b"})
    file.content = None
    assert file.taken_back() is None


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b'{"variables": 1, "whole": null}', b"\xff"])
def test_a_note_that_cannot_be_read_is_said(note):
    with pytest.raises(Refused, match=r"what was noted of ecs\.config.*nobody knows what is ours.*Restore it"):
        _ecs_config_earlier.taken_back(note, b"")
