# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule scenarios, all of their steps, with the oldest and the newest ansible-core and Python on the hosts."""

from __future__ import annotations

import subprocess
import typing as t

from ..stage import progress
from . import environments, tree
from .environments import TARGETS

# Both ends, each core with hosts that it still or already takes.
ENDS = tuple(zip((environments.CORES[0], environments.CORES[-1]), (TARGETS[0], TARGETS[-1]), strict=True))
_PACKAGES = ("molecule", "pytest", "pytest-testinfra")
_SECONDS = 1800


def run(names: t.Sequence[str]) -> list[str]:
    """Run these, by their folders' names, with each; return what failed."""
    return [failed for name in names for failed in _run(name)]


def _run(name: str) -> list[str]:
    failed = []
    collections = str(tree.ROOT / ".work" / "collections")
    for each, target in ENDS:
        found, on_hosts = environments.python(each.python), environments.python(target, apart=True)
        what = f"scenario {name}, ansible-core {each.version} on Python {each.python}, hosts on {target}"
        if found is None or on_hosts is None:
            print(f"   {what} NOT TRIED: no Python {each.python if found is None else target} here")
            continue
        packages = (f"ansible-core~={each.version}.0", environments.tomlkit(target), *_PACKAGES)
        programs = environments.environment(f"molecule-{each.version}", found, *packages)
        with progress.step(what):
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
                    STAGE_PYTHON=on_hosts,
                ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        if done.returncode != 0:
            print(done.stdout[-6000:], done.stderr[-3000:])
            failed.append(what)
    return failed
