# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""config_toml on a tree: every file, diff and refusal."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import tomllib

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _config_toml
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PATH = "etc/aziot/config.toml"
THEIRS = b'# theirs\r\n\r\n[agent.env]\r\n"https_proxy" = "http://old"\r\n'
WANTED = {"hostname": "edge-1", "agent": {"name": "edgeAgent", "env": {"UpstreamProtocol": "AmqpWs"}}}
MINIMAL = b'[provisioning]\nsource = "none"\n'


def put(host, content, mode=0o644):
    (host / PATH).parent.mkdir(parents=True, exist_ok=True)
    (host / PATH).write_bytes(content)
    (host / PATH).chmod(mode)


def ensure(host, *, check_mode=False, **params):
    params = {"path": f"/{PATH}", **params}
    checked = ArgumentSpecValidator(_config_toml.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_config_toml.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def tree(host):
    files = [path for path in host.rglob("*") if path.is_file()]
    return {str(path.relative_to(host)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


# A file through its life ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, b"", b"# only\n", THEIRS, b"agent = { env = {} }", b"\xef\xbb\xbf[agent]\n"])
def test_check_then_present_then_again_then_absent(tmp_path, before):
    if before is not None:
        put(tmp_path, before)
    untouched = tree(tmp_path)

    foretold, _result = ensure(tmp_path, check_mode=True, settings=WANTED)
    assert foretold.changed
    assert tree(tmp_path) == untouched

    run, result = ensure(tmp_path, settings=WANTED)
    assert (run.changed, run.diffs) == (True, foretold.diffs)
    assert result == {"path": f"/{PATH}", "backup_file": None}
    document = tomllib.loads((tmp_path / PATH).read_bytes().decode("utf-8-sig"))
    assert (document["hostname"], document["agent"]["name"]) == ("edge-1", "edgeAgent")
    assert document["agent"]["env"]["UpstreamProtocol"] == "AmqpWs"

    written = tree(tmp_path)
    again, _result = ensure(tmp_path, settings=WANTED)
    assert (again.changed, again.diffs, tree(tmp_path)) == (False, [], written)

    gone, _result = ensure(tmp_path, state="absent", settings=WANTED)
    assert gone.changed
    assert tree(tmp_path) == untouched
    assert not ensure(tmp_path, state="absent", settings=WANTED)[0].changed


def test_the_diff_is_what_was_done(tmp_path):
    put(tmp_path, THEIRS)
    run, _result = ensure(tmp_path, settings={"agent": {"env": {"https_proxy": "http://new"}}})
    [diff] = run.diffs
    assert (diff["before"], diff["after"]) == (THEIRS.decode(), (tmp_path / PATH).read_bytes().decode())
    assert (tmp_path / PATH).read_bytes() == THEIRS.replace(b"old", b"new")


def test_remove_by_path(tmp_path):
    put(tmp_path, b'[a]\n"b.c" = 1\nd = 2 # stays\ne = 3\n')
    ensure(tmp_path, remove=["a.e", ["a", "b.c"], "nosuch.key"])
    assert (tmp_path / PATH).read_bytes() == b"[a]\nd = 2 # stays\n"


def test_no_file_is_made_where_none_is_wanted(tmp_path):
    run, _result = ensure(tmp_path, settings=WANTED, create=False)
    assert (run.changed, tree(tmp_path)) == (False, {})


def test_backup(tmp_path):
    put(tmp_path, THEIRS)
    _run, result = ensure(tmp_path, settings=WANTED, backup=True)
    assert (tmp_path / result["backup_file"].lstrip("/")).read_bytes() == THEIRS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_new_file_is_made_as_asked_and_an_old_one_kept(tmp_path):
    ensure(tmp_path, settings=WANTED, owner="4711", group="4712", mode="0640")
    status = (tmp_path / PATH).stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (4711, 4712, 0o640)
    ensure(tmp_path, settings={"hostname": "other"}, owner="0", mode="0600")
    status = (tmp_path / PATH).stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (4711, 0o640)


def test_killed_before_the_rename_leaves_the_old_file(tmp_path):
    put(tmp_path, THEIRS)
    script = f"""
        import os, signal
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _config_toml
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
        os.rename = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
        params = {{name: option.get("default") for name, option in _config_toml.ARGUMENT_SPEC.items()}}
        params.update(path="/{PATH}", settings={WANTED!r})
        carry_out(_config_toml.ensure, params, check_mode=False, root={str(tmp_path)!r})
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / PATH).read_bytes() == THEIRS
    ensure(tmp_path, settings=WANTED)
    assert list(tree(tmp_path)) == [PATH]


# Secrets ----------------------------------------------------------------------------------------------------------

SECRETS = {
    "a password": {"auth": {"password": 'pa"ss\\wörd'}},
    "a proxy's password": {"env": {"https_proxy": "http://user:hunter2@192.0.2.1:3128"}},
    "a connection string": {"connection_string": "HostName=h;DeviceId=d;SharedAccessKey=aHVudGVyMg=="},
    "a symmetric key": {"attestation": {"symmetric_key": {"value": "aHVudGVyMg=="}}},
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_credentials_are_for_the_owner_alone_and_in_no_diff(tmp_path, secret):
    put(tmp_path, b"[a]\n")
    run, _result = ensure(tmp_path, settings={"a": secret})
    assert tree(tmp_path)[PATH][1] == 0o600
    [diff] = run.diffs
    for shown in ("hunter2", "aHVudGVyMg", "wörd"):
        assert shown not in diff["after"]
    theirs, _result = ensure(tmp_path, settings={"other": 1})
    assert "********" in theirs.diffs[0]["before"]
    for shown in ("hunter2", "aHVudGVyMg", 'pa"ss', 'pa\\"ss', "wörd"):
        assert shown not in str(theirs.diffs)


def test_a_secret_is_masked_as_it_is_spelled(tmp_path):
    put(tmp_path, b"[auth]\npassword = \"hunter\\u0032\\u0021\"\n[[r]]\ni = { token = 'raw\\one' }\n")
    run, _result = ensure(tmp_path, settings={"x": 1})
    assert "hunter" not in str(run.diffs)
    run, _result = ensure(tmp_path, settings={"auth": {"password": "hunter2!"}, "x": 2})
    assert "hunter" not in str(run.diffs)


def test_an_example_in_a_comment_makes_no_file_private(tmp_path):
    put(tmp_path, b'# connection_string = "HostName=h;SharedAccessKey=key"\n# password = "x"\n')
    ensure(tmp_path, settings={"a": 1})
    assert tree(tmp_path)[PATH][1] == 0o644


# Bad input --------------------------------------------------------------------------------------------------------

BAD_PARAMETERS = {
    "nothing": ({}, "settings: is missing, and so is remove"),
    "empty path": ({"remove": ["agent..x"]}, "remove: 'agent..x' names no key"),
    "path of numbers": ({"remove": [["dns", 0]]}, "remove: .* names no key"),
    "set and removed": ({"settings": {"a": 1}, "remove": ["a"]}, "a: is both set and removed"),
    "null": ({"settings": {"a": {"b": None}}}, r"a\.b: is null"),
    "owner": ({"settings": {"a": 1}, "owner": "nosuch-user"}, "owner: nosuch-user does not exist on this host"),
    "mode as a number": ({"settings": {"a": 1}, "mode": "420"}, "mode: 420 is not a file's mode in octal digits"),
    "in the way": ({"settings": {"agent": {"env": 1}}}, rf"^/{PATH}, line 3: agent\.env: holds a table, not a value"),
}


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS.keys())
def test_bad_parameters_are_refused_and_nothing_is_written(tmp_path, params, message):
    put(tmp_path, THEIRS)
    before = tree(tmp_path)
    with pytest.raises(Refused, match=message):
        ensure(tmp_path, **params)
    assert tree(tmp_path) == before


BAD_FILES = {
    "cut off": (b'[agent]\nname = "edge', f"^/{PATH}, line 2: unterminated string"),
    "a key twice": (b'[agent]\nname = "a"\n"name" = "b"\n', rf"^/{PATH}, line 3: agent\.name: stands there more than"),
    "not UTF-8": (b'a = "\xe4"\n', f"^/{PATH}, line 1: byte 0xe4 is not UTF-8"),
    "NUL": (b"[agent]\n\0\n", f"^/{PATH}, line 2"),
    "5 MB": (b"# x\n" * (5 << 18), f"^.*/{PATH}: has 5242880 bytes; more than 1048576 is no configuration file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_and_left(tmp_path, content, message):
    put(tmp_path, content)
    before = tree(tmp_path)
    for state in ("present", "absent"):
        with pytest.raises(Refused, match=message):
            ensure(tmp_path, settings=WANTED, state=state)
    assert tree(tmp_path) == before


# IoT Edge ---------------------------------------------------------------------------------------------------------


def test_the_whole_file_is_judged_before_it_is_written(tmp_path):
    put(tmp_path, b"# theirs\n" + MINIMAL + b'\n[image_garbage_collection]\nenabled = "true"\n')
    before = tree(tmp_path)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=rf"^/{PATH}, line 6: image_garbage_collection\.enabled: "):
            ensure(tmp_path, schema="iotedge", settings={"hostname": "edge-1"}, check_mode=check_mode)
    assert tree(tmp_path) == before
    ensure(tmp_path, schema="iotedge", settings={"image_garbage_collection": {"enabled": True}})
    assert b"enabled = true\n" in tree(tmp_path)[PATH][0]


def test_a_key_that_was_asked_for_is_named_without_a_line(tmp_path):
    put(tmp_path, MINIMAL)
    with pytest.raises(Refused, match=f"^/{PATH}: hostnam: .*Did you mean hostname"):
        ensure(tmp_path, schema="iotedge", settings={"hostnam": "edge-1"})


def test_half_a_table_is_refused(tmp_path):
    put(tmp_path, MINIMAL)
    with pytest.raises(Refused, match="agent"):
        ensure(tmp_path, schema="iotedge", settings={"agent": {"env": {"https_proxy": "http://192.0.2.1:3128"}}})


def test_what_is_taken_back_is_not_held_up_by_a_mistake_of_others(tmp_path):
    put(tmp_path, b'nosuch = 1\nhostname = "edge-1"\n' + MINIMAL)
    ensure(tmp_path, schema="iotedge", settings={"hostname": ""}, state="absent")
    assert tree(tmp_path)[PATH][0] == b"nosuch = 1\n" + MINIMAL
