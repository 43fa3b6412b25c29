# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of config.toml from `iotedge config apply` to its commit or all the way back, with a stand-in for iotedge.

By what the daemons' processes run with afterwards, and what the files are, to their times.
"""

from __future__ import annotations

import functools
import os
import signal
import stat
import threading
import time
import types

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _due,
    _guard,
    _guard_units,
    _hand_over,
    _iotedge_applied,
    _iotedge_apply,
    _iotedge_config,
    _unit_jobs,
    _verified_restart,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run, carry_out
from ansible_collections.fleetops.container_hosts.tests.support import fake_engine

DOCKER, EDGED, TPMD = "docker.service", _iotedge_applied.EDGED, "aziot-tpmd.service"
UNITS = _iotedge_applied.UNITS
PATH = "etc/aziot/config.toml"
SUPER = "etc/aziot/edged/config.d/00-super.toml"
DEVICE_ID = "var/secrets/aziot/keyd/device-id"
DROPIN = "etc/docker-environment"
KEY = "YSBrZXkgb2YgdGhlIGRldmljZQ=="
IMAGE = "a:1.5.1"

# As the real one: it replaces the files, restarts all, and ends with 0 whatever becomes of them. Its daemons are
# started with what the last of these files says. It does badly as the file `how` orders, or the host's name.
_IOTEDGE = r"""#!/bin/bash
echo "iotedge $*" >>"{state}/log"
[ "$1 $2" = "config apply" ] || {{ echo "iotedge 1.5.21"; exit; }}
how=$(cat "{folder}/how" 2>/dev/null)
case $how in
  fails) echo "could not parse: device_id_pk = {key}" >&2; exit 1 ;;
  hangs) exec sleep 60 ;;
  nothing) exit 0 ;;
esac
name=$(sed -n 's/^hostname = "\(.*\)"$/\1/p' "$4")
extra=
case $name in broken) extra=BROKEN=1 ;; frail) extra=FRAIL=1 ;; esac
mkdir -p -m 700 "{root}/var/secrets/aziot/keyd"
rm -f "{root}/var/secrets/aziot/keyd/device-id"; echo "$name" >"{root}/var/secrets/aziot/keyd/device-id"
for daemon in keyd certd tpmd identityd edged; do
  folder={root}/etc/aziot/$daemon/config.d
  mkdir -p "$folder"; rm -f "$folder/00-super.toml"
  printf '%s\n' "WHICH=$name" $extra >"$folder/00-super.toml"; chmod 600 "$folder/00-super.toml"
  if [ "$how $daemon" = "half certd" ]; then echo "failing half-way" >&2; exit 1; fi
done
for daemon in edged identityd keyd certd tpmd; do systemctl --no-pager stop aziot-$daemon.service; done
for daemon in keyd certd identityd edged; do systemctl --no-pager restart aziot-$daemon.service; done 2>/dev/null
exit 0
"""


@pytest.fixture
def host(guarded, monkeypatch):
    """Return a host on which `old` is applied; aziot-tpmd is down, as without a TPM."""
    with fake_engine.engine(f"{guarded.folder.parent}/docker.sock") as engine:
        guarded.engine = engine
        prepare(guarded, monkeypatch)
        guarded.put(PATH, config(guarded, "old"), 0o600)
        for path in (*_iotedge_applied.FILES, f"/{DEVICE_ID}"):
            guarded.put(path[1:], b"WHICH=old\n", 0o600)
        os.chown(guarded.folder / SUPER, 4711, 4712)
        start_all(guarded)
        guarded.before = guarded.tree()
        yield guarded


def prepare(guarded, monkeypatch):
    """Install IoT Edge and Docker, and have all that is called on the host's behalf know its root."""
    guarded.put("usr/lib/systemd/system/aziot-edged.service", b"[Service]\n")
    guarded.put(DROPIN, b"PROXY=old\n")
    text = _IOTEDGE.format(state=guarded.systemd.state, folder=guarded.folder.parent, root=guarded.root, key=KEY)
    guarded.systemd.program("iotedge", text)
    monkeypatch.setattr(_iotedge_apply, "_TICK", 0.05)
    monkeypatch.setattr(_due, "Run", functools.partial(Run, root=guarded.root))
    part = types.SimpleNamespace(
        KIND=_iotedge_apply.KIND,
        UNITS=UNITS,
        apply=functools.partial(_iotedge_apply.apply, root=guarded.root),
        remembered=functools.partial(_iotedge_apply.remembered, root=guarded.root),
        unblock=_iotedge_apply.unblock,
        take_back=functools.partial(_iotedge_apply.take_back, root=guarded.root),
    )
    monkeypatch.setattr(_due, "applier", lambda _name: part)


def start_all(host):
    for unit in UNITS:
        name = unit.replace("aziot-", "").replace(".service", "")
        environment = host.folder / f"etc/aziot/{name}/config.d/00-super.toml"
        host.systemd.unit(unit, environment, running=unit != TPMD)
    host.systemd.unit(DOCKER, host.folder / DROPIN)
    host.systemd.forget_calls()


def config(host, name):
    return (
        f'hostname = "{name}"\n[provisioning]\nsource = "manual"\niothub_hostname = "hub.example.com"\n'
        'device_id = "d"\n[provisioning.authentication]\nmethod = "sas"\n'
        f'device_id_pk = {{ value = "{KEY}" }}\n[moby_runtime]\nuri = "unix://{host.engine.path}"\nnetwork = "n"\n'
    ).encode()


def options(**params):
    checked = ArgumentSpecValidator(_iotedge_config.ARGUMENT_SPEC).validate({"agent_seconds": 5.0, **params})
    assert not checked.error_messages
    return checked.validated_parameters


def change(host, name="new", **params):
    """Change config.toml as a run of the module does; return the entry for the transaction."""
    entry = options(settings={"hostname": name}, **params)
    _run, result = carry_out(
        _iotedge_config.ensure, entry, check_mode=False, root=host.root, checkpoint=host.checkpoint()
    )
    assert result["apply_required"] == ["iotedge"]
    host.systemd.forget_calls()
    return entry


def request(host, entry, restart="if_needed", **more):
    units = [{"name": DOCKER, "environment": {"PROXY": "new"} if more.pop("docker", False) else {}}]
    units += [{"name": unit, "environment": {}} for unit in UNITS]
    units = [{"restart": restart if unit["name"] == EDGED else "if_needed", **unit} for unit in units]
    states = _unit_jobs.states([unit["name"] for unit in units])
    return {
        "id": "1",
        "run": "run",
        "units": units,
        "settings": {"iotedge_config": [entry]},
        "preflight": None,
        "verify": [],
        "stable": 0.0,
        "seconds": 20.0,
        "secrets": [],
        "was": {name: {"running": state.running} for name, state in states.items()},
        "pending": True,
        **more,
    }


def act(host, asked):
    checkpoint = host.checkpoint()
    with checkpoint.locked(create=True):
        checkpoint.write("request.json", asked)
    host.guard()
    return checkpoint.read("result.json")


def which(host, unit=EDGED):
    return host.systemd.runs_with(unit).get("WHICH")


def applies(host):
    return [line for line in host.systemd.calls() if line.startswith("iotedge config")]


def assert_taken_back(host, result, *words):
    assert (result["state"], result["troubles"]) == ("rolled_back", [])
    for word in words:
        assert word in result["reason"]
    assert host.tree() == host.before
    assert host.read(DEVICE_ID) == b"WHICH=old\n"
    assert which(host) == "old"
    assert not host.checkpoint().pending()
    assert host.checkpoint().commits() == []
    assert host.systemd.pid(TPMD) == 0


# Forward ----------------------------------------------------------------------------------------------------------


def test_a_change_is_applied_once_behind_docker_and_committed(host):
    entry = change(host)
    host.change({DROPIN: b"PROXY=new\n"})
    result = act(host, request(host, entry, docker=True))
    assert result["state"] == "committed"
    assert (which(host), host.systemd.runs_with(DOCKER)["PROXY"]) == ("new", "new")
    calls = [call for call in host.systemd.calls("restart", "iotedge") if "container-hosts" not in call]
    assert calls[:2] == [f"restart -- {DOCKER}", f"iotedge config apply -c {host.root}/{PATH}"]
    # Those that the program itself made, and no other one.
    assert sorted(calls[2:]) == sorted(f"restart {unit}" for unit in UNITS if unit != TPMD)
    assert result["restarted"] == [DOCKER, *UNITS]
    [commit] = host.checkpoint().commits()
    assert commit.about["applied"] == {"iotedge": [{"path": f"/{PATH}", "former": []}]}
    again = _iotedge_config.ensure(entry, Run(check_mode=True, root=host.root))
    assert again["apply_required"] == []


def test_what_is_applied_already_is_not_applied_again(host):
    result = act(host, request(host, options(settings={"hostname": "old"}), pending=False))
    assert (result["state"], result["restarted"], applies(host)) == ("committed", [], [])
    assert host.tree() == host.before


def test_the_first_time_of_all(guarded, monkeypatch):
    with fake_engine.engine(f"{guarded.folder.parent}/docker.sock") as engine:
        guarded.engine = engine
        prepare(guarded, monkeypatch)
        guarded.put(PATH, config(guarded, "old"), 0o600)
        start_all(guarded)
        for unit in UNITS:
            guarded.systemd.call("stop", unit)
        result = act(guarded, request(guarded, change(guarded)))
        assert (result["state"], which(guarded)) == ("committed", "new")


def test_a_certificate_that_is_newer_is_applied_though_nothing_else_changed(host):
    host.put("var/aziot/ca.pem", b"x")
    then = (host.folder / SUPER).stat().st_mtime_ns + 1
    os.utime(host.folder / "var/aziot/ca.pem", ns=(then, then))
    entry = options(settings={"hostname": "old"}, read_at_apply=["/var/aziot/ca.pem"])
    assert act(host, request(host, entry, pending=False))["state"] == "committed"
    assert len(applies(host)) == 1


def test_what_has_failed_long_ago_is_no_reason_to_go_back(host):
    """As aziot-tpmd does on a device without a TPM."""
    (host.systemd.state / TPMD / "properties").write_text(
        "ActiveState=failed\nSubState=failed\nMainPID=0\nResult=exit-code\nLoadState=loaded\n"
    )
    host.systemd.program(
        "iotedge", (host.systemd.bin / "iotedge").read_text().replace("certd tpmd; do systemctl", "certd; do systemctl")
    )
    entry = change(host)
    _iotedge_apply.apply([entry], 20.0, host.checkpoint().keep, root=host.root)
    assert which(host) == "new"


def test_a_daemon_that_an_administrator_has_stopped_stays_so(host):
    host.systemd.call("stop", EDGED)
    result = act(host, request(host, change(host)))
    assert result["state"] == "committed"
    assert len(applies(host)) == 1
    assert host.systemd.properties(EDGED)["ActiveState"] == "inactive"


def test_what_must_not_be_restarted_is_not_applied_either(host):
    result = act(host, request(host, change(host), restart="never"))
    assert (result["state"], result["left"], applies(host)) == ("deferred", [EDGED], [])
    assert (which(host), host.checkpoint().pending()) == ("old", True)
    assert b'"new"' in host.read(PATH)


def test_a_file_that_is_gone_asks_for_nothing(host):
    (host.folder / PATH).unlink()
    _iotedge_apply.apply([options()], 20.0, host.checkpoint().keep, root=host.root)
    assert host.systemd.calls() == []


# Back -------------------------------------------------------------------------------------------------------------

FAILURES = {
    "exits with 1": ("fails", "new", "iotedge config apply: ended with 1: could not parse"),
    "hangs": ("hangs", "new", "iotedge config apply: did not end within 1 s"),
    "ends well and wrote nothing": ("nothing", "new", "iotedge config apply: ended well, but did not write"),
    "fails half-way": ("half", "new", "failing half-way"),
    "a daemon fails": ("", "broken", "aziot-keyd.service: is failed (exit-code) after iotedge config apply"),
    "a daemon dies soon": ("", "frail", "aziot-"),
}


# With the daemon itself stopped by an administrator; then it can't die, either.
_STOPPED = {f"{case}, stopped": (*rest, True) for case, rest in FAILURES.items() if "dies" not in case}
_UP = {case: (*rest, False) for case, rest in FAILURES.items()}


@pytest.mark.parametrize(
    ("how", "name", "words", "stopped"), [*_UP.values(), *_STOPPED.values()], ids=[*_UP, *_STOPPED]
)
def test_all_of_it_is_taken_back_without_another_apply(host, how, name, words, stopped):
    (host.folder.parent / "how").write_text(how)
    if stopped:
        host.systemd.call("stop", EDGED)
    entry = change(host, name)
    result = act(
        host, request(host, entry, seconds=1.0 if how == "hangs" else 20.0, stable=2.0 if name == "frail" else 0)
    )
    if stopped:
        assert host.systemd.properties(EDGED)["ActiveState"] == "inactive"
        host.systemd.call("restart", EDGED)
    assert_taken_back(host, result, words)
    assert len(applies(host)) == 1
    assert result["foreign"] == {}


def test_what_apply_made_for_the_first_time_goes(guarded, monkeypatch):
    with fake_engine.engine(f"{guarded.folder.parent}/docker.sock") as engine:
        guarded.engine = engine
        prepare(guarded, monkeypatch)
        guarded.put(PATH, config(guarded, "old"), 0o600)
        start_all(guarded)
        before = guarded.tree()
        result = act(guarded, request(guarded, change(guarded), verify=[["/bin/false"]]))
        assert (result["state"], guarded.tree()) == ("rolled_back", before)
        assert guarded.read(DEVICE_ID) is None
        assert not (guarded.folder / "var/secrets").exists()


def test_no_key_is_in_what_is_told(host):
    (host.folder.parent / "how").write_text("fails")
    act(host, request(host, change(host)))
    told = host.own("result.json").read_text()
    assert "could not parse: device_id_pk = ********" in told
    assert KEY not in told


def test_a_program_that_is_not_there(host):
    entry = change(host)
    (host.systemd.bin / "iotedge").unlink()
    assert_taken_back(host, act(host, request(host, entry)), "iotedge config apply: can't be run")


def test_a_verdict_later_on_takes_it_back_too(host):
    result = act(host, request(host, change(host), verify=[["/bin/false"]]))
    assert_taken_back(host, result, "verify: /bin/false")


def test_a_clock_that_was_wrong_is_told_before_anything_is_done(host):
    entry = change(host)
    then = time.time() + 3600
    os.utime(host.folder / PATH, (then, then))
    result = act(host, request(host, entry))
    assert_taken_back(host, result, f"/{PATH}: was last changed in the future")
    assert applies(host) == []


@pytest.mark.parametrize("where", ["before", "after", "told"])
def test_a_guard_that_is_killed_over_it_goes_back(host, monkeypatch, where):
    entry = change(host)
    asked = request(host, entry)

    def die(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    real = _iotedge_apply._run

    def run(*args):
        if where == "after":
            real(*args)
        die()

    child = os.fork()
    if child == 0:
        if where == "told":
            _iotedge_apply._wait_until_up = die
        else:
            _iotedge_apply._run = run
        try:
            act(host, asked)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert host.read(SUPER) == (b"WHICH=old\n" if where == "before" else b"WHICH=new\n")
    host.guard()
    assert_taken_back(host, host.checkpoint().read("result.json"), "was cut off")


# The agent --------------------------------------------------------------------------------------------------------

PROXY = {"http": "http://192.0.2.1:3128"}
PROXIED = {"https_proxy": "http://192.0.2.1:3128", "UpstreamProtocol": "AmqpWs"}


def test_an_agent_that_runs_with_less_is_made_anew(host):
    host.engine.container = fake_engine.agent({}, IMAGE)
    host.engine.edged = lambda: fake_engine.agent(PROXIED, IMAGE)
    result = act(host, request(host, change(host, proxy=PROXY, agent_image=IMAGE)))
    assert (result["state"], host.engine.removals()) == ("committed", 1)
    assert host.engine.container == fake_engine.agent(PROXIED, IMAGE)


@pytest.mark.parametrize(
    "agent",
    [None, fake_engine.agent(PROXIED, IMAGE), fake_engine.agent({}, IMAGE, labels='{"a": {"value": "b"}}')],
    ids=["none", "current", "a manifest's"],
)
def test_an_agent_that_is_right_or_not_ours_to_make_stays(host, agent):
    host.engine.container = agent
    result = act(host, request(host, change(host, proxy=PROXY, agent_image=IMAGE)))
    assert (result["state"], host.engine.removals()) == ("committed", 0)


def test_an_agent_is_made_anew_though_apply_has_run(host):
    entry = change(host, proxy=PROXY, agent_image=IMAGE)
    assert act(host, request(host, entry))["state"] == "committed"
    host.engine.container = fake_engine.agent({}, IMAGE)
    host.engine.edged = lambda: fake_engine.agent(PROXIED, IMAGE)
    host.systemd.forget_calls()
    result = act(host, request(host, entry, pending=False))
    assert (result["state"], applies(host), host.engine.removals()) == ("committed", [], 1)


def test_an_engine_that_does_not_answer_once_is_asked_again(host):
    def edged():
        host.engine.edged = lambda: fake_engine.agent(PROXIED, IMAGE)
        raise OSError  # the connection ends without an answer

    host.engine.container = fake_engine.agent({}, IMAGE)
    host.engine.edged = edged
    result = act(host, request(host, change(host, proxy=PROXY, agent_image=IMAGE)))
    assert (result["state"], host.engine.removals()) == ("committed", 1)


def test_an_agent_whose_daemon_is_stopped_is_left(host):
    host.systemd.call("stop", EDGED)
    host.engine.container = fake_engine.agent({}, IMAGE)
    result = act(host, request(host, change(host, proxy=PROXY, agent_image=IMAGE)))
    assert (result["state"], host.engine.asked) == ("committed", [])


def test_an_agent_that_is_taken_back_is_not_waited_for(host):
    """Where the hub is reached through the proxy alone, none comes back once that is taken away."""
    host.engine.edged = lambda: fake_engine.agent(PROXIED, IMAGE)
    assert act(host, request(host, change(host, proxy=PROXY, agent_image=IMAGE)))["state"] == "committed"
    assert host.engine.container == fake_engine.agent(PROXIED, IMAGE)
    host.engine.edged = lambda: None
    entry = options(state="absent")
    carry_out(_iotedge_config.ensure, entry, check_mode=False, root=host.root, checkpoint=host.checkpoint())
    result = act(host, request(host, entry))
    assert (result["state"], which(host), host.engine.removals()) == ("committed", "old", 1)
    assert host.read(PATH) == config(host, "old")


@pytest.mark.parametrize("has_image", [True, False])
def test_an_agent_that_does_not_come_back_takes_all_back(host, has_image):
    host.put(
        PATH, config(host, "old") + b'[agent]\nname = "edgeAgent"\ntype = "docker"\nconfig.image = "a:1.5.0"\n', 0o600
    )
    os.utime(host.folder / PATH, (1, 1))
    host.before = host.tree()
    host.engine.images = {"a:1.5.0"} if has_image else set()
    old = fake_engine.agent({}, "a:1.5.0")
    dead = {**fake_engine.agent(PROXIED, IMAGE), "State": {"Status": "created", "Running": False, "ExitCode": 127}}
    made = iter([dead, old])
    host.engine.container = fake_engine.agent({}, "a:1.4.0")
    host.engine.edged = lambda: next(made, old)
    entry = change(host, proxy=PROXY, agent_image=IMAGE, agent_seconds=0.5)
    result = act(host, request(host, entry))
    words = ("edgeAgent: was removed to be made anew", '"ExitCode": 127')
    assert_taken_back(host, result, *words)
    # Where the old image is gone too, no agent at all would come back.
    assert host.engine.removals() == (2 if has_image else 1)


def test_the_way_back_asks_no_engine_whose_daemon_is_down(host):
    host.systemd.call("stop", EDGED)
    host.engine.container = fake_engine.agent(PROXIED, IMAGE)
    _iotedge_apply.take_back([{"path": f"/{PATH}", "former": []}], root=host.root)
    assert host.engine.asked == []


@pytest.mark.parametrize("content", [None, b"", b"agent = 1\nmoby_runtime = 'x'\n"])
def test_the_way_back_ends_whatever_the_file_was(host, content):
    if content is None:
        (host.folder / PATH).unlink()
    else:
        host.put(PATH, content)
    _iotedge_apply.take_back([{"path": f"/{PATH}", "former": []}], root=host.root)


# A rollback later on ----------------------------------------------------------------------------------------------


@pytest.fixture
def guard(host, monkeypatch):
    """Have the guard run in a thread, as systemd would have it run in a process."""
    threads = []

    def run():
        checkpoint = _checkpoint.Checkpoint("moby", root=host.root)
        with checkpoint.locked(create=True):
            _guard.act(checkpoint)

    def call(_checkpoint_):
        threads.append(threading.Thread(target=run))
        threads[-1].start()

    monkeypatch.setattr(_guard_units, "call", call)
    monkeypatch.setattr(_hand_over, "_PATIENCE", 20.0)
    yield
    for thread in threads:
        thread.join()


def verified(host, **params):
    run = Run(root=host.root)
    defaults = {name: option.get("default") for name, option in _verified_restart.ARGUMENT_SPEC.items()}
    given = {**defaults, "checkpoint": "moby", "stable": 0.0, **params}
    return _verified_restart.ensure(given, run)


@pytest.mark.usefixtures("guard")
def test_a_commit_is_rolled_back_with_its_files_its_daemons_and_its_agent(host):
    host.engine.container = fake_engine.agent({}, IMAGE)
    host.engine.edged = lambda: fake_engine.agent(PROXIED, IMAGE)
    entry = change(host, proxy=PROXY, agent_image=IMAGE)
    result = verified(host, units=[DOCKER, *UNITS], settings={"iotedge_config": [entry]})
    assert (result["apply"], result["outcome"]["state"], which(host)) == (["iotedge"], "committed", "new")
    assert stat.S_IMODE((host.folder / SUPER).stat().st_mode) == 0o600

    host.engine.edged = lambda: fake_engine.agent({}, IMAGE)
    host.systemd.forget_calls()
    result = verified(host, state="rolled_back")
    assert result["outcome"]["state"] == "committed"
    assert host.tree() == host.before
    assert (which(host), applies(host)) == ("old", [])
    assert host.engine.removals() == 2
    assert host.checkpoint().commits() == []
    assert not (host.folder / "var/lib/container_hosts/iotedge_config.json").exists()


@pytest.mark.usefixtures("guard")
def test_a_failure_is_told_by_the_module(host):
    entry = change(host, "broken")
    with pytest.raises(Failed, match="is failed"):
        verified(host, units=[DOCKER, *UNITS], settings={"iotedge_config": [entry]})
    assert host.tree() == host.before


def test_in_check_mode_it_is_foretold(host):
    entry = options(settings={"hostname": "new"})
    run = Run(check_mode=True, root=host.root)
    defaults = {name: option.get("default") for name, option in _verified_restart.ARGUMENT_SPEC.items()}
    result = _verified_restart.ensure(
        {**defaults, "checkpoint": "moby", "units": [DOCKER, *UNITS], "settings": {"iotedge_config": [entry]}}, run
    )
    assert (run.changed, result["apply"], result["restart"]) == (True, ["iotedge"], [])
    assert (host.tree(), applies(host)) == (host.before, [])


def test_another_run_that_changed_the_file_in_between_is_noticed(host):
    entry = change(host)
    host.put(PATH, config(host, "another"), 0o600)
    result = act(host, request(host, entry))
    assert result["state"] == "rolled_back"
    assert "another run changed what this one wrote" in result["reason"]
    assert applies(host) == []


def test_refusals_name_what_failed(host):
    entry = change(host, "broken")
    with pytest.raises(Refused) as caught:
        _iotedge_apply.apply([entry], 20.0, host.checkpoint().keep, root=host.root)
    assert caught.value.where == "aziot-keyd.service"
