# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ecs_instance on trees of every platform: each file, and back to the byte. What runs is seen in tests/integration."""

from __future__ import annotations

import os
import stat
import subprocess
import time

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_instance, _upstart
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.tests.stage.ecs import PLATFORMS

PROXY = {"http": "192.0.2.1:3128", "no_proxy": ["corp.example.com"]}
SECRET = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "s3cret%/@"}
SETTINGS = {"ECS_CLUSTER": "production"}
CONFIG = "etc/ecs/ecs.config"
ENGINE_FILE = "etc/sysconfig/docker"
DROPIN = "etc/systemd/system/{}.service.d/zzz-container-hosts-ecs.conf"
SYSTEMD = ["amazon-linux-2", "amazon-linux-2023", "rpm", "deb"]


@pytest.fixture
def host(tmp_path):
    """Return a function that makes a tree which presents itself as a platform."""

    def make(platform):
        about = PLATFORMS[platform]
        put(tmp_path, "etc/os-release", about.os_release or "ID=debian\n")
        put(tmp_path, "etc/system-release", about.system_release)
        put(tmp_path, CONFIG, "# theirs\nECS_RESERVED_PORTS=[22]\n")
        put(tmp_path, ENGINE_FILE, 'OPTIONS="--default-ulimit nofile=1024:4096"\n')
        if platform != "amazon-linux-ami":
            for unit in ("docker", "ecs"):
                text = f"[Service]\nExecStart=/usr/bin/{unit}\nEnvironmentFile=-/etc/sysconfig/{unit}\n"
                put(tmp_path, f"usr/lib/systemd/system/{unit}.service", text)
        return tmp_path

    return make


def put(host, path, text):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_text(text)
    (host / path).chmod(0o644)


def ensure(host, *, check_mode=False, **params):
    checked = ArgumentSpecValidator(_ecs_instance.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_ecs_instance.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def tree(host):
    return {str(path): path.read_bytes() for path in sorted(host.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("model", [PROXY, SECRET])
@pytest.mark.parametrize("platform", [*SYSTEMD, "amazon-linux-ami"])
def test_apply_twice_and_absent(host, platform, model):
    root = host(platform)
    before = tree(root)
    foretold, _result = ensure(root, proxy=model, settings=SETTINGS, check_mode=True)
    assert tree(root) == before
    run, result = ensure(root, proxy=model, settings=SETTINGS)
    assert (run.changed, foretold.diffs, foretold.notices) == (True, run.diffs, run.notices)
    assert result["platform"] == platform
    assert "s3cret" not in str(run.diffs) + str(result) + str(run.notices)
    for path, content in tree(root).items():
        if b"s3cret" in content:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert not ensure(root, proxy=model, settings=SETTINGS)[0].changed
    ensure(root, settings=SETTINGS, state="absent")
    assert tree(root) == before
    assert not ensure(root, settings=SETTINGS, state="absent")[0].changed


@pytest.mark.parametrize("platform", SYSTEMD)
def test_one_list_in_every_place_so_that_none_shadows_another(host, platform):
    root = host(platform)
    run, result = ensure(root, proxy=PROXY, ipv6_metadata=True)
    assert run.notices == []
    for unit in result["systemd_environment"]["units"]:
        assert unit["shadowed_by"] == []
    line = next(line for line in (root / CONFIG).read_text().splitlines() if line.startswith("NO_PROXY="))
    entries = line.partition("=")[2].split(",")
    assert {"169.254.169.254", "169.254.170.2", "fd00:ec2::254", "/var/run/docker.sock"} <= set(entries)
    for unit in ("docker", "ecs"):
        assert f'Environment="{line}"\n' in (root / DROPIN.format(unit)).read_text()
    assert "OPTIONS" in (root / ENGINE_FILE).read_text()
    assert "PROXY" not in (root / ENGINE_FILE).read_text()


def test_the_files_of_the_amazon_linux_ami_as_a_shell_has_them(host):
    root = host("amazon-linux-ami")
    ensure(root, proxy=PROXY)
    shell = subprocess.run(
        ["/bin/sh", "-c", f". {root}/{ENGINE_FILE} && sh -c 'echo \"$HTTPS_PROXY $NO_PROXY\"'"],
        env={},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    override = (root / "etc/init/ecs.override").read_text().splitlines()
    assert f"env NO_PROXY={shell.split()[1]}" in override
    assert "env HTTPS_PROXY=http://192.0.2.1:3128" in override
    assert shell.split()[0] == "http://192.0.2.1:3128"
    assert not (root / "etc/systemd").exists()


def test_what_wins_is_told_of_or_taken_away(host):
    root = host("amazon-linux-2")
    stale = "OPTIONS=-D\nHTTP_PROXY=http://192.0.2.9:1\n"
    put(root, ENGINE_FILE, stale)
    put(root, "etc/docker/daemon.json", '{"proxies": {"http-proxy": "http://192.0.2.9:1"}}')
    run, _result = ensure(root, proxy=PROXY, check_mode=True)
    assert [(notice.reader, notice.entry) for notice in run.notices] == [
        ("docker.service", "proxies"),
        ("docker.service", "HTTP_PROXY"),
    ]
    run, _result = ensure(root, proxy=PROXY, adopt=True)
    assert [notice.entry for notice in run.notices] == ["proxies"]
    assert (root / ENGINE_FILE).read_text() == "OPTIONS=-D\n"


def test_settings_without_a_proxy_leave_the_daemons_environments_alone(host):
    root = host("amazon-linux-2023")
    put(root, DROPIN.format("ecs"), "[Service]\nEnvironment=A=b\n")
    before = tree(root)
    _run, result = ensure(root, settings=SETTINGS)
    changed = {path for path, content in tree(root).items() if before.get(path) != content}
    assert changed == {str(root / CONFIG), f"{root}{_ecs_instance.NOTE}"}
    assert result["systemd_environment"] is None
    assert not ensure(root, proxy={})[0].changed


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"proxy": PROXY, "settings": {"HTTP_PROXY": "http://192.0.2.2:1"}}, "settings: HTTP_PROXY: is the proxy's"),
        ({"settings": {"ECS_CLUSTR": "x"}}, "ECS_CLUSTER"),
        ({"proxy": {"http": "http://192.0.2.1"}, "settings": {"ECS_AVAILABLE_LOGGING_DRIVERS": ["local"]}}, "local"),
    ],
)
def test_bad_input_writes_nothing(host, params, words):
    root = host("amazon-linux-2")
    before = tree(root)
    with pytest.raises(Refused, match=words):
        ensure(root, **params)
    assert tree(root) == before


def test_a_process_is_compared_with_a_file_by_when_it_was_started(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        os.utime(path, (time.time() + 5, time.time() + 5))
        assert _upstart.older_than(process.pid, str(path))
        os.utime(path, (time.time() - 5, time.time() - 5))
        assert not _upstart.older_than(process.pid, str(path))
        process.kill()
    assert not _upstart.older_than(process.pid, str(path))


# Back to what was, and no further ---------------------------------------------------------------------------------


def test_absent_leaves_what_the_launch_had_said(host):
    root = host("amazon-linux-2023")
    put(root, CONFIG, "ECS_CLUSTER=production\nHTTP_PROXY=192.0.2.9:80\n")
    before = tree(root)
    ensure(root, proxy=PROXY, settings=SETTINGS)
    assert "192.0.2.9" not in (root / CONFIG).read_text()
    run, result = ensure(root, settings=SETTINGS, state="absent")
    assert tree(root) == before
    assert result["ecs_config"]["foreign_proxies"] == ["HTTP_PROXY"]
    assert [notice.entry for notice in run.notices] == ["HTTP_PROXY"]
    assert not ensure(root, settings=SETTINGS, state="absent")[0].changed
    assert tree(root) == before


def test_absent_takes_what_is_ours_out_of_a_file_that_others_edit(host):
    root = host("rpm")
    ensure(root, proxy=SECRET, settings={**SETTINGS, "ECS_RESERVED_PORTS": [22, 2376]})
    put(root, CONFIG, (root / CONFIG).read_text() + "ECS_LOGLEVEL=debug\n")
    ensure(root, state="absent")
    assert (root / CONFIG).read_text() == "# theirs\nECS_RESERVED_PORTS=[22]\nECS_LOGLEVEL=debug\n"


def test_a_file_of_the_boothook_is_ours_without_a_note(host):
    root = host("amazon-linux-2023")
    (root / CONFIG).unlink()
    ensure(root, proxy=PROXY, settings=SETTINGS)
    (root / _ecs_instance.NOTE[1:]).unlink()
    ensure(root, settings=SETTINGS, state="absent")
    assert not (root / CONFIG).exists()
    assert not ensure(root, settings=SETTINGS, state="absent")[0].changed


def test_check_mode_of_absent_says_what_absent_does(host):
    root = host("deb")
    ensure(root, proxy=PROXY, settings=SETTINGS)
    before = tree(root)
    foretold, _result = ensure(root, settings=SETTINGS, state="absent", check_mode=True)
    assert tree(root) == before
    run, _result = ensure(root, settings=SETTINGS, state="absent")
    assert foretold.diffs == run.diffs
    assert foretold.changed
    assert run.changed
