# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hooks for pre-commit, as pre-commit itself clones and calls them in somebody's repository."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.support import manifests

ROOT = pathlib.Path(__file__).parents[2]
COMMIT = ["git", "-c", "user.name=Example", "-c", "user.email=example@example.com", "commit", "--quiet", "-m", "Begin"]

pytestmark = pytest.mark.skipif(not shutil.which("pre-commit"), reason="pre-commit is not here")


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory):
    """A repository of this collection as others clone it, with what is not committed yet."""
    place = tmp_path_factory.mktemp("hooks") / "container_hosts"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for path in filter(None, files):
        if path.startswith(("tests/", "docs/", "molecule/")) or not (ROOT / path).exists():
            continue
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, place / path)
    git(place, "init", "--quiet")
    git(place, "add", "--all")
    subprocess.run(COMMIT, cwd=place, check=True)
    return place


@pytest.fixture
def run(hooks, tmp_path):
    """`run(files, hook, args)` has somebody's repository with these files, and runs a hook on all of them."""

    def try_out(files, hook, args=None):
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=hooks, check=True, capture_output=True, text=True)
        asked = {"id": hook, **({"args": args} if args else {})}
        config = {"repos": [{"repo": str(hooks), "rev": head.stdout.strip(), "hooks": [asked]}]}
        for name, text in {".pre-commit-config.yaml": json.dumps(config), **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        git(tmp_path, "init", "--quiet")
        git(tmp_path, "add", "--all")
        # Without the paths by which these tests find the collection.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
        environment |= {"PRE_COMMIT_HOME": str(hooks.parent / "cache"), "ANSIBLE_NOCOLOR": "1"}
        command = ["pre-commit", "run", "--all-files", "--verbose", "--color", "never"]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, env=environment)

    return try_out


def test_the_inventory_hook(run):
    inventory = json.dumps({"moby": {"hosts": {"docker-01.example.com": None}}})
    model = {
        "container_hosts_proxy": {"http": "http://192.0.2.1:3128", "password": "{{ vault_password }}", "username": "u"}
    }
    good = {"inventory/hosts.yml": inventory, "inventory/group_vars/all.yml": json.dumps(model)}
    hidden = ["-i", "inventory", "-e", '{"lint_placeholders": ["vault_*"]}']
    passed = run(good, "container-hosts-inventory", hidden)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "0 error" in passed.stdout
    assert "1 host judged" in passed.stdout
    model["container_hosts_proxy"]["http"] = "192.0.2.1:3128"
    failed = run({**good, "inventory/group_vars/all.yml": json.dumps(model)}, "container-hosts-inventory", hidden)
    assert failed.returncode == 1
    assert "container_hosts_proxy.http has no scheme" in failed.stdout
    untouched = run({"inventory/group_vars/all.yml": "{}"}, "container-hosts-manifest")
    assert "no files to check" in untouched.stdout


def test_the_manifest_hook(run):
    document = manifests.good()
    files = {"edge/deployment.site a.json": json.dumps(document, indent=2), "package.json": "{}"}
    passed = run(files, "container-hosts-manifest")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    del manifests.modules_of(document)["edgeAgent"]["env"]["https_proxy"]
    files["edge/deployment.site a.json"] = json.dumps(document, indent=2)
    failed = run(files, "container-hosts-manifest", ["-e", "lint_behind_proxy=true", "--"])
    assert failed.returncode == 1, failed.stdout
    assert "edge/deployment.site a.json:" in failed.stdout
    assert "agent_without_proxy" in failed.stdout
