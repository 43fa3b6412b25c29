# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ecs_config on a tree: every file, diff, warning and refusal. What runs is asked in tests/conformance."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import textwrap

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config, _host_settings
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PATH = "etc/ecs/ecs.config"
THEIRS = b'# theirs\r\nOTHER="a\\b"\r\nECS_ENABLE_TASK_ENI=true'
PROXY = {"http": "192.0.2.1:3128", "no_proxy": ["corp.example.com"]}
SECRET = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "s3cret%/@"}
WANTED = {
    "proxy": PROXY,
    "settings": {
        "ECS_CLUSTER": "production",
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "True",
        "ECS_INSTANCE_ATTRIBUTES": {"stack": "blue green"},
        "ECS_RESERVED_PORTS": [22, 2376],
        "ECS_CONTAINER_STOP_TIMEOUT": "90s",
    },
}
WRITTEN = {
    "ECS_CLUSTER": "production",
    "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true",
    "ECS_INSTANCE_ATTRIBUTES": '{"stack":"blue green"}',
    "ECS_RESERVED_PORTS": "[22,2376]",
    "ECS_CONTAINER_STOP_TIMEOUT": "90s",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
}


def put(host, content, mode=0o644):
    (host / PATH).parent.mkdir(parents=True, exist_ok=True)
    (host / PATH).write_bytes(content)
    (host / PATH).chmod(mode)


def ensure(host, *, check_mode=False, **params):
    checked = ArgumentSpecValidator(_ecs_config.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_ecs_config.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def tree(host):
    files = [path for path in host.rglob("*") if path.is_file()]
    return {str(path.relative_to(host)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


def variables(host):
    """Return the file's variables by the rule that ecs-init has."""
    pairs = (line.strip().split("=", 1) for line in (host / PATH).read_text(encoding="utf-8").strip().split("\n"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def said(run):
    return "\n".join(map(str, run.notices))


# A file through its life ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, b"", b"# only\n", THEIRS, b"\xef\xbb\xbfA=1\r\n"])
def test_check_then_present_then_again_then_absent(tmp_path, before):
    if before is not None:
        put(tmp_path, before)
    untouched = tree(tmp_path)

    foretold, told = ensure(tmp_path, check_mode=True, **WANTED)
    assert foretold.changed
    assert tree(tmp_path) == untouched

    run, result = ensure(tmp_path, **WANTED)
    assert (run.changed, run.diffs, result) == (True, foretold.diffs, told)
    assert result == {"path": f"/{PATH}", "backup_file": None, "foreign_proxies": [], "restart_required": []}
    found = variables(tmp_path)
    assert {name: found[name] for name in WRITTEN} == WRITTEN
    assert {"169.254.169.254", "169.254.170.2", "corp.example.com"} < set(found["NO_PROXY"].split(","))
    assert "fd00:ec2::254" not in found["NO_PROXY"]

    written = tree(tmp_path)
    again, _result = ensure(tmp_path, **WANTED)
    assert (again.changed, again.diffs, tree(tmp_path)) == (False, [], written)

    gone, _result = ensure(tmp_path, state="absent", **WANTED)
    assert gone.changed
    assert tree(tmp_path) == untouched
    assert not ensure(tmp_path, state="absent", **WANTED)[0].changed


def test_the_diff_is_what_was_done(tmp_path):
    put(tmp_path, THEIRS)
    run, _result = ensure(tmp_path, settings={"ECS_ENABLE_TASK_ENI": False})
    [diff] = run.diffs
    assert (diff["before"], diff["after"]) == (THEIRS.decode(), (tmp_path / PATH).read_bytes().decode())
    assert (tmp_path / PATH).read_bytes() == THEIRS.replace(b"=true", b"=false")


def test_remove(tmp_path):
    put(tmp_path, b"A=1\nHTTP_PROXY=x\nhttp_proxy=y\nHTTP_PROXY=z\n")
    ensure(tmp_path, remove=["HTTP_PROXY", "NO_PROXY"])
    assert (tmp_path / PATH).read_bytes() == b"A=1\nhttp_proxy=y\n"


def test_a_setting_wins_over_the_proxy(tmp_path):
    ensure(tmp_path, proxy=PROXY, settings={"HTTPS_PROXY": "proxy.example.com:3129"}, ipv6_metadata=True)
    found = variables(tmp_path)
    assert (found["HTTP_PROXY"], found["HTTPS_PROXY"]) == ("http://192.0.2.1:3128", "http://proxy.example.com:3129")
    assert "fd00:ec2::254" in found["NO_PROXY"].split(",")


def test_an_empty_proxy_asks_for_nothing(tmp_path):
    put(tmp_path, THEIRS)
    assert not ensure(tmp_path, proxy={})[0].changed


def test_a_setting_that_counts_already_loses_only_its_doubles(tmp_path):
    put(tmp_path, b"ECS_CLUSTER=a\n  ECS_CLUSTER=production \r\n")
    ensure(tmp_path, settings={"ECS_CLUSTER": "production"})
    assert (tmp_path / PATH).read_bytes() == b"  ECS_CLUSTER=production \r\n"


def test_backup_and_another_path(tmp_path):
    (tmp_path / "var/lib/ecs").mkdir(parents=True)
    (tmp_path / "var/lib/ecs/ecs.config").write_bytes(THEIRS)
    _run, result = ensure(tmp_path, path="/var/lib/ecs/ecs.config", settings={"ECS_EXTERNAL": True}, backup=True)
    assert (tmp_path / result["backup_file"].lstrip("/")).read_bytes() == THEIRS


def test_killed_before_the_rename_leaves_the_old_file(tmp_path):
    put(tmp_path, THEIRS)
    script = f"""
        import os, signal
        from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_config
        from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
        os.rename = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
        params = {{name: option.get("default") for name, option in _ecs_config.ARGUMENT_SPEC.items()}}
        params.update({WANTED!r})
        carry_out(_ecs_config.ensure, params, check_mode=False, root={str(tmp_path)!r})
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / PATH).read_bytes() == THEIRS
    ensure(tmp_path, **WANTED)
    assert list(tree(tmp_path)) == [PATH]


def test_in_one_round_trip_with_others(tmp_path):
    entries = {"ecs_config": [{"settings": {"ECS_CLUSTER": "production"}}]}
    run, result = carry_out(_host_settings.ensure, entries, check_mode=False, root=str(tmp_path))
    assert run.changed
    assert [entry["path"] for entry in result["ecs_config"]] == [f"/{PATH}"]
    assert not carry_out(_host_settings.ensure, entries, check_mode=False, root=str(tmp_path))[0].changed


# Secrets ----------------------------------------------------------------------------------------------------------

SECRETS = {
    "the proxy's password": {"proxy": SECRET},
    "a proxy's password in a setting": {"settings": {"HTTP_PROXY": "http://fleet:s3cret@192.0.2.1:3128"}},
    "registries' passwords": {
        "settings": {
            "ECS_ENGINE_AUTH_TYPE": "docker",
            "ECS_ENGINE_AUTH_DATA": {"r.example.com": {"username": "u", "password": "s3cret", "email": "e"}},
        }
    },
    "registries' auth": {
        "settings": {
            "ECS_ENGINE_AUTH_TYPE": "dockercfg",
            "ECS_ENGINE_AUTH_DATA": '{"r.example.com": {"auth": "s3cret=="}}',
        }
    },
    "a log driver's token": {"settings": {"ECS_LOG_OPTS": {"splunk-token": "s3cret"}}},
    "the SDK's key": {"settings": {"AWS_SECRET_ACCESS_KEY": "s3cret/+"}},
}


@pytest.mark.parametrize("params", SECRETS.values(), ids=SECRETS.keys())
def test_credentials_are_for_the_owner_alone_and_in_no_diff(tmp_path, params):
    put(tmp_path, b"A=1\n")
    run, _result = ensure(tmp_path, **params)
    content, mode = tree(tmp_path)[PATH]
    assert (mode, b"s3cret" in content) == (0o600, True)
    later, _result = ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    gone, _result = ensure(tmp_path, state="absent", **params)
    for shown in (run, later, gone):
        assert shown.changed
        assert "s3cret" not in str(shown.diffs) + said(shown)


def test_credentials_that_are_nothing_like_what_they_should_be(tmp_path):
    put(tmp_path, b"ECS_ENGINE_AUTH_DATA=s3cret-of-no-form\n")
    run, _result = ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    assert "s3cret" not in str(run.diffs) + said(run)
    assert "ECS_ENGINE_AUTH_DATA: line 1 sets it, and it is not JSON" in said(run)
    assert tree(tmp_path)[PATH][1] == 0o600


@pytest.mark.parametrize("sign", ["#", "# ", ";", "##"])
def test_a_credential_that_is_commented_out_leaks_and_is_reported(tmp_path, sign):
    put(tmp_path, f"A=1\n{sign}HTTP_PROXY=http://u:s3cret@192.0.2.1:1\n# no_proxy=x\n".encode())
    run, _result = ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    assert "ecs-init: HTTP_PROXY: line 2 is no comment to it: the credentials there become a variable" in said(run)
    assert "line 3" not in said(run)
    assert "s3cret" not in said(run) + str(run.diffs)
    assert tree(tmp_path)[PATH][1] == 0o600


# What others wrote ------------------------------------------------------------------------------------------------

WARNED = {
    "unknown": ("ECS_CLUSTR=x", "ECS agent: ECS_CLUSTR: line 2 sets a variable that it .* Did you mean ECS_CLUSTER?"),
    "quoted": ('ECS_LOGLEVEL="info"', "ECS agent: ECS_LOGLEVEL: line 2 sets it, and it is '\"info\"'"),
    "quoted text": ('ECS_BACKEND_HOST="x"', "ECS_BACKEND_HOST: line 2 .* begins with a quotation mark"),
    "fatal": ('ECS_AVAILABLE_LOGGING_DRIVERS=["local"]', "line 2 .* has 'local', .* be started again for ever"),
    "fatal JSON": ("ECS_CONTAINER_INSTANCE_TAGS={'a':'b'}", "TAGS: line 2 .* is not JSON .* started again for ever"),
    "no unit": ("ECS_CONTAINER_STOP_TIMEOUT=30", "line 2 .* not a duration"),
    "switch": ("ECS_EXTERNAL=yes", "line 2 .* takes for no answer"),
    "Windows": ("ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED=true", "line 2 .* is read on Windows only"),
    "export": ("export ECS_BACKEND_HOST=x", "ecs-init: export ECS_BACKEND_HOST: line 2 names a variable that nothing"),
    "blanks": ("ECS_BACKEND_HOST = x", "ecs-init: ECS_BACKEND_HOST : line 2 names a variable that nothing reads"),
    "no name": ("=x", "dockerd: =: line 2 has no name before its ="),
    "unread": ("ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME=x", "is read by no version since July 2025"),
    "foreign proxy": ("HTTPS_PROXY=http://h:1", "ecs-init: HTTPS_PROXY: line 2 sets it, and wins over .* a drop-in"),
    "metadata": ("HTTP_PROXY=h:1\nNO_PROXY=a", "NO_PROXY: 169.254.169.254 is not in it"),
    "lower case": ("HTTP_PROXY=h:1\nhttp_proxy=g:1", "http_proxy: line 3 is without effect beside HTTP_PROXY"),
    "once": ("ECS_CLUSTR=x\nECS_CLUSTR=y", "ECS_CLUSTR: line 3"),
}


@pytest.mark.parametrize(("lines", "message"), WARNED.values(), ids=WARNED.keys())
def test_what_others_wrote_stays_and_is_warned_of(tmp_path, lines, message):
    before = f"OK\n{lines}\n".encode()
    put(tmp_path, before)
    run, _result = ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    assert len(run.notices) == 1 or "PROXY" in lines
    assert re.search(message, said(run))
    assert (tmp_path / PATH).read_bytes() == before + b"ECS_CLUSTER=x\n"


def test_a_byte_order_mark_hides_the_first_line(tmp_path):
    put(tmp_path, b"\xef\xbb\xbfECS_LOGLEVEL=info\n")
    run, _result = ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    assert said(run) == "ecs-init: ECS_LOGLEVEL: line 1 begins with a byte order mark, which becomes a part of the name"


def test_what_is_right_is_not_warned_of(tmp_path):
    put(tmp_path, b"# a = comment\nECS_DATADIR=/data\nECS_EXTERNAL=1\nAWS_CA_BUNDLE=/x\nHTTPS_PROXY=\nNO_COLOR=1\n")
    run, result = ensure(tmp_path, **WANTED)
    assert (run.notices, result["foreign_proxies"]) == ([], [])


def test_foreign_proxies(tmp_path):
    put(tmp_path, b"HTTP_PROXY=http://192.0.2.9:1\nhttps_proxy=x\nNO_PROXY=\n")
    assert ensure(tmp_path, settings={"ECS_CLUSTER": "x"})[1]["foreign_proxies"] == ["HTTP_PROXY", "https_proxy"]
    assert ensure(tmp_path, proxy=PROXY)[1]["foreign_proxies"] == ["https_proxy"]
    assert ensure(tmp_path, remove=["HTTP_PROXY", "https_proxy"])[1]["foreign_proxies"] == ["HTTPS_PROXY", "NO_PROXY"]


# Bad input --------------------------------------------------------------------------------------------------------

BAD = {
    "nothing": ({}, "^settings: is empty, and so are remove and proxy"),
    "typo": ({"settings": {"ECS_CLUSTR": "x"}}, f"^/{PATH}: ECS_CLUSTR: is no variable .* Did you mean ECS_CLUSTER"),
    "case": ({"settings": {"ecs_cluster": "x"}}, "ecs_cluster: .* Did you mean ECS_CLUSTER"),
    "lower-case proxy": ({"settings": {"http_proxy": "x"}}, "http_proxy: .* Did you mean HTTP_PROXY"),
    "hyphens": ({"settings": {"ECS-CLUSTER": "x"}, "allow_unknown": True}, "ECS-CLUSTER: is no variable's name"),
    "internal": ({"settings": {"ECS_DOMAIN_JOINED_LINUX_INSTANCE": "x"}}, "is no setting: ecs-init gives it"),
    "null": ({"settings": {"ECS_CLUSTER": None}}, "ECS_CLUSTER: is null. Name it in remove"),
    "unknown null": ({"settings": {"NEW": None}, "allow_unknown": True}, "NEW: is null"),
    "fatal driver": ({"settings": {"ECS_AVAILABLE_LOGGING_DRIVERS": ["local"]}}, "'local', a logging driver that the"),
    "fatal attributes": (
        {"settings": {"ECS_INSTANCE_ATTRIBUTES": '{"a":'}},
        "is not JSON at .* started again for ever",
    ),
    "fatal tags": ({"settings": {"ECS_CONTAINER_INSTANCE_TAGS": {"a": 1}}}, "a number at a, .* started again for ever"),
    "fatal routes": ({"settings": {"ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES": ["x"]}}, "no network; .* again for ever"),
    "JSON with a quote": ({"settings": {"ECS_INSTANCE_ATTRIBUTES": {"a": 'b"c'}}}, "holds a backslash"),
    "newline": ({"settings": {"ECS_CLUSTER": "x\nHTTP_PROXY=y"}}, "ECS_CLUSTER: holds the control character"),
    "half of credentials": ({"settings": {"ECS_ENGINE_AUTH_TYPE": "docker"}}, "ECS_ENGINE_AUTH_DATA: is missing"),
    "set and removed": ({"settings": {"ECS_CLUSTER": "x"}, "remove": ["ECS_CLUSTER"]}, "is both set and removed"),
    "proxy removed": ({"proxy": PROXY, "remove": ["NO_PROXY"]}, "NO_PROXY: is both set and removed"),
    "remove": ({"remove": ["ECS_CLUSTER=x"]}, "^remove: 'ECS_CLUSTER=x' is no variable's name"),
    "proxy": ({"proxy": {"htp": "x"}}, r"^container_hosts_proxy\.htp: is not a key of it"),
}


@pytest.mark.parametrize(("params", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_and_nothing_is_written(tmp_path, params, message):
    put(tmp_path, THEIRS)
    before = tree(tmp_path)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=message):
            ensure(tmp_path, check_mode=check_mode, **params)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("value", "written"), [("a", "a"), ("", ""), (True, "true"), (3, "3"), ({"a": [1]}, '{"a":[1]}')], ids=str
)
def test_what_is_unknown_is_taken_where_it_is_meant(tmp_path, value, written):
    settings = {"ECS_BRAND_NEW": value, "ECS_DOMAIN_JOINED_LINUX_INSTANCE": value}
    ensure(tmp_path, settings=settings, allow_unknown=True)
    assert variables(tmp_path) == dict.fromkeys(settings, written)


def test_credentials_of_which_others_wrote_one_half(tmp_path):
    put(tmp_path, b"ECS_ENGINE_AUTH_TYPE=docker\n")
    data = {"r.example.com": {"auth": "dTpw"}}
    with pytest.raises(Refused, match=f"^/{PATH}: ECS_ENGINE_AUTH_DATA: has other members at r.example.com"):
        ensure(tmp_path, settings={"ECS_ENGINE_AUTH_DATA": data})
    ensure(tmp_path, settings={"ECS_ENGINE_AUTH_DATA": data, "ECS_ENGINE_AUTH_TYPE": "dockercfg"})


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path):
    put(tmp_path, b'A=1\nB="x\n')
    with pytest.raises(Refused, match=f"^/{PATH}, line 3: ECS_CLUSTER: would be missed by systemd.* Look at line 2"):
        ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
    ensure(tmp_path, settings={"ECS_CLUSTER": "x"}, state="absent")


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / PATH).mkdir(parents=True)
    with pytest.raises(Refused, match="is a directory"):
        ensure(tmp_path, settings={"ECS_CLUSTER": "x"})
