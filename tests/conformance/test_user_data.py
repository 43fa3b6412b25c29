# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rendered boothook, run for real as cloud-init runs it, writes what the roles write, byte for byte."""

from __future__ import annotations

import io
import json
import pathlib
import stat
import subprocess
import tarfile
import typing as t

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_instance, _package_manager_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _user_data
from ansible_collections.fleetops.container_hosts.tests.stage import ecs

PLAIN = {"http": "192.0.2.1:3128", "no_proxy": ["10.0.0.0/8", "corp.example.com"]}
SECRET = {"http": "http://192.0.2.1:3128", "username": "EXAMPLE\\fleet", "password": "p%41s:w@rd#/?&ü€ \"'$\\{x}`"}
SETTINGS = {"ECS_CLUSTER": "it's $HOME `here` #1", "ECS_INSTANCE_ATTRIBUTES": {"stack": "blue & green"}}
# Where the file ends without a line end, what is added has none either: it is to be exact the other way round too.
CONFIGS = {
    "none": None,
    "empty": b"",
    "theirs": b"# mine\nECS_RESERVED_PORTS=[22]\n",
    "ours and old": b"ECS_CLUSTER=old\nHTTP_PROXY=x\n\nECS_CLUSTER=older\n # z\n",
    "no end": b"ECS_CLUSTER=a\nECS_RESERVED_PORTS=[22]",
    "last goes": b"ECS_RESERVED_PORTS=[22]\nECS_CLUSTER=a\n ECS_CLUSTER = b",
    "CRLF": b"ECS_CLUSTER=a\r\nECS_RESERVED_PORTS=[22]\r\n",
}
YUM = {
    "shipped": b"[main]\ncachedir=/var/cache/yum\nkeepcache=0\n\n[other]\nproxy=_none_\n",
    "old": b"# x\n[main]\nProxy = http://old:1\nproxy_username=u\nproxy=http://older:2\nproxy_password=p\ngpgcheck=1",
    "no main": b"[other]\nname=x\n",
    "no end": b"[main]",
}
DOCKER = {
    "none": None,
    "shipped": b'# Options\nOPTIONS="--default-ulimit nofile=32768:65536"\n',
    "no end": b"DAEMON_MAXFILES=1048576",
    "block": b"A=1\n\n\n# BEGIN fleetops.container_hosts\nexport OLD=1\n# END fleetops.container_hosts\nB=2",
}
OVERRIDE = {"none": None, "theirs": b"env OTHER=1\nenv HTTP_PROXY=old:1\nenv HTTP_PROXY=older:2\nmanual\n"}
PATHS = {"config": "etc/ecs/ecs.config", "docker": "etc/sysconfig/docker", "override": "etc/init/ecs.override"}
MANAGED = ("/etc/ecs", "/etc/systemd/system/docker.service.d", "/etc/systemd/system/ecs.service.d", "/etc/yum.conf")
LOOK = (*MANAGED, "/etc/dnf/dnf.conf", "/etc/sysconfig/docker", "/etc/init")

Files = dict[str, tuple[bytes, int]]

CASES = [
    *[("amazon-linux-2023", PLAIN, config, "shipped", "shipped", "none") for config in CONFIGS],
    *[("amazon-linux-2", SECRET, "theirs", yum, "shipped", "none") for yum in YUM],
    *[("amazon-linux-ami", PLAIN, "empty", "old", docker, "theirs") for docker in DOCKER],
    ("amazon-linux-ami", SECRET, "none", "shipped", "shipped", "none"),
    ("amazon-linux-2023", {}, "none", "shipped", "none", "none"),
]


@pytest.fixture(scope="module")
def container() -> t.Iterator[str]:
    """A Debian with dash, mawk and GNU's tools, which nothing of systemd runs in."""
    command = ["docker", "run", "--detach", "--network=none", "container-hosts/bookworm:latest", "sleep", "infinity"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield made
    subprocess.run(["docker", "rm", "--force", "--volumes", made], check=True, capture_output=True)


def run(container: str, *command: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["docker", "exec", "-i", container, *command], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def put(container: str, files: dict[str, bytes]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    run(container, "sh", "-c", f"rm -rf {' '.join(LOOK)} /etc/os-release && tar -x -C /", stdin=archive.getvalue())


def found(container: str) -> Files:
    """What is at the places that the boothook writes to."""
    script = f"find {' '.join(LOOK)} -type f 2>/dev/null | tar -c -T - 2>/dev/null"
    with tarfile.open(fileobj=io.BytesIO(run(container, "sh", "-c", script))) as tar:
        opened = [(each, tar.extractfile(each)) for each in tar.getmembers()]
        return {each.name: (content.read(), each.mode) for each, content in opened if content}


def ensure(module: t.Any, root: pathlib.Path, **params: t.Any) -> None:
    checked = ArgumentSpecValidator(module.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    carry_out(module.ensure, checked.validated_parameters, check_mode=False, root=str(root))


def by_the_roles(root: pathlib.Path, files: dict[str, bytes], model: dict[str, t.Any]) -> Files:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        (root / path).chmod(0o644)
    for unit in ("docker", "ecs"):
        path = root / f"usr/lib/systemd/system/{unit}.service"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[Service]\nExecStart=/bin/true\n")
    ensure(_ecs_instance, root, proxy=model, settings=SETTINGS)
    manager = "dnf" if "etc/dnf/dnf.conf" in files else "yum"
    if model:
        full = {**model, "http": model["http"] if "://" in model["http"] else f"http://{model['http']}"}
        ensure(_package_manager_proxy, root, proxy=full, manager=manager, private_config=True)
    places = [root / place.lstrip("/") for place in LOOK]
    paths = [path for place in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in paths}


@pytest.mark.parametrize(("platform", "model", "config", "yum", "docker", "override"), CASES)
def test_a_boothook_and_the_roles_write_the_same(
    container: str,
    tmp_path: pathlib.Path,
    platform: str,
    model: dict[str, t.Any],
    config: str,
    yum: str,
    docker: str,
    override: str,
) -> None:
    contents = {
        "etc/os-release": ecs.PLATFORMS[platform].os_release.encode(),
        "etc/system-release": ecs.PLATFORMS[platform].system_release.encode(),
        "etc/dnf/dnf.conf" if platform == "amazon-linux-2023" else "etc/yum.conf": YUM[yum],
        PATHS["config"]: CONFIGS[config],
        PATHS["docker"]: DOCKER[docker],
        PATHS["override"]: OVERRIDE[override],
    }
    files = {path: content for path, content in contents.items() if content is not None}
    expected = by_the_roles(tmp_path, files, model)
    rendered = _user_data.instance(model, SETTINGS, allow_unknown=False, ipv6=False, windows=False).value
    text = _user_data.render(rendered, "boothook")
    assert text.startswith("#cloud-boothook\n#!/bin/sh\n")

    put(container, files)
    # What cloud-init does: the first line goes, and the rest is a program.
    for _boot in range(2):
        run(container, "sh", "-c", "sed 1d >/root/hook && chmod 0700 /root/hook && /root/hook", stdin=text.encode())
        assert found(container) == expected
    last = "find /etc -newer /root/hook -type f"
    run(container, "sh", "-c", "sleep 0.05; touch /root/hook; /root/hook")
    assert run(container, "sh", "-c", last) == b""
    assert not [name for name in run(container, "ls", "/tmp").split() if name.startswith(b"tmp.")]


def test_a_cloud_config_has_what_a_role_writes_where_nothing_was(tmp_path: pathlib.Path) -> None:
    files = {"etc/os-release": ecs.PLATFORMS["amazon-linux-2"].os_release.encode(), "etc/yum.conf": b"[main]\n"}
    expected = by_the_roles(tmp_path, files, SECRET)
    rendered = _user_data.instance(SECRET, SETTINGS, allow_unknown=False, ipv6=False, windows=False).value
    text = _user_data.render(rendered, "cloud_config")
    assert text.startswith("#cloud-config\n")
    said = yaml.safe_load(text)
    written = {
        entry["path"].lstrip("/"): (entry["content"].encode(), int(entry["permissions"], 8))
        for entry in said["write_files"]
    }
    del expected["etc/yum.conf"]
    assert written == expected
    assert json.dumps(said["runcmd"]).count("--no-block") == 1
