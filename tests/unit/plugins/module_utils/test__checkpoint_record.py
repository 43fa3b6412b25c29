# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record gives back what it was made of, and nothing else passes for one."""

from __future__ import annotations

import contextlib
import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint_record import (
    Record,
    decode,
    digest,
    encode,
    name,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._host_file_write import Attributes
from hypothesis import given
from hypothesis import strategies as st

# A path's bytes that are no UTF-8 come as lone surrogates.
PATHS = st.binary(min_size=1).map(lambda raw: "/" + raw.decode("utf-8", "surrogateescape"))
ATTRIBUTES = st.builds(
    Attributes,
    st.integers(0, 0o7777),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.text(), st.binary()),
    st.none() | st.integers(-(2**63), 2**63),
)
PRESENT = st.builds(Record, PATHS, st.binary(), ATTRIBUTES, ATTRIBUTES, st.just(()))
ABSENT = st.builds(Record, PATHS, st.none(), st.none(), st.none() | ATTRIBUTES, st.lists(PATHS, max_size=3).map(tuple))
GOOD = {"format": 1, "path": "/a", "file": None, "folder": None, "made": []}
FILE = {"mode": 420, "owner": 0, "group": 0, "extended": {}, "modified": 5}


@given(PRESENT | ABSENT)
def test_what_is_written_is_read(record):
    assert decode(encode(record), where="x") == record


@given(PATHS, PATHS)
def test_each_path_has_a_name_of_its_own_and_it_is_a_file_name(one, other):
    assert (name(one) == name(other)) == (one == other)
    assert name(one).isalnum()


def test_no_file_is_another_content_than_any():
    assert len({digest(None), digest(b""), digest(b"absent")}) == 3


def test_what_the_bad_ones_below_are_made_of_is_good():
    assert decode(json.dumps({**GOOD, "file": FILE}).encode() + b"\nx\n", where="x").content == b"x\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\xff\n",
        b"[]\n",
        b'"text"\n',
        b"5\n",
        b"null\n",
        b"[" * 100_000 + b"\n",
        json.dumps(GOOD).encode(),  # cut off
        json.dumps(GOOD).encode() + b"\nbytes of no file",
        *(
            json.dumps({**GOOD, **other}).encode() + b"\n"
            for other in (
                {"format": 2},
                {"path": None},
                {"path": "etc/passwd"},
                {"path": ""},
                {"made": None},
                {"made": "/a"},
                {"made": [1]},
                {"file": []},
                {"file": {}},
                {"file": {**FILE, "mode": "0644"}},
                {"file": {**FILE, "mode": True}},
                {"file": {**FILE, "owner": None}},
                {"file": {**FILE, "modified": 1.5}},
                {"file": {**FILE, "extended": []}},
                {"file": {**FILE, "extended": {"user.x": "no base64"}}},
                {"file": {**FILE, "extended": {"user.x": 5}}},
                {"folder": 5},
            )
        ),
        *(json.dumps({key: GOOD[key] for key in GOOD if key != lacking}).encode() + b"\n" for lacking in GOOD),
    ],
)
def test_what_is_no_record_is_refused_and_named(data):
    with pytest.raises(Refused, match=r"^/var/x\.record: is no record of a file"):
        decode(data, where="/var/x.record")


@given(st.binary())
def test_whatever_it_is_it_is_read_or_refused(data):
    with contextlib.suppress(Refused):
        decode(data, where="x")
