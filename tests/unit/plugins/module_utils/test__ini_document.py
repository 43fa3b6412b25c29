# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the INI editor: what is taken out again leaves the file as it was, and twice is once."""

from __future__ import annotations

import configparser

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ini_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import example, given, reject
from hypothesis import strategies as st

KEYS = ("proxy", "proxy_username", "proxy_password")
WANTED = {"proxy": "http://u:p%40@192.0.2.1:3128", "proxy_username": "x", "proxy_password": None}
NOTHING = dict.fromkeys(KEYS)

LINES = st.sampled_from(
    [
        b"[main]",
        b" [main] # c",
        b"[repo]",
        b"[MAIN]",
        b"gpgcheck=1",
        b"name = a value",
        b"proxyx=1",
        b" continued",
        b"\tproxy=in a continuation",
        b"# proxy=http://commented",
        b";proxy=x",
        b"",
        b"  ",
        b"\xff\xfe=\x00",
        b"=",
        b"novalue",
    ]
)


@st.composite
def files(draw, lines=LINES):
    ends = st.sampled_from([b"\n", b"\n", b"\r\n"])
    body = b"".join(line + draw(ends) for line in draw(st.lists(lines, max_size=8)))
    return body + draw(st.sampled_from([b"", b"", b"[main]", b"last=line", b"\n"]))


def set_or_reject(content):
    try:
        return _ini_document.set_options(content, "main", WANTED)
    except Refused:
        reject()


@pytest.mark.parametrize("content", [b"gpgcheck=1", b"# c\n\nproxy=x\n[repo]\n"])
def test_a_file_that_nothing_can_read_is_refused(content):
    with pytest.raises(Refused, match=r"Write \[main\] above it"):
        _ini_document.set_options(content, "main", WANTED)
    assert _ini_document.set_options(content, "main", NOTHING) == content


@pytest.mark.parametrize("content", [b"[main]\n more\n", b"[main]\n\t\rmore\n", b"[main]\nproxy=x\n\n# c\n\tmore\n"])
def test_a_line_that_would_continue_our_value_is_refused(content):
    with pytest.raises(Refused, match=r"an indented line below \[main\]"):
        _ini_document.set_options(content, "main", WANTED)


@pytest.mark.parametrize(
    "content", [b"[main]\r", b"[main]\ngpgcheck=1\r", b"[main]\nproxy=x\n u", b"[main]\r\nproxy=x"], ids=repr
)
def test_odd_line_ends_are_kept(content):
    clean = _ini_document.set_options(content, "main", NOTHING)
    after = _ini_document.set_options(content, "main", WANTED)
    assert _ini_document.set_options(after, "main", WANTED) == after
    assert _ini_document.set_options(after, "main", NOTHING) == clean


@pytest.mark.parametrize("content", [b"[\nproxy=x", b"\r[]\nproxy="])
def test_what_only_looks_like_a_section_is_none(content):
    with pytest.raises(Refused, match="before its first section"):
        _ini_document.set_options(content, "main", WANTED)


def test_a_continuation_is_not_shown_as_it_may_be_a_password():
    with pytest.raises(Refused) as refused:
        _ini_document.set_options(b"[main]\n hush\n", "main", WANTED)
    assert "hush" not in str(refused.value)


@given(files())
@example(b"")
@example(None)
@example(b"[main]")
@example(b"[main]\r\n")
def test_what_is_taken_out_again_leaves_the_file_as_it_was(content):
    once = set_or_reject(content)
    assert once != content
    assert _ini_document.set_options(once, "main", WANTED) == once
    assert _ini_document.set_options(once, "main", NOTHING) == content
    assert _ini_document.set_options(content, "main", NOTHING) == content


PROXIES = st.one_of(LINES, st.sampled_from([b"proxy=http://old", b"proxy = old", b"PROXY_PASSWORD: old", b"proxy="]))


@given(files(PROXIES))
@example(b"[main]\nproxy=a\n  b\nproxy=c")
@example(b"[main]\na=1\nproxy=c")
def test_whatever_stood_there_the_last_word_is_ours(content):
    once = set_or_reject(content)
    options = _ini_document.get_options(once, "main")
    assert options["proxy"] == b"http://u:p%40@192.0.2.1:3128"
    assert "proxy_password" not in options
    assert _ini_document.set_options(once, "main", WANTED) == once
    gone = _ini_document.set_options(once, "main", NOTHING)
    assert gone is None or not set(KEYS) & set(_ini_document.get_options(gone, "main"))
    assert gone is None or _ini_document.set_options(gone, "main", NOTHING) == gone


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"[main]\ngpgcheck=1\n", b"[main]\nproxy=u\nproxy_username=x\ngpgcheck=1\n"),
        (b"[main]\r\na=1", b"[main]\r\nproxy=u\r\nproxy_username=x\r\na=1"),
        (b"[main]", b"[main]\nproxy=u\nproxy_username=x"),
        (b"[main]\na=1\nproxy = old\n more\nb=2\nproxy=old\n", b"[main]\nproxy_username=x\na=1\nproxy = u\nb=2\n"),
        (b"[repo]\nproxy=kept\n[main]\n", b"[repo]\nproxy=kept\n[main]\nproxy=u\nproxy_username=x\n"),
        (b"[main]\nproxy=u\nproxy_username=x\nproxy_password=old", b"[main]\nproxy=u\nproxy_username=x"),
    ],
)
def test_every_other_byte_stays(before, after):
    assert _ini_document.set_options(before, "main", {**WANTED, "proxy": "u"}) == after


def test_pythons_own_parser_reads_what_was_written():
    content = b"# a comment\n[main]\ngpgcheck=1\n\n[repo]\nname=r\n"
    parser = configparser.RawConfigParser()
    parser.read_string(_ini_document.set_options(content, "main", WANTED).decode())
    assert dict(parser["main"]) == {
        "proxy": "http://u:p%40@192.0.2.1:3128",
        "proxy_username": "x",
        "gpgcheck": "1",
    }
    assert dict(parser["repo"]) == {"name": "r"}


def test_a_section_that_we_made_stays_where_an_option_was_added_to_it():
    made = _ini_document.set_options(b"[repo]\nname=r\n", "main", WANTED)
    used = made.replace(b"\n[repo]", b"\ngpgcheck=1\n[repo]")
    assert b"gpgcheck=1" in _ini_document.set_options(used, "main", NOTHING)
    assert _ini_document.get_options(_ini_document.set_options(used, "main", NOTHING), "main") == {"gpgcheck": b"1"}
