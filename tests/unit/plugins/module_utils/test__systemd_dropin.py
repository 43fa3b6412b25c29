# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our block and other people's statements in a drop-in: nothing but what is asked ever changes."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _systemd_dropin as dropin
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given
from hypothesis import strategies as st

LINES_SEEN = ["[Service]", "[service]", "# note", "; note", "LimitNOFILE=1", "Environment=A=b", 'Environment="A=b c"']
PIECES = st.sampled_from(
    [line.encode() for line in LINES_SEEN] + list(map(bytes, zip(b"\\\n\r \t\xff"))) + [dropin.END]
)
# Hypothesis draws from the constants of our code too, and a file with the mark of our block is not a foreign one.
BYTES = st.binary(max_size=60).filter(lambda source: dropin.BEGIN not in source)
FILES = st.one_of(st.none(), BYTES, st.lists(PIECES, max_size=12).map(b"".join))
LINES = st.lists(st.text("ABC=\"'%\\ xyz", max_size=20).map(lambda text: "Environment=" + text), max_size=4)


@given(FILES, LINES)
def test_remove_takes_back_exactly_what_apply_put(source, lines):
    assert dropin.remove(dropin.apply(source, lines)) == source


@given(FILES, LINES)
def test_apply_twice_is_apply_once(source, lines):
    once = dropin.apply(source, lines)
    assert dropin.apply(once, lines) == once


@given(FILES, LINES, LINES)
def test_a_later_apply_replaces_the_earlier(source, first, second):
    assert dropin.apply(dropin.apply(source, first), second) == dropin.apply(source, second)


@given(FILES)
def test_foreign_bytes_stand_before_our_block(source):
    assert dropin.apply(source, ["Environment=A=b"]).startswith(source or b"")


@given(FILES)
def test_remove_leaves_a_file_without_our_block(source):
    assert dropin.remove(source) == source


def test_a_continued_last_line_does_not_swallow_our_section():
    text = dropin.apply(b"[Unit]\nDocumentation=x \\", ['Environment="A=b"']).decode()
    assert [(found.section, found.key) for found in dropin.statements(text)] == [
        ("Unit", "Documentation"),
        ("Service", "Environment"),
    ]


def test_a_block_without_its_end():
    for rest in (b"\nrest\n", b""):
        for edit in (dropin.remove, lambda source: dropin.apply(source, ["A=1"])):
            with pytest.raises(Refused, match="line 2: has the mark where our block begins, and none where it ends"):
                edit(b"x\n" + dropin.BEGIN + rest)


def test_a_file_that_was_pasted_into_itself_has_one_block_and_then_none():
    twice = dropin.apply(b"a\n", ["A=1"]) + dropin.apply(b"b\n", ["B=1"])
    once = dropin.apply(twice, ["C=1"])
    assert (once.count(dropin.BEGIN), dropin.remove(once)) == (1, b"a\nb\n")
    assert dropin.remove(twice) == b"a\nb\n"


@pytest.mark.parametrize(
    ("source", "names", "expected"),
    [
        ("[Service]\nEnvironment=A=1\nLimitNOFILE=1\n", "A", "[Service]\nLimitNOFILE=1\n"),
        ("[Service]\nEnvironment=A=1 B=2\n", "A", "[Service]\nEnvironment=B=2\n"),
        ("[Service]\nEnvironment=A=1 B=2  C=3\n", "BC", "[Service]\nEnvironment=A=1\n"),
        ("[Service]\nEnvironment=A=1 B=2  C=3\n", "AB", "[Service]\nEnvironment=C=3\n"),
        ("[Service]\nEnvironment=A=1 B=2  C=3\n", "AC", "[Service]\nEnvironment=B=2\n"),
        ("[Service]\nEnvironment=A=1 B=2  C=3\n", "B", "[Service]\nEnvironment=A=1 C=3\n"),
        ("[Service]\nEnvironment=A=1 B=2  C=3", "ABC", "[Service]\n"),
        ('[Service]\nEnvironment = "A=x y" "B=z"\n', "A", '[Service]\nEnvironment = "B=z"\n'),
        (
            '[Service]\nEnvironment="A=x" \\\n  "B=y" \\\n  "C=z"\n# end\n',
            "B",
            '[Service]\nEnvironment="A=x" \\\n  "C=z"\n# end\n',
        ),
        ('[Service]\nEnvironment="A=x" \\\n  "C=z"\n# end\n', "C", '[Service]\nEnvironment="A=x"\n# end\n'),
        ('[Service]\nEnvironment="A=x" \\\n  "C=z"\n# end\n', "AC", "[Service]\n# end\n"),
        ("[Service]\r\nEnvironment=A=1\r\nX=y\r\n", "A", "[Service]\r\nX=y\r\n"),
        ("[Service]\n#Environment=A=1\nEnvironment=\n", "A", "[Service]\n#Environment=A=1\nEnvironment=\n"),
        ("[Unit]\nEnvironment=A=1\n[Service]\n", "A", "[Unit]\nEnvironment=A=1\n[Service]\n"),
        ("[Service]\nEnvironment=A=1 'unbalanced\n", "A", "[Service]\nEnvironment='unbalanced\n"),
        (
            "[Service]\nUnsetEnvironment=A\nPassEnvironment=A\n",
            "A",
            "[Service]\nUnsetEnvironment=A\nPassEnvironment=A\n",
        ),
        ("[Service]\nEnvironment=A=\u2028x\x0cy B=1\n", "B", "[Service]\nEnvironment=A=\u2028x\x0cy\n"),
    ],
)
def test_without(source, names, expected):
    assert dropin.without(source.encode(), set(names)).decode() == expected


@given(FILES.filter(lambda source: source is not None))
def test_without_changes_nothing_that_is_not_named(source):
    assert dropin.without(source, {"NOT_THERE"}) == source
