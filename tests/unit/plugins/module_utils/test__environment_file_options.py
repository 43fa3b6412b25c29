# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options strings: which words are ours, how they are quoted, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file_options as options
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # What Replicated's installer writes.
        ('O="-e LOG_LEVEL=info -e DAEMON_TOKEN=t"', 'O="-e LOG_LEVEL=info -e DAEMON_TOKEN=t -e X=n"'),
        ('O="-e LOG_LEVEL=info -e X=old -e T=t"', 'O="-e LOG_LEVEL=info -e X=n -e T=t"'),
        ('O="-e LOG_LEVEL=info -e X=n -e T=t"', 'O="-e LOG_LEVEL=info -e X=n -e T=t"'),
        ('O="-e X=1 -a -e X=2"', 'O="-e X=n -a"'),
        ('O="-e X -eX=2 --env X=3 --env=X=4 -e=X=5 -b"', 'O="-e X=n -b"'),
        ('O="--env=X=4"', 'O="--env=X=n"'),
        ("O='-e \"X=a b\" -c'", "O='-e X=n -c'"),
        ('O="-e \\"X=a b\\" -c"', 'O="-e X=n -c"'),
        ('O="-a \\\n -e X=old"', 'O="-a \\\n -e X=n"'),
        ("O=''", "O='-e X=n'"),
        ('O=""', 'O="-e X=n"'),
        ("O=", 'O="-e X=n "'),
        ("O=-d", 'O="-d -e X=n "'),
        ("O=-eX=n", "O=-eX=n"),
        ("O=-eX=old", 'O="-eX=n "'),
        ('O="-a"\nO="-b"', 'O="-a"\nO="-b -e X=n"'),  # the last one counts
        ('O="--label X=1 -e XX=2 -e AX=3 -v -eX:/x"', 'O="--label X=1 -e XX=2 -e AX=3 -v -eX:/x -e X=n"'),
        ('P="-e X=1"', 'P="-e X=1"\n# The line below was added by fleetops.container_hosts.\nO="-e X=n"'),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\nB=1\r\n"])
def test_the_words_in_the_string(before, after, end):
    if end.startswith("\r") and before.startswith("P"):
        after, end = before + "\r\nB=1\r\n" + after.partition("\n")[2], "\n"
        before += "\r\nB=1\r"
        assert options.edit(f"{before}\n".encode(), "O", {"X": "n"}).decode() == f"{after}\n"
        return
    assert options.edit((before + end).encode(), "O", {"X": "n"}).decode() == after + end


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('O="-a -e X=1 -b"\n', 'O="-a -b"\n'),
        ('O="-e X=1 -b -e X=2"\n', 'O="-b"\n'),
        ('O="-e X=1"\n', 'O=""\n'),
        ('# The line below was added by fleetops.container_hosts.\nO="-e X=1 -a"\n', None),
    ],
)
def test_the_words_go(before, after):
    expected = before.replace("-e X=1 ", "") if after is None else after
    assert options.edit(before.encode(), "O", {"X": None}).decode() == expected


@pytest.mark.parametrize(
    "raw", ["-a -b", '"-a" # comment', "\"-a\"'-b'", "-a$X", '"-a"-b', "-l='x'", '"open', "`id`", "a\\ b"]
)
def test_a_value_that_is_not_one_string(raw):
    with pytest.raises(Refused, match=r'line 2: O is not one string in quotes. Write it as O="..."'):
        options.edit(f"A=1\nO={raw}\n".encode(), "O", {"X": "n"})


@pytest.mark.parametrize("raw", ['"-a \'b"', '"-a \\\\"', "'-a \\'"])
def test_a_string_that_would_take_our_words_in(raw):
    with pytest.raises(Refused, match="has an open quote or a backslash"):
        options.edit(f"O={raw}\n".encode(), "O", {"X": "n"})


@pytest.mark.parametrize("char", list(" \t\"'\\\x01\x7f"))
def test_what_its_readers_split_or_unquote_is_refused_by_name(char):
    with pytest.raises(Refused, match=r"X: holds .*percent-encoded"):
        options.edit(b"", "O", {"X": f"a{char}b"})
