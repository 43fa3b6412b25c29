# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iotedge_config on a tree: every file, diff, verdict and refusal."""

from __future__ import annotations

import base64
import os
import signal
import stat
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _iotedge_applied,
    _iotedge_config,
    _proxy,
    _proxy_environment,
    _toml_document,
    _units,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema import check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.tests.support import fake_engine
from ansible_collections.fleetops.container_hosts.tests.support.fake_systemd import FakeSystemd
from ansible_collections.fleetops.container_hosts.tests.support.fatal import killed_at
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import quick_folder

PATH = "etc/aziot/config.toml"
NOTE = "var/lib/container_hosts/iotedge_config.json"
UNIT = "usr/lib/systemd/system/aziot-edged.service"
CLI = "usr/bin/iotedge"
PROXY = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "p@ss/wörd"}
KEY = base64.b64encode(b"a key of the device").decode()
CONNECTION = f"HostName=hub.example.com;DeviceId=edge-1;SharedAccessKey={KEY}"
PROVISIONED = f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION}"\n'
PROVISIONING = {"provisioning": {"source": "manual", "connection_string": CONNECTION}}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def host(tmp_path):
    """Return a tree in which IoT Edge is installed; no systemd runs in it."""
    put(tmp_path, UNIT, b"[Service]\n")
    put(tmp_path, CLI, b"#!/bin/sh\necho 'iotedge 1.5.21'\n", 0o755)
    for path in ("etc/aziot", "var/lib"):
        (tmp_path / path).mkdir(parents=True)
    return tmp_path


def put(host, path, content, mode=0o644):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_bytes(content)
    (host / path).chmod(mode)


def ensure(host, *, check_mode=False, **params):
    checked = ArgumentSpecValidator(_iotedge_config.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_iotedge_config.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def content(host):
    return (host / PATH).read_bytes() if (host / PATH).exists() else None


def document(host):
    return tomllib.loads(content(host).decode("utf-8-sig"))


def tree(host):
    """Return all that is in a tree: kinds, owners, modes, bytes, and when these were last written."""
    found = {}
    for path in sorted(host.rglob("*")):
        status = path.lstat()
        what = (path.read_bytes(), status.st_mtime_ns) if path.is_file() else ()
        found[str(path.relative_to(host))] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, *what)
    return found


# The three files --------------------------------------------------------------------------------------------------

TEMPLATE = (Path(__file__).parents[3] / "stage/iotedge/template.toml").read_bytes()
COMMENTED = b'# [provisioning]\n# source = "manual"\n# connection_string = "'
assert TEMPLATE.count(COMMENTED) == 1
# As users do it: one block of the template is uncommented and filled in.
_HEAD, _TAIL = TEMPLATE.split(COMMENTED)
USED_TEMPLATE = _HEAD + PROVISIONED.encode() + _TAIL.split(b"\n", 1)[1]
BY_HAND = (
    b"\xef\xbb\xbf# Line 3, cell 7. Ask before you touch this!\r\n"
    b"hostname = 'edge-1'\r\n\r\n"
    + PROVISIONED.replace("\n", "   # from the hub\n", 1).replace("\n", "\r\n").encode()
    + b"\r\n"
    b"[watchdog]\r\n  max_retries = 0x10 # enough\r\n"
    b"[agent]\r\nname = 'edgeAgent'\r\n'type' = 'docker'\r\n"
    b"config.image = 'registry.example.com/agent:1.5.9' # ours\r\n"
    b"[agent.env]\r\n  # proxies\r\n  \"HTTPS_PROXY\" = 'http://192.0.2.9:8080' # the old one\r\n"
    b"  UpstreamProtocol='AMQPWS'\r\n\r\n"
    b"[image_garbage_collection]\r\nenabled = false"
)
FILES = {
    "pristine": (None, {"settings": PROVISIONING}),
    "template": (USED_TEMPLATE, {}),
    "template, not filled in": (TEMPLATE, {"settings": PROVISIONING}),
    "by hand": (BY_HAND, {}),
}
WANTED = {"proxy": PROXY, "agent_image": "registry.example.com/agent:1.5.21"}


def comments(text):
    """Return the comments that are lines of their own, or behind a value."""
    return [line[line.index("#") :].strip() for line in (text or b"").decode("utf-8-sig").splitlines() if "#" in line]


@pytest.mark.parametrize(("before", "more"), FILES.values(), ids=FILES)
def test_check_then_present_then_again_then_absent(host, before, more):
    if before is not None:
        put(host, PATH, before, 0o600)
    untouched = tree(host)

    foretold, told = ensure(host, check_mode=True, **WANTED, **more)
    assert foretold.changed
    assert tree(host) == untouched

    run, result = ensure(host, **WANTED, **more)
    assert (run.changed, run.diffs, run.notices, result) == (True, foretold.diffs, foretold.notices, told)
    check(document(host), locate=".".join)
    env = document(host)["agent"]["env"]
    rendered = _proxy_environment.environment(_proxy.parse(PROXY), readers="iotedge").value
    assert {name: env[name] for name in env if "proxy" in name.lower()} == rendered
    assert env["UpstreamProtocol"] == "AmqpWs"
    assert document(host)["agent"]["config"]["image"] == WANTED["agent_image"]
    kept = [comment for comment in comments(before) if "the old one" not in comment]  # of a line that goes
    assert [comment for comment in comments(content(host)) if comment in kept] == kept
    assert stat.S_IMODE((host / PATH).stat().st_mode) == 0o600
    assert stat.S_IMODE((host / NOTE).stat().st_mode) == 0o600

    written = tree(host)
    again, _result = ensure(host, **WANTED, **more)
    assert (again.changed, again.diffs, tree(host)) == (False, [], written)

    leaving, _result = ensure(host, check_mode=True, state="absent")
    assert leaving.changed
    assert tree(host) == written
    gone, _result = ensure(host, state="absent")
    assert (gone.changed, gone.diffs, content(host)) == (True, leaving.diffs, before)
    assert [path for path in tree(host) if path not in untouched] == []
    done, _result = ensure(host, state="absent")
    assert (done.changed, done.diffs) == (False, [])


def test_several_changes_and_then_absent(host):
    put(host, PATH, BY_HAND, 0o600)
    ensure(host, **WANTED)
    ensure(host, settings={"hostname": "edge-2", "watchdog": {"max_retries": 3}}, remove=["agent.env.https_proxy"])
    ensure(host, upstream_protocol="mqtt", remove=["image_garbage_collection"], settings={"tpm": {"tcti": "device"}})
    assert document(host)["agent"]["env"] == {"UpstreamProtocol": "Mqtt"}
    ensure(host, state="absent")
    assert content(host) == BY_HAND


def test_absent_after_others_have_edited_the_file_too(host):
    put(host, PATH, b"hostname = 'edge-1' # theirs\n" + PROVISIONED.encode(), 0o600)
    ensure(host, **WANTED, settings={"hostname": "edge-2"})
    (host / PATH).write_bytes(content(host) + b"\n[watchdog]\nmax_retries = 1 # theirs too\n")
    ensure(host, state="absent")
    assert document(host) == {"hostname": "edge-1", **PROVISIONING, "watchdog": {"max_retries": 1}}
    assert comments(content(host)) == ["# theirs", "# theirs too"]


@pytest.mark.parametrize("lose", [False, True])
def test_without_a_note_absent_changes_nothing(host, lose):
    put(host, PATH, BY_HAND, 0o644)
    if lose:
        ensure(host, **WANTED)
        (host / NOTE).unlink()
    before = tree(host)
    run, _result = ensure(host, state="absent")
    assert (run.changed, run.diffs, tree(host)) == (False, [], before)


def test_a_note_that_is_damaged_stops_all(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    put(host, NOTE, b"{")
    before = tree(host)
    for params in (WANTED, {"state": "absent"}):
        with pytest.raises(Refused, match=r"what was noted of config\.toml: can't be read"):
            ensure(host, **params)
    assert tree(host) == before


def test_a_file_that_others_may_read_is_closed_and_its_time_kept(host):
    put(host, PATH, PROVISIONED.encode(), 0o644)
    before = tree(host)
    run, _result = ensure(host)
    assert run.changed
    assert tree(host)[PATH][0] == "-rw-------"
    assert tree(host)[PATH][1:] == before[PATH][1:]
    assert not (host / NOTE).exists()


def test_the_version_is_the_installed_one(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    ensure(host, proxy=PROXY)
    assert document(host)["agent"]["config"]["image"] == "mcr.microsoft.com/azureiotedge-agent:1.5.21"


@pytest.mark.parametrize("cli", [None, b"#!/bin/sh\nexit 3\n", b"#!/bin/sh\necho nonsense\n", b"no program"])
def test_a_version_that_is_not_told(host, cli):
    (host / CLI).unlink()
    if cli:
        put(host, CLI, cli, 0o755)
    put(host, PATH, PROVISIONED.encode(), 0o600)
    before = tree(host)
    with pytest.raises(Refused, match=r"agent_image: is needed, as iotedge --version doesn't tell"):
        ensure(host, proxy=PROXY)
    assert tree(host) == before
    ensure(host, **WANTED)


def test_another_path(host):
    put(host, "etc/other.toml", PROVISIONED.encode(), 0o600)
    _run, result = ensure(host, path="/etc/other.toml", **WANTED)
    assert (result["path"], content(host)) == ("/etc/other.toml", None)


# A write that is cut off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
def test_killed_before_a_rename_leaves_the_old_file_and_what_it_was(host, number):
    """The first is the note's, the second that of the file itself."""
    put(host, PATH, BY_HAND, 0o600)
    script = f"""
        import os, signal
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_config
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
        real, made = os.rename, []
        def rename(*args, **kwargs):
            made.append(args)
            if len(made) == {number}:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*args, **kwargs)
        os.rename = rename
        params = {{name: option.get("default") for name, option in _iotedge_config.ARGUMENT_SPEC.items()}}
        params.update({WANTED!r})
        carry_out(_iotedge_config.ensure, params, check_mode=False, root={str(host)!r})
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert content(host) == BY_HAND
    ensure(host, **WANTED)
    assert [name for name in tree(host) if "container_hosts-" in name] == []
    ensure(host, state="absent")
    assert content(host) == BY_HAND


@pytest.mark.parametrize("state", ["present", "absent"])
def test_killed_at_each_step_the_file_is_old_or_new_and_all_can_be_taken_back(host, state):
    number = 1
    while True:
        put(host, PATH, BY_HAND, 0o600)
        if state == "absent":
            ensure(host, **WANTED)
        before = content(host)
        params = WANTED if state == "present" else {"state": "absent"}
        killed = killed_at(number, lambda params=params: ensure(host, **params))
        between = content(host)
        ensure(host, **params)
        assert between in (before, content(host))
        ensure(host, state="absent")
        assert content(host) == BY_HAND
        # But for the empty folder, where it died between the note's end and that.
        assert [path for path in host.rglob("*") if "container_hosts" in str(path) and path.is_file()] == []
        if not killed:
            break
        number += 1
    assert number > 5


# Secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_diff_a_result_or_a_notice(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    shown = []
    for params in (
        WANTED,
        {**WANTED, "proxy": {**PROXY, "password": "an0ther"}, "settings": {"hostname": "edge-2"}},
        {"settings": {"provisioning": {"connection_string": CONNECTION.replace(KEY, "bmV3IGtleQ==")}}},
        {"settings": {"agent": {"config": {"auth": {"username": "u", "password": "hunter2"}}}}},
        {"state": "absent"},
    ):
        run, result = ensure(host, **params)
        assert run.changed
        shown += [run.diffs, result, run.notices]
    text = str(shown)
    assert "192.0.2.1:3128" in text
    for secret in ("p@ss", "p%40ss", "wörd", "an0ther", KEY.rstrip("="), "bmV3IGtleQ", "hunter2"):
        assert secret not in text


# Bad input --------------------------------------------------------------------------------------------------------

BAD_FILES = {
    "cut off": (b'[agent]\nname = "edge', f"^/{PATH}, line 2: unterminated string"),
    "a key twice": (
        b'[agent.env]\nhttps_proxy = "a"\n"https_proxy" = "b"\n',
        rf"^/{PATH}, line 3: agent\.env\.https_proxy: stands there more than",
    ),
    "a bare word": (b"# x\nauto_reprovisioning_mode = Dynamic\n", f"^/{PATH}, line 2, column 28: invalid value"),
    "not UTF-8": (b'[agent]\nname = "\xe4"\n', f"^/{PATH}, line 2: byte 0xe4 is not UTF-8"),
    "UTF-16": (PROVISIONED.encode("utf-16"), f"^/{PATH}: is not UTF-8 but UTF-16"),
    "5 MB": (b"# x\n" * (5 << 18), f"/{PATH}: has 5242880 bytes; more than 1048576 is no configuration file"),
    "2 MB": (b"# x\n" * (2 << 18), f"/{PATH}: has 2097152 bytes; more than 1048576 is no configuration file"),
    "a text where a table is wanted": (b"agent = 'edgeAgent'\n", f"^/{PATH}, line 1: agent: holds a text, not a table"),
    "a table where a text is wanted": (
        PROVISIONED.encode() + b"[hostname]\nx = 1\n",
        f"^/{PATH}, line 4: hostname: holds a table, not a value",
    ),
    "another key of another type": (
        PROVISIONED.encode() + b"\n[watchdog]\nmax_retries = '5'\n",
        rf"^/{PATH}, line 6: watchdog\.max_retries: is '5', and the only word",
    ),
    "an unknown key": (PROVISIONED.encode() + b"[agents]\n", f"^/{PATH}, line 4: agents: .*Did you mean agent"),
    "not provisioned": (b"# [provisioning]\n", f"^/{PATH}: provisioning: is missing"),
}


@pytest.mark.parametrize(("source", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_and_nothing_is_written(host, source, message):
    put(host, PATH, source, 0o600)
    before = tree(host)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=message):
            ensure(host, check_mode=check_mode, settings={"hostname": "edge-1"}, **WANTED)
    assert tree(host) == before


BAD_PARAMETERS = {
    "proxy without a scheme": ({"proxy": {"http": "192.0.2.1:3128"}}, "scheme"),
    "protocol": ({"upstream_protocol": "ws"}, "upstream_protocol: is 'ws', none of Amqp"),
    "typo": ({"settings": {"hostnam": "x"}}, f"^/{PATH}: hostnam: .*Did you mean hostname"),
    "value": ({"settings": {"cloud_timeout_sec": 10}}, f"^/{PATH}: cloud_timeout_sec: is 10, and the least is 70"),
    "null": ({"settings": {"hostname": None}}, "hostname: is null"),
    "no table": ({"settings": {"agent": "x"}}, "settings: agent: is no dictionary"),
    "set and removed": ({"remove": ["agent.env"], **WANTED}, r"agent\.env: is both set and removed"),
    "what must stay": ({"remove": ["provisioning"]}, "provisioning: is missing"),
    "empty path": ({"remove": ["agent..env"]}, r"remove: 'agent\.\.env' names no key"),
    "storage of others": ({"storage": {"hbu": "/srv/hub"}}, "storage: knows no hbu"),
    "storage, relative": ({"storage": {"hub": "srv/hub"}}, "storage: srv/hub: is not an absolute path"),
    "storage with a colon": ({"storage": {"agent": "/srv/a:b"}, **WANTED}, "storage: /srv/a:b: has a colon"),
    "storage with a slash at its end": (
        {"storage": {"agent": "/srv/a", "hub": "/srv/a/"}, **WANTED},
        "storage: /srv/a/: is not how the folder is named. Write /srv/a.",
    ),
    "storage by way of another": ({"storage": {"agent": "/srv/a/../../etc"}, **WANTED}, "Write /etc."),
    "storage, one for both": ({"storage": {"agent": "/srv/a", "hub": "/srv/a"}, **WANTED}, "storage: is the same for"),
}


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameters_are_refused_and_nothing_is_written(host, params, message):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    before = tree(host)
    with pytest.raises(Refused, match=message):
        ensure(host, **params)
    assert tree(host) == before


# Generations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("usr/lib/systemd/system/iotedge.service", r"1\.1 or older.*iotedge config import"),
        ("snap/azure-iot-edge/current", "is installed as a snap.*raw-config"),
    ],
)
def test_other_generations_are_refused_with_the_way_on(tmp_path, path, message, state):
    put(tmp_path, path, b"")
    put(tmp_path, PATH, PROVISIONED.encode())
    before = tree(tmp_path)
    with pytest.raises(Refused, match=message):
        ensure(tmp_path, state=state)
    assert tree(tmp_path) == before


def test_where_it_is_not_installed(tmp_path):
    with pytest.raises(Refused, match=r"IoT Edge: is not installed on this host.*aziot-edge"):
        ensure(tmp_path, **WANTED)
    assert not ensure(tmp_path, state="absent")[0].changed
    assert tree(tmp_path) == {}


def test_what_is_left_of_it_is_taken_back_after_its_removal(host):
    put(host, PATH, BY_HAND, 0o600)
    ensure(host, **WANTED)
    (host / UNIT).unlink()
    ensure(host, state="absent")
    assert content(host) == BY_HAND


# Storage ----------------------------------------------------------------------------------------------------------

STORAGE = {"agent": "/srv/edge/agent", "hub": "/srv/edge/hub"}
MOUNT = "/srv/edge/agent:/iotedge/storage"


@AS_ROOT
def test_storage_folders_are_made_for_their_users_and_one_is_mounted(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    before = tree(host)
    foretold, _result = ensure(host, check_mode=True, storage=STORAGE, **WANTED)
    assert tree(host) == before
    run, _result = ensure(host, storage=STORAGE, **WANTED)
    assert (run.changed, run.diffs) == (True, foretold.diffs)
    shown = {diff["after_header"]: (diff["before"], diff["after"]) for diff in run.diffs}
    assert shown["/srv/edge/agent"] == ("", "owner 13622, mode 0700\n")
    after = tree(host)
    assert after["srv/edge"][0] == "drwxr-xr-x"
    assert after["srv/edge/agent"] == ("drwx------", 13622, 13622)
    assert after["srv/edge/hub"] == ("drwx------", 13623, 13623)
    agent = document(host)["agent"]
    assert agent["config"]["createOptions"]["HostConfig"]["Binds"] == [MOUNT]
    assert agent["env"]["storageFolder"] == "/iotedge/storage"
    assert not ensure(host, storage=STORAGE, **WANTED)[0].changed
    assert tree(host) == after


@AS_ROOT
def test_storage_folders_that_are_there(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    put(host, "srv/edge/agent/theirs", b"x")
    os.chown(host / "srv/edge/agent/theirs", 13622, 13622)
    (host / "srv/edge/agent").chmod(0o777)
    (host / "srv/edge/hub").mkdir()
    os.chown(host / "srv/edge/hub", 13623, 4711)
    (host / "srv/edge/hub").chmod(0o755)
    run, _result = ensure(host, storage=STORAGE)
    assert [diff["before_header"] for diff in run.diffs] == [f"/{PATH}", "/srv/edge/agent"]
    assert run.diffs[1]["before"] == "owner 0, mode 0777\n"
    assert tree(host)["srv/edge/agent"] == ("drwx------", 13622, 13622)
    assert tree(host)["srv/edge/hub"] == ("drwxr-xr-x", 13623, 4711)


@AS_ROOT
@pytest.mark.parametrize("kind", ["file", "link", "of others"])
def test_storage_that_is_not_to_be_given_away(host, kind):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    put(host, "srv/other/file", b"x")
    (host / "srv/edge").mkdir()
    if kind == "file":
        put(host, "srv/edge/agent", b"x")
    elif kind == "link":
        (host / "srv/edge/agent").symlink_to(host / "srv/other")
    else:
        put(host, "srv/edge/agent/important", b"x")
    before = tree(host)
    message = r"holds what is not user 13622's \(important\)" if kind == "of others" else "is not a folder"
    with pytest.raises(Refused, match=f"/srv/edge/agent: {message}"):
        ensure(host, storage=STORAGE, **WANTED)
    assert tree(host) == before


@AS_ROOT
@pytest.mark.parametrize("options", [{}, {"storage": STORAGE}])
def test_absent_removes_the_storage_that_was_made_and_holds_nothing(host, options):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    before = tree(host)
    ensure(host, storage=STORAGE, **WANTED)
    ensure(host, storage=STORAGE, settings={"hostname": "edge-2"})
    made = tree(host)
    assert ensure(host, check_mode=True, state="absent", **options)[0].changed
    assert tree(host) == made
    ensure(host, state="absent", **options)
    after = tree(host)
    assert {path: what[:4] for path, what in after.items()} == {path: what[:4] for path, what in before.items()}
    assert not ensure(host, state="absent", **options)[0].changed
    assert tree(host) == after


@AS_ROOT
def test_absent_leaves_what_was_stored_and_what_was_there(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    (host / "srv/edge/agent").mkdir(parents=True)
    (host / "srv/edge/agent").chmod(0o750)
    os.chown(host / "srv/edge/agent", 4711, 4712)
    ensure(host, storage=STORAGE)  # no setting of the file is changed by it but the mount's
    assert tree(host)["srv/edge/agent"] == ("drwx------", 13622, 13622)
    put(host, "srv/edge/hub/messages", b"x")
    ensure(host, state="absent")
    after = tree(host)
    assert after["srv/edge/agent"] == ("drwxr-x---", 4711, 4712)
    assert after["srv/edge/hub"] == ("drwx------", 13623, 13623)
    assert (host / "srv/edge/hub/messages").exists()
    assert content(host) == PROVISIONED.encode()


@AS_ROOT
def test_storage_alone_is_noted_and_the_file_later(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    ensure(host, storage={"hub": "/srv/edge/hub"})
    assert content(host) == PROVISIONED.encode()
    ensure(host, storage={"hub": "/srv/edge/hub"}, **WANTED)
    ensure(host, state="absent")
    assert (content(host), (host / "srv").exists(), (host / NOTE).exists()) == (PROVISIONED.encode(), False, False)


@AS_ROOT
def test_without_a_note_storage_is_nobodys_to_remove(host):
    put(host, PATH, PROVISIONED.encode(), 0o600)
    (host / "srv/edge/agent").mkdir(parents=True)
    before = tree(host)
    run, _result = ensure(host, state="absent", storage=STORAGE)
    assert (run.changed, tree(host)) == (False, before)


# Whether it counts ------------------------------------------------------------------------------------------------


@pytest.fixture
def running(host, monkeypatch):
    """Return a host on which systemd, aziot-edged and an engine run, and config.toml is applied."""
    with quick_folder() as folder, fake_engine.engine(f"{folder}/docker.sock") as engine:
        (host / "run/systemd/system").mkdir(parents=True)
        host_systemd = FakeSystemd(folder)
        monkeypatch.setenv("PATH", f"{host_systemd.bin}:{os.environ['PATH']}")
        (folder / "environment").write_text("")
        host_systemd.unit(_iotedge_applied.EDGED, folder / "environment")
        moby = f'[moby_runtime]\nuri = "unix://{engine.path}"\nnetwork = "azure-iot-edge"\n'
        put(host, PATH, (PROVISIONED + moby).encode(), 0o600)
        applied(host)
        _units.forget()
        yield host, host_systemd, engine
        host_systemd.end()
        _units.forget()


def applied(host):
    """Have it as after iotedge config apply."""
    now = (host / PATH).stat().st_mtime_ns + 1
    for path in _iotedge_applied.FILES:
        put(host, path[1:], b"# made\n", 0o600)
        os.utime(host / path[1:], ns=(now, now))


def later(host, path, nanoseconds=1):
    then = (host / _iotedge_applied.FILES[0][1:]).stat().st_mtime_ns + nanoseconds
    os.utime(host / path, ns=(then, then))


def test_what_is_applied_needs_nothing(running):
    host, _systemd, _engine = running
    run, result = ensure(host)
    assert (run.changed, result["systemd_running"], result["agent"]) == (False, True, "absent")
    assert result["apply_required"] == []


def test_a_change_is_due(running):
    host, _systemd, _engine = running
    for check_mode in (True, False):
        assert ensure(host, check_mode=check_mode, settings={"hostname": "edge-1"})[1]["apply_required"] == ["iotedge"]
    assert ensure(host, settings={"hostname": "edge-1"})[1]["apply_required"] == ["iotedge"]
    applied(host)
    assert ensure(host, settings={"hostname": "edge-1"})[1]["apply_required"] == []


@pytest.mark.parametrize("path", _iotedge_applied.FILES)
def test_each_daemons_file_has_to_be_there_and_no_older(running, path):
    host, _systemd, _engine = running
    old = (host / PATH).stat().st_mtime_ns - 1
    os.utime(host / path[1:], ns=(old, old))
    assert ensure(host)[1]["apply_required"] == ["iotedge"]
    later(host, path[1:], 0)
    applied(host)
    assert ensure(host)[1]["apply_required"] == []
    (host / path[1:]).unlink()
    assert ensure(host)[1]["apply_required"] == ["iotedge"]


def test_the_same_time_is_recent_enough(running):
    host, _systemd, _engine = running
    later(host, PATH, 0)
    assert ensure(host)[1]["apply_required"] == []
    later(host, PATH, 1)
    assert ensure(host)[1]["apply_required"] == ["iotedge"]


def test_a_certificate_that_is_newer_is_due_too(running):
    host, _systemd, _engine = running
    put(host, "var/aziot/certs/ca.pem", b"x")
    params = {"read_at_apply": ["/var/aziot/certs/ca.pem", "/var/aziot/certs/no-such.pem"]}
    later(host, "var/aziot/certs/ca.pem", -1)
    assert ensure(host, **params)[1]["apply_required"] == []
    later(host, "var/aziot/certs/ca.pem")
    assert ensure(host, **params)[1]["apply_required"] == ["iotedge"]
    assert ensure(host)[1]["apply_required"] == []


def test_where_no_systemd_runs_nothing_can_be_applied(running):
    host, _systemd, _engine = running
    (host / "run/systemd/system").rmdir()
    _run, result = ensure(host, settings={"hostname": "edge-1"})
    assert (result["systemd_running"], result["agent"], result["apply_required"]) == (False, None, [])


def test_absent_without_provisioning_leaves_what_is_applied_and_says_so(running):
    host, _systemd, _engine = running
    (host / PATH).write_bytes(b"# nothing yet\n")
    ensure(host, settings=PROVISIONING)
    applied(host)
    run, result = ensure(host, state="absent")
    assert (content(host), result["apply_required"]) == (b"# nothing yet\n", [])
    [notice] = run.notices
    assert (notice.reader, notice.entry) == ("iotedge config apply", f"/{PATH}")
    assert "has no [provisioning] any more" in notice.why


def test_absent_where_there_was_no_file_says_so_too(running):
    host, _systemd, _engine = running
    (host / PATH).unlink()
    ensure(host, settings=PROVISIONING)
    applied(host)
    run, result = ensure(host, state="absent")
    assert (content(host), result["apply_required"], len(run.notices)) == (None, [], 1)
    run, result = ensure(host, state="absent")
    assert (run.changed, result["apply_required"], run.notices) == (False, [], [])


def test_absent_with_provisioning_is_due(running):
    host, _systemd, _engine = running
    ensure(host, **WANTED)
    applied(host)
    assert ensure(host, state="absent")[1]["apply_required"] == ["iotedge"]


@pytest.mark.parametrize(
    ("labels", "env", "verdict", "due", "said"),
    [
        ("{}", None, "current", [], 0),
        ("{}", {}, "stale", ["iotedge"], 0),
        ('{"a": {"value": "b"}}', {}, "manifest", [], 1),
        ('{"a": {"value": "b"}}', None, "current", [], 0),
    ],
)
def test_an_agent_that_runs_with_something_else(running, labels, env, verdict, due, said):
    host, systemd, engine = running
    ensure(host, **WANTED)
    applied(host)
    env = document(host)["agent"]["env"] if env is None else env
    engine.container = fake_engine.agent(env, WANTED["agent_image"], labels=labels)
    run, result = ensure(host, **WANTED)
    assert (run.changed, result["agent"], result["apply_required"]) == (False, verdict, due)
    assert len([notice for notice in run.notices if notice.reader == "edgeAgent"]) == said
    systemd.call("stop", _iotedge_applied.EDGED)
    engine.asked.clear()
    assert ensure(host, **WANTED)[1]["agent"] is None
    assert engine.asked == []  # the question alone could start the engine


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (None, "/var/run/docker.sock"),
        ("unix:///run/x.sock", "/run/x.sock"),
        ("unix:/run/x.sock", "/run/x.sock"),
    ],
)
def test_where_the_engine_listens(uri, path):
    assert _iotedge_config.socket_of({"moby_runtime": {"uri": uri}} if uri else {}) == path


def test_where_the_engine_listens_by_a_file_that_nobody_checked():
    assert _iotedge_config.socket_of({"moby_runtime": "x"}) == "/var/run/docker.sock"


def test_the_template_is_as_its_readers_expect(host):
    assert _toml_document.load(TEMPLATE) == {}
    check(_toml_document.load(USED_TEMPLATE), locate=".".join)
