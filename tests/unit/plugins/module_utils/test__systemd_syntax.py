# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd's spelling, by our own reader; tests/conformance/test_systemd.py asks the real one."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _systemd_syntax as syntax
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


@given(TEXT)
def test_environment_line_round_trip(value):
    line = syntax.environment_line("NAME", value)
    assert "\n" not in line
    (word,) = syntax.words(line.partition("=")[2])
    assert syntax.assignment(word.text) == ("NAME", value)


@given(TEXT.filter(lambda value: not set(value) & set("\r\n")))
def test_file_line_round_trip(value):
    assert syntax.parse_file(syntax.file_line("NAME", value, where="x") + "\n") == [("NAME", value, 1)]


@given(TEXT)
def test_any_text_is_read_without_an_error(value):
    syntax.words(value)
    syntax.assignment(value)
    syntax.parse_file(value)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("A=b", [("A", "b")]),
        ("A=b C=d", [("A", "b"), ("C", "d")]),
        ('"A=b c" D=e', [("A", "b c"), ("D", "e")]),
        ("'A=b c'", [("A", "b c")]),
        ('A="b c"d', [("A", "b cd")]),
        ('A=["a","b"]', [("A", "[a,b]")]),
        (r"A=x\sy\x41\101\u00e4", [("A", "x yAAä")]),
        (r"A=1 B=\p C=2", [("A", "1")]),
        ("A=1 'B=2", [("A", "1")]),
        ("A=100%% B=2", [("A", "100%"), ("B", "2")]),
        ("A=p%40ss B=2", [("B", "2")]),
        ("A=%n", [("A", None)]),
        ("A=%", []),
        ("1A=b A-B=c =d A", []),
    ],
)
def test_words_of_environment(raw, expected):
    pairs = [syntax.assignment(word.text) for word in syntax.words(raw)]
    assert [pair for pair in pairs if pair] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b c \n", [("A", "b c", 1)]),
        ("# A=1\n; B=2\n\nC=3", [("C", "3", 4)]),
        ("export A=1\nB=2\n", [("B", "2", 2)]),
        ('A="a" #b\n', [("A", "a#b", 1)]),
        ("A='a$b' \n", [("A", "a$b", 1)]),
        ('A="a\\"b\\c"\n', [("A", 'a"b\\c', 1)]),
        ("A=a\\b\\\nc\n", [("A", "abc", 1)]),
        ("A=a'b\n", [("A", "a'b", 1)]),
        ('A="ab\nB=1\n', [("A", "ab\nB=1\n", 1)]),
        (" A =1\r\nB=2\r\n", [("A", "1", 1), ("B", "2", 2)]),
        ("# x\\\nA=1\nB=2\n", [("B", "2", 3)]),
        ("A\n=1\n", []),
        ("A='x\ny'\nB=2\n", [("A", "x\ny", 1), ("B", "2", 3)]),
    ],
)
def test_lines_of_an_environment_file(text, expected):
    assert syntax.parse_file(text) == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("1A", "x", "'1A' is no variable name"),
        ("A-B", "x", "'A-B' is no variable name"),
        ("A", "x\0y", "A holds a NUL character"),
        ("A", "x" * 131070, "A is longer than the kernel's 131071 bytes"),
        ("A", "\udcff", "A is not UTF-8"),
    ],
)
def test_what_no_environment_can_carry(name, value, message):
    with pytest.raises(Refused, match=f"environment.A: {message}"):
        syntax.check(name, value, where="environment.A")


def test_a_file_line_refuses_a_line_break():
    with pytest.raises(Refused, match="NAME holds a line break"):
        syntax.file_line("NAME", "a\nb", where="environment.NAME")
