# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of /etc/default/docker that do nothing but export a proxy; whatever else is in the file stays."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _circleci_leftovers
from hypothesis import given
from hypothesis import strategies as st

THEIRS = b'# Docker\nDOCKER_OPTS="--dns 192.0.2.53"\nexport TMPDIR=/srv/tmp\n#export http_proxy=http://192.0.2.1\n'
LEFT = b'export http_proxy=http://192.0.2.9:3128\nexport no_proxy="true"\n'


def test_what_terraform_left_is_found_and_taken_out():
    assert _circleci_leftovers.find(THEIRS + LEFT) == [(5, "http_proxy"), (6, "no_proxy")]
    assert _circleci_leftovers.without(THEIRS + LEFT) == THEIRS
    assert _circleci_leftovers.without(b"A=b\n" + LEFT.rstrip()) == b"A=b\n"


@pytest.mark.parametrize("content", [None, b"", THEIRS])
def test_a_file_without_any_stays(content):
    assert _circleci_leftovers.find(content) == []
    assert _circleci_leftovers.without(content) == content


@pytest.mark.parametrize(
    "line",
    [
        b"export http_proxy=http://192.0.2.9; export TMPDIR=/srv/tmp\n",
        b"export http_proxy=$(cat /etc/proxy)\n",
        b"export no_proxy=a,\\\nb\n",
        b"if x; then \\\nexport no_proxy=a\nfi\n",
        b"http_proxy=http://192.0.2.9:3128\n",
    ],
)
def test_what_may_be_more_than_that_is_left_alone(line):
    assert _circleci_leftovers.find(line) == []
    assert _circleci_leftovers.without(line) == line


LINES = st.sampled_from([b"# c\n", b"A=b\n", b"\n", b"export X=1\n", b"A='\n", *LEFT.splitlines(keepends=True)])


@given(st.lists(LINES))
def test_without_is_all_other_lines_and_then_nothing_is_found(lines):
    content = b"".join(lines)
    after = _circleci_leftovers.without(content)
    assert after == b"".join(line for line in lines if line not in LEFT.splitlines(keepends=True))
    assert _circleci_leftovers.find(after) == []


def test_a_shell_has_the_rest_as_before(tmp_path):
    (tmp_path / "docker").write_bytes(_circleci_leftovers.without(THEIRS + LEFT))
    script = f'. {tmp_path}/docker; env; echo "$DOCKER_OPTS"'
    told = subprocess.run(["/bin/sh", "-c", script], env={}, check=True, capture_output=True, text=True).stdout
    assert "TMPDIR=/srv/tmp" in told
    assert "--dns 192.0.2.53" in told
    assert "proxy" not in told
