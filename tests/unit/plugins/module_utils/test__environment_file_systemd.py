# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of EnvironmentFile=: what is taken over, what is refused, and what is told."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file_systemd as systemd
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=0\n", b'A=0\nX="n$w"\n'),
        (b"A=0", b'A=0\nX="n$w"'),
        (b"X=n$w\n", b"X=n$w\n"),
        (b"X='n$w'\r\n", b"X='n$w'\r\n"),
        (b"X=old\r\nA=0\r\n", b'X="n$w"\r\nA=0\r\n'),
        (b" X = old # no comment\nA=0\n", b' X ="n$w"\nA=0\n'),
        (b'X="a\nb"\nA=0\n', b'X="n$w"\nA=0\n'),
        (b"X=a\\\nb\nA=0\n", b'X="n$w"\nA=0\n'),
        (b"X=1\nA=0\n X=2\n", b'X="n$w"\nA=0\n'),
        (b"A=0\nX=1\nX='open", b'A=0\nX="n$w"'),
        (b"A=0\nX=a\\\n", b'A=0\nX="n$w"\n'),
        (b"A=0\nX='a\n", b'A=0\nX="n$w"\n'),
        (b"export X=1\n", b'export X=1\nX="n$w"\n'),
        (b"# X=1\n; X=1\n", b'# X=1\n; X=1\nX="n$w"\n'),
        (None, b'# This file was made by fleetops.container_hosts.\nX="n$w"\n'),
    ],
)
def test_a_variable_is_set_where_it_stands_or_at_the_end(before, after):
    assert systemd.edit(before, {"X": "n$w"}) == (before if before == after else after.replace(b"n$w", b"n\\$w"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=0\n\nX=1\rY=2\n", b"A=0\n\n"),
        (b"\nX='\r", b"\n"),
        (b"\nX=\\\r", b"\n"),
        (b"X=\rA=0\nX=\rY=", b"A=0"),
    ],
)
def test_a_carriage_return_alone_ends_a_line(before, after):
    assert systemd.edit(before, {"X": None, "Y": None}) == after
    assert systemd.edit(systemd.edit(before, {"X": "1", "Z": "2"}), {"X": None, "Y": None, "Z": None}) == after


@pytest.mark.parametrize("value", ["a\nb", "a\rb"])
def test_a_line_break_is_refused_by_name(value):
    with pytest.raises(Refused, match=r"X: holds a line break.*set the variable in a drop-in"):
        systemd.edit(b"", {"X": value})


def test_export_which_systemd_ignores():
    (told,) = systemd.notices(b'export A=1\nexport  X=1\nX="2"\n', {"X": "2"})
    assert str(told) == "systemd: X: ignores line 2, because of its `export`; it can go"
