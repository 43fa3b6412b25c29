# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity` with each ansible-core, every test of it, and no ignore file."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

from ..stage import progress
from . import environments, tree

# Those that find most in the least time, for each landing; about 20 s instead of 3 minutes.
QUICK = ("action-plugin-docs", "ansible-doc", "no-illegal-filenames", "runtime-metadata", "shebang", "validate-modules")
_STAND_IN = "import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n"


def run(*, quick: bool = False) -> list[str]:
    """Run it with each core, or only with the newest of ours and the quick tests; return what failed."""
    wanted = environments.CORES[:1] if quick else environments.CORES
    failed = []
    for each in wanted:
        programs = environments.core(each)
        if programs is None:
            print(f"   ansible-core {each.version} NOT TRIED: no Python {each.python} here")
            continue
        with progress.step(f"sanity, ansible-core {each.version}"):
            if not _sane(programs, each.version, QUICK if quick else ()):
                failed.append(f"ansible-test sanity of ansible-core {each.version}")
    return failed


def _sane(programs: pathlib.Path, version: str, tests: tuple[str, ...]) -> bool:
    collection = tree.export(f"sanity-{version}")
    asked = [option for test in tests for option in ("--test", test)]
    done = subprocess.run(
        [programs / "ansible-test", "sanity", "--venv", "--color", "no", *asked],
        cwd=collection,
        env=_variables(programs),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).splitlines()
        print("\n".join(line for line in said if re.match(r"ERROR|FATAL|Traceback", line)) or "\n".join(said[-40:]))
    return done.returncode == 0


def _variables(programs: pathlib.Path) -> dict[str, str]:
    """Have each Python found, and pip made by ensurepip: ansible-test would fetch a script from a server of its own."""
    home = tree.WORK / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = next(programs.parent.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    for version in re.findall(r"pip='([0-9.]+)'", wanted.read_text(encoding="utf-8")):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(_STAND_IN, encoding="utf-8")
    pythons = [os.path.dirname(found) for found in map(environments.python, environments.TARGETS) if found]
    found = environments.variables(programs, HOME=str(home))
    # Where pip's own settings are, HOME being another one.
    found.setdefault("XDG_CONFIG_HOME", str(pathlib.Path.home() / ".config"))
    return {**found, "PATH": f"{programs}:{':'.join(pythons)}:{os.environ['PATH']}"}
