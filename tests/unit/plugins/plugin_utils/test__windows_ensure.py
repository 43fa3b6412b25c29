# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to a registry, on a stand-in for the modules of ansible.windows; tests/windows has Wine's registry."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import ARGUMENT_SPEC, ensure
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Registry
from ansible_collections.fleetops.container_hosts.tests.windows import modules, registries

ROOT = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet"
SERVICES = rf"{ROOT}\Services"
DOCKER = rf"{SERVICES}\docker"
MACHINE = rf"{ROOT}\Control\Session Manager\Environment"
PROXY = {"http": "http://192.0.2.10:3128"}


class Windows:
    """A registry in memory, and what was done to it."""

    def __init__(self):
        self.memory = registries.Memory()
        self.memory.keys[SERVICES] = {}
        self.memory.write(DOCKER, "ImagePath", modules.SZ, modules.bytes_of(modules.SZ, "dockerd.exe"))
        self.memory.keys[MACHINE] = {}
        self.done = []
        self.lose_after = None

    def execute(self, name, arguments):
        if self.lose_after is not None and len(self.done) >= self.lose_after:
            raise ConnectionError
        self.done.append(name.rpartition(".")[2])
        result = modules.act(self.done[-1], json.loads(json.dumps(arguments)), self.memory, lambda _text: None)
        return json.loads(json.dumps(result))

    def ensure(self, check_mode=False, **params):
        """Return the run, and the result in it."""
        self.done = []
        run = Run(check_mode=check_mode)
        defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
        run.result = ensure({**defaults, **params}, run, Registry(self.execute))
        return run

    def set(self, data, kind=modules.MULTI_SZ, key=DOCKER, name="Environment"):
        self.memory.write(key, name, kind, data if isinstance(data, bytes) else modules.bytes_of(kind, data))

    @property
    def entries(self):
        kind, data = self.memory.keys[DOCKER]["Environment"]
        assert kind == modules.MULTI_SZ
        return modules.list_of(data)

    @property
    def machine(self):
        return {name: (kind, modules.text_of(data)) for name, (kind, data) in self.memory.keys[MACHINE].items()}


@pytest.fixture
def windows():
    return Windows()


def test_a_change_takes_three_trips_and_a_steady_state_one(windows):
    windows.set(["KEEP=1"])
    assert windows.ensure(service="docker", environment={"A": "x"}).changed
    assert windows.done == ["win_reg_stat", "win_regedit", "win_reg_stat"]
    assert windows.entries == ["KEEP=1", "A=x"]
    assert not windows.ensure(service="docker", environment={"A": "x"}).changed
    assert windows.done == ["win_reg_stat"]


def test_a_password_that_changes_in_case_alone_is_written(windows):
    windows.set(["KEEP=1", "A=S3cret"])
    assert windows.ensure(service="docker", environment={"A": "s3CRET"}).changed
    assert windows.entries == ["KEEP=1", "A=s3CRET"]
    assert windows.done == ["win_reg_stat", *["win_regedit"] * 3, "win_reg_stat"]


@pytest.mark.parametrize("lose_after", [2, 3, 4])
def test_no_step_of_that_leaves_the_service_without_its_environment(windows, lose_after):
    windows.set(["KEEP=1", "A=S3cret", "B=2"])
    windows.lose_after = lose_after
    with pytest.raises(ConnectionError):
        windows.ensure(service="docker", environment={"A": "s3CRET"})
    assert {"KEEP=1", "B=2"} < set(windows.entries)
    assert len({entry.upper() for entry in windows.entries}) == 3
    windows.lose_after = None
    windows.ensure(service="docker", environment={"A": "s3CRET"})
    assert windows.entries == ["KEEP=1", "A=s3CRET", "B=2"]


def test_the_last_variable_goes_with_the_value_and_not_with_the_key(windows):
    windows.set(["A=1"])
    run = windows.ensure(service="docker", state="absent", environment={"a": None})
    assert run.changed
    assert run.result == {"configured": {}, "removed": ["a"]}
    assert list(windows.memory.keys[DOCKER]) == ["ImagePath"]


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("Dockr", "service Dockr: does not exist on this host. Did you mean docker?"),
        ("phantom", "service phantom: does not exist on this host"),
        ("", "service: '' is no name of a service"),
        ("a\\b", "is no name of a service"),
        ("a\0", "is no name of a service"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_service_that_is_none_is_refused_and_not_made(windows, service, message, state):
    # A key of that name may be left over; what makes it a service is its ImagePath.
    windows.set(["A=1"], key=rf"{SERVICES}\phantom")
    before = json.dumps(windows.memory.keys, default=repr)
    with pytest.raises(Refused) as refused:
        windows.ensure(service=service, environment={"A": "2"}, state=state)
    assert message in str(refused.value)
    assert json.dumps(windows.memory.keys, default=repr) == before


@pytest.mark.parametrize("kind", [modules.SZ, modules.EXPAND_SZ])
def test_a_text_is_a_list_of_one_and_becomes_a_list(windows, kind):
    windows.set("A=%x%", kind=kind)
    run = windows.ensure(service="docker", environment={"A": "%x%"})
    assert run.changed
    assert windows.entries == ["A=%x%"]
    assert [notice.entry for notice in run.notices] == ["Environment"]
    assert "(REG_MULTI_SZ)" in run.diffs[0]["after"]
    assert not windows.ensure(service="docker", environment={"A": "%x%"}).changed


@pytest.mark.parametrize("kind", [modules.SZ, modules.EXPAND_SZ])
def test_absent_leaves_a_text_that_holds_nothing_of_ours(windows, kind):
    windows.set("A=1", kind=kind)
    assert not windows.ensure(service="docker", state="absent").changed
    assert windows.memory.keys[DOCKER]["Environment"][0] == kind


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (modules.BINARY, b"\x01", "is REG_BINARY"),
        (modules.DWORD, b"\x01\0\0\0", "is REG_DWORD"),
        (modules.MULTI_SZ, ["KEEP=1", "", "B=2"], "empty text as entry 2 of 3"),
        (modules.MULTI_SZ, ["KEEP=\ud83d"], "character in entry 1 that gets lost"),
    ],
)
def test_what_could_not_be_kept_is_refused(windows, kind, data, message):
    windows.set(data, kind=kind)
    before = dict(windows.memory.keys[DOCKER])
    with pytest.raises(Refused) as refused:
        windows.ensure(service="docker", environment={"A": "1"})
    assert message in str(refused.value)
    assert windows.memory.keys[DOCKER] == before


def test_what_is_no_variable_stays_and_is_told(windows):
    windows.set(["SECRET without equals sign", "=C:=C:\\x", "=D:"])
    run = windows.ensure(service="docker", environment={"A": "1"})
    assert windows.entries == ["SECRET without equals sign", "=C:=C:\\x", "=D:", "A=1"]
    assert [str(notice) for notice in run.notices] == [
        "docker: Environment, entry 1: is no NAME=value, and is left as it is",
        "docker: Environment, entry 3: is no NAME=value, and is left as it is",
    ]


def test_another_program_that_writes_at_the_same_time_is_found_out(windows):
    act = windows.execute

    def execute(name, arguments):
        result = act(name, arguments)
        if windows.done[-1] == "win_regedit":
            windows.set(["OTHER=1"])
        return result

    windows.execute = execute
    with pytest.raises(Refused, match="holds something else than what was just written"):
        windows.ensure(service="docker", environment={"A": "1"})


@pytest.mark.parametrize("service", ["docker", None])
def test_check_mode_tells_the_same_and_writes_nothing(windows, service):
    windows.set(["A=1", "B=2"])
    windows.set("1", kind=modules.SZ, key=MACHINE, name="A")
    wanted = {"service": service, "scope": None if service else "machine", "environment": {"A": "2"}, "remove": ["B"]}
    before = json.dumps(windows.memory.keys, default=repr)
    foretold = windows.ensure(check_mode=True, **wanted)
    assert windows.done == ["win_reg_stat"]
    assert json.dumps(windows.memory.keys, default=repr) == before
    done = windows.ensure(**wanted)
    assert (foretold.changed, foretold.diffs, foretold.result) == (done.changed, done.diffs, done.result)
    assert done.changed
    assert json.dumps(windows.memory.keys, default=repr) != before


def test_a_change_of_a_secret_alone_has_a_mark_and_no_secret(windows):
    for old, new in [("http://u:old@x", "http://u:new@x"), ("http://u:new@x", "http://u:NEW@x")]:
        windows.set([f"A={old}", "DB_PASSWORD=two words"])
        (diff,) = windows.ensure(service="docker", environment={"A": new}).diffs
        assert "(only a secret changed)" in diff["after"]
        assert not [secret for secret in ("old", "new", "NEW", "two", "words") if secret in json.dumps(diff)]


def test_the_results_of_a_proxy_show_no_secret(windows):
    proxy = {**PROXY, "username": "us/er", "password": "Pässw0rd"}
    run = windows.ensure(service="docker", proxy=proxy, environment={"DB_PASSWORD": "hunter22 two"})
    assert "http://us%2Fer:P%C3%A4ssw0rd@192.0.2.10:3128" in "\n".join(windows.entries)
    shown = json.dumps([run.result, run.diffs, run.notices], ensure_ascii=False)
    assert not [part for part in ("Päss", "P%C3", "hunter22", "two") if part in shown]


def test_a_proxy_is_one_variable_each_and_the_pipe_stays_as_vendors_write_it(windows):
    windows.ensure(service="docker", proxy={**PROXY, "no_proxy": ["169.254.169.254", r"\\.\pipe\docker_engine"]})
    assert windows.entries == [
        "HTTP_PROXY=http://192.0.2.10:3128",
        "HTTPS_PROXY=http://192.0.2.10:3128",
        r"NO_PROXY=localhost,127.0.0.1,::1,169.254.169.254,\\.\pipe\docker_engine",
    ]


def test_a_variable_overrides_that_of_the_proxy_whatever_its_case(windows):
    windows.ensure(service="docker", proxy=PROXY, environment={"https_proxy": "http://192.0.2.99:1"})
    assert "https_proxy=http://192.0.2.99:1" in windows.entries
    assert len(windows.entries) == 3


@pytest.mark.parametrize("proxy", [PROXY, {}, None])
def test_absent_takes_the_proxy_away_and_restores_what_was(windows, proxy):
    windows.set(["KEEP=1", "u=\U0001f600"])
    before = dict(windows.memory.keys[DOCKER])
    windows.ensure(service="docker", proxy=PROXY)
    run = windows.ensure(service="docker", proxy=proxy, state="absent")
    assert run.result["removed"] == ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
    assert windows.memory.keys[DOCKER] == before
    assert not windows.ensure(service="docker", proxy=proxy, state="absent").changed


def test_absent_of_named_variables_leaves_a_proxy_alone(windows):
    windows.set(["HTTP_PROXY=x", "A=1"])
    windows.ensure(service="docker", environment={"A": "1"}, state="absent")
    assert windows.entries == ["HTTP_PROXY=x"]


def test_a_host_without_a_proxy_is_left_alone(windows):
    run = windows.ensure(service="docker", proxy={})
    assert (run.changed, windows.done) == (False, [])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "environment: is empty, and so are proxy and remove"),
        ({"environment": {"A": ""}}, "environment.A: is empty"),
        ({"environment": {"A": "1", "a": "1"}}, "environment: A and a are one variable on Windows"),
        ({"environment": {"A": "1"}, "remove": ["a"]}, "remove: a is to be set as well"),
        ({"remove": ["A=1"]}, "remove: 'A=1' is no name of a variable"),
        ({"proxy": {"htp": "x"}}, "Did you mean http?"),
    ],
)
def test_bad_input_is_refused_before_the_host_is_asked(windows, params, message):
    with pytest.raises(Refused) as refused:
        windows.ensure(service="docker", **params)
    assert message in str(refused.value)
    assert windows.done == []


@pytest.mark.parametrize("params", [{"remove": ["Path"]}, {"environment": {"PATH": "x"}}, {"remove": ["ComSpec"]}])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_windows_needs_is_refused_for_the_machine_and_not_for_a_service(windows, params, state):
    with pytest.raises(Refused, match="is a variable that Windows itself needs"):
        windows.ensure(scope="machine", state=state, **params)
    assert windows.done == []
    windows.ensure(service="docker", state=state, **params)


def test_the_machines_variables_in_one_trip_and_an_expanding_one_stays_one(windows):
    windows.set(r"%SystemRoot%\x", kind=modules.EXPAND_SZ, key=MACHINE, name="Dir")
    windows.set("old", kind=modules.SZ, key=MACHINE, name="http_proxy")
    windows.set("gone", kind=modules.EXPAND_SZ, key=MACHINE, name="Gone")
    # Expanded it would be the same, and nothing would be written.
    wanted = {"environment": {"DIR": r"C:\windows\x", "HTTP_PROXY": "new", "NEW": "1"}, "remove": ["GONE"]}
    run = windows.ensure(scope="machine", **wanted)
    assert windows.machine == {
        "Dir": (modules.EXPAND_SZ, r"C:\windows\x"),
        "http_proxy": (modules.SZ, "new"),
        "NEW": (modules.SZ, "1"),
    }
    assert run.result["removed"] == ["Gone"]
    assert windows.done == ["win_reg_stat", "win_environment", "win_regedit", "win_reg_stat"]
    assert not windows.ensure(scope="machine", **wanted).changed


def test_a_machine_variable_that_changes_in_case_alone_is_written(windows):
    windows.set("S3cret", kind=modules.SZ, key=MACHINE, name="A")
    assert windows.ensure(scope="machine", environment={"A": "s3CRET", "B": "2"}).changed
    assert windows.machine == {"A": (modules.SZ, "s3CRET"), "B": (modules.SZ, "2")}


def test_credentials_for_every_process_are_warned_of(windows):
    proxy = {**PROXY, "username": "u", "password": "p4ssw0rd"}
    run = windows.ensure(scope="machine", proxy=proxy)
    assert [notice.entry for notice in run.notices] == ["HTTP_PROXY", "HTTPS_PROXY"]
    assert not windows.ensure(service="docker", proxy=proxy).notices
