# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iotedge_manifest as a playbook uses it: through ansible-playbook, on files of the controller."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action.iotedge_manifest import ActionModule
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._iotedge_manifest import ARGUMENT_SPEC, ensure
from ansible_collections.fleetops.container_hosts.tests.support import manifests

PROXY = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "p@ss-Zq7x9K"}
ASKED = {"proxy": PROXY, "modules": ["sensor"], "log_limits": {"max_size": "5m"}, "edge_hub": {"http": False}}


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "deployment.json"
    document = manifests.good()
    for name in ("edgeAgent", "edgeHub"):
        env = manifests.modules_of(document)[name]["env"]
        del env["https_proxy"], env["UpstreamProtocol"]
    path.write_text(json.dumps(document, indent=2))
    path.chmod(0o644)
    return path


@pytest.fixture
def play(tmp_path, monkeypatch):
    """`play(*options, **arguments)` runs one task for two hosts that nobody could reach."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory").write_text("[fleet]\n192.0.2.[11:12]\n")

    def run(*options: str, **arguments):
        task = {"name": "Manifest", "fleetops.container_hosts.iotedge_manifest": arguments, "run_once": True}
        plays = [{"hosts": "fleet", "gather_facts": False, "become": True, "tasks": [task]}]
        (tmp_path / "play.yml").write_text(json.dumps(plays))
        command = ["ansible-playbook", "--inventory", "inventory", *options, "play.yml"]
        environment = os.environ | {"ANSIBLE_NOCOLOR": "1", "COLUMNS": "120"}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    return run


def recap(ran: subprocess.CompletedProcess[str]) -> str:
    return " ".join(ran.stdout.partition("PLAY RECAP")[2].split())


def test_check_diff_change_idempotence_and_absence(manifest, play):
    before = manifest.read_bytes()
    told = play("--check", "--diff", "-vvv", path="deployment.json", **ASKED)
    assert "changed=1" in recap(told), told.stdout + told.stderr
    assert manifest.read_bytes() == before

    ran = play("--diff", "-vvv", path="deployment.json", **ASKED)
    assert "changed=1" in recap(ran)
    for line in ('"https_proxy"', "http://********@192.0.2.1:3128", "httpSettings__enabled"):
        assert [shown.stdout.count(line) > 0 for shown in (told, ran)] == [True, True]
    assert "Zq7x9K" not in told.stdout + told.stderr + ran.stdout + ran.stderr
    modules = manifests.modules_of(json.loads(manifest.read_bytes()))
    for name in ("edgeAgent", "edgeHub", "sensor"):
        assert manifests.env_of(modules[name])["https_proxy"] == "http://fleet:p%40ss-Zq7x9K@192.0.2.1:3128"
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o600

    for options in ((), ("--check",)):
        assert "changed=0" in recap(play(*options, path="deployment.json", **ASKED))

    asked = {key: value for key, value in ASKED.items() if key != "log_limits"}  # those were there before
    after = play(path="deployment.json", state="absent", **asked)
    assert "changed=1" in recap(after), after.stdout
    left = manifests.modules_of(json.loads(manifest.read_bytes()))
    assert {name: module.get("env") for name, module in left.items()} == {
        name: module.get("env") for name, module in manifests.modules_of(json.loads(before)).items()
    }


def test_another_file_is_written_and_the_first_one_left(manifest, play, tmp_path):
    before = manifest.read_bytes()
    ran = play(path="deployment.json", dest="out.json", **ASKED)
    assert "changed=1" in recap(ran), ran.stdout
    assert manifest.read_bytes() == before
    assert stat.S_IMODE((tmp_path / "out.json").stat().st_mode) == 0o600
    assert "changed=0" in recap(play(path="deployment.json", dest="out.json", **ASKED))


def test_what_would_cut_devices_off_is_not_written_and_the_table_is_shown(manifest, play):
    before = manifest.read_bytes()
    ran = play(path="deployment.json", behind_proxy=True, log_limits={"max_size": "5m"})
    assert ran.returncode != 0
    assert manifest.read_bytes() == before
    assert "error" in ran.stdout
    assert "[agent_without_proxy]" in ran.stdout
    assert "nothing was written" in ran.stdout
    allowed = play(path="deployment.json", behind_proxy=True, log_limits={"max_size": "5m"}, fail_on="never")
    assert "changed=1" in recap(allowed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "gone.json"}, "there is no file gone.json on the controller"),
        ({"path": "deployment.json", "proxy": {"http": "192.0.2.1:3128"}}, "has no scheme"),
        ({"path": "deployment.json", "prxy": {}}, "Unsupported parameters"),
        ({"path": "deployment.json", "modules": ["sensor"]}, "modules: says who gets a proxy"),
        ({"path": "deployment.json", "proxy": PROXY, "modules": ["senser"]}, "Did you mean sensor?"),
        ({"path": "deployment.json", "log_limits": {"max_size": "10"}}, "log_limits.max_size: '10' is no size"),
        ({"path": "deployment.json", "log_limits": {"max_file": 0}}, "log_limits.max_file"),
        ({"path": "deployment.json", "resource_limits": {"edgeHub": {"memory": "1k"}}}, "is no size of 6m or more"),
        ({"path": "deployment.json", "resource_limits": {"edgeHub": {"cpus": "many"}}}, "is no number above 0"),
        ({"path": "deployment.json", "resource_limits": {"edgeHub": {"ram": 1}}}, "is no dictionary of limits"),
        ({"path": "deployment.json", "host_storage": {"hub": "srv"}}, "is no folder of a device"),
        ({"path": "deployment.json", "images": {"edgeHub": "a b"}}, "is no image's name"),
        ({"path": "deployment.json", "registry": {"address": "https://x"}}, "registry.address: is no registry"),
        ({"path": "deployment.json", "registry": {"address": "x.example.com", "name": "x.y"}}, "name in a twin"),
        ({"path": "deployment.json", "registry": {"address": "x.example.com", "username": "u"}}, "required together"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(arguments, said, manifest, tmp_path):
    before = manifest.read_bytes()
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, get_search_path=lambda: [str(tmp_path)])
    action = ActionModule(task, None, SimpleNamespace(), loader, None, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
        result = action.run(task_vars={})
    assert result["failed"]
    assert said in result["msg"]
    assert "Zq7x9K" not in json.dumps(result)
    assert manifest.read_bytes() == before


def test_a_vault_and_an_interrupted_write_leave_the_file(manifest, monkeypatch):
    given = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    given |= {"path": str(manifest), "proxy": PROXY}
    before = manifest.read_bytes()

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_host_file.os, "fsync", full)
        with pytest.raises(Refused, match="No space left"):
            ensure(given, Run())
    assert manifest.read_bytes() == before
    assert os.listdir(manifest.parent) == ["deployment.json"]

    manifest.write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n3030\n")
    with pytest.raises(Refused, match="encrypted with Ansible Vault"):
        ensure(given, Run())
