# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running daemon has read and what it owes: every story of writes, restarts and reloads ends rightly."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_loaded import (
    Loaded,
    Times,
    loaded,
    owed,
    stamp,
    stamp_path,
)

PID = 4711
INVISIBLE = {"dns": ["192.0.2.1"]}  # a key that /info does not tell, and that takes a restart
RELOADABLE = {"shutdown-timeout": 30}  # one that /info does not tell, and that a reload takes


def verdict(after, *, before=None, known, keys=None, info=None):
    """What is owed, for the keys of `after` unless others are named."""
    return owed(keys or set(after), after if before is None else before, after, known, info or {})


class Host:
    """A daemon, its file and our stamp, on a clock of whole seconds: the story's events are its methods."""

    def __init__(self, document):
        self.document, self.written = document, 1.0 if document is not None else None
        self.started = self.state_changed = 2.0
        self.pid, self.stamp, self.clock = PID, None, 3.0

    def known(self):
        return loaded(self.document or {}, Times(self.written, self.started, self.state_changed), self.pid, self.stamp)

    def run(self, wanted, remove=(), dies=None):
        """One run of ours; it dies before the write ('write') or before restarting ('restart')."""
        self.clock += 1
        before = self.document or {}
        after = {key: value for key, value in {**before, **wanted}.items() if key not in remove}
        known = self.known()
        if after != before:
            self.stamp = stamp(known, self.pid)
            if dies == "write":
                return None
            self.document, self.written = after, self.clock
        needs = owed({*wanted, *remove}, before, after, known, {})
        if dies is None and needs == "restart":
            self.restart()
        elif dies is None and needs == "reload":
            self.reload()
        return needs

    def restart(self):
        self.clock += 1
        self.started = self.state_changed = self.clock
        self.pid += 1

    def reload(self):
        self.clock += 1
        self.state_changed = self.clock

    def edited_by_hand(self, document):
        self.clock += 1
        self.document, self.written = document, self.clock


@pytest.mark.parametrize("document", [None, {}, {"debug": True}])
def test_one_restart_and_then_none(document):
    host = Host(document)
    assert [host.run(INVISIBLE) for _run in range(3)] == ["restart", "none", "none"]


def test_one_reload_and_then_none():
    host = Host({**INVISIBLE})
    assert [host.run({**INVISIBLE, **RELOADABLE}) for _run in range(3)] == ["reload", "none", "none"]


@pytest.mark.parametrize("dies", ["write", "restart"])
def test_a_run_that_died_is_made_good_by_the_next(dies):
    host = Host({"debug": True})
    host.run(INVISIBLE, dies=dies)
    assert [host.run(INVISIBLE) for _run in range(2)] == ["restart", "none"]


def test_two_runs_that_died_are_made_good():
    host = Host({})
    host.run(INVISIBLE, dies="restart")
    host.run({**INVISIBLE, "bip": "172.30.0.1/16"}, dies="restart")
    assert [host.run(INVISIBLE) for _run in range(2)] == ["restart", "none"]


def test_a_change_that_was_taken_back_before_the_restart_is_owed_nothing():
    host = Host({"bip": "172.30.0.1/16"})
    host.run(INVISIBLE, dies="restart")
    host.run({}, remove=["dns"], dies="restart")
    assert host.run({"bip": "172.30.0.1/16"}) == "none"


def test_a_restart_by_hand_pays():
    host = Host({})
    host.run(INVISIBLE, dies="restart")
    host.restart()
    assert host.run(INVISIBLE) == "none"


def test_a_reload_does_not_pay_for_a_restart():
    host = Host({})
    host.run({**INVISIBLE, **RELOADABLE}, dies="restart")
    host.reload()
    assert host.run({**INVISIBLE, **RELOADABLE}) == "restart"


def test_removal_is_owed_too():
    host = Host({**INVISIBLE})
    assert [host.run({}, remove=["dns"]) for _run in range(2)] == ["restart", "none"]
    host = Host({"max-concurrent-downloads": 1})
    assert [host.run({}, remove=["max-concurrent-downloads"]) for _run in range(2)] == ["reload", "none"]


def test_someone_elses_edit_after_the_start_is_a_restart_for_what_can_not_be_seen():
    host = Host({**INVISIBLE})
    host.edited_by_hand({**INVISIBLE, "debug": True})
    assert [host.run(INVISIBLE) for _run in range(2)] == ["restart", "none"]


def test_someone_elses_edit_of_another_key_after_ours_is_no_restart():
    host = Host({})
    host.run(INVISIBLE)
    host.run({**INVISIBLE, **RELOADABLE})
    host.edited_by_hand({**INVISIBLE, **RELOADABLE, "debug": True})
    # When the reload was made can't be told any more, and another one costs nothing.
    assert [host.run({**INVISIBLE, **RELOADABLE}) for _run in range(2)] == ["reload", "none"]


def test_what_is_not_asked_for_is_not_our_debt():
    host = Host({})
    host.edited_by_hand({"dns": ["192.0.2.9"]})
    assert host.run({"live-restore": True}) == "reload"


def test_the_engine_has_the_last_word_on_what_it_tells():
    unknown = Loaded({}, complete=False)
    wanted = {"log-driver": "local", "live-restore": True}
    right = {"LoggingDriver": "local", "LiveRestoreEnabled": True}
    assert verdict(wanted, known=unknown, info=right) == "none"
    assert verdict(wanted, known=unknown, info={**right, "LiveRestoreEnabled": False}) == "reload"
    assert verdict(wanted, known=unknown, info={**right, "LoggingDriver": "json-file"}) == "restart"
    # Also where the times say that it has read the file: it may have been put in place with an old date.
    read = loaded(wanted, Times(1.0, 2.0, 2.0), PID, None)
    assert verdict(wanted, known=read, info={**right, "LoggingDriver": "json-file"}) == "restart"
    assert verdict(wanted, known=read, info=right) == "none"


def test_a_password_that_only_the_file_tells_of():
    before = {"proxies": {"http-proxy": "http://u:old@192.0.2.1:3128"}}
    after = {"proxies": {"http-proxy": "http://u:new@192.0.2.1:3128"}}
    info = {"HttpProxy": "http://xxxxx:xxxxx@192.0.2.1:3128"}
    known = loaded(before, Times(1.0, 2.0, 2.0), PID, None)
    assert verdict(after, before=before, known=known, info=info) == "restart"
    assert verdict(before, known=known, info=info) == "none"


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b'{"pid": 4711}', b'{"pid": 1, "keys": {}, "complete": true}']
)
def test_a_stamp_that_says_nothing(content):
    assert loaded({"dns": []}, Times(3.0, 2.0, 2.0), PID, content) == Loaded({}, False)
    assert loaded({}, Times(None, 2.0, 2.0), PID, content) == Loaded({}, True)


def test_stamp():
    known = Loaded({"dns": "x"}, True)
    assert loaded({}, Times(3.0, 2.0, 2.0), PID, stamp(known, PID)) == known
    assert stamp_path("/etc/docker/daemon.json") == "/run/container_hosts/etc-docker-daemon.json.loaded"
