# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook, ansible-core's own payload and Wine's registry; what is asserted is what `reg export` shows."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from . import modules
from .conftest import HERE

PROXY = {
    "http": "http://192.0.2.10:3128",
    "username": "us/er",
    "password": "S3cret-Ж",
    "no_proxy": ["169.254.169.254", r"\\.\pipe\docker_engine"],
}
URL = "http://us%2Fer:S3cret-%D0%96@192.0.2.10:3128"
# Ways in which any part of it could be seen.
SECRETS = ("S3cret", "S3CRET", "s3cret", "%D0%96")
AWKWARD = 'u=Ж\U0001f600 "q" %PATH% a;b&c \\ ^!\r\nx'


def foreign(kind=modules.MULTI_SZ, *entries):
    return kind, modules.bytes_of(kind, list(entries))


def result_of(run):
    """The result of the run's one task, which is in none of its output as it is where it holds a secret."""
    (task,) = run.tasks
    return task.result


def assert_secret(host, run, *secrets):
    """No secret in what is printed at -vvv, in the result, in a command line, in the host's event log."""
    seen = [run.stdout, run.stderr, json.dumps([task.result for task in run.tasks]), *host.events()]
    seen += [sent["command"] for sent in host.wire()]
    assert not [secret for secret in secrets for text in seen if secret in text]


def test_the_vendors_way_merged_repeated_and_taken_back(host):
    host.set(modules.MULTI_SZ, ["KEEP=1", AWKWARD, "long=" + "x" * 20_000])
    before = host.environment()
    foretold = host.run("--check", service="docker", proxy=PROXY).ok()
    assert host.environment() == before
    run = host.run(service="docker", proxy=PROXY).ok()
    assert host.environment() == foreign(
        modules.MULTI_SZ,
        "KEEP=1",
        AWKWARD,
        "long=" + "x" * 20_000,
        f"HTTP_PROXY={URL}",
        f"HTTPS_PROXY={URL}",
        r"NO_PROXY=localhost,127.0.0.1,::1,169.254.169.254,\\.\pipe\docker_engine",
    )
    # The secret did go over the connection, by standard input.
    assert any(URL in json.loads(json.dumps(sent["input"])) for sent in host.wire())
    assert_secret(host, run, *SECRETS)
    assert result_of(foretold) == result_of(run)
    assert result_of(run)["changed"]
    assert not host.run(service="docker", proxy=PROXY).ok().changed
    assert host.run(service="docker", state="absent").ok().changed
    assert host.environment() == before
    assert not host.run(service="docker", state="absent").ok().changed


def test_a_password_that_changes_in_case_alone_is_written_and_marked(host):
    host.set(modules.MULTI_SZ, ["KEEP=1", f"https_proxy={URL}"])
    other = URL.replace("S3cret", "S3CRET")
    run = host.run(service="docker", environment={"https_proxy": other}).ok()
    assert host.entries() == ["KEEP=1", f"https_proxy={other}"]
    assert "(only a secret changed)" in run.stdout
    assert_secret(host, run, *SECRETS)


def test_a_connection_that_is_lost_between_leaves_all_that_was_there(host):
    host.set(modules.MULTI_SZ, ["A=S3cret", "KEEP=1"])
    run = host.run(service="docker", environment={"A": "s3CRET"}, variables={"wine_lose_after": 3})
    assert run.tasks[0].status == "unreachable"
    assert "KEEP=1" in host.entries()
    assert "A=s3CRET" in host.entries()
    assert host.run(service="docker", environment={"A": "s3CRET"}).ok().changed
    assert host.entries() == ["A=s3CRET", "KEEP=1"]


def test_the_last_variable_takes_the_value_along_and_not_the_service(host):
    host.set(modules.MULTI_SZ, ["http_proxy=x"])
    assert result_of(host.run(service="docker", state="absent").ok())["removed"] == ["HTTP_PROXY"]
    assert host.environment() is None
    assert "docker" in host.services()


def test_a_service_that_is_none_is_not_made(host):
    run = host.run(service="dokcer", environment={"A": "1"})
    assert result_of(run)["msg"].startswith("service dokcer: does not exist on this host. Did you mean docker?")
    assert "dokcer" not in host.services()


@pytest.mark.parametrize("kind", [modules.SZ, modules.EXPAND_SZ])
def test_a_text_becomes_a_list(host, kind):
    host.set(kind, "KEEP=%PATH%")
    run = host.run(service="docker", environment={"A": "1"}).ok()
    assert host.environment() == foreign(modules.MULTI_SZ, "KEEP=%PATH%", "A=1")
    assert "REG_MULTI_SZ" in run.stdout


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (modules.DWORD, b"\x01\0\0\0", "is REG_DWORD, and no list of variables"),
        (modules.BINARY, b"\x01", "is REG_BINARY"),
        (modules.MULTI_SZ, ["KEEP=1", "", "B=2"], "has an empty text as entry 2 of 3"),
        (modules.MULTI_SZ, ["KEEP=\ud83d"], "holds a character in entry 1 that gets lost"),
    ],
)
def test_what_could_not_be_kept_is_refused_and_stays(host, kind, data, message):
    host.set(kind, data)
    before = host.environment()
    run = host.run(service="docker", environment={"A": "1"})
    assert message in result_of(run)["msg"]
    assert host.environment() == before


def test_doubles_in_two_spellings_become_one(host):
    host.set(modules.MULTI_SZ, ["Http_Proxy=a", "KEEP=1", "HTTP_PROXY=b", "KEEP=2", "no equals sign"])
    run = host.run(service="docker", environment={"HTTP_PROXY": "b"}, remove=["nothing"]).ok()
    assert host.entries() == ["HTTP_PROXY=b", "KEEP=1", "KEEP=2", "no equals sign"]
    assert "entry 5: is no NAME=value" in " ".join(run.stderr.split())


def test_the_machines_variables_and_back(host):
    host.set(modules.EXPAND_SZ, r"%SystemRoot%\x", service="", name="Dir")
    before = host.machine()
    wanted = {"scope": "machine", "proxy": PROXY, "environment": {"DIR": r"C:\windows\x"}}
    foretold = host.run("--check", **wanted).ok()
    assert host.machine() == before
    run = host.run(**wanted).ok()
    assert host.machine() == before | {
        "Dir": (modules.EXPAND_SZ, r"C:\windows\x"),
        "HTTP_PROXY": (modules.SZ, URL),
        "HTTPS_PROXY": (modules.SZ, URL),
        "NO_PROXY": (modules.SZ, r"localhost,127.0.0.1,::1,169.254.169.254,\\.\pipe\docker_engine"),
    }
    assert_secret(host, run, *SECRETS)
    assert result_of(foretold) == result_of(run)
    assert "scope: machine: HTTP_PROXY: every process and every local user" in " ".join(run.stderr.split())
    assert not host.run(**wanted).ok().changed
    changed = {**PROXY, "password": PROXY["password"].replace("S3cret", "s3CRET")}
    run = host.run(scope="machine", proxy=changed).ok()
    assert host.machine()["HTTP_PROXY"] == (modules.SZ, URL.replace("S3cret", "s3CRET"))
    assert "(only a secret changed)" in run.stdout
    assert_secret(host, run, *SECRETS, "s3CRET")
    host.run(scope="machine", state="absent").ok()
    assert host.machine() == before | {"Dir": (modules.EXPAND_SZ, r"C:\windows\x")}


def test_what_windows_needs_is_not_taken_away(host):
    before = host.machine()
    run = host.run(scope="machine", remove=["Path"])
    assert "Path is a variable that Windows itself needs" in result_of(run)["msg"]
    assert host.machine() == before


def test_become_goes_the_way_of_the_modules(host):
    run = host.run(
        "--become",
        "--become-method=runas",
        service="docker",
        environment={"A": "1"},
        variables={"ansible_become_user": "Administrator", "ansible_become_password": "b3come"},
    ).ok()
    assert host.entries() == ["A=1"]
    for sent in host.wire():
        assert "become_wrapper.ps1" in sent["input"]
    assert_secret(host, run, "b3come")


def test_the_examples_of_the_documentation(host):
    listed = subprocess.run(
        ["ansible-doc", "--json", "--type", "module", "fleetops.container_hosts.win_registry_environment"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (found,) = json.loads(listed.stdout).values()
    tasks = yaml.safe_load(found["examples"])
    for task in tasks:
        task.pop("notify", None)
    before = host.machine()
    run = host.play(tasks, variables={"vault_proxy_password": "S3cret"}).ok()
    assert [task.changed for task in run.tasks] == [True] * len(tasks)
    assert host.environment() is None
    assert set(host.machine()) - set(before) == {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    assert_secret(host, run, "S3cret")


def test_the_first_example_of_the_guide(host, running):
    guide = (HERE.parent.parent / "docs" / "windows.md").read_text()
    (play,) = yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0])
    book = host.folder / "guide.yml"
    book.write_text(json.dumps([{**play, "gather_facts": False}]))
    running("docker")
    for done in (True, False):
        host.wine.forget_journal()
        variables = {"container_hosts_proxy": {**PROXY, "no_proxy": []}}
        run = host.playbook(book, variables=variables).ok()
        assert bool(run.changed) is done
        assert host.wine.journal == (["stop docker", "start docker"] if done else [])
        assert_secret(host, run, *SECRETS)
    assert host.entries()[:2] == [f"HTTP_PROXY={URL}", f"HTTPS_PROXY={URL}"]


def test_values_that_windows_could_not_keep_are_refused_and_not_shown(host):
    host.set(modules.MULTI_SZ, ["KEEP=1"])
    values = {
        "": "is empty",
        "S3cret\0": "holds NUL",
        "S3cret" * 6000: "Windows knows none of more than 32767",
    }
    task = {
        "fleetops.container_hosts.win_registry_environment": {
            "service": "docker",
            "environment": {"DB_PASSWORD": "{{ item | from_json }}"},
        },
        "ignore_errors": True,
    }
    # As JSON within a text: YAML has no NUL. Half a surrogate pair is refused by Ansible itself.
    run = host.play([{**task, "vars": {"item": json.dumps(value)}} for value in values])
    for task, message in zip(run.tasks, values.values(), strict=True):
        assert message in task.result["msg"]
    assert not host.wire()
    assert host.entries() == ["KEEP=1"]
    assert_secret(host, run, "S3cret")
