# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of JSON documents for those who edit JSON in a string of JSON: how a text is spelled, and where it changes."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_change import Spelled
from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_document import edit
from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_parts import literals_of, splices
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = st.sampled_from(["a", "b", "c", "é"])
OBJECTS = st.dictionaries(
    KEYS, st.recursive(st.integers() | st.text(), lambda of: st.dictionaries(KEYS, of, max_size=3))
)
DOOMED = st.lists(st.sampled_from([("in", "a"), ("in", "b"), ("in", "c", "a"), ("in",)]), min_size=1)


@settings(max_examples=200, deadline=None)
@given(value=OBJECTS, asked=OBJECTS, doomed=DOOMED, indent=st.sampled_from([None, 0, 2]))
def test_the_splices_of_an_edit_come_to_the_edit(value, asked, doomed, indent):
    # With a member that stays, as all have who ask for them.
    source = json.dumps({"stays": 0, "in": value}, indent=indent)
    for settings_, remove in (({"in": asked, "new": asked}, ()), ({}, doomed)):
        try:
            after = edit(source.encode(), settings_, remove)
        except Refused as refused:
            with pytest.raises(Refused, match=re.escape(refused.what)):
                splices(source, settings_, remove)
            continue
        text = source
        for splice in sorted(splices(source, settings_, remove), reverse=True):
            text = text[: splice.start] + splice.text + text[splice.end :]
        assert text.encode() == after


def test_a_text_may_bring_its_spelling():
    spelled = r'"\u00e9\u0022\/"'
    source = edit(b"{}", {"a": {"b": Spelled(spelled), "c": [Spelled(spelled)]}})
    assert json.loads(source) == {"a": {"b": 'é"/', "c": ['é"/']}}
    paths = ["a", "b"], ["a", "d"], ["a", "b", "c"], ["a", "c"], ["a"]
    text, *none, in_list, whole = literals_of(source, paths)
    assert (text, none) == (spelled, [None, None])
    assert spelled in in_list
    assert json.loads(whole) == json.loads(source)["a"]
    # Equal texts are equal, however they are spelled.
    assert edit(source, {"a": {"b": Spelled('"\u00e9\\"/"')}}) == source
