# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change from its preflight to its commit or all the way back, by what the units' processes run with afterwards."""

from __future__ import annotations

import threading
import time
import types

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _due,
    _host_settings,
    _nomad_drain,
    _preflight,
    _transaction,
    _unit_jobs,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._transaction import Transaction
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import APP, FILE

OTHER = "other.service"


def unit(name=APP, environment=None, restart="if_needed"):
    return {"name": name, "environment": environment or {}, "restart": restart}


def request(*units, **more):
    return {
        "id": "1",
        "run": "run",
        "units": list(units),
        "settings": {},
        "preflight": None,
        "verify": [],
        "stable": 0.0,
        "seconds": 20.0,
        "secrets": [],
        "was": {each["name"]: {"running": True} for each in units},
        "pending": True,
        **more,
    }


@pytest.fixture
def host(guarded):
    """Return a host with two units, of which one's file is changed."""
    guarded.put("etc/other", b"WHICH=same\n")
    guarded.systemd.unit(OTHER, guarded.folder / "etc/other")
    guarded.install_app()
    guarded.pids = {name: guarded.systemd.pid(name) for name in (APP, OTHER)}
    guarded.change({FILE: b"WHICH=new\n"})
    guarded.systemd.forget_calls()
    return guarded


def carry_out(host, asked):
    Transaction(host.checkpoint(), asked).carry_out()
    return host.checkpoint().read("result.json")


def which(host, name=APP):
    return host.systemd.runs_with(name)["WHICH"]


def restarts(host):
    return host.systemd.calls("restart", "reload", "reset-failed")


def assert_taken_back(host, result, *words):
    assert result["state"] == "rolled_back"
    for word in words:
        assert word in result["reason"]
    assert host.read(FILE) == b"WHICH=old\n"
    assert which(host) == "old"
    assert not host.checkpoint().pending()
    assert host.checkpoint().commits() == []


def test_only_what_runs_with_something_else_is_restarted_once_and_committed(host):
    result = carry_out(host, request(unit(OTHER, {"WHICH": "same"}), unit(APP, {"WHICH": "new"})))
    assert (result["state"], result["restarted"]) == ("committed", [APP])
    assert (which(host), host.systemd.pid(OTHER)) == ("new", host.pids[OTHER])
    assert restarts(host) == [f"reset-failed -- {APP}", f"restart -- {APP}"]
    assert result["units"][APP] == {"active": "active", "main_pid": host.systemd.pid(APP)}
    [commit] = host.checkpoint().commits()
    assert (commit.id, commit.about["run"], commit.about["touched"]) == (result["commit"], "run", {APP: "restart"})


def test_units_are_restarted_in_their_order(host):
    carry_out(host, request(unit(OTHER, restart="always"), unit(APP, restart="always")))
    assert host.systemd.calls("restart") == [
        f"restart -- {OTHER}",
        f"restart -- {APP}",
    ]


def test_a_variable_that_must_not_be_there(host):
    host.change({FILE: b"A=b\n"})
    assert carry_out(host, request(unit(APP, {"WHICH": ""})))["state"] == "committed"
    assert "WHICH" not in host.systemd.runs_with(APP)


def test_a_restart_that_fails(host):
    host.change({FILE: b"WHICH=new\nBROKEN=1\n"})
    result = carry_out(host, request(unit(APP, restart="always")))
    assert_taken_back(host, result, f"{APP}: failed: Job for {APP} failed.", "its last words")
    assert (result["restored"], result["troubles"]) == ([f"/{FILE}"], [])


def test_a_unit_that_dies_soon(host):
    host.change({FILE: b"WHICH=new\nFRAIL=1\n"})
    result = carry_out(host, request(unit(APP, restart="always"), stable=2.0))
    assert_taken_back(host, result, APP, "did not stay up: it is failed (failed, exit-code)", "its last words")


def test_a_unit_that_comes_up_again_with_another_process(host):
    def looked_at():
        calls = host.systemd.calls()
        restart = f"restart -- {APP}"
        return restart in calls and any(call.startswith("show") for call in calls[calls.index(restart) :])

    def die():
        while not looked_at():
            time.sleep(0.02)
        host.systemd.call("restart", APP)  # as Restart=always does

    dies = threading.Thread(target=die)
    dies.start()
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), stable=2.0))
    dies.join()
    assert_taken_back(host, result, "did not stay up: it is active (running, success), but with another process")


def test_a_unit_that_runs_with_something_else_even_after_its_restart(host):
    result = carry_out(host, request(unit(APP, {"WHICH": "quite another"})))
    assert_taken_back(host, result, APP, "even after its restart")
    assert result["restarted"] == [APP]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/bin/sh", "-c", "echo one; echo why >&2; exit 3"], ["verify: /bin/sh -c", "ended with 3: why"]),
        (["/no/such"], ["verify: /no/such: can't be run", "No such file"]),
    ],
)
def test_a_command_that_fails(host, command, words):
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), verify=[["/bin/true"], command]))
    assert_taken_back(host, result, *words)


def test_a_command_is_given_no_shell_and_no_input(host):
    out = host.folder / "out"
    command = ["/bin/sh", "-c", f'cat >{out}; echo "$1" >>{out}', "sh", "$(id); *"]
    assert carry_out(host, request(unit(APP), verify=[command]))["state"] == "committed"
    assert out.read_text() == "$(id); *\n"


def test_a_command_that_hangs(host, monkeypatch):
    monkeypatch.setattr(_transaction, "_COMMAND_SECONDS", 0.2)
    result = carry_out(host, request(unit(APP), verify=[["/bin/sleep", "60"]]))
    assert result["state"] == "rolled_back"
    assert "timed out" in result["reason"]


def test_the_old_state_does_not_run_either(host):
    host.systemd.on(APP, "restart", "exit 1")
    result = carry_out(host, request(unit(APP, {"WHICH": "new"})))
    assert result["state"] == "failed"
    assert APP in result["troubles"][0]
    assert host.read(FILE) == b"WHICH=old\n"
    # There, and twice on the way back.
    assert len(host.systemd.calls("restart")) == 3


def test_a_second_try_may_bring_the_old_state_up(host):
    lock = host.folder / "lock"
    lock.write_text("xx")
    host.systemd.on(APP, "restart", f"[ -s {lock} ] || exit 0; truncate -s -1 {lock}; exit 1")
    result = carry_out(host, request(unit(APP, {"WHICH": "new"})))
    assert_taken_back(host, result)
    assert result["troubles"] == []


def test_a_unit_that_was_stopped_before_stays_stopped(host):
    host.systemd.call("stop", OTHER)
    asked = request(unit(OTHER, {"WHICH": "wanted"}, "always"), unit(APP, {"WHICH": "new"}))
    asked["was"][OTHER]["running"] = False
    assert carry_out(host, asked)["state"] == "committed"
    assert host.systemd.properties(OTHER)["ActiveState"] == "inactive"


def test_a_unit_that_has_failed_is_started_since_the_change_may_be_its_cure(host):
    host.systemd.kill(APP)
    asked = request(unit(APP, {"WHICH": "new"}))
    asked["was"][APP]["running"] = False
    assert carry_out(host, asked)["state"] == "committed"
    assert which(host) == "new"


@pytest.mark.parametrize(("content", "verdict"), [(b"BROKEN=1\n", "/bin/true"), (b"WHICH=new\n", "/bin/false")])
def test_a_unit_that_had_failed_is_not_up_after_the_way_back(host, content, verdict):
    host.systemd.kill(APP)
    host.change({FILE: content})
    asked = request(unit(APP), verify=[[verdict]])
    asked["was"][APP]["running"] = False
    result = carry_out(host, asked)
    assert (result["state"], host.systemd.pid(APP)) == ("rolled_back", 0)
    assert [call for call in host.systemd.calls("restart") if APP in call] == [f"restart -- {APP}"]


def test_a_unit_that_fell_with_another_one_is_up_after_the_way_back(host):
    host.systemd.on(APP, "restart", f"systemctl --no-pager stop {OTHER}")  # as Requires= does where it fails
    asked = request(unit(APP, {"WHICH": "new"}), unit(OTHER), verify=[["/bin/false"]])
    assert_taken_back(host, carry_out(host, asked), "/bin/false")
    assert host.systemd.properties(OTHER)["ActiveState"] == "active"


def test_a_unit_that_an_earlier_run_restarted_is_followed_all_the_same(host):
    """That run left another one to be restarted by others (restart: never), and what it touched is still known."""
    host.systemd.on(APP, "restart", f"systemctl --no-pager restart {OTHER}")
    asked = request(unit(APP, {"WHICH": "new"}), unit(OTHER, restart="always"), touched={OTHER: "restart"})
    assert carry_out(host, asked)["state"] == "committed"
    assert host.systemd.calls("restart") == [f"restart -- {APP}", f"restart {OTHER}"]


def test_what_a_commit_brought_up_goes_down_with_it_and_its_sockets_listen_on(host):
    host.change({FILE: b"BROKEN=1\n"})  # what was before it: a daemon that has no configuration
    properties = host.systemd.state / APP / "properties"
    properties.write_text(properties.read_text() + "TriggeredBy=app.socket closed.socket app.timer\n")
    for name, active in (("app.socket", "active"), ("closed.socket", "inactive")):
        (host.systemd.state / name).mkdir()
        (host.systemd.state / name / "properties").write_text(f"ActiveState={active}\nMainPID=0\n")
    asked = request(unit(OTHER, restart="always"), unit(APP, restart="always"), undoes=["0001"], down=[APP])
    result = carry_out(host, asked)
    assert (result["state"], result["restarted"], host.systemd.pid(APP)) == ("committed", [OTHER], 0)
    assert host.systemd.calls("stop", "start") == [f"stop -- {APP}", "start -- app.socket"]


def test_a_commit_knows_what_was_down_before_it(host):
    asked = request(unit(APP, {"WHICH": "new"}), unit(OTHER, restart="always"))
    asked["was"][APP]["running"] = False
    carry_out(host, asked)
    assert [commit.about["down"] for commit in host.checkpoint().commits()] == [[APP]]


def test_what_is_left_to_others_is_deferred_and_stays_pending(host):
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}, "never"), unit(OTHER, restart="always")))
    assert (result["state"], result["left"], which(host)) == ("deferred", [APP], "old")
    checkpoint = host.checkpoint()
    assert (checkpoint.pending(), checkpoint.commits()) == (True, [])
    noted = checkpoint.read(_checkpoint.DEFERRED)
    assert (noted["units"], noted["touched"]) == ([APP], {OTHER: "restart"})


def test_nothing_was_changed_and_a_restart_is_due_all_the_same(host):
    host.checkpoint().commit({})
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), pending=False))
    assert (result["state"], result["commit"], which(host)) == ("committed", None, "new")
    assert len(host.checkpoint().commits()) == 1


def test_what_a_restart_kept_for_itself_is_no_commit(host, monkeypatch):
    host.checkpoint().commit({})

    def restart(unit, path, seconds, keep):
        host.change({"etc/docker/daemon.json": b"{}"}, keep.__self__)
        host.change({"etc/docker/daemon.json": None}, keep.__self__)
        _unit_jobs.restart(unit, seconds)

    monkeypatch.setattr(_transaction._docker_restart, "restart", restart)
    asked = request(unit(APP, {"WHICH": "new"}), pending=False, daemon_json={APP: "/etc/docker/daemon.json"})
    assert carry_out(host, asked)["state"] == "committed"
    assert (host.checkpoint().pending(), len(host.checkpoint().commits())) == (False, 1)


def test_another_run_changed_what_this_one_wrote(host, monkeypatch):
    def hold(entries, run):
        run.diffs.append({"before_header": f"/{FILE}"})
        return {"apply_required": [], "restart_required": [], "reload_required": []}

    monkeypatch.setattr(_host_settings, "hold", hold)
    result = carry_out(host, request(unit(APP), settings={"config_json": [{"schema": "cli"}]}))
    assert_taken_back(host, result, "another run changed what this one wrote", FILE)


def test_settings_say_what_needs_a_restart_or_a_reload(host, monkeypatch):
    answers = [([APP], [OTHER]), ([], [])]

    def hold(entries, run):
        restart, reload = answers.pop(0)
        return {"apply_required": [], "restart_required": restart, "reload_required": reload}

    monkeypatch.setattr(_host_settings, "hold", hold)
    asked = request(unit(APP), unit(OTHER), settings={"config_json": [{"schema": "cli"}]})
    result = carry_out(host, asked)
    assert (result["restarted"], result["reloaded"]) == ([APP], [OTHER])
    assert restarts(host) == [f"reload -- {OTHER}", f"reset-failed -- {APP}", f"restart -- {APP}"]


class Report:
    def __init__(self, *failures):
        self.failures = failures
        self.ok = not failures
        self.notices = []


def test_the_preflight_comes_before_any_unit_is_touched(host, monkeypatch):
    monkeypatch.setattr(_preflight, "check", lambda params: Report("the proxy refuses"))
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), preflight={"proxy": {}}))
    assert_taken_back(host, result, "preflight: the proxy refuses")
    assert (restarts(host), host.systemd.pid(APP)) == ([], host.pids[APP])


def test_after_the_restart_the_preflight_is_made_with_what_the_process_has(host, monkeypatch):
    asked = []

    def check(params):
        asked.append(params)
        return Report(*(["it refuses the password"] if len(asked) == 2 else []))

    monkeypatch.setattr(_preflight, "check", check)
    host.change({FILE: b"WHICH=new\nHTTPS_PROXY=http://fleet:p%40ss@192.0.2.1:3128\nNO_PROXY=.example.com\n"})
    preflight = {"proxy": {"http": "http://192.0.2.9:1"}, "from_container": True}
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), preflight=preflight))
    assert_taken_back(host, result, f"preflight with what {APP} runs with: it refuses the password")
    assert asked[0] == preflight
    assert asked[1]["proxy"] == {
        "https": "http://192.0.2.1:3128",
        "username": "fleet",
        "password": "p@ss",
        "no_proxy": ".example.com",
    }
    assert asked[1]["from_container"] is False


def test_no_secret_in_the_result(host):
    command = ["/bin/sh", "-c", "echo 'cannot reach http://fleet:t0psecret@192.0.2.1:3128' >&2; exit 1"]
    carry_out(host, request(unit(APP), verify=[command], secrets=["t0psecret"]))
    assert "t0psecret" not in host.own("result.json").read_text()
    assert "cannot reach" in host.own("result.json").read_text()


def test_after_a_crash_what_was_told_already_is_only_tidied_up(host):
    host.checkpoint().write("result.json", {"id": "1", "state": "rolled_back"})
    Transaction(host.checkpoint(), request(unit(APP))).after_a_crash()
    assert not host.checkpoint().pending()
    assert restarts(host) == []


def test_after_a_crash_only_touched_units_are_brought_back(host):
    asked = request(unit(OTHER, {"WHICH": "x"}), unit(APP, {"WHICH": "new"}), touched={APP: "restart"})
    host.systemd.call("restart", APP)
    host.systemd.forget_calls()
    Transaction(host.checkpoint(), asked).after_a_crash()
    result = host.checkpoint().read("result.json")
    assert_taken_back(host, result, "was cut off")
    assert host.systemd.pid(OTHER) == host.pids[OTHER]


def test_after_a_crash_where_nothing_was_pending_it_begins_anew(host):
    host.checkpoint().commit({})
    Transaction(host.checkpoint(), request(unit(APP, {"WHICH": "new"}), pending=False)).after_a_crash()
    assert (host.checkpoint().read("result.json")["state"], which(host)) == ("committed", "new")


def test_after_a_crash_a_commit_is_told_by_its_id_and_what_it_undid_is_gone(host):
    host.checkpoint().commit({"request": "0"})
    host.change({FILE: b"WHICH=newer\n"})
    second = host.checkpoint().commit({"request": "1"})
    first = host.checkpoint().commits()[0].id
    Transaction(host.checkpoint(), request(unit(APP), undoes=[first])).after_a_crash()
    assert host.checkpoint().read("result.json")["commit"] == second
    assert [commit.id for commit in host.checkpoint().commits()] == [second]


# What is more than a restart ----------------------------------------------------------------------------------------


@pytest.fixture
def applied(host, monkeypatch):
    """Have something be due for APP that restarts it by itself; the list says what was done."""
    done = []

    def apply(entries, seconds, keep):
        done.append(("apply", entries, seconds))
        host.systemd.call("restart", APP)

    part = types.SimpleNamespace(
        KIND="config_json",
        UNITS=(APP,),
        apply=apply,
        remembered=lambda entries: [entry["path"] for entry in entries],
        unblock=lambda: None,
        take_back=lambda remembered: done.append(("back", remembered)),
    )
    monkeypatch.setattr(_due, "applier", {"something": part}.__getitem__)

    def hold(entries, run):
        due = [] if any(step[0] == "apply" for step in done) else ["something"]
        return {"apply_required": due, "restart_required": [APP] if due else [], "reload_required": []}

    monkeypatch.setattr(_host_settings, "hold", hold)
    host.part, host.hold = part, hold
    return done


SETTINGS = {"config_json": [{"schema": "cli", "path": "/x"}]}


def test_what_is_applied_restarts_its_units_by_itself_behind_the_others(host, applied):
    result = carry_out(host, request(unit(APP), unit(OTHER, restart="always"), settings=SETTINGS))
    assert (result["state"], result["restarted"]) == ("committed", [OTHER, APP])
    assert applied == [("apply", SETTINGS["config_json"], 20.0)]
    assert host.systemd.calls("restart") == [f"restart -- {OTHER}", f"restart {APP}"]
    [commit] = host.checkpoint().commits()
    assert (commit.about["applied"], commit.about["touched"][APP]) == ({"something": ["/x"]}, "apply")


def test_what_is_applied_is_taken_back_last_of_all(host, applied):
    result = carry_out(host, request(unit(APP), settings=SETTINGS, verify=[["/bin/false"]]))
    assert_taken_back(host, result, "/bin/false")
    assert [step[0] for step in applied] == ["apply", "back"]
    assert applied[-1] == ("back", ["/x"])


def test_what_fails_to_apply_is_told_with_the_log_of_its_unit(host, applied):
    def apply(entries, seconds, keep):
        raise Refused("is failed", where=APP)

    host.part.apply = apply
    result = carry_out(host, request(unit(APP), settings=SETTINGS))
    assert_taken_back(host, result, f"{APP}: is failed. Its log ends: its last words")


def test_what_is_still_due_after_it_was_done_is_taken_back(host, applied, monkeypatch):
    monkeypatch.setattr(
        _host_settings,
        "hold",
        lambda entries, run: {"apply_required": ["something"], "restart_required": [], "reload_required": []},
    )
    result = carry_out(host, request(unit(APP), settings=SETTINGS))
    assert_taken_back(host, result, "something: is still due after it was done")


def test_what_can_not_be_taken_back_is_told(host, applied):
    def take_back(remembered):
        raise Refused("does not answer", where="engine")

    host.part.take_back = take_back
    result = carry_out(host, request(unit(APP), settings=SETTINGS, verify=[["/bin/false"]]))
    assert (result["state"], which(host)) == ("failed", "old")
    assert result["troubles"] == ["engine: does not answer."]


def test_a_unit_that_must_not_be_restarted_keeps_all_from_being_applied(host, applied):
    result = carry_out(host, request(unit(APP, restart="never"), unit(OTHER), settings=SETTINGS))
    assert (result["state"], result["left"], applied) == ("deferred", [APP], [])


def test_a_unit_that_was_not_up_and_came_up_by_it_is_down_after_the_way_back(host, applied):
    host.systemd.call("stop", APP)
    asked = request(unit(APP), settings=SETTINGS, verify=[["/bin/false"]])
    asked["was"][APP]["running"] = False
    assert carry_out(host, asked)["state"] == "rolled_back"
    assert host.systemd.pid(APP) == 0


def test_after_a_crash_what_was_begun_is_taken_back(host, applied):
    asked = request(unit(APP), settings=SETTINGS, touched={APP: "apply"}, applied={"something": ["/x"]})
    host.systemd.call("restart", APP)
    Transaction(host.checkpoint(), asked).after_a_crash()
    assert_taken_back(host, host.checkpoint().read("result.json"), "was cut off")
    assert applied == [("back", ["/x"])]


def test_what_undoes_a_commit_takes_back_what_that_applied(host, applied, monkeypatch):
    host.checkpoint().commit({"request": "0"})
    host.change({FILE: b"WHICH=old\n"})
    asked = request(unit(APP, restart="always"), undoes=["0001"], applied={"something": ["/x"]})
    assert carry_out(host, asked)["state"] == "committed"
    assert (applied, which(host)) == ([("back", ["/x"])], "old")


@pytest.mark.parametrize(("active", "sub"), [("failed", "failed"), ("activating", "auto-restart")])
def test_what_is_started_later_and_dies_takes_all_back(host, applied, active, sub):
    """As a daemon that its socket starts, once another one asks it for something."""
    host.part.UNITS = (APP, OTHER)
    host.systemd.call("stop", OTHER)
    properties = host.systemd.state / OTHER / "properties"

    def die():
        while not applied:
            time.sleep(0.02)
        time.sleep(0.5)
        properties.write_text(f"ActiveState={active}\nSubState={sub}\nMainPID=0\nResult=exit-code\nLoadState=loaded\n")

    dies = threading.Thread(target=die)
    dies.start()
    asked = request(unit(OTHER), unit(APP), settings=SETTINGS, stable=3.0)
    asked["was"][OTHER]["running"] = False
    result = carry_out(host, asked)
    dies.join()
    assert_taken_back(host, result, f"{OTHER}: did not stay up: it is {active} ({sub}, exit-code)")
    assert host.systemd.pid(OTHER) == 0


@pytest.mark.parametrize("failed", [False, True])
def test_what_is_down_or_has_failed_before_and_stays_so_is_no_trouble(host, applied, failed):
    host.part.UNITS = (APP, OTHER)
    if failed:
        host.systemd.kill(OTHER)
    else:
        host.systemd.call("stop", OTHER)
    asked = request(unit(OTHER), unit(APP), settings=SETTINGS, stable=0.6)
    asked["was"][OTHER] = {"running": False, "failing": failed}
    assert carry_out(host, asked)["state"] == "committed"
    assert host.systemd.pid(OTHER) == 0


@pytest.mark.parametrize("after", [["/bin/true"], ["/bin/false"]])
@pytest.mark.parametrize("verify", [[], [["/bin/false"]]])
def test_work_is_moved_away_before_the_first_restart_and_comes_back_at_the_end(host, tmp_path, verify, after):
    log = tmp_path / "log"
    note = ["/bin/sh", "-c", f"grep -c restart {host.systemd.state}/log >>{log}; true"]
    drain = {"before": [note], "after": [note, after], "seconds": 5.0}
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), drain=drain, verify=verify))
    assert result["state"] == ("rolled_back" if verify else "committed")
    before, now = log.read_text().split()
    assert (before, int(now) > 0) == ("0", True)
    # What fails at the very end undoes nothing, and is told.
    assert [notice[0] for notice in result["notices"]] == (["drain"] if after == ["/bin/false"] else [])


def test_work_that_can_not_be_moved_away_ends_the_change(host):
    drain = {"before": ["http://127.0.0.1:1/drain"], "after": [["/bin/true"]], "seconds": 5.0}
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), drain=drain))
    assert (result["state"], result["restarted"]) == ("rolled_back", [])
    assert "drain: http://127.0.0.1:1/drain: can't be asked" in result["reason"]
    assert host.systemd.pid(APP) == host.pids[APP]


@pytest.mark.parametrize("verify", [[], [["/bin/false"]]])
def test_a_nomad_client_is_drained_first_and_then_made_what_it_was(host, monkeypatch, verify):
    calls = []

    def note(name):
        def called(unit, *arguments):
            calls.append((name, unit, len(restarts(host)), *arguments))
            return {"eligible": True, "draining": False}

        return called

    for name in ("before", "drain", "undrain"):
        monkeypatch.setattr(_nomad_drain, name, note(name))
    drain = {"before": [], "after": [], "nomad": APP, "seconds": 5.0}
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), drain=drain, verify=verify))
    assert result["state"] == ("rolled_back" if verify else "committed")
    was = {"eligible": True, "draining": False}
    assert calls[:2] == [("before", APP, 0), ("drain", APP, 0, was, 5.0)]
    [(name, unit_, restarted, *arguments)] = calls[2:]
    assert (name, unit_, arguments) == ("undrain", APP, [was, 20.0])
    assert restarted == len(restarts(host)) > 0
    if not verify:
        [commit] = host.checkpoint().commits()
        assert commit.about["drain"] == drain  # for whoever takes it back


def test_a_drain_that_takes_too_long_ends_the_change_before_any_restart(host, monkeypatch):
    def drain(*_arguments):
        raise Refused("still has jobs", where="drain")

    undrained = []
    monkeypatch.setattr(_nomad_drain, "before", lambda _unit: {"eligible": False, "draining": False})
    monkeypatch.setattr(_nomad_drain, "drain", drain)
    monkeypatch.setattr(_nomad_drain, "undrain", lambda _unit, was, _seconds: undrained.append(was))
    asked = {"before": [], "after": [], "nomad": APP, "seconds": 5.0}
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), drain=asked))
    assert_taken_back(host, result, "still has jobs")
    assert (result["restarted"], host.systemd.pid(APP)) == ([], host.pids[APP])
    assert undrained == [{"eligible": False, "draining": False}]


def test_nothing_is_moved_away_for_nothing(host):
    drain = {"before": [["/bin/false"]], "after": [["/bin/false"]], "seconds": 5.0}
    result = carry_out(host, request(unit(OTHER, {"WHICH": "same"}), drain=drain))
    assert (result["state"], result["notices"]) == ("committed", [])


def test_a_unit_that_another_restart_took_down_is_started_again(host):
    host.systemd.on(APP, "restart", f"{host.systemd.bin}/systemctl --no-pager stop -- {OTHER}")
    result = carry_out(host, request(unit(APP, {"WHICH": "new"}), unit(OTHER)))
    assert (result["state"], result["restarted"]) == ("committed", [APP, OTHER])
    assert host.systemd.pid(OTHER) not in (0, host.pids[OTHER])


def test_it_is_started_again_on_the_way_back_too(host):
    host.systemd.on(APP, "restart", f"{host.systemd.bin}/systemctl --no-pager stop -- {OTHER}")
    host.change({FILE: b"WHICH=new\nBROKEN=1\n"})
    result = carry_out(host, request(unit(APP, restart="always"), unit(OTHER)))
    assert_taken_back(host, result, "failed")
    assert host.systemd.pid(OTHER)
