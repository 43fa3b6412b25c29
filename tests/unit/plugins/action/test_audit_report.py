# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's files and the action's answer: written whole and private, compared, or in check mode left alone."""

from __future__ import annotations

import json
import stat
import types

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action import audit_report
from ansible_collections.fleetops.container_hosts.plugins.modules import audit_report as documented
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _report_files
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet
from yaml import safe_load

NAMES = ["audit.csv", "audit.html", "audit.json"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "made" / "reports"


@pytest.fixture
def run(monkeypatch, folder):
    """Run the action with results and more arguments, into one folder; returns its answer."""

    def run(results, check_mode=False, groups=None, **arguments):
        monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
        task = types.SimpleNamespace(
            args={"folder": str(folder), **({} if results is None else {"results": results}), **arguments},
            check_mode=check_mode,
        )
        action = audit_report.ActionModule(task, None, None, None, None, None)
        return action.run(task_vars={"groups": groups or {}})

    return run


def docker(verdict, **more):
    return {"consumers": [consumer("docker", "docker.service", verdict, **more)]}


def test_writes_three_files_for_their_owner_alone(run, folder):
    answer = run({"host-1": docker("drifted")}, fail_on=["drifted"], title="hosts.yml")
    assert answer["files"] == [str(folder / name) for name in NAMES]
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert answer["failing"] == {"drifted": 1}
    assert (answer["changed"], answer["drift"]) == (True, None)
    report = json.loads((folder / "audit.json").read_text())
    assert (report["title"], report["fail_on"], report["made"]) == ("hosts.yml", ["drifted"], answer["made"])
    assert any("docker.service" in line for line in answer["table"])


def test_the_second_one_is_no_change_if_nothing_else_is(run, folder):
    results, groups = fleet(20)
    assert run(results, groups=groups)["changed"]
    again = run(results, groups=groups)
    assert not again["changed"]
    assert set(again["drift"]["counts"].values()) == {0}
    # It is a new report all the same.
    assert json.loads((folder / "audit.json").read_text())["drift"]["since"] == again["drift"]["since"]


def test_says_what_has_changed(run):
    run({"a": docker("in_sync"), "b": docker("in_sync"), "c": docker("in_sync")})
    answer = run({"a": docker("drifted")}, groups={"all": ["a", "b"]})
    assert answer["changed"]
    # b is in the inventory, and was left out by a limit.
    assert {change: count for change, count in answer["drift"]["counts"].items() if count} == {"worse": 1, "gone": 1}


def test_check_mode_writes_nothing_and_says_the_same(run, folder):
    told = run({"host-1": docker("drifted")}, check_mode=True)
    assert not folder.parent.exists()
    done = run({"host-1": docker("drifted")})
    assert {**told, "made": "", "table": told["table"][1:]} == {**done, "made": "", "table": done["table"][1:]}
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert run({"host-1": docker("in_sync")}, check_mode=True)["drift"]["counts"]["better"] == 1
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_compares_with_another_report(run, folder, tmp_path):
    run({"a": docker("in_sync")})
    other = tmp_path / "last-week.json"
    (folder / "audit.json").rename(other)
    run({"a": docker("drifted")})
    assert run({"a": docker("drifted")}, compare_with=str(other))["drift"]["counts"]["worse"] == 1


def test_a_broken_earlier_report_is_a_warning_unless_it_was_asked_for(run, folder):
    run({"a": docker("in_sync")})
    (folder / "audit.json").write_text("{")
    assert "is not JSON" in run({"a": docker("in_sync")}, compare_with=str(folder / "audit.json"))["msg"]
    answer = run({"a": docker("in_sync")})
    assert [
        warning for warning in answer["warnings"] if "Nothing to compare with" in warning and "audit.json" in warning
    ]
    assert run({"a": docker("in_sync")})["drift"] is not None


def test_a_missing_report_that_was_asked_for_fails(run, tmp_path):
    answer = run({"a": docker("in_sync")}, compare_with=str(tmp_path / "none.json"))
    assert answer["failed"]
    assert "there is no such file" in answer["msg"]


def test_bad_input_writes_nothing(run, folder):
    assert "Did you mean drifted" in run({}, fail_on=["drifting"])["msg"]
    assert run({}, table_rows=-1)["msg"] == "table_rows: is less than 0. Write 0 to show no finding."
    assert run({}, folder="")["msg"].startswith("folder: '' is no absolute path.")
    for results, arguments in (({}, {"fail_no": []}), (None, {}), ("text", {}), ({}, {"table_rows": "many"})):
        with pytest.raises(AnsibleActionFail):
            run(results, **arguments)
    assert not folder.exists()


def test_a_folder_that_is_a_file_fails_with_its_name(run, folder):
    folder.parent.mkdir()
    folder.write_text("")
    answer = run({"a": docker("in_sync")})
    assert answer["failed"]
    assert str(folder) in answer["msg"]


def test_an_interrupted_write_leaves_the_last_report_to_compare_with(run, folder, monkeypatch):
    run({"a": docker("in_sync")})
    before = (folder / "audit.json").read_bytes()
    real = _report_files._host_file.edit

    def edit(path, *args, **kwargs):
        if path.endswith(".json"):
            raise KeyboardInterrupt
        return real(path, *args, **kwargs)

    monkeypatch.setattr(_report_files._host_file, "edit", edit)
    with pytest.raises(KeyboardInterrupt):
        run({"a": docker("drifted")})
    monkeypatch.undo()
    assert (folder / "audit.json").read_bytes() == before


def test_of_the_key_only_a_few_bits_are_told(run, folder):
    run({"a": docker("in_sync")}, digest_key="k" * 64)
    text = (folder / "audit.json").read_text()
    assert "kkkk" not in text
    assert len(json.loads(text)["digest_key_id"]) == 4


def test_documents_what_it_takes():
    options = safe_load(documented.DOCUMENTATION)["options"]
    assert set(options) == set(audit_report.ARGUMENT_SPEC)
    for name, option in options.items():
        for key in ("type", "default", "required", "elements"):
            assert option.get(key) == audit_report.ARGUMENT_SPEC[name].get(key), (name, key)
