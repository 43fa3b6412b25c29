# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image is built by the roles, in a chroot of a machine that runs systemd; what boots from it needs no change."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, images, playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid

SITE = "fleetops.container_hosts.site"
DROPIN = "/etc/systemd/system/docker.service.d/zz-container-hosts.conf"
DAEMON_JSON = "/etc/docker/daemon.json"
TREE = "/srv/image"
PACKER = pathlib.Path(__file__).parents[2] / "examples" / "packer" / "container-host.pkr.hcl"
PYTHON = "/srv/python3-in-image"
# What a package build or debootstrap leaves: a root of its own, with devices and without /run and /proc.
MAKE_TREE = f"""
mkdir {TREE}
tar --create --directory=/ --one-file-system --exclude=./srv --exclude=./tmp/* . | tar --extract --directory={TREE}
mount --rbind /dev {TREE}/dev
printf '#!/bin/sh\\nexec chroot {TREE} /usr/bin/python3 "$@"\\n' >{PYTHON}
chmod +x {PYTHON}
touch /srv/begun
"""

Play = t.Callable[..., playbook.Run]


@pytest.fixture
def variables(squid: Squid, registry: Registry) -> dict[str, t.Any]:
    return {
        "container_hosts_proxy": {"http": squid.url(), "no_proxy": ["10.0.0.0/8"], "ca_certificate": registry.ca},
        "moby_client_users": ["root"],
    }


@pytest.fixture
def imported() -> t.Iterator[t.Callable[[Host], str]]:
    """Makes an image of the engine out of a host's tree; all go in the end."""
    made: list[str] = []

    def make(builder: Host) -> str:
        builder.exec("umount", "--recursive", "--lazy", f"{TREE}/dev")
        pack = ["docker", "exec", builder.container, "tar", "--create", "--one-file-system", f"--directory={TREE}", "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            load = ["docker", "import", "--change", 'CMD ["/sbin/init"]', "-"]
            done = subprocess.run(load, stdin=packed.stdout, capture_output=True, text=True, check=True)
        assert packed.returncode == 0
        made.append(done.stdout.strip())
        return made[-1]

    yield make
    for each in made:
        engine.try_docker("image", "rm", "--force", each)


def test_a_chroot_and_its_first_boot(
    new_host: t.Callable[..., Host],
    imported: t.Callable[[Host], str],
    run_playbook: Play,
    variables: dict[str, t.Any],
    registry: Registry,
) -> None:
    builder = new_host("trixie")
    assert builder.exec("sh", "-eu", "-c", MAKE_TREE).rc == 0
    pid = builder.main_pid("docker")
    # The module runs in the chroot from its first byte on.
    said = {**variables, "ansible_python_interpreter": PYTHON}
    assert run_playbook(SITE, builder, variables=said).ok().changed != []
    assert run_playbook(SITE, builder, variables=said).ok().changed == []
    assert json.loads(builder.read(TREE + DAEMON_JSON))["log-driver"] == "local"

    # The machine that builds is as it was, and nothing of it is in the image.
    assert builder.exec("sh", "-c", f"ls {DROPIN} {DAEMON_JSON}").rc != 0
    assert builder.main_pid("docker") == pid
    written = builder.exec("find", TREE, "-xdev", "-type", "f", "-newer", "/srv/begun").out.split()
    assert TREE + DROPIN in written
    assert TREE + DAEMON_JSON in written
    machine = builder.read("/etc/machine-id").strip()
    for fact in (builder.name, builder.address, machine):
        assert builder.exec("grep", "-lF", fact, *written).rc == 1, fact

    first = new_host("trixie", image=imported(builder))
    assert run_playbook(SITE, first, variables=variables).ok().changed == []
    registry.publish("team/payload", "first-boot")
    assert first.exec("docker", "pull", f"{NAME}/team/payload:first-boot").rc == 0


def test_an_image_of_packer(tmp_path: pathlib.Path) -> None:
    """The example, by Debian's Packer: its provisioner reaches the container by its own SSH server."""
    said = tmp_path / "variables.json"
    said.write_text(json.dumps({"container_hosts_proxy": {"http": "http://192.0.2.1:3128"}}))
    images.ensure(["trixie"])
    base = images.RECIPES["trixie"].tag
    command = ["packer", "build", "-color=false", f"-var=base={base}", f"-var=proxy_variables={said}"]
    environment = playbook.environment() | {"HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    try:
        built = subprocess.run(
            [*command, str(PACKER)], check=False, capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        assert built.returncode == 0, built.stdout + built.stderr
        show = ("run", "--rm", "--network", "none", "--entrypoint", "cat", "example/container-host:latest")
        assert "http://192.0.2.1:3128" in engine.docker(*show, DROPIN)
        assert json.loads(engine.docker(*show, DAEMON_JSON))["log-driver"] == "local"
    finally:
        engine.try_docker("image", "rm", "--force", "example/container-host:latest")


def test_files_alone_where_systemd_runs(
    new_host: t.Callable[..., Host], run_playbook: Play, variables: dict[str, t.Any]
) -> None:
    host = new_host("bookworm")
    pid = host.main_pid("docker")
    # As group_vars have it, and as AWX writes an answer.
    for value in (False, "false"):
        run = run_playbook(SITE, host, variables={**variables, "container_hosts_manage_runtime": value}).ok()
        assert (run.changed != []) == (value is False)
    assert "3128" in host.read(DROPIN)
    assert host.main_pid("docker") == pid
    assert host.exec("test", "-e", "/var/lib/container_hosts").rc != 0

    # What was written is brought to the running engine by the next run that may.
    run_playbook(SITE, host, variables={**variables, "container_hosts_manage_runtime": None}).ok()
    assert host.main_pid("docker") != pid
    assert "3128" in host.exec("docker", "info", "--format", "{{.HTTPProxy}}").out


def test_processes_are_asked_for_and_there_is_no_systemd(
    new_host: t.Callable[..., Host], run_playbook: Play, variables: dict[str, t.Any]
) -> None:
    host = new_host("bookworm", booted=False)
    run = run_playbook(SITE, host, variables={**variables, "container_hosts_manage_runtime": True})
    assert run.rc != 0
    assert "systemd does not run here" in run.tasks[-1].result["msg"]
    assert host.exec("test", "-e", DROPIN).rc != 0
