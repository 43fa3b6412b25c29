# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's drain, by what the command `nomad` is asked; a small one of our own answers, see tests/stage/circleci."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _nomad_agent, _nomad_drain
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

UNIT = "nomad.service"
QUIET = {"eligible": True, "draining": False}

# `node` is what the servers know. A drain goes on while `busy` is there; the monitor is blind to it with `blind`.
COMMAND = """\
#!/usr/bin/python3
import json, os, sys, time
folder = {folder!r}
words = sys.argv[1:]
with open(folder + "/calls", "a") as log:
    log.write(" ".join(words) + "\\n")
path = folder + "/node"
node = json.load(open(path))
if os.environ.get("NOMAD_ADDR") != "https://localhost:4646" or os.path.exists(folder + "/deaf"):
    sys.exit("Error querying node: token " + os.environ.get("NOMAD_TOKEN", "none") + " is refused")
if "NOMAD_SECRET" in os.environ or "HTTP_PROXY" in os.environ:
    sys.exit("what is this for?")
def monitor():
    while os.path.exists(folder + "/busy") and not os.path.exists(folder + "/blind"):
        print("job-1 is still running", flush=True)
        time.sleep(0.02)
    if not os.path.exists(folder + "/busy"):
        json.dump({{**json.load(open(path)), "DrainStrategy": None}}, open(path, "w"))
if words[1] == "status":
    print(json.dumps(node))
elif "-enable" in words:
    json.dump({{"SchedulingEligibility": "ineligible", "DrainStrategy": {{}}}}, open(path, "w"))
    monitor()
elif "-monitor" in words:
    monitor()
elif "-disable" in words:
    node["DrainStrategy"] = None
    if "-keep-ineligible" not in words:
        node["SchedulingEligibility"] = "eligible"
    json.dump(node, open(path, "w"))
"""


class Nomad:
    """The command, and what it has been asked."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment
        self.program = folder / "nomad"
        self.program.write_text(COMMAND.format(folder=str(folder)))
        self.program.chmod(0o755)
        self.be("eligible")

    def be(self, eligibility, draining=False):
        strategy = {} if draining else None
        (self.folder / "node").write_text(json.dumps({"SchedulingEligibility": eligibility, "DrainStrategy": strategy}))

    def flag(self, name, up=True):
        (self.folder / name).touch() if up else (self.folder / name).unlink()

    @property
    def node(self):
        return json.loads((self.folder / "node").read_text())

    @property
    def calls(self):
        log = self.folder / "calls"
        return [line for line in log.read_text().splitlines() if "status" not in line] if log.exists() else []


@pytest.fixture
def nomad(tmp_path, monkeypatch):
    environment = {"NOMAD_ADDR": "https://localhost:4646", "NOMAD_TOKEN": "t0k3n", "HTTP_PROXY": "http://192.0.2.1"}
    made = Nomad(tmp_path, environment)
    monkeypatch.setattr(_nomad_agent, "find", lambda _unit: _nomad_agent.Agent(str(made.program), (), 7))
    monkeypatch.setattr(_nomad_drain._units, "process_environment", lambda _pid: made.environment)
    monkeypatch.setattr(_nomad_drain, "_PAUSE", 0.01)
    monkeypatch.setattr(_nomad_drain, "_PATIENCE", 0.1)
    return made


def test_a_node_is_drained_without_a_deadline_and_made_eligible_again(nomad):
    was = _nomad_drain.before(UNIT)
    assert was == QUIET
    _nomad_drain.drain(UNIT, was, 30.0)
    assert nomad.node == {"SchedulingEligibility": "ineligible", "DrainStrategy": None}
    _nomad_drain.undrain(UNIT, was, 30.0)
    assert nomad.node == {"SchedulingEligibility": "eligible", "DrainStrategy": None}
    assert nomad.calls == ["node drain -self -enable -yes -no-deadline", "node drain -self -disable -yes"]


def test_one_that_is_not_eligible_stays_so(nomad):
    nomad.be("ineligible")
    was = _nomad_drain.before(UNIT)
    _nomad_drain.drain(UNIT, was, 30.0)
    _nomad_drain.undrain(UNIT, was, 30.0)
    assert nomad.calls[-1] == "node drain -self -disable -yes -keep-ineligible"
    assert nomad.node["SchedulingEligibility"] == "ineligible"


def test_somebody_else_s_drain_is_waited_for_and_stays_theirs(nomad):
    nomad.be("ineligible", draining=True)
    was = _nomad_drain.before(UNIT)
    _nomad_drain.drain(UNIT, was, 30.0)
    _nomad_drain.undrain(UNIT, was, 30.0)
    assert nomad.calls == ["node drain -self -monitor"]


def test_jobs_that_take_too_long_are_told_of(nomad):
    nomad.flag("busy")
    with pytest.raises(Refused, match=r"drain: nomad.service: still has jobs after 4 s.*job-1 is still running"):
        _nomad_drain.drain(UNIT, QUIET, 4.0)
    _nomad_drain.undrain(UNIT, QUIET, 30.0)
    assert nomad.node == {"SchedulingEligibility": "eligible", "DrainStrategy": None}


def test_the_end_of_the_command_alone_is_no_end_of_the_drain(nomad, monkeypatch):
    """Its monitor ends with 0 where it only has lost the connection."""
    nomad.flag("busy")
    nomad.flag("blind")
    real = _nomad_drain._Node.monitor

    def monitor(node, flags, seconds):
        if len(nomad.calls) == 3:
            nomad.flag("busy", up=False)
        return real(node, flags, seconds)

    monkeypatch.setattr(_nomad_drain._Node, "monitor", monitor)
    _nomad_drain.drain(UNIT, QUIET, 120.0)
    assert nomad.calls == ["node drain -self -enable -yes -no-deadline", *["node drain -self -monitor"] * 3]
    assert nomad.node["DrainStrategy"] is None


def test_an_agent_that_does_not_run_has_no_jobs(nomad, monkeypatch):
    monkeypatch.setattr(_nomad_agent, "find", lambda _unit: _nomad_agent.Agent("nomad", (), 0))
    assert _nomad_drain.before(UNIT) is None
    _nomad_drain.drain(UNIT, None, 30.0)
    _nomad_drain.undrain(UNIT, None, 30.0)
    assert nomad.calls == []


def test_an_agent_that_was_just_restarted_is_waited_for(nomad, monkeypatch):
    nomad.flag("deaf")
    asked = []

    def find(_unit):
        asked.append(1)
        if len(asked) == 3:
            nomad.flag("deaf", up=False)
        return _nomad_agent.Agent(str(nomad.program), (), 7)

    monkeypatch.setattr(_nomad_agent, "find", find)
    _nomad_drain.undrain(UNIT, QUIET, 30.0)
    assert len(asked) == 3


def test_who_never_answers_is_named_with_what_to_do_and_without_its_token(nomad):
    nomad.flag("deaf")
    with pytest.raises(Refused, match=r"NOMAD_ variables of nomad\.service") as before:
        _nomad_drain.before(UNIT)
    with pytest.raises(Refused, match="Run: nomad node drain -self -disable -yes") as after:
        _nomad_drain.undrain(UNIT, QUIET, 0.1)
    for refused in (before, after):
        assert "is refused" in str(refused.value)
        assert "t0k3n" not in str(refused.value)


@pytest.mark.parametrize("said", ["No node", "[]", '{"Status": "ready"}'])
def test_an_answer_that_is_none_is_refused(nomad, said):
    nomad.program.write_text(f"#!/bin/sh\necho '{said}'\n")
    with pytest.raises(Refused, match=r"0\.8 or later"):
        _nomad_drain.before(UNIT)


def test_a_missing_command_is_named(nomad):
    nomad.program.unlink()
    with pytest.raises(Refused, match=r"ExecStart="):
        _nomad_drain.before(UNIT)
