# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the example pipelines against a host, in a checkout as a user has it."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.fleetops.container_hosts.tests.stage import fleet
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import AUTH_PORT, PASSWORD, USER, Squid
from ansible_collections.fleetops.container_hosts.tests.support import pipelines

VAULT = 'vault password of $the "store"'
ROOT = pathlib.Path(__file__).parents[2]


def checkout(folder: pathlib.Path, host: Host, squid: Squid, registry: Registry) -> pathlib.Path:
    """What is in the user's repository: inventory, a secret encrypted in it, hosts' keys, the examples' files."""
    folder.mkdir()
    for name in ("ansible.cfg", "requirements.yml", "requirements.txt"):
        shutil.copy(pipelines.EXAMPLES / name, folder)
    scan = ["ssh-keyscan", "-t", "ed25519", host.address]
    (folder / "known_hosts").write_text(subprocess.run(scan, check=True, capture_output=True, text=True).stdout)
    variables: dict[str, t.Any] = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "container_hosts_proxy": {
            "http": squid.url(AUTH_PORT),
            "username": USER,
            "password": "{{ vault_proxy_password }}",
            "no_proxy": ["corp.example.com"],
            "ca_certificate": str(registry.ca),
        },
        "moby_preflight_endpoints": [f"{NAME}:443"],
        "preflight_endpoints": [f"{NAME}:443"],
        "moby_expected_engine": "",
        "audit_digest_key": "{{ lookup('ansible.builtin.env', 'AUDIT_DIGEST_KEY') }}",
    }
    groups = folder / "inventory" / "group_vars" / "all"
    groups.mkdir(parents=True)
    (groups / "main.yml").write_text(yaml.safe_dump(variables))
    secret = VaultLib([("default", VaultSecret(VAULT.encode()))]).encrypt(PASSWORD).decode()
    lines = "".join(f"  {line}\n" for line in secret.splitlines())
    (groups / "vault.yml").write_text(f"vault_proxy_password: !vault |\n{lines}")
    hosts = {"moby": {"hosts": {host.name: {"ansible_host": host.address}}}}
    (folder / "inventory" / "hosts.yml").write_text(yaml.safe_dump(hosts))
    # For `ansible-galaxy collection install -p collections`, which would fetch it.
    place = folder / "collections" / "ansible_collections" / "fleetops"
    place.mkdir(parents=True)
    (place / "container_hosts").symlink_to(ROOT)
    return folder


@pytest.fixture
def new_home() -> t.Iterator[t.Callable[[], pathlib.Path]]:
    """Makes a home for a runner's user; an ssh that outlives the test may still be at its socket there."""
    with contextlib.ExitStack() as homes:
        made = functools.partial(tempfile.TemporaryDirectory, prefix="ci-", ignore_cleanup_errors=True)
        yield lambda: pathlib.Path(homes.enter_context(made()))


def test_from_lint_to_audit(
    new_host: t.Callable[..., Host],
    new_home: t.Callable[[], pathlib.Path],
    stage: fleet.Fleet,
    squid: Squid,
    registry: Registry,
    tmp_path: pathlib.Path,
) -> None:
    host = new_host("trixie")
    repository = checkout(tmp_path / "checkout", host, squid, registry)
    key = (stage.folder / "ssh_key").read_text().rstrip("\n")
    secrets = {"SSH_PRIVATE_KEY": key, "VAULT_PASSWORD": VAULT, "AUDIT_DIGEST_KEY": "digest key of the store"}
    path = pipelines.path_of(pathlib.Path(sys.executable).parent)
    runners = {
        name: pipelines.Runner(name, repository, tmp_path, new_home(), secrets, path) for name in pipelines.FILES
    }
    report = repository / "proxy-audit" / "audit.json"

    # An audit before all of it fails the job, and has its report all the same.
    assert runners["gitlab"].job("lint") == 0, runners["gitlab"].said
    assert json.loads((repository / "lint.json").read_text())["counts"]["error"] == 0
    assert runners["gitlab"].job("audit") == 2, runners["gitlab"].said
    assert json.loads(report.read_text())["totals"]["verdicts"]["drifted"] == 1

    github = runners["github"]
    since = squid.mark()
    for name in ("lint", "check"):
        assert github.job(name) == 0, github.said
    # The proxy was asked with the password of the vault, and the host left as it was.
    assert squid.wait_for(lambda request: request.client == host.address and request.status == 200, since)
    assert host.exec("test", "-e", "/etc/systemd/system/docker.service.d/zz-container-hosts.conf").rc != 0
    for name in ("rollout", "audit"):
        assert github.job(name) == 0, github.said
    assert not (github.temp / "secrets").exists()

    registry.publish("team/payload", "pipeline")
    assert host.exec("docker", "pull", f"{NAME}/team/payload:pipeline").rc == 0
    circleci = runners["circleci"]
    assert circleci.job("audit") == 0, circleci.said
    assert not (circleci.home / "secrets").exists()

    # And what is wrong ends it at once.
    (repository / "inventory" / "group_vars" / "moby.yml").write_text("moby_state: prsent\n")
    for runner in (github, circleci):
        shutil.rmtree(runner.temp / "lint", ignore_errors=True)
        assert runner.job("lint") == 2, runner.said
    said = "".join(runner.said for runner in runners.values())
    for secret in (PASSWORD, VAULT, key.splitlines()[1], secrets["AUDIT_DIGEST_KEY"]):
        assert secret not in said
