# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/etc/environment: what is taken over, what is refused, and what is told."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file_pam as pam
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy_pam
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=0\nB=1\n", b"A=0\nB=1\nX='new'\n"),
        (b"A=0", b"A=0\nX='new'"),
        (b"A=0\r\n", b"A=0\r\nX='new'\n"),
        (b"X=old\nA=0\n", b"X='new'\nA=0\n"),
        (b"X=new\nA=0\n", b"X=new\nA=0\n"),
        (b'X="new"\n', b'X="new"\n'),
        (b"X=old\r\nA=0\r\n", b"X='new'\nA=0\r\n"),  # the \r would be a part of the value
        (b"  export X=old\n", b"  export X='new'\n"),
        (b"export  X=old\n", b"export  X=old\nX='new'\n"),  # pam_env reads no X in it
        (b"X=old # why\nA=0\n", b"X='new'\n# why\nA=0\n"),
        (b"X='ol#d' # why\n", b"X='new'\n# why\n"),
        (b"X=http://u:p#w@h\n", b"X='new'\n"),  # the end of a secret is no comment to keep
        (b"X=a b -Dc=d\n", b"X='new'\n"),
        (b"X=a\\\n# c\n  b\nA=0\n", b"X='new'\nA=0\n"),
        (b"X\nA=0\n", b"X='new'\nA=0\n"),  # takes the variable away
        (b"X=1\nA=0\nexport X=2\n", b"X='new'\nA=0\n"),
        (b"A=0\nX=1\nX=2", b"A=0\nX='new'"),
        (b"\xef\xbb\xbfX=1\n", b"\xef\xbb\xbfX=1\nX='new'\n"),
        (b"#X=1\nXX=1\nX-Y=2\nX =3\n", b"#X=1\nXX=1\nX-Y=2\nX =3\nX='new'\n"),
        (None, b"# This file was made by fleetops.container_hosts.\nX='new'\n"),
    ],
)
def test_a_variable_is_set_where_it_stands_or_at_the_end(before, after):
    assert pam.edit(before, {"X": "new"}) == after


@pytest.mark.parametrize("line", ["export X=old A=0", "X='old' A=0", 'X="o l d"  A=0 # c'])
@pytest.mark.parametrize("value", ["new", None])
def test_a_line_with_two_variables_would_lose_the_other(line, value):
    with pytest.raises(Refused, match=r"line 2: sets more than one variable for a shell.*Write one variable a line"):
        pam.edit(f"B=1\n{line}\n".encode(), {"X": value})
    assert pam.edit(line.encode(), {"Y": None}) == line.encode()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a'b", 'X: holds "\'", which ends the quotes'),
        ("a#b", "X: holds '#', which begins a comment"),
        ("a\tb", "is read differently"),
        ("a\nb", "control character"),
        ("a" * 8190, "pam_env reads none of more than 8190"),
    ],
)
def test_what_pam_cannot_carry_is_refused_by_name(value, why):
    with pytest.raises(Refused, match=why):
        pam.edit(b"A=0\n", {"X": value})


def notices(content, **given):
    return [str(notice) for notice in pam.notices(content, given)]


def test_a_line_that_an_older_pam_does_not_read():
    value = "x" * _proxy_pam.MAX_LINE
    (told,) = notices(f"A={value}\nX='1'\n".encode(), X="1")
    assert told.startswith("pam_env before 1.7: X: ends at line 1, which is longer than 8190 bytes")
    assert notices(f"X='1'\nA={value}\n".encode(), X="1") == []
    (told,) = notices(("X='%s'\n" % ("x" * 1100)).encode(), X="x" * 1100)
    assert told.startswith("pam_env before 1.5: X: ")


def test_a_quote_that_pam_does_not_see_and_a_shell_does():
    (told,) = notices(b"# it's a comment\nA=it's\nX='1'\nY='2'\n", X="1", Y="2")
    assert told == "a shell: X, Y: is not set, because of a quote that opens in line 2; close it"
    assert notices(b"A=\"it's\"\nB=a\\'b\nX='1'\n", X="1") == []
