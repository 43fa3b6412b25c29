# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to a Windows host, in which order, and back; on the stand-in in memory. tests/windows has Wine's."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_ecs
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_mark import MARK
from ansible_collections.fleetops.container_hosts.tests.windows import modules
from ansible_collections.fleetops.container_hosts.tests.windows.in_memory import SERVICES, Windows

PROXY = {"http": "http://192.0.2.10:3128"}
FILE = r"C:\ProgramData\docker\config\daemon.json"
CONFIG = r"C:\ProgramData\iotedge\config.yaml"
ENVIRONMENT = [
    "HTTP_PROXY=http://192.0.2.10:3128",
    "HTTPS_PROXY=http://192.0.2.10:3128",
    "NO_PROXY=localhost,127.0.0.1,::1",
]
MOBY = {
    "registry_environment": [{"service": "docker", "proxy": PROXY}],
    "config_json": [{"path": FILE, "service": "docker", "settings": {"log-driver": "json-file"}}],
    "services": ["docker"],
}


@pytest.fixture
def windows():
    return Windows()


def test_the_engine_is_restarted_with_what_depends_on_it_and_only_once(windows):
    foretold = windows.ensure(check_mode=True, **MOBY)
    assert windows.environment() == []
    assert not windows.memory.files
    run = windows.ensure(**MOBY)
    assert windows.environment() == ENVIRONMENT
    assert json.loads(windows.memory.files[FILE]) == {"log-driver": "json-file"}
    assert windows.memory.journal == ["stop agent", "stop docker", "start docker", "start agent"]
    assert run.result["restarted"] == ["docker", "agent"]
    assert (foretold.changed, foretold.diffs, foretold.result) == (run.changed, run.diffs, run.result)
    assert not windows.marks()
    again = windows.ensure(**MOBY)
    assert not again.changed
    assert windows.memory.journal == []


def test_a_steady_state_is_two_trips(windows):
    windows.ensure(**MOBY)
    windows.ensure(**MOBY)
    assert sorted(windows.done) == ["slurp", "win_reg_stat"]


def test_what_is_stopped_stays_so(windows):
    windows.memory.up = {"docker"}
    windows.ensure(**MOBY)
    assert windows.memory.journal == ["stop docker", "start docker"]
    windows.memory.up = set()
    windows.ensure(**{**MOBY, "config_json": []}, restart="if_needed")
    assert windows.memory.journal == []


def test_a_run_that_was_cut_off_is_completed_by_the_next(windows):
    windows.ensure(**MOBY)
    whole = len(windows.done)
    for step in range(1, whole + 1):
        fresh = Windows()
        fresh.fail_at = step
        with pytest.raises(ConnectionError):
            fresh.ensure(**MOBY)
        fresh.fail_at = None
        stopped = {"docker", "agent"} - fresh.memory.up
        journal = list(fresh.memory.journal)
        run = fresh.ensure(**MOBY)
        assert fresh.environment() == ENVIRONMENT
        assert not fresh.marks()
        # Either it was restarted with what is written, by the one run or the other; or what was stopped is told of.
        restarted = run.result["restarted"] or "start docker" in journal
        assert restarted or stopped, step


def test_never_restarts_nothing_and_says_so_until_it_may(windows):
    run = windows.ensure(**MOBY, restart="never")
    assert run.result["restart_required"] == ["docker"]
    assert windows.memory.journal == []
    again = windows.ensure(**MOBY, restart="never")
    assert (again.changed, again.result["restart_required"]) == (False, ["docker"])
    assert windows.ensure(check_mode=True, **MOBY).changed
    later = windows.ensure(**MOBY)
    assert later.changed
    assert windows.memory.journal == ["stop agent", "stop docker", "start docker", "start agent"]
    assert not windows.ensure(**MOBY).changed


def test_what_does_not_start_is_taken_back(windows):
    windows.memory.write(rf"{SERVICES}\docker", "Environment", 7, modules.bytes_of(7, ["KEEP=1"]))
    windows.memory.files[FILE] = b'{"debug": true}'
    start = windows.memory.start

    def picky(service):
        windows.memory.broken = {"docker"} if len(windows.environment()) > 1 else set()
        return start(service)

    windows.memory.start = picky
    with pytest.raises(Failed) as failed:
        windows.ensure(**MOBY)
    assert "service docker: can't be started" in str(failed.value)
    assert "everything was taken back, and the services run with what they had" in str(failed.value)
    assert windows.environment() == ["KEEP=1"]
    assert windows.memory.files[FILE] == b'{"debug": true}'
    assert windows.memory.up == {"docker", "agent"}
    assert not windows.marks()
    assert failed.value.result["outcome"] == {"state": "rolled_back"}
    assert failed.value.result["restored"] == [
        rf"HKLM:\SYSTEM\CurrentControlSet\Services\docker\{name}" for name in ("Environment", MARK)
    ] + [FILE]


def test_a_file_that_somebody_else_changes_meanwhile_is_theirs(windows):
    execute = windows.execute

    def meanwhile(name, arguments):
        if name.endswith("win_powershell"):
            windows.memory.files[FILE] = b'{"debug": true}'
        return execute(name, arguments)

    windows.execute = meanwhile
    with pytest.raises(Failed, match="the file has been changed by somebody else meanwhile"):
        windows.ensure(**MOBY)
    assert windows.memory.files == {FILE: b'{"debug": true}'}
    assert windows.environment() == []
    assert windows.memory.journal == []


def test_where_the_way_back_fails_too_both_are_told(windows):
    windows.memory.broken = {"docker"}
    with pytest.raises(Failed, match="and what was before could not be brought back") as failed:
        windows.ensure(**MOBY)
    assert failed.value.result["outcome"] == {"state": "failed"}
    assert windows.environment() == []


def test_nothing_is_written_where_the_last_is_refused(windows):
    windows.memory.files[FILE] = b"\xff\xfe{\x00}\x00"
    before = dict(windows.memory.keys)
    with pytest.raises(Refused) as refused:
        windows.ensure(**MOBY)
    assert FILE in str(refused.value)
    assert windows.memory.keys == before
    assert windows.memory.files == {FILE: b"\xff\xfe{\x00}\x00"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"settings": {"live-restore": True}}, "is a key of dockerd on Linux alone; on Windows it would not start"),
        ({"settings": {"log-driver": "local"}}, "which dockerd does not have on Windows"),
        ({"settings": {"log-drivr": "json-file"}}, "Did you mean log-driver?"),
        ({"path": "/etc/docker/daemon.json"}, "is no path of a file on a Windows host"),
        ({"service": "dokcer"}, "does not exist on this host"),
        ({"settings": {"hosts": ["npipe://"]}}, "is also given to dockerd as the flag --host"),
        ({"path": r"C:\other.json"}, r"its flag --config-file names C:\ProgramData\docker\config\daemon.json"),
    ],
)
def test_a_daemon_json_that_would_not_do_is_refused(windows, entry, message):
    program = rf'"C:\Program Files\docker\dockerd.exe" --run-service -H npipe:// --config-file="{FILE}"'
    windows.memory.write(rf"{SERVICES}\docker", "ImagePath", 1, modules.bytes_of(1, program))
    with pytest.raises(Refused) as refused:
        windows.ensure(config_json=[{"path": FILE, "service": "docker", **entry}], services=["docker"])
    assert message in str(refused.value)
    assert not windows.memory.files


def test_absent_leaves_what_others_wrote(windows):
    windows.memory.write(rf"{SERVICES}\docker", "Environment", 7, modules.bytes_of(7, ["KEEP=1"]))
    windows.memory.files[FILE] = before = b'{\r\n  "debug": true\r\n}\r\n'
    windows.ensure(**MOBY)
    assert windows.memory.files[FILE] != before
    gone = {
        "registry_environment": [{"service": "docker", "state": "absent"}],
        "config_json": [{**MOBY["config_json"][0], "state": "absent"}],
        "services": ["docker"],
    }
    assert windows.ensure(**gone).changed
    assert windows.memory.files[FILE] == before
    assert windows.environment() == ["KEEP=1"]
    assert not windows.ensure(**gone).changed


def test_credentials_in_the_file_are_masked_and_warned_of(windows):
    proxy = {**PROXY, "username": "u", "password": "S3cret-word"}
    run = windows.ensure(config_json=[{"path": FILE, "service": "docker", "proxy": proxy}], services=["docker"])
    assert b"S3cret-word" in windows.memory.files[FILE]
    assert "S3cret-word" not in json.dumps(run.diffs)
    assert ["every local user can read the file" in notice.why for notice in run.notices] == [True]


# Amazon ECS -------------------------------------------------------------------------------------------------------

ECS = {
    "registry_environment": [
        {"service": "docker", "proxy": PROXY, "proxy_readers": "ecs"},
        {"service": "AmazonECS", "proxy": PROXY, "proxy_readers": "ecs", "optional": True},
    ],
    "ecs_agent": {"cluster": "production", "settings": {"ECS_LOGLEVEL": "warn"}},
    "services": ["docker", "AmazonECS"],
}
DIRECT = r"NO_PROXY=localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,\\.\pipe\docker_engine"


def test_a_host_that_was_never_initialized_is_in_the_vendors_order(windows):
    assert windows.ensure(check_mode=True, **ECS).result["initialized"]
    run = windows.ensure(**ECS)
    assert run.result["initialized"]
    assert windows.memory.journal == [
        *("stop agent", "stop docker", "start docker", "start agent"),
        "start AmazonECS",  # by the vendor's tool
        *("stop AmazonECS", "start AmazonECS"),  # with its own environment
    ]
    assert windows.machine["ECS_CLUSTER"] == "production"
    assert windows.machine["ECS_LOGLEVEL"] == "warn"
    for service in ("docker", "AmazonECS"):
        assert windows.environment(service)[2] == DIRECT
    assert windows.memory.files[r"C:\initialized.txt"] == b"ECS_LOGLEVEL=warn"
    again = windows.ensure(**ECS)
    assert not again.changed
    assert not windows.memory.journal


def test_what_fails_after_the_vendors_tool_is_taken_back_from_the_agent_on(windows, monkeypatch):
    initialize = _windows_ecs.initialize

    def spoiled(params, run, host):
        initialize(params, run, host)
        host.forget()
        windows.memory.write(rf"{SERVICES}\AmazonECS", "Environment", modules.DWORD, b"\x01\0\0\0")

    monkeypatch.setattr(_windows_ecs, "initialize", spoiled)
    with pytest.raises(Failed, match="everything was taken back"):
        windows.ensure(**ECS)
    assert windows.environment() == []
    assert windows.memory.journal[5:] == [
        *("stop AmazonECS", "stop agent", "stop docker"),
        *("start docker", "start agent", "start AmazonECS"),
    ]


def test_the_agents_settings_restart_it(windows):
    windows.ensure(**ECS)
    changed = {**ECS, "ecs_agent": {"cluster": "other", "settings": {"ECS_LOGLEVEL": "warn"}}}
    windows.ensure(**changed)
    assert windows.machine["ECS_CLUSTER"] == "other"
    assert windows.memory.journal[:3] == ["stop agent", "stop AmazonECS", "stop docker"]
    assert windows.memory.journal[3:] == ["start docker", "start AmazonECS", "start agent"]


def test_without_a_cluster_nobody_is_initialized(windows):
    run = windows.ensure(**{**ECS, "ecs_agent": {"settings": {"ECS_LOGLEVEL": "warn"}}})
    assert not run.result["initialized"]
    assert "AmazonECS" not in windows.memory.subkeys(SERVICES)


def test_a_typo_in_a_setting_of_the_agent_is_refused(windows):
    with pytest.raises(Refused, match="ECS_LOGLEVEL"):
        windows.ensure(**{**ECS, "ecs_agent": {"settings": {"ECS_LOGLEVL": "warn"}}})
    assert windows.machine == {}


def test_what_windows_lacks_is_told(windows):
    run = windows.ensure(ecs_agent={"settings": {"ECS_TASK_PIDS_LIMIT": "100"}}, services=["docker"])
    assert [notice.entry for notice in run.notices] == ["ECS_TASK_PIDS_LIMIT"]


def test_absent_leaves_the_cluster_and_takes_the_rest(windows):
    windows.ensure(**ECS)
    gone = {
        "registry_environment": [{**entry, "state": "absent"} for entry in ECS["registry_environment"]],
        "ecs_agent": {**ECS["ecs_agent"], "state": "absent"},
        "services": ECS["services"],
    }
    windows.ensure(**gone)
    assert windows.environment() == windows.environment("AmazonECS") == []
    assert set(windows.machine) == {"ECS_CLUSTER", "ECS_ENABLE_TASK_IAM_ROLE"}
    assert not windows.ensure(**gone).changed


# Azure IoT Edge 1.1 -----------------------------------------------------------------------------------------------

SECRET = {**PROXY, "username": "DOMAIN\\user", "password": "p@ss/S3cret"}


def iotedge(**more):
    services = ["iotedge-moby", "iotedge"]
    return {
        "registry_environment": [{"service": name, "proxy": PROXY} for name in services],
        "iotedge": {"config": CONFIG, "proxy": PROXY, **more},
        "services": services,
    }


def test_the_settings_of_iotedge_are_refused_with_the_reason(windows):
    windows.memory.install("iotedge-moby")
    windows.memory.install("iotedge", depends="iotedge-moby")
    windows.memory.files[CONFIG] = b"agent:\n  env: {}\n"
    with pytest.raises(Refused) as refused:
        windows.ensure(**iotedge(asked=["iotedge_hostname"]))
    assert CONFIG in str(refused.value)
    assert "1.1 is past its end of life" in str(refused.value)
    assert "iotedge_hostname" in str(refused.value)
    assert windows.environment("iotedge") == []
    run = windows.ensure(**iotedge())
    assert windows.environment("iotedge") == windows.environment("iotedge-moby") == ENVIRONMENT
    assert windows.memory.files[CONFIG] == b"agent:\n  env: {}\n"
    assert [notice.entry for notice in run.notices] == ["end of life", f"{CONFIG}: agent.env.https_proxy"]
    windows.memory.files[CONFIG] = b'agent:\n  env:\n    https_proxy: "http://192.0.2.10:3128"\n'
    assert [notice.entry for notice in windows.ensure(**iotedge()).notices] == ["end of life"]
    windows.memory.files[CONFIG] = b"agent: [S3cret"
    with pytest.raises(Refused) as refused:
        windows.ensure(**iotedge())
    assert "is no YAML" in str(refused.value)
    assert "S3cret" not in str(refused.value)


def test_the_vendors_installer_gets_credentials_apart_from_the_url(windows):
    wanted = {**iotedge(install=True), "iotedge": {"config": CONFIG, "proxy": SECRET, "install": True}}
    assert windows.ensure(check_mode=True, **wanted).result["installed"]
    assert "iotedge" not in windows.memory.subkeys(SERVICES)
    assert windows.ensure(**wanted).result["installed"]
    assert windows.memory.files[r"C:\deployed.txt"].decode().splitlines() == [
        "Password=p@ss/S3cret",
        "Proxy=http://192.0.2.10:3128",
        "User=DOMAIN\\user",
    ]
    assert windows.environment("iotedge") == ENVIRONMENT
    again = windows.ensure(**wanted)
    assert not again.changed
    assert not again.result["installed"]


def test_without_it_the_missing_service_tells_of_eflow(windows):
    with pytest.raises(Refused, match="EFLOW"):
        windows.ensure(**{**iotedge(), "registry_environment": [{"service": "iotedge", "proxy": PROXY}]})
