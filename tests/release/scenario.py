# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Molecule scenario, all of its steps, with the oldest and the newest ansible-core as the controller."""

from __future__ import annotations

import subprocess

from ..stage import progress
from . import environments, tree

SCENARIO = "moby"
_PACKAGES = ("molecule", "pytest", "pytest-testinfra", "tomlkit==0.15.2")
_SECONDS = 1800


def run(name: str = SCENARIO) -> list[str]:
    """Run it with each; return what failed."""
    failed = []
    collections = str(tree.ROOT / ".work" / "collections")
    for each in (environments.CORES[0], environments.CORES[-1]):
        found = environments.python(each.python)
        if found is None:
            print(f"   ansible-core {each.version} NOT TRIED: no Python {each.python} here")
            continue
        version = f"ansible-core~={each.version}.0"
        programs = environments.environment(f"molecule-{each.version}", found, version, *_PACKAGES)
        with progress.step(f"scenario {name}, ansible-core {each.version} on Python {each.python}"):
            done = subprocess.run(
                [
                    *(programs / "molecule", "--base-config", "molecule/base.yml", "test", "--no-command-borders"),
                    *("--scenario-name", name),
                ],
                cwd=tree.ROOT,
                env=environments.variables(
                    programs,
                    PYTHONPATH=collections,
                    ANSIBLE_COLLECTIONS_PATH=collections,
                    ANSIBLE_HOME=str(tree.ROOT / ".work" / f"ansible-{each.version}"),
                    ANSIBLE_NOCOWS="1",
                ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        if done.returncode != 0:
            print(done.stdout[-6000:], done.stderr[-3000:])
            failed.append(f"scenario {name} with ansible-core {each.version}")
    return failed
