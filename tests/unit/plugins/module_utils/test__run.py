# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run: first as check mode, then for real, and only if something is to change."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _run
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice


def two_files(params, run):
    for name in ("one", "two"):
        run.edit(f"/{name}", lambda found: params["content"])
        run.notice(Notice("reader", name, "why"), Notice("reader", "same", "why"))
    return {"check": run.check_mode}


def test_a_real_run_after_a_check_that_saw_a_change(tmp_path):
    run, result = _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, result, len(run.diffs), len(run.notices)) == (True, {"check": False}, 2, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_no_real_run_where_nothing_is_to_change(tmp_path):
    _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    run, result = _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, result, run.diffs) == (False, {"check": True}, [])


def test_check_mode_writes_nothing(tmp_path):
    run, _result = _run.carry_out(two_files, {"content": b"x"}, check_mode=True, root=str(tmp_path))
    assert run.changed
    assert list(tmp_path.iterdir()) == []


def test_the_second_file_refused_leaves_the_first_unwritten(tmp_path):
    (tmp_path / "two").mkdir()
    with pytest.raises(Refused, match="two: is a directory"):
        _run.carry_out(two_files, {"content": b"x"}, check_mode=False, root=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_refusal_says_where_what_and_what_instead():
    assert str(Refused("is no port.", where="a.b", instead="Write 3128.")) == "a.b: is no port. Write 3128."
    assert str(Refused("is no port")) == "is no port."


@pytest.mark.parametrize(
    ("name", "answer"),
    [("log-drivr", " Did you mean log-driver?"), ("LOG-DRIVER", " Did you mean log-driver?"), ("xyz", "")],
)
def test_did_you_mean(name, answer):
    assert did_you_mean(name, ["log-driver", "dns"]) == answer
