# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the editor of ecs.config: what is taken out again leaves each byte, and twice is once."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

WANTED = {
    "ECS_CLUSTER": "a b",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "ECS_INSTANCE_ATTRIBUTES": '{"a":"b c","ü":"#$"}',
}

# What others write, sense and nonsense. None of it is a line of ours.
LINES = st.sampled_from(
    [
        b"OTHER=1",
        b"  OTHER = 2 ",
        b"# a comment",
        b"; another",
        b"#HTTP_PROXY=http://commented",
        b"export HTTP_PROXY=http://exported",
        b"http_proxy=lower",
        b"ECS_CLUSTERX=x",
        b'Q="quoted"',
        b"Q='quoted",
        b'Q="open',
        b"C=continued \\",
        b"# continued \\",
        b"=nameless",
        b"ECS_CLUSTER",
        b"",
        b" \t",
        b"\r",
        b"X=a\rY=b",
        b"\xff\xfe=\x00",
        b"\xef\xbb\xbfZ=1",
        "Ü=\u00a0".encode(),
        b"{}",
    ]
)
OURS = st.sampled_from(
    [b"ECS_CLUSTER=old", b" ECS_CLUSTER = old", b"ECS_CLUSTER=a b", b"HTTP_PROXY=", b'ECS_INSTANCE_ATTRIBUTES={"a"}']
)


@st.composite
def files(draw, lines=LINES):
    ends = st.sampled_from([b"\n", b"\n", b"\r\n"])
    body = b"".join(line + draw(ends) for line in draw(st.lists(lines, max_size=8)))
    return (
        draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + body + draw(st.sampled_from([b"", b"", b"L=1", b"L=1\r"]))
    )


def apply_or_reject(content, settings=None):
    try:
        return _ecs_config_document.edit(content, WANTED if settings is None else settings)
    except Refused as refused:
        if "would be missed by systemd" not in str(refused):
            raise
        reject()


@given(files())
@example(None)
@example(b"")
@example(b"\n")
@example(b"A=1")
@example(b"A=1\r")
@example(b"A=1\r\nB=2")
@example(b"\xef\xbb\xbf")
def test_what_is_taken_out_again_leaves_each_byte(content):
    once = apply_or_reject(content)
    assert apply_or_reject(once) == once
    assert _ecs_config_document.edit(once, {}, list(WANTED)) == content
    one_by_one = once
    for name in WANTED:
        one_by_one = _ecs_config_document.edit(one_by_one, {}, [name])
    assert one_by_one == content
    assert _ecs_config_document.edit(content, {}, list(WANTED)) == content


@given(files(st.one_of(LINES, OURS)), st.sets(st.sampled_from(list(WANTED))))
@example(b"ECS_CLUSTER=1\nA=1\nECS_CLUSTER=2", {"ECS_CLUSTER"})
@example(b"A=1\nECS_CLUSTER = 2", {"HTTP_PROXY"})
def test_whatever_stood_there_each_of_ours_is_there_once(content, names):
    settings = {name: WANTED[name] for name in names}
    remove = [name for name in WANTED if name not in names]
    once = _ecs_config_document.edit(apply_or_reject(content, settings), {}, remove)
    meant = [line.meant for line in _ecs_config_document.lines(once or b"")]
    assert sorted(name for name in meant if name in WANTED) == sorted(names)
    environment = _ecs_config_document.environment(once)
    assert {name: environment.get(name) for name in WANTED} == {**dict.fromkeys(WANTED), **settings}
    assert apply_or_reject(once, settings) == once


@given(files(st.one_of(LINES, OURS)))
def test_each_line_of_others_stays_in_its_order(content):
    def others(text):
        found = _ecs_config_document.lines(text)
        return [line.raw.rstrip(b"\r\n") for line in found if line.meant not in WANTED]

    assume(content)
    assert others(apply_or_reject(content)) == others(content)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"# This file was made by fleetops.container_hosts.\nECS_CLUSTER=new\n"),
        (b"A=1\n", b"A=1\nECS_CLUSTER=new\n"),
        (b"A=1\r\n", b"A=1\r\nECS_CLUSTER=new\r\n"),
        (b"A=1", b"A=1\nECS_CLUSTER=new"),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf\nECS_CLUSTER=new"),
        (b"\xef\xbb\xbfECS_CLUSTER=old\n", b"\xef\xbb\xbfECS_CLUSTER=old\nECS_CLUSTER=new\n"),
        (b"ECS_CLUSTER=old\r\nA=1\n", b"ECS_CLUSTER=new\r\nA=1\n"),
        (b"ECS_CLUSTER=1\nA=1\nECS_CLUSTER=2\nB=2\n", b"A=1\nECS_CLUSTER=new\nB=2\n"),
        (b"ECS_CLUSTER=new\nA=1\nECS_CLUSTER=2", b"A=1\nECS_CLUSTER=new"),
        (b"ECS_CLUSTER = new\n", b"ECS_CLUSTER=new\n"),
        (b"  ECS_CLUSTER=new \n", b"  ECS_CLUSTER=new \n"),
        (b"#ECS_CLUSTER=x\nexport ECS_CLUSTER=y\n", b"#ECS_CLUSTER=x\nexport ECS_CLUSTER=y\nECS_CLUSTER=new\n"),
    ],
)
def test_where_a_setting_goes(before, after):
    assert _ecs_config_document.edit(before, {"ECS_CLUSTER": "new"}) == after


def test_the_file_that_we_made_goes_with_its_last_setting_and_stays_with_anything_else():
    made = _ecs_config_document.edit(None, {"A": "1", "B": "2"})
    assert _ecs_config_document.edit(made, {}, ["B", "A"]) is None
    assert _ecs_config_document.edit(made, {"C": "3"}, ["A", "B"]).endswith(b".\nC=3\n")
    assert _ecs_config_document.edit(made + b"# theirs\n", {}, ["A", "B"]).endswith(b".\n# theirs\n")
    assert _ecs_config_document.edit(None, {}, ["A"]) is None


UNLIKE = {
    "single quote": ("'s3cret'", "begins with a quotation mark"),
    "double quote": ('"s3cret"', "begins with a quotation mark"),
    "open quote": ('"s3cret', "begins with a quotation mark"),
    "backslash": ("s3\\cret", "holds a backslash"),
    "blank before": (" s3cret", "begins or ends with a blank"),
    "newline after": ("s3cret\n", r"holds the control character '\\n'"),
    "no-break space after": ("s3cret\u00a0", "begins or ends with a blank"),
    "line separator before": ("\u2028s3cret", "begins or ends with a blank"),
    "NUL": ("s3cret\0", r"holds the control character '\\x00'"),
    "escape": ("\x1bs3cret", "holds the control character"),
    "delete": ("s3cret\x7f", "holds the control character"),
    "next line": ("s3cret\x85", "holds the control character"),
    "half a character": ("s3cret\ud800", "is not valid Unicode"),
    "no character": ("s3cret\ufffe", "is not valid Unicode"),
    "too long": ("s3cret" + "x" * 65528, "becomes a line of 65536 bytes; .* none of more than 65534"),
}


@pytest.mark.parametrize(("value", "message"), UNLIKE.values(), ids=UNLIKE.keys())
def test_a_value_that_the_readers_understand_differently_is_refused_without_being_shown(value, message):
    with pytest.raises(Refused, match=f"^A: {message}") as refused:
        _ecs_config_document.edit(b"B=1\n", {"A": value})
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "1A", "A B", "A-B", "export A", "#A", "A.B", "Ä", " A", "A\n"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(Refused, match="is no variable's name"):
        _ecs_config_document.edit(None, {name: "x"})


POISON = {
    "an open quote": (b'A=1\nB="open\nC=3\n', "line 4: ECS_CLUSTER: .* never closed.* Look at line 2"),
    "a backslash at the end": (b"A=1\\", "line 2: ECS_CLUSTER: .* Look at line 1"),
    "a comment that goes on": (b"# to be continued \\", "line 2: ECS_CLUSTER: .* Look at line 1"),
    "around it": (b"A='\nECS_CLUSTER=old\n'\n", "line 2: ECS_CLUSTER: .* Look at line 1"),
    "after a lone carriage return": (b"A=1\rECS_CLUSTER=2\nECS_CLUSTER=3\nX=\rECS_CLUSTER=4\n", "line 2: ECS_CLUSTER"),
}


@pytest.mark.parametrize(("content", "message"), POISON.values(), ids=POISON.keys())
def test_a_file_whose_readers_would_not_both_see_our_line_is_refused(content, message):
    with pytest.raises(Refused, match=message):
        _ecs_config_document.edit(content, {"ECS_CLUSTER": "new"})
    _ecs_config_document.edit(content, {}, ["ECS_CLUSTER"])
