# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""config_json on a tree without a running systemd: every file, diff and refusal, and what the engine is asked.

What a running daemon has in effect is asked of real hosts in tests/conformance.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _config_json
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

DAEMON = "etc/docker/daemon.json"
CLIENT = "home/deploy/.docker/config.json"
PROXY = {"http": "http://192.0.2.1:3128", "no_proxy": ["10.0.0.0/8"]}
SECRET = {**PROXY, "username": "fleet", "password": "s3c%ret@"}
LOGS = {"log-driver": "local", "log-opts": {"max-size": "10m", "max-file": 3}}
FOREIGN = b'{\r\n\t"labels" : [ "a=b" ],\r\n\t"mtu" : 1500\r\n}'


@pytest.fixture
def host():
    # Not tmp_path, into which the user that the engine's validation runs as could not get.
    root = pathlib.Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "home/deploy").mkdir(parents=True)
    yield root
    shutil.rmtree(root)


def put(host, path, content, mode=0o644):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_bytes(content)
    (host / path).chmod(mode)


def ensure(host, *, check_mode=False, **params):
    params.setdefault("schema", "docker")
    params = {name: value for name, value in params.items() if value is not None}
    checked = ArgumentSpecValidator(_config_json.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_config_json.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def client(host, **params):
    return ensure(host, schema="docker_client", path=f"/{CLIENT}", **params)


def tree(host):
    files = [path for path in host.rglob("*") if path.is_file()]
    return {str(path.relative_to(host)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


# A file through its life ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, b"", b"{}\n", b"{\n}\n", FOREIGN, b'\xef\xbb\xbf{"log-opts": {}}'])
def test_check_then_present_then_again_then_absent(host, before):
    if before is not None:
        put(host, DAEMON, before)
    untouched = tree(host)
    asked = {"settings": {**LOGS, "live-restore": True}, "proxy": PROXY}

    foretold, _result = ensure(host, check_mode=True, **asked)
    assert foretold.changed
    assert tree(host) == untouched

    run, result = ensure(host, **asked)
    assert (run.changed, run.diffs) == (True, foretold.diffs)
    document = json.loads((host / DAEMON).read_text("utf-8-sig"))
    assert document["log-opts"] == {"max-size": "10m", "max-file": "3"}
    assert document["proxies"]["http-proxy"] == "http://192.0.2.1:3128"
    assert result["restart_required"] == result["reload_required"] == []

    written = tree(host)
    again, _result = ensure(host, **asked)
    assert (again.changed, again.diffs, tree(host)) == (False, [], written)

    gone, _result = ensure(host, state="absent", **asked)
    assert gone.changed
    assert tree(host) == untouched
    assert not ensure(host, state="absent", **asked)[0].changed


def test_the_diff_is_what_was_done(host):
    put(host, DAEMON, FOREIGN)
    run, _result = ensure(host, settings={"mtu": 1450}, remove=["labels"])
    [diff] = run.diffs
    assert (diff["before"], diff["after"]) == (FOREIGN.decode(), (host / DAEMON).read_bytes().decode())
    assert diff["before_header"] == f"/{DAEMON}"
    assert (host / DAEMON).read_bytes() == b'{\r\n\t"mtu" : 1450\r\n}'


def test_remove_by_path(host):
    put(host, DAEMON, b'{"log-opts": {"tag": "x", "max-size": "1m"}, "features": {"a.b": true}, "debug": true}')
    ensure(host, remove=["log-opts.tag", ["features", "a.b"], "nosuch.key"])
    assert (host / DAEMON).read_bytes() == b'{"log-opts": {"max-size": "1m"}, "features": {}, "debug": true}'


def test_no_file_is_made_where_none_is_wanted(host):
    run, result = ensure(host, settings=LOGS, create=False)
    assert (run.changed, result["path"], tree(host)) == (False, "/etc/docker/daemon.json", {})


def test_backup(host):
    put(host, DAEMON, FOREIGN)
    _run, result = ensure(host, settings={"debug": True}, backup=True)
    assert (host / result["backup_file"].lstrip("/")).read_bytes() == FOREIGN


def test_a_file_of_no_schema(host):
    put(host, "etc/replicated.conf", b'{"HttpProxy": "x", "nosuch": [1,2]}')
    run, result = ensure(
        host, schema=None, path="/etc/replicated.conf", settings={"a": {"b": None}}, remove=["HttpProxy"]
    )
    assert run.changed
    assert "engine_version" not in result
    assert (host / "etc/replicated.conf").read_bytes() == b'{"nosuch": [1,2], "a": { "b": null }}'


def test_killed_before_the_rename_leaves_the_old_file(host):
    put(host, DAEMON, FOREIGN)
    script = f"""
        import os, signal
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _config_json
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
        os.rename = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
        params = {{name: option.get("default") for name, option in _config_json.ARGUMENT_SPEC.items()}}
        params.update(schema="docker", settings={{"debug": True}})
        carry_out(_config_json.ensure, params, check_mode=False, root={str(host)!r})
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (host / DAEMON).read_bytes() == FOREIGN
    ensure(host, settings={"debug": True})
    assert list(tree(host)) == [DAEMON]
    assert json.loads((host / DAEMON).read_bytes())["debug"] is True


# Secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [DAEMON, CLIENT])
def test_credentials_are_for_the_owner_alone_and_in_no_diff(host, path):
    put(host, path, b'{"auths": {"registry.example.com": {"auth": "dTpzM2M="}}}' if path == CLIENT else b"{}", 0o644)
    run, _result = (client if path == CLIENT else ensure)(host, proxy=SECRET)
    content, mode = tree(host)[path]
    assert b"fleet:s3c%25ret%40@192.0.2.1:3128" in content
    assert mode == 0o600
    assert "s3c" not in str(run.diffs)
    assert "dTpzM2M=" not in str(run.diffs)


def test_a_new_password_alone_is_told_from_no_change(host):
    ensure(host, proxy=SECRET)
    run, _result = ensure(host, proxy={**SECRET, "password": "other"})
    [diff] = run.diffs
    assert "only a secret changed" in diff["after"]
    assert "other" not in str(diff).replace("only", "")


def test_settings_have_the_last_word_on_the_proxy(host):
    ensure(host, proxy=PROXY, settings={"proxies": {"no-proxy": "mine"}})
    assert json.loads((host / DAEMON).read_bytes())["proxies"] == {
        "http-proxy": "http://192.0.2.1:3128",
        "https-proxy": "http://192.0.2.1:3128",
        "no-proxy": "mine",
    }


# The CLI's file ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_users_file_is_the_users_own(host):
    os.chown(host / "home/deploy", 4711, 4712)
    client(host, proxy=PROXY)
    for path, mode in ((host / CLIENT, 0o600), ((host / CLIENT).parent, 0o700)):
        status = path.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (4711, 4712, mode)
    client(host, proxy=PROXY, state="absent")
    assert list((host / "home/deploy").iterdir()) == []


def test_what_the_user_keeps_there_stays(host):
    theirs = b'{\n\t"auths": {\n\t\t"registry.example.com": {}\n\t},\n\t"credsStore": "pass"\n}'
    put(host, CLIENT, theirs, 0o600)
    client(host, proxy=PROXY)
    assert (host / CLIENT).read_bytes().startswith(theirs[:-2])
    assert json.loads((host / CLIENT).read_bytes())["proxies"]["default"]["httpProxy"] == "http://192.0.2.1:3128"
    client(host, proxy=PROXY, state="absent")
    assert (host / CLIENT).read_bytes() == theirs


def test_another_daemons_entry_is_spoken_of(host):
    put(host, CLIENT, b'{"proxies": {"tcp://192.0.2.2:2376": {}}}')
    run, _result = client(host, proxy=PROXY)
    assert [notice.entry for notice in run.notices if notice.reader == "docker"] == ["proxies.tcp://192.0.2.2:2376"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be misled to another's folder")
def test_a_folder_that_its_user_linked_to_anothers_is_refused(host):
    (host / "root/.docker").mkdir(parents=True)
    (host / "home/deploy/.docker").symlink_to(host / "root/.docker")
    os.lchown(host / "home/deploy/.docker", 4711, 4711)
    with pytest.raises(Refused, match="is a symbolic link to a folder of another user"):
        client(host, proxy=PROXY)
    assert tree(host) == {}


def test_a_user_without_a_home(host):
    with pytest.raises(Refused, match="home/nosuch: can't be looked at"):
        ensure(host, schema="docker_client", path="/home/nosuch/.docker/config.json", proxy=PROXY)


# Bad input --------------------------------------------------------------------------------------------------------

BAD_PARAMETERS = {
    "nothing": ({}, "settings: is empty, and so are remove and proxy"),
    "no path": ({"schema": None, "settings": {"a": 1}}, "path: is missing"),
    "proxy without schema": ({"schema": None, "path": "/x", "proxy": PROXY}, "proxy: can only be written where"),
    "bad proxy": ({"proxy": {"http": "192.0.2.1:3128"}}, "container_hosts_proxy.http: has no scheme"),
    "empty path": ({"remove": ["log-opts..x"]}, "remove: 'log-opts..x' names no key"),
    "path of numbers": ({"remove": [["dns", 0]]}, "remove: .* names no key"),
    "set and removed": ({"settings": {"debug": True}, "remove": ["debug"]}, "debug: is both set and removed"),
    "typo": (
        {"settings": {"log-drivr": "x"}},
        f"^/{DAEMON}: log-drivr: is no key of daemon.json. Did you mean log-driver",
    ),
    "wrong entry": ({"settings": {"dns": ["x"]}}, f"^/{DAEMON}: dns.0: 'x' is no IP address"),
    "owner": ({"settings": LOGS, "owner": "nosuch-user"}, "owner: nosuch-user does not exist on this host"),
}


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS.keys())
def test_bad_parameters_are_refused_and_nothing_is_written(host, params, message):
    put(host, DAEMON, FOREIGN)
    before = tree(host)
    with pytest.raises(Refused, match=message):
        ensure(host, **params)
    assert tree(host) == before


BAD_FILES = {
    "trailing comma": (b'{\n"debug": true,\n}', f"^/{DAEMON}, line 2, column 14: a comma stands after the last entry"),
    "not UTF-8": (b'{"labels": ["a=\xe4"]}', f"^/{DAEMON}, line 1: byte 0xe4 is not UTF-8"),
    "wrong type": (
        b'{\n"log-opts": {\n"env": 3}}',
        f"^/{DAEMON}, line 3: log-opts.env: is a number, not a string",
    ),
    "in the way": (b'{\n"log-opts": []}', f"^/{DAEMON}, line 2: log-opts: holds a list, not an object"),
    "too big": (b'{"labels": ["a=' + b"x" * (4 << 20) + b'"]}', "more than 4194304 is no configuration file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_and_left(host, content, message):
    put(host, DAEMON, content)
    before = tree(host)
    with pytest.raises(Refused, match=message):
        ensure(host, settings={**LOGS, "debug": True})
    assert tree(host) == before


def test_a_folder_is_refused(host):
    (host / DAEMON).mkdir(parents=True)
    with pytest.raises(Refused, match="is a directory"):
        ensure(host, settings=LOGS)


def test_a_link_is_kept_and_its_target_edited(host):
    put(host, "srv/daemon.json", b"{}")
    (host / "etc/docker").mkdir(parents=True)
    (host / DAEMON).symlink_to(host / "srv/daemon.json")
    ensure(host, settings={"debug": True})
    assert (host / DAEMON).is_symlink()
    assert json.loads((host / "srv/daemon.json").read_bytes()) == {"debug": True}


# The engine -------------------------------------------------------------------------------------------------------


def install(host, *lines):
    put(host, "usr/sbin/dockerd", "\n".join(["#!/bin/sh", *lines]).encode() + b"\n", 0o755)


def test_what_the_installed_engine_refuses_is_not_written(host):
    put(host, DAEMON, FOREIGN)
    install(host, "cat > /dev/null", "echo 'no, because s3c%ret@ http://fleet:s3c%25ret%40@192.0.2.1'; exit 1")
    before = tree(host)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=f"^/{DAEMON}: the engine itself refuses it: no, because") as caught:
            ensure(host, check_mode=check_mode, settings={"debug": True}, proxy=SECRET)
        assert "s3c" not in str(caught.value)
    assert tree(host) == before


def test_the_engine_is_not_asked_where_nothing_changes(host):
    put(host, DAEMON, b'{"debug": true}')
    install(host, "exit 1")
    assert not ensure(host, settings={"debug": True})[0].changed


def test_what_is_taken_back_is_not_held_up_by_a_mistake_of_others(host):
    install(host, "cat | grep -q nosuch && { echo unknown; exit 1; }; exit 0")
    put(host, DAEMON, b'{"nosuch": 1, "debug": true}')
    ensure(host, settings={"debug": True}, state="absent")
    assert (host / DAEMON).read_bytes() == b'{"nosuch": 1}'


def test_a_removal_that_the_engine_would_not_start_with_is_refused(host):
    install(host, "cat | grep -q debug && exit 0; echo EOF; exit 1")
    put(host, DAEMON, b'{"a": 1, "debug": true}')
    with pytest.raises(Refused, match="the engine itself refuses it: EOF"):
        ensure(host, settings={"debug": True}, state="absent")


def test_the_version_of_an_engine_that_does_not_run(host):
    install(
        host,
        'case "$*" in *--version*) echo "Docker version 20.10.24+dfsg1, build x"; exit;; esac',
        'echo "dockerd needs to be started with root privileges."; exit 1',
    )
    with pytest.raises(Refused, match=r"proxies: needs Docker Engine 23\.0 or later; 20\.10\.24"):
        ensure(host, proxy=PROXY)
    _run, result = ensure(host, settings={"graph": "/srv"})
    assert result["engine_version"] == "20.10.24"
