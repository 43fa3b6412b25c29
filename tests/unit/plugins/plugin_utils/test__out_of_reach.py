# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is out of reach for a while: what it is asked once it is back, and what it is told."""

from __future__ import annotations

import types

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _out_of_reach

COMMITTED = {"checkpoint": "moby", "outcome": {"state": "committed"}, "invocation": {"module_args": {}}}
NOTHING = {"checkpoint": "moby", "outcome": None, "invocation": {"module_args": {}}}
STEADY = {"changed": False, "invocation": {"module_args": {}}}
REFUSED = {"failed": True, "msg": "moby: was taken back", "checkpoint": "moby", "invocation": {"module_args": {}}}
GONE = AnsibleConnectionFailure("the host is gone")
SILENT = {"failed": True, "msg": "MODULE FAILURE"}  # its session was killed


@pytest.fixture
def heard(monkeypatch):
    """Return what calls it with the answers of a host, in their order."""
    monkeypatch.setattr(_out_of_reach, "_PAUSE", 0.0)

    def call(*answers, check_mode=False):
        asked, given = [], list(answers)

        def answer(what):
            asked.append(what)
            now = given.pop(0)
            if isinstance(now, Exception):
                raise now
            return dict(now)

        action = types.SimpleNamespace(
            _task=types.SimpleNamespace(check_mode=check_mode),
            _connection=types.SimpleNamespace(reset=lambda: None),
            _low_level_execute_command=lambda command, sudoable: asked.append(command),
        )
        return _out_of_reach.heard(action, lambda: answer("execute"), lambda: answer("ask")), asked

    return call


FORGET = "rm -f /var/lib/container_hosts/checkpoints/moby/result.json"


def test_a_host_in_its_steady_state_is_asked_once_and_told_nothing(heard):
    assert heard(STEADY) == (STEADY, ["execute"])


def test_an_outcome_that_was_heard_is_forgotten_by_the_host(heard):
    assert heard(COMMITTED) == (COMMITTED, ["execute", FORGET])


@pytest.mark.parametrize("lost", [GONE, SILENT])
def test_a_host_that_was_lost_is_asked_until_it_answers(heard, lost):
    found, asked = heard(lost, GONE, COMMITTED)
    assert (found["changed"], found["connection_lost"], found["outcome"]["state"]) == (True, True, "committed")
    assert asked == ["execute", "ask", "ask", FORGET]


def test_a_change_that_was_taken_back_meanwhile_fails(heard):
    found, asked = heard(GONE, REFUSED)
    assert (found["failed"], found["msg"]) == (True, REFUSED["msg"])
    assert asked == ["execute", "ask"]


def test_a_module_that_was_killed_before_it_asked_for_the_proof_is_run_again(heard):
    """Else a change would count as made which nobody has proven, and which the host takes back at its deadline."""
    found, asked = heard(GONE, NOTHING, GONE, NOTHING, COMMITTED)
    assert found["outcome"]["state"] == "committed"
    assert asked == ["execute", "ask", "execute", "ask", "execute", FORGET]


def test_in_check_mode_nothing_goes_on_by_itself(heard):
    assert heard(SILENT, check_mode=True) == (SILENT, ["execute"])


def test_the_patience_has_an_end(heard, monkeypatch):
    monkeypatch.setattr(_out_of_reach, "_SECONDS", -1.0)
    with pytest.raises(AnsibleConnectionFailure, match="out of reach since its restart"):
        heard(GONE, GONE)
