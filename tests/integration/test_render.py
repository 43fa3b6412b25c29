# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook render on the controller alone; what its files do is seen in tests/conformance."""

from __future__ import annotations

import pathlib
import stat
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.fleetops.container_hosts.tests.stage import playbook

PLAYBOOK = "fleetops.container_hosts.render"
MARK = "Zq7x9K"


def render(folder: pathlib.Path, **variables: t.Any) -> playbook.Run:
    inventory = folder / "inventory"
    inventory.write_text("localhost\n")
    return playbook.run(
        PLAYBOOK, inventory, "-vvv", "--diff", variables={"render_folder": str(folder / "out"), **variables}
    )


def test_all_files_are_private_and_of_one_model(tmp_path: pathlib.Path) -> None:
    said: dict[str, t.Any] = {
        "container_hosts_proxy": {"http": "http://10.0.0.33:8080", "username": "fleet", "password": f"{MARK}$(id)'\"%"},
        "ecs_cluster": "production",
        "circleci_nomad_services": ["circleci.example.com"],
        "circleci_nomad_networks": ["10.0.0.0/16"],
        "circleci_nomad_jvm_opts": False,
    }
    done = render(tmp_path, **said).ok()
    assert MARK not in done.stdout + done.stderr
    files = {path.name: path for path in (tmp_path / "out").iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert sorted(files) == [
        "circleci-job-environment.yml",
        "circleci-kots-flags.txt",
        "circleci-nomad-cloud-config.yml",
        "circleci-nomad-user-data.sh",
        "circleci-values.yaml",
        "ecs-boothook.sh",
        "ecs-cloud-config.yml",
        "ecs-windows.ps1",
        "windows-docker.reg",
        "windows-ecs.reg",
        "windows-iotedge-install.ps1",
        "windows-iotedge.reg",
    ]
    values = yaml.safe_load(files["circleci-values.yaml"].read_text())["proxy"]
    assert values["https"]["auth"]["password"] == f"{MARK}$(id)'\"%"
    assert {"circleci.example.com", "10.0.0.0/16"} <= set(values["no_proxy"])
    subprocess.run(["/bin/bash", "-n", files["circleci-nomad-user-data.sh"]], check=True)
    assert "JVM_OPTS" not in files["circleci-nomad-user-data.sh"].read_text()
    assert render(tmp_path, **said).ok().changed == []


@pytest.mark.parametrize("wanted", [["ecs"], ["windows"], "ecs,windows"])
def test_an_https_proxy_where_nothing_of_circleci_is_wanted(tmp_path: pathlib.Path, wanted: str | list[str]) -> None:
    said: dict[str, t.Any] = {"container_hosts_proxy": {"http": "https://10.0.0.33:3128"}, "render_for": wanted}
    render(tmp_path, **said).ok()
    rendered = {path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()}
    assert rendered == set(wanted if isinstance(wanted, list) else wanted.split(","))


def test_nothing_is_rendered_for_whom_nobody_knows(tmp_path: pathlib.Path) -> None:
    done = render(tmp_path, container_hosts_proxy={"http": "http://10.0.0.33:3128"}, render_for=["ecs", "window"])
    assert "render_for: window is unknown. Write some of ecs, circleci, windows" in " ".join(done.stdout.split())
    assert not (tmp_path / "out").exists()


def test_what_is_refused_says_why(tmp_path: pathlib.Path) -> None:
    done = render(tmp_path, container_hosts_proxy={"http": f"https://fleet:{MARK}@10.0.0.33:3128"})
    assert done.rc != 0
    assert "is an https:// proxy" in done.stdout
    assert MARK not in done.stdout + done.stderr
