# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image is built by the roles, in a chroot, in a container, or by Packer; what boots from it needs no change."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
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
BEGUN = "/srv/begun"
BOOTS = 'CMD ["/sbin/init"]'
PACKER = pathlib.Path(__file__).parents[2] / "examples" / "packer" / "container-host.pkr.hcl"
PYTHON = "/srv/python3-in-image"
# What a package build or debootstrap leaves: a root of its own, with devices and without /run and /proc.
MAKE_TREE = f"""
mkdir {TREE}
tar --create --directory=/ --one-file-system --exclude=./srv --exclude=./tmp/* . | tar --extract --directory={TREE}
mount --rbind /dev {TREE}/dev
printf '#!/bin/sh\\nexec chroot {TREE} /usr/bin/python3 "$@"\\n' >{PYTHON}
chmod +x {PYTHON}
touch {BEGUN}
"""

Play = t.Callable[..., playbook.Run]


@pytest.fixture
def variables(squid: Squid, registry: Registry) -> dict[str, t.Any]:
    return {
        "container_hosts_proxy": {"http": squid.url(), "no_proxy": ["10.0.0.0/8"], "ca_certificate": registry.ca},
        "moby_client_users": ["root"],
    }


@pytest.fixture(autouse=True)
def made() -> t.Iterator[list[str]]:
    """The images of the engine that a test makes. They go in the end, after the hosts that keep them in use."""
    names: list[str] = []
    yield names
    for each in names:
        engine.docker("image", "rm", "--force", each)


@pytest.fixture
def first_boot(
    new_host: t.Callable[..., Host],
    run_playbook: Play,
    variables: dict[str, t.Any],
    squid: Squid,
    registry: Registry,
) -> t.Callable[[str], None]:
    """Boots an image: its engine has the proxy from the start, and the playbook finds nothing to do."""

    def boot(image: str) -> None:
        host = new_host("trixie", image=image)
        pid = host.main_pid("docker")
        assert host.pid_environ("docker")["HTTPS_PROXY"] == squid.url()
        assert run_playbook(SITE, host, variables=variables).ok().changed == []
        assert host.main_pid("docker") == pid
        since = squid.mark()
        registry.publish("team/payload", host.name)
        assert host.exec("docker", "pull", f"{NAME}/team/payload:{host.name}").rc == 0
        assert squid.wait_for(lambda request: request.client == host.address, since)

    return boot


def assert_unknown(builder: Host, root: str = "") -> None:
    """No file that was written below a root since the build was begun tells of the machine that builds."""
    written = builder.exec("find", f"{root}/", "-xdev", "-type", "f", "-newer", BEGUN).out.split()
    assert root + DROPIN in written
    assert root + DAEMON_JSON in written
    # A machine that was never booted has an empty one.
    machine = builder.read("/etc/machine-id").strip()
    for fact in filter(None, (builder.name, builder.address, machine)):
        assert builder.exec("grep", "-lF", fact, *written).rc == 1, fact


def imported(builder: Host) -> str:
    """Make an image of the engine out of the tree on a host."""
    builder.exec("umount", "--recursive", "--lazy", f"{TREE}/dev")
    pack = ["docker", "exec", builder.container, "tar", "--create", "--one-file-system", f"--directory={TREE}", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
        load = ["docker", "import", "--change", BOOTS, "-"]
        done = subprocess.run(load, stdin=packed.stdout, capture_output=True, text=True, check=True)
    assert packed.returncode == 0
    return done.stdout.strip()


def test_a_chroot_and_its_first_boot(
    new_host: t.Callable[..., Host],
    run_playbook: Play,
    variables: dict[str, t.Any],
    made: list[str],
    first_boot: t.Callable[[str], None],
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
    assert_unknown(builder, TREE)
    made.append(imported(builder))
    first_boot(made[-1])


def test_a_container_without_systemd_and_its_first_boot(
    new_host: t.Callable[..., Host],
    run_playbook: Play,
    variables: dict[str, t.Any],
    made: list[str],
    first_boot: t.Callable[[str], None],
) -> None:
    builder = new_host("trixie", booted=False)
    assert builder.exec("touch", BEGUN).rc == 0
    assert run_playbook(SITE, builder, variables=variables).ok().changed != []
    assert run_playbook(SITE, builder, variables=variables).ok().changed == []
    assert_unknown(builder)
    made.append(engine.docker("commit", "--change", BOOTS, builder.container))
    first_boot(made[-1])


def test_an_image_of_packer_and_its_first_boot(
    tmp_path: pathlib.Path,
    variables: dict[str, t.Any],
    made: list[str],
    first_boot: t.Callable[[str], None],
) -> None:
    """The example, by Debian's Packer: its provisioner reaches the container by its own SSH server."""
    said = tmp_path / "variables.json"
    said.write_text(json.dumps(variables))
    images.ensure(["trixie"])
    base = images.RECIPES["trixie"].tag
    command = ["packer", "build", "-color=false", f"-var=base={base}", f"-var=proxy_variables={said}"]
    # A short path: ssh's control socket is below it, and may have no more than some hundred characters.
    with tempfile.TemporaryDirectory() as home:
        environment = playbook.environment() | {"HOME": home, "CHECKPOINT_DISABLE": "1"}
        built = subprocess.run(
            [*command, str(PACKER)], check=False, capture_output=True, text=True, env=environment, cwd=home, timeout=300
        )
    assert built.returncode == 0, built.stdout + built.stderr
    made.append("example/container-host:latest")
    first_boot(made[-1])


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
