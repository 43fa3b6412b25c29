# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and the daemon that reads them, changed and proven by one call."""

from __future__ import annotations

import errno
import os

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _hand_over,
    _host_file_write,
    _host_settings,
    _proven_settings,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import APP, FILE

OTHER = "etc/app/other"


@pytest.fixture
def host(guarded, monkeypatch):
    """Return a host with a unit, whose systemd starts the guard."""
    guarded.install_app()
    guarded.start_guards()
    monkeypatch.setattr(_hand_over, "_PATIENCE", 5.0)
    return guarded


def writes(value):
    """Return an `ensure` that writes two files, and a diff of each."""

    def ensure(_params, run):
        run.edit(f"/{FILE}", lambda _found: b"WHICH=%s\n" % value.encode())
        run.edit(f"/{OTHER}", lambda _found: value.encode(), remove_empty_folder=True)
        return {"restart_required": [APP], "reload_required": [], "apply_required": []}

    return ensure


def carry_out(host, value="new", *, check_mode=False, planned=False, **options):
    """Do it as a process of its own; return the run, the result, and what was noticed."""
    told = {"units": [{"name": APP, "environment": {"WHICH": value}}], "stable": 0.0, **options}
    validated = ArgumentSpecValidator(_host_settings.ARGUMENT_SPEC).validate({"verified_restart": told})
    assert not validated.error_messages
    params = {**validated.validated_parameters, "checkpoint": "moby", "checkpoint_deadline": 600.0}
    plan = Run(check_mode=True, root=host.root)
    noticed = []
    run, result = _proven_settings.carry_out(
        writes(value),
        params,
        noticed,
        check_mode=check_mode,
        planned=(plan, writes(value)(params, plan)) if planned else None,
        root=host.root,
    )
    return run, result, [str(notice) for notice in noticed]


def which(host):
    return host.systemd.runs_with(APP)["WHICH"]


def acknowledge(host):
    host.checkpoint().remove("result.json")


@pytest.mark.parametrize("planned", [False, True])
def test_a_change_is_made_and_proven(host, planned):
    run, result, noticed = carry_out(host, planned=planned)
    assert (run.changed, len(run.diffs), noticed) == (True, 2, [])
    assert (result["restart"], result["reload"], result["left"]) == ([APP], [], [])
    assert (result["restart_required"], result["checkpoint_pending"]) == ([], False)
    assert (result["outcome"]["state"], which(host), host.read(OTHER)) == ("committed", "new", b"new")
    assert host.leftovers() == ["result.json"]
    assert not host.armed()


def test_the_guard_is_armed_once_for_both(host):
    host.systemd.forget_calls()
    carry_out(host)
    assert host.systemd.calls("restart") == [
        "restart container-hosts-moby-guard.timer",
        f"restart -- {APP}",
    ]


def test_a_guard_that_went_in_between_is_armed_again(host, monkeypatch):
    real = _hand_over._plan

    def plan(*arguments, **options):
        host.own("guard.zip").unlink()
        return real(*arguments, **options)

    monkeypatch.setattr(_hand_over, "_plan", plan)
    _run, result, _noticed = carry_out(host)
    assert (result["outcome"]["state"], which(host)) == ("committed", "new")
    assert host.systemd.calls("restart").count("restart container-hosts-moby-guard.timer") == 2


def test_the_second_run_changes_and_restarts_nothing(host):
    carry_out(host)
    acknowledge(host)
    tree, pid = host.tree(), host.systemd.pid(APP)
    run, result, noticed = carry_out(host)
    assert (run.changed, result["restart"], "outcome" in result, noticed) == (False, [], False, [])
    assert (host.tree(), host.systemd.pid(APP)) == (tree, pid)


def test_a_restart_alone_is_a_change_too(host):
    host.put(FILE, b"WHICH=new\n")
    host.put(OTHER, b"new")
    run, result, _noticed = carry_out(host)
    assert (run.changed, run.diffs, result["restart"], which(host)) == (True, [], [APP], "new")


def test_a_change_that_can_not_be_proven_is_taken_back_and_shown(host):
    with pytest.raises(Failed) as caught:
        carry_out(host, verify=[["/bin/false"]])
    assert "Everything was taken back" in str(caught.value)
    assert caught.value.result["outcome"]["state"] == "rolled_back"
    assert [diff["before_header"] for diff in caught.value.result["diff"]] == [f"/{FILE}", f"/{OTHER} (absent)"]
    assert which(host) == "old"
    assert host.tree() == host.before


def test_a_disk_that_is_full_between_the_change_and_its_proof_has_it_taken_back_at_once(host, monkeypatch):
    carry_out(host)
    tree = host.tree()  # how that ended is still to be told, and is removed then
    real, checkpoint = _host_file_write.sync_folder, host.checkpoint()

    def full_once(path):
        if path == checkpoint.folder and checkpoint.pending() and not host.own("result.json").exists():
            monkeypatch.setattr(_host_file_write, "sync_folder", real)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path)

    monkeypatch.setattr(_host_file_write, "sync_folder", full_once)
    with pytest.raises(Refused, match=r"cannot be changed: No space left on device.*free some space"):
        carry_out(host, "newer")
    assert _host_file_write.sync_folder is real
    assert (host.tree(), which(host), host.checkpoint().pending()) == (tree, "new", False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": ["x y"]}, "is no unit name"),
        ({"units": [{"name": "x", "restart": "maybe"}]}, r"units\[0\]: value of restart must be one of"),
        ({"preflight": {"prxy": {}}}, "preflight: prxy"),
        ({"drain": {"after": [["true"]]}}, "drain.before: is empty"),
        ({"config_json": [{"pth": "/etc/docker/daemon.json"}]}, r"config_json\[0\]: pth"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(host, options, message):
    with pytest.raises(Refused, match=message):
        carry_out(host, **options)
    assert host.tree() == host.before
    assert not (host.folder / "var/lib/container_hosts").exists()


def test_check_mode_tells_and_touches_nothing(host):
    pid = host.systemd.pid(APP)
    run, result, _noticed = carry_out(host, check_mode=True)
    assert (run.changed, len(run.diffs), result["restart"], result["restart_required"]) == (True, 2, [APP], [APP])
    assert (host.tree(), host.systemd.pid(APP)) == (host.before, pid)
    assert not (host.folder / "var/lib/container_hosts").exists()


def test_what_was_left_to_others_is_told_each_time_and_stays_pending(host):
    unit = {"name": APP, "environment": {"WHICH": "new"}, "restart": "never"}
    for changed in (True, False):
        run, result, noticed = carry_out(host, units=[unit])
        acknowledge(host)
        assert (run.changed, result["restart_required"], result["checkpoint_pending"]) == (changed, [APP], True)
        assert any("it was left to you to restart it" in notice for notice in noticed)
        assert which(host) == "old"


def test_how_an_earlier_change_ended_is_told_also_where_this_one_fails(host):
    carry_out(host)
    noticed = []
    with pytest.raises(Failed):
        _proven_settings.carry_out(
            writes("other"),
            {
                "config_json": [],
                "checkpoint": "moby",
                "checkpoint_deadline": 600.0,
                "verified_restart": {
                    "units": [{"name": APP, "environment": {"WHICH": "other"}}],
                    "config_json": [],
                    "preflight": None,
                    "verify": [["/bin/false"]],
                    "drain": None,
                    "stable": 0.0,
                    "seconds": 20.0,
                    "run": None,
                },
            },
            noticed,
            check_mode=False,
            root=host.root,
        )
    assert any("it was proven and stays" in str(notice) for notice in noticed)
    assert which(host) == "new"


MODEL = {"http": "http://192.0.2.1:3128", "username": "edge", "password": "s3cret"}
OTHER_MODEL = {"http": "http://192.0.2.2:3128"}
UNIT = {"units": [APP], "proxy": MODEL, "exposure": "", "state": "present"}


@pytest.mark.parametrize(
    ("entries", "preflight", "tried"),
    [
        ({"systemd_environment": [UNIT]}, {"endpoints": ["example.com:443"]}, MODEL),
        ({"systemd_environment": [UNIT]}, {"endpoints": [], "proxy": OTHER_MODEL}, OTHER_MODEL),
        ({"systemd_environment": [{**UNIT, "proxy": {}}]}, {"endpoints": []}, None),
        ({"systemd_environment": [UNIT]}, {}, None),
        ({"systemd_environment": [UNIT]}, None, None),
    ],
)
def test_the_proxy_that_is_tried_is_the_one_that_is_set_unless_another_is_named(entries, preflight, tried):
    told = _proven_settings._with_proxy({"preflight": preflight, "stable": 1.0}, entries)
    assert ((told["preflight"] or {}).get("proxy"), told["stable"]) == (tried, 1.0)
