# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests with each ansible-core, as many random examples as one run has."""

from __future__ import annotations

import pathlib
import subprocess

from ..stage import progress
from . import environments, tree


def run() -> list[str]:
    """Run them; return what failed."""
    failed = []
    for each in environments.CORES:
        programs = environments.core(each)
        if programs is None:
            print(f"   ansible-core {each.version} NOT TRIED: no Python {each.python} here")
            continue
        what = f"unit tests, ansible-core {each.version} on Python {each.python}"
        if not passed(what, programs, "tests/unit"):
            failed.append(what)
    return failed


def passed(what: str, programs: pathlib.Path, *tests: str) -> bool:
    """Run tests by an environment's pytest, and say how they ended."""
    collections = str(tree.ROOT / ".work" / "collections")
    with progress.step(what):
        done = subprocess.run(
            [programs / "python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests],
            cwd=tree.ROOT,
            env=environments.variables(programs, PYTHONPATH=collections, ANSIBLE_COLLECTIONS_PATH=collections),
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout.rstrip().rpartition("\n")[2])
    if done.returncode != 0:
        print(done.stdout[-4000:], done.stderr[-2000:])
    return done.returncode == 0
