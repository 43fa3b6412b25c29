# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upstart's override files, against its documented grammar: init(5), and libnih's tokens as its source has them.

Nothing that is still maintained brings Upstart, so no real one reads these.
"""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file_upstart as upstart
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import example, given
from hypothesis import strategies as st


def dequoted(token):
    """Return a token as libnih does: quotes go wherever they stand, a backslash gives the next character."""
    text, quote, escaped = "", "", False
    for char in token:
        if escaped:
            text, escaped = text + char, False
        elif char == "\\":
            escaped = True
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            assert quote or char not in " \t\r\n#", "the token ends here"
            text += char
    assert not quote
    assert not escaped
    return text


@given(st.text(st.one_of(st.sampled_from("\"'\\ #\t$%="), st.characters(codec="utf-8")), max_size=20))
@example("")
def test_values_in_the_documented_grammar(value):
    if any(ord(char) < 32 or ord(char) == 127 for char in value.replace("\t", "")):
        with pytest.raises(Refused, match="X: holds the control character"):
            upstart.edit(b"", {"X": value})
        return
    line = upstart.edit(b"", {"X": value}).decode()
    assert line.startswith("env ")
    assert line.endswith("\n")
    assert dequoted(line[4:-1]) == f"X={value}"


SCRIPT = b"pre-start script\n  env X=old\n  echo 'it\nend script # x\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"manual\n", b"manual\nenv X=new\n"),
        (b"env X=old\nenv A=0\n", b"env X=new\nenv A=0\n"),
        (b'\tenv  "X=a b" # why\r\n', b"\tenv  X=new # why\r\n"),
        (b"env X='a\n  b'\nmanual\n", b"env X=new\nmanual\n"),
        (b"env \\\n  X=old\n", b"env \\\n  X=new\n"),
        (b"env X\nenv X=2\n", b"env X=new\n"),
        (b"manual\nenv X=\\\n", b"manual\nenv X=new\n"),
        (b"env X=new\n", b"env X=new\n"),
        (b"env X=ne\\w#comment\n", b"env X=ne\\w#comment\n"),
        (SCRIPT, SCRIPT + b"env X=new\n"),
        (b"script\nenv X=old\nend  script", b"script\nenv X=old\nend  script\nenv X=new"),
        (b'exec env X=old sh -c "env X=old"\n', b'exec env X=old sh -c "env X=old"\nenv X=new\n'),
        (b"export X\n", b"export X\nenv X=new\n"),
        (None, b"# This file was made by fleetops.container_hosts.\nenv X=new\n"),
    ],
)
def test_a_variable_is_set_where_it_stands_or_at_the_end(before, after):
    assert upstart.edit(before, {"X": "new"}) == after


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"manual\nexec echo 'open\n", "line 2: has a quote that is never closed"),
        (b"script\necho\n", "line 1: has a script that no `end script` ends"),
        (b"manual\\", "line 1: has a backslash at its very end"),
        (b"env A=1 B=2\n", "line 1: has an `env` that does not name one variable"),
    ],
)
def test_a_file_of_which_upstart_reads_nothing(content, why):
    with pytest.raises(Refused, match=why):
        upstart.edit(content, {"X": "new"})
