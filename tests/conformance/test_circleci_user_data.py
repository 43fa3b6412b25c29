# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rendered user data of Nomad clients, run for real, writes what the roles write, byte for byte."""

from __future__ import annotations

import io
import pathlib
import stat
import subprocess
import tarfile
import typing as t

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.filter.circleci_proxy import circleci_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _circleci_nomad, _package_manager_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PLAIN = {"http": "10.0.0.33:3128", "no_proxy": ["10.0.0.0/16", "corp.example.com"]}
SECRET = {"http": "http://10.0.0.33:3128", "username": "EXAMPLE\\fleet", "password": "p%41s:w@rd#/?&\"'$\\${x}%{x}`id`"}
DIRECT = ["10.0.1.238", "ghe.example.com"]
# What an image has, and what CircleCI's own terraform adds. The variable names of ours are not in the first ones.
SESSIONS = {
    "shipped": b'PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n',
    "terraform": b"export NOMAD_CACERT=/etc/ssl/nomad/ca.pem\nexport NOMAD_ADDR=https://localhost:4646",
}
OLD = b"A=1\nexport HTTP_PROXY=http://192.0.2.9:1\nno_proxy=x\nB=2\n"  # as the vendor's page has them
PLACES = ("etc/environment", "etc/systemd/system/docker.service.d", "etc/systemd/system/nomad.service.d", "etc/apt")


@pytest.fixture(scope="module")
def container() -> t.Iterator[str]:
    """A Debian in which nothing of systemd runs."""
    command = ["docker", "run", "--detach", "--network=none", "container-hosts/bookworm:latest", "sleep", "infinity"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield made
    subprocess.run(["docker", "rm", "--force", "--volumes", made], check=True, capture_output=True)


def run(container: str, *command: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["docker", "exec", "-i", container, *command], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout


def by_roles(root: pathlib.Path, sessions: bytes, model: dict[str, t.Any]) -> dict[str, tuple[bytes, int]]:
    """Return what the roles make of a machine on which nothing is configured, as path to bytes and mode."""
    for path in ("usr/lib/systemd/system/docker.service", "usr/lib/systemd/system/nomad.service", "usr/bin/apt-get"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("[Service]\nExecStart=/usr/bin/true\n")
    (root / "etc").mkdir()
    (root / "etc/environment").write_bytes(sessions)
    with_scheme = {**model, "http": model["http"] if "://" in model["http"] else f"http://{model['http']}"}
    for part, params in (
        (_circleci_nomad, {"proxy": model, "direct": DIRECT}),
        (_package_manager_proxy, {"proxy": with_scheme, "manager": "apt"}),
    ):
        checked = ArgumentSpecValidator(part.ARGUMENT_SPEC).validate(params)
        assert not checked.error_messages
        carry_out(part.ensure, checked.validated_parameters, check_mode=False, root=str(root))
    files = [path for path in (root / "etc").rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in files
        if "default" not in path.parts
    }


def in_container(container: str) -> dict[str, tuple[bytes, int]]:
    stream = io.BytesIO(run(container, "tar", "-cC/", *PLACES))
    with tarfile.open(fileobj=stream) as archive:
        found = {
            member.name: (handle.read(), member.mode) for member in archive if (handle := archive.extractfile(member))
        }
    ours = ("environment", "container-hosts")
    return {path: entry for path, entry in found.items() if any(name in path for name in ours)}


@pytest.mark.parametrize("model", [PLAIN, SECRET], ids=["plain", "secret"])
@pytest.mark.parametrize("sessions", SESSIONS)
def test_the_script_writes_what_the_roles_write(tmp_path, container, model, sessions):
    script = circleci_proxy(model, "shell", direct=DIRECT).encode()
    run(
        container,
        "sh",
        "-c",
        "rm -rf /etc/systemd/system/*.service.d /etc/apt/*/*container-hosts*; cat >/etc/environment",
        stdin=SESSIONS[sessions],
    )
    run(container, "chmod", "0644", "/etc/environment")
    run(container, "bash", "-eu", stdin=script)
    once = in_container(container)
    wanted = by_roles(tmp_path, SESSIONS[sessions], model)
    if not SESSIONS[sessions].endswith(b"\n"):
        # The role leaves a last line without its end, for a way back that is exact. Nothing goes back here.
        content, mode = wanted["etc/environment"]
        wanted["etc/environment"] = (content + b"\n", mode)
    assert once == wanted
    run(container, "bash", "-eu", stdin=script)
    assert in_container(container) == once


def test_what_a_page_had_people_append_is_replaced(container):
    run(container, "sh", "-c", "cat >/etc/environment", stdin=OLD)
    run(container, "bash", "-eu", stdin=circleci_proxy(PLAIN, "shell").encode())
    lines = in_container(container)["etc/environment"][0].decode().splitlines()
    assert lines[:2] == ["A=1", "B=2"]
    assert len([line for line in lines if "HTTP_PROXY=" in line]) == 1


def test_what_follows_the_script_has_the_variables(container):
    text = (
        circleci_proxy(SECRET, "shell", direct=DIRECT)
        + "\npython3 -c 'import os; print(os.environ[\"HTTPS_PROXY\"])'\n"
    )
    assert run(container, "bash", "-eu", stdin=text.encode()).startswith(b"http://EXAMPLE%5Cfleet:p%2541s")


@pytest.mark.parametrize("model", [PLAIN, SECRET], ids=["plain", "secret"])
def test_a_cloud_config_has_the_same_files(tmp_path, model):
    """As its documentation says of write_files; cloud-init itself is not run."""
    text = circleci_proxy(model, "cloud_config", direct=DIRECT)
    assert text.startswith("#cloud-config\n")
    config = yaml.safe_load(text)
    wanted = by_roles(tmp_path, SESSIONS["shipped"], model)
    found = {}
    for entry in config["write_files"]:
        before = SESSIONS["shipped"] if entry.get("append") else b""
        found[entry["path"].lstrip("/")] = (before + entry["content"].encode(), int(entry["permissions"], 8))
    content, mode = found["etc/environment"]
    assert content.count(b"\n\n") == 1
    found["etc/environment"] = (content.replace(b"\n\n", b"\n"), mode)
    assert found == wanted
    assert config["runcmd"][-1][:3] == ["systemctl", "--no-block", "try-restart"]
