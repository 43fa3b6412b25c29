# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit, from hosts that answer, that can't be reached and that have no Python, to an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# No fleet: what is audited is this machine, and what it is like does not matter here.
INVENTORY = {
    "moby": {
        "hosts": {
            "gone": {"ansible_host": "127.0.0.1", "ansible_port": 1},
            "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "broken": {"ansible_connection": "local", "ansible_python_interpreter": "/nonexistent/python"},
        },
        "vars": {
            "ansible_become": False,
            "container_hosts_proxy": {"http": "http://fleet:not-for-anyone@192.0.2.10:3128"},
        },
    },
    "iotedge": {"hosts": {"gone": {}}},
}
FAILED = 2


@pytest.fixture
def audit(tmp_path):
    (tmp_path / "hosts.json").write_text(json.dumps(INVENTORY))

    def audit(*options, **variables):
        variables = {"audit_report_folder": str(tmp_path / "reports"), **variables}
        return subprocess.run(
            [
                "ansible-playbook",
                "fleetops.container_hosts.audit",
                "--inventory",
                tmp_path / "hosts.json",
                "--extra-vars",
                json.dumps(variables),
                *options,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"},
        )

    return audit


def test_all_hosts_are_in_the_report_and_the_exit_status_is_what_was_asked_for(audit, tmp_path):
    reports = tmp_path / "reports"
    done = audit()
    # What could not be judged fails the run by itself.
    assert done.returncode == FAILED, done.stdout
    report = json.loads((reports / "audit.json").read_text())
    verdicts = {host["host"]: host["verdict"] for host in report["hosts"]}
    assert verdicts["gone"] == "unreachable"
    assert verdicts["broken"] == "failed"
    assert verdicts["here"] not in ("unreachable", "failed")
    assert report["title"] == "hosts.json"
    assert {host["host"]: host["groups"] for host in report["hosts"]}["gone"] == ["iotedge", "moby"]
    [here] = [host for host in report["hosts"] if host["host"] == "here"]
    # Whatever package manager this machine has, it has no such proxy; the command that mends it is known as the
    # collection's own.
    [package_manager] = [entry for entry in here["consumers"] if entry["consumer"] == "package_manager"]
    assert package_manager["mend_is_ours"], package_manager
    assert report["drift"] is None
    assert (reports / "audit.html").exists()
    assert (reports / "audit.csv").exists()
    assert "not-for-anyone" not in done.stdout + "".join(path.read_text() for path in reports.iterdir())

    again = audit("-vvv", audit_fail_on=[])
    assert again.returncode == 0, again.stdout
    assert "not-for-anyone" not in again.stdout
    report = json.loads((reports / "audit.json").read_text())
    assert set(report["drift"]["counts"].values()) == {0}
    # The key of the first run was kept, so a password that has changed in between would have been seen.
    assert report["digest_key_id"]


def test_check_mode_writes_nothing(audit, tmp_path):
    done = audit("--check", audit_fail_on="unreachable")
    assert done.returncode == FAILED
    assert "unreachable on 1" in done.stdout
    assert not (tmp_path / "reports").exists()


def test_a_fleet_of_which_no_host_answers_has_a_report_too(audit, tmp_path):
    done = audit("--limit", "gone", audit_fail_on="")
    assert done.returncode == 0, done.stdout
    [host] = json.loads((tmp_path / "reports" / "audit.json").read_text())["hosts"]
    assert host["verdict"] == "unreachable"


def test_an_unknown_verdict_is_refused(audit):
    done = audit(audit_fail_on="drifting")
    assert done.returncode == FAILED
    assert "Did you mean drifted" in done.stdout + done.stderr
