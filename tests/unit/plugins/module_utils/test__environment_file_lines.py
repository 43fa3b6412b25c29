# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the editors of environment files: what is taken out leaves the file as it was, and twice is once."""

from __future__ import annotations

import functools
import re

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _environment_file_options,
    _environment_file_pam,
    _environment_file_shell,
    _environment_file_systemd,
    _environment_file_upstart,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import example, given, reject
from hypothesis import strategies as st

NAMES = ("HTTP_PROXY", "NO_PROXY")
WANTED = {"HTTP_PROXY": "http://u:p%40$w@192.0.2.1:3128", "NO_PROXY": "localhost,*.example.com"}
NOTHING = dict.fromkeys(WANTED)


def shell(content, wanted):
    values = {name: value for name, value in wanted.items() if value is not None}
    return _environment_file_shell.apply(content, values) if values else _environment_file_shell.remove(content)


def options(content, wanted):
    return _environment_file_options.edit(content, "OPTS", wanted)


DIALECTS = {
    "pam": _environment_file_pam.edit,
    "shell": shell,
    "systemd": _environment_file_systemd.edit,
    "upstart": _environment_file_upstart.edit,
    "options": options,
}
each_dialect = pytest.mark.parametrize("edit", DIALECTS.values(), ids=DIALECTS)

FOREIGN = [
    "FOO=1",
    "FOO='a b'",
    'export BAR="x $y"',
    "BAR = v ",
    "FOO=it's",
    "FOO='open",
    'BAR="open',
    "BAR=a \\",
    "BAR",
    "env FOO=1",
    'env "BAR=a b" # c',
    "description a\\",
    "script",
    "end script",
    'OPTS=""',
    "OPTS=",
    "OPTS= ",
    "OPTS=-d",
    "OPTS='-e A=1 -v /a:/b '",
    'OPTS="-e A=$B -l \\"a b\\""',
    'OPTS="-d',
    "# HTTP_PROXY=commented",
    "  ; x",
    "\ufeffHTTP_PROXY=behind a mark",
    "XHTTP_PROXY=1",
    "",
    " \t",
]
OURS = [
    "HTTP_PROXY=old",
    "HTTP_PROXY='old' # note",
    'export NO_PROXY="a#b"',
    "NO_PROXY",
    "env HTTP_PROXY=old",
    "env NO_PROXY",
    'OPTS="-e HTTP_PROXY=old -e A=1 -e HTTP_PROXY=older"',
    "OPTS='--env=NO_PROXY=x '",
    "OPTS=-eNO_PROXY=x",
]


@st.composite
def files(draw, lines):
    end = draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))
    chosen = draw(st.lists(st.sampled_from([line.encode() for line in lines] + [b"\xff\xfe=\xe4"]), max_size=7))
    return b"".join(line + end for line in chosen) + draw(st.sampled_from([b"", b"", b"FOO=2", b"OPTS='-d'", b"\r"]))


def edited(edit, content, wanted):
    try:
        return edit(content, wanted)
    except Refused:
        reject()


@each_dialect
@given(content=st.one_of(st.none(), files(FOREIGN), st.binary(max_size=30)))
@example(content=b"")
@example(content=b"FOO=1\r\n")
@example(content=b"OPTS=")
@example(content=b'OPTS="-e A=1 "')
def test_what_is_taken_out_again_leaves_the_file_as_it_was(edit, content):
    once = edited(edit, content, WANTED)
    assert once != content
    assert edit(once, WANTED) == once
    assert edit(once, NOTHING) == content
    assert edit(content, NOTHING) == content


@each_dialect
@given(content=files(FOREIGN + OURS))
def test_whatever_stood_there_twice_is_once_and_gone_is_gone(edit, content):
    once = edited(edit, content, WANTED)
    assert edit(once, WANTED) == once
    gone = edit(once, NOTHING)
    assert gone is None or edit(gone, NOTHING) == gone
    # Nothing but lines of ours, or with them, is new or lost.
    line = functools.partial(re.compile(rb"HTTP_PROXY|NO_PROXY|OPTS|container_hosts|between these|# note|^\s*$").search)
    assert [one for one in once.split(b"\n") if not line(one)] == [one for one in content.split(b"\n") if not line(one)]


@each_dialect
@given(content=files(FOREIGN))
@example(content=b"OPTS=-d")
def test_variables_that_come_one_by_one_go_together_and_the_other_way_round(edit, content):
    first = edited(edit, content, {"HTTP_PROXY": "http://a:1"})
    both = edited(edit, first, WANTED)
    assert edit(both, NOTHING) == content
    assert edit(edit(both, {**WANTED, "HTTP_PROXY": None}), NOTHING) == content


@each_dialect
def test_a_file_that_was_not_there_and_an_empty_one(edit):
    assert edit(edit(None, WANTED), NOTHING) is None
    assert edit(edit(b"", WANTED), NOTHING) == b""
    assert edit(None, NOTHING) is None


@pytest.mark.parametrize("edit", [DIALECTS[name] for name in ("pam", "systemd", "options")])
@pytest.mark.parametrize("content", [b"FOO=1\nBAR=a \\", b"BAR=a \\\n", b"BAR=a\\\nOPTS=x\\"])
def test_a_line_that_goes_on_would_take_ours_in(edit, content):
    with pytest.raises(Refused, match="backslash"):
        edit(content, WANTED)


@pytest.mark.parametrize("edit", [DIALECTS[name] for name in ("systemd", "options")])
def test_an_open_quote_would_take_ours_in(edit):
    with pytest.raises(Refused, match="open quote"):
        edit(b"FOO='open\n", WANTED)


@pytest.mark.parametrize("edit", [DIALECTS[name] for name in ("pam", "systemd")])
def test_a_nul_character_ends_what_readers_read(edit):
    with pytest.raises(Refused, match="NUL"):
        edit(b"FOO=\0\n", WANTED)
