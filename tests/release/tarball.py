# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release: built, judged by Galaxy's own importer, installed into an empty place, and used from there."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tarfile
import tempfile

from ..stage import progress
from . import environments, tree

# What may be in it, besides folders; a file that a change adds elsewhere is noticed here before it is in a release.
_TOP = {"CHANGELOG.md", "COPYING", "FILES.json", "LICENSES", "MANIFEST.json", "README.md", "changelogs", "meta"}
_TOP |= {"playbooks", "plugins", "roles"}
_IMPORTER = ("ansible-core~=2.18.0", "galaxy-importer", "ansible-lint")
_SETTINGS = "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nCHECK_REQUIRED_TAGS = True\nCHECK_CHANGELOG = True\n"
_PLAY = """- name: Use what is installed
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Write a file
      fleetops.container_hosts.config_json:
        path: "{{ place }}/daemon.json"
        schema: docker
        settings: {log-driver: local}
    - name: Write TOML
      fleetops.container_hosts.config_toml:
        path: "{{ place }}/config.toml"
        settings: {hostname: edge.example.com}
"""


def build() -> pathlib.Path:
    """Build the release out of the checkout; return its path."""
    collection = tree.export("build")
    programs = _programs()
    command = [str(programs / "ansible-galaxy"), "collection", "build", "--force", "--output-path", str(tree.WORK)]
    subprocess.run(command, cwd=collection, env=environments.variables(programs), check=True, capture_output=True)
    return max(tree.WORK.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)


def check() -> list[str]:
    """Build a release and use it where nothing of the checkout can be found; return what failed."""
    with progress.step("release: build, install, run"):
        artefact = build()
        return [*_foreign(artefact), *_use(artefact)]


def importer() -> list[str]:
    """Have galaxy-importer judge a release; return what it says."""
    artefact = build()
    programs = environments.environment("importer", _python(), *_IMPORTER)
    with progress.step("galaxy-importer"), tempfile.TemporaryDirectory() as folder:
        settings = pathlib.Path(folder, "galaxy-importer.cfg")
        settings.write_text(_SETTINGS, encoding="utf-8")
        found = environments.variables(programs, GALAXY_IMPORTER_CONFIG=str(settings))
        done = subprocess.run(
            [programs / "python", "-m", "galaxy_importer.main", artefact],
            cwd=folder,
            env=found,
            capture_output=True,
            text=True,
            check=False,
        )
    lines = (done.stdout + done.stderr).splitlines()
    failed = [line for line in lines if line.startswith(("ERROR", "WARNING"))]
    if done.returncode != 0 and not failed:
        failed = [f"galaxy-importer exited {done.returncode}: {' '.join(lines[-5:])}"]
    return failed


def _foreign(artefact: pathlib.Path) -> list[str]:
    with tarfile.open(artefact) as archive:
        names = {member.name.partition("/")[0] for member in archive.getmembers()}
    return [f"the release holds {name}, which is not meant to be in it" for name in sorted(names - _TOP)]


def _use(artefact: pathlib.Path) -> list[str]:
    programs = _programs()
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        collections = place / "collections"
        # Without that, Galaxy would be asked for it.
        tree.add_dependencies(collections)
        variables = environments.variables(
            programs,
            HOME=folder,
            ANSIBLE_COLLECTIONS_PATH=str(collections),
            ANSIBLE_HOME=str(place / ".ansible"),
            ANSIBLE_LOCALHOST_WARNING="False",
        )

        def run(*command: str) -> subprocess.CompletedProcess[str]:
            words = [str(programs / command[0]), *command[1:]]
            return subprocess.run(words, cwd=place, env=variables, capture_output=True, text=True, check=False)

        def said(done: subprocess.CompletedProcess[str]) -> str:
            return f"{' '.join(map(str, done.args))}: exit {done.returncode}\n{done.stdout}{done.stderr}"

        done = run("ansible-galaxy", "collection", "install", "--offline", str(artefact), "-p", str(collections))
        if done.returncode != 0:
            return [said(done)]
        (place / "play.yml").write_text(_PLAY, encoding="utf-8")
        extra = f"place={folder} ansible_python_interpreter={programs / 'python'}"
        play = ("ansible-playbook", "play.yml", "-e", extra)
        first, second = run(*play), run(*play)
        failed = [said(done) for done in (first, second) if done.returncode != 0]
        if "changed=0" not in second.stdout:
            failed.append(f"a second run changes something\n{second.stdout}")
        if not failed and json.loads((place / "daemon.json").read_text())["log-driver"] != "local":
            failed.append("daemon.json does not hold what was asked for")
        # Each playbook and each page of documentation, by the names that users write.
        for path in sorted((tree.ROOT / "playbooks").glob("*.yml")):
            done = run(
                "ansible-playbook", "--syntax-check", "-i", "localhost,", f"fleetops.container_hosts.{path.stem}"
            )
            failed += [said(done)] if done.returncode != 0 else []
        modules = [f"fleetops.container_hosts.{path.stem}" for path in (tree.ROOT / "plugins/modules").glob("*.py")]
        done = run("ansible-doc", "--json", *modules)
        failed += [said(done)] if done.returncode != 0 or len(json.loads(done.stdout)) != len(modules) else []
        if str(tree.ROOT) in done.stdout:
            failed.append("the checkout was used, not what is installed")
        return failed


def _python() -> str:
    found = environments.python(environments.CORES[0].python)
    if found is None:
        raise SystemExit(f"no Python {environments.CORES[0].python} here")
    return found


def _programs() -> pathlib.Path:
    return environments.environment("release", _python(), f"ansible-core~={environments.CORES[0].version}.0", "tomlkit")
