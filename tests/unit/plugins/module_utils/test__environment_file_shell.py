# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that a shell sources: our block, and what can be seen outside of it."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file_shell as shell
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

PROGRAM = b"""if [ -r /x ]; then
  NO_PROXY=a
fi
export MONGO_BASE_URI=mongodb://192.0.2.7 X="$MONGO_BASE_URI/x"
HTTP_PROXY+=x
# export HTTP_PROXY=commented
cat <<EOF"""


def test_our_block_stands_at_the_end_and_is_the_last_word():
    content = shell.apply(PROGRAM, {"HTTP_PROXY": "it's $HOME\u2028`id`"})
    assert content.startswith(PROGRAM + b"\n\n# BEGIN fleetops.container_hosts\n")
    assert b"\nexport HTTP_PROXY='it'\"'\"'s $HOME\xe2\x80\xa8`id`'\n# END" in content
    assert shell.remove(content) == PROGRAM


def test_what_the_block_no_longer_sets_is_gone():
    content = shell.apply(shell.apply(PROGRAM, {"A": "1", "B": "2"}), {"B": "3"})
    assert b"export A" not in content
    assert content.count(b"# BEGIN") == 1


def test_what_else_sets_the_variables():
    content = shell.apply(PROGRAM, {"HTTP_PROXY": "x", "NO_PROXY": "y"}) + (
        b"unset -v NO_PROXY\n  declare -x HTTP_PROXY=z\nexport OTHER=1\necho NO_PROXY=1\n"
    )
    found = shell.elsewhere(content, {"HTTP_PROXY", "NO_PROXY"})
    assert [(one.variable, one.line, one.wins) for one in found] == [
        ("NO_PROXY", 2, False),
        ("HTTP_PROXY", 5, False),
        ("NO_PROXY", 14, True),
        ("HTTP_PROXY", 15, True),
    ]


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "a\x1b"])
def test_control_characters_are_refused_by_name(value):
    with pytest.raises(Refused, match="HTTP_PROXY: holds the control character"):
        shell.apply(PROGRAM, {"HTTP_PROXY": value})
