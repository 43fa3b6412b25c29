# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests of what runs on managed hosts, with each Python that a host may have.

No ansible-core installs into the older of them, and none has to: of it, hosts get what is in ansible.module_utils.
"""

from __future__ import annotations

import pathlib
import subprocess
import tomllib

from ..stage import progress
from . import environments, tree

TESTS = "tests/unit/plugins/module_utils"
# What these test has to do with the controller's end too, which asks for a newer Python.
_CONTROLLERS = "plugins.plugin_utils"
# Later versions of cryptography warn of Python 3.8, and a warning is an error here.
_PACKAGES = ("cryptography<45", "hypothesis", "pytest", "pytest-xdist", "PyYAML")


def run() -> list[str]:
    """Run them; return what failed."""
    files = sorted((tree.ROOT / TESTS).glob("test_*.py"))
    apart = {path for path in files if _CONTROLLERS in path.read_text(encoding="utf-8")}
    print(f"   {TESTS}: {len(files) - len(apart)} files; of the controller, so not here:")
    print("\n".join(f"     {path.name}" for path in sorted(apart)))
    asked = [str(path.relative_to(tree.ROOT)) for path in files if path not in apart]
    failed = []
    for version in environments.TARGETS:
        programs = _environment(version)
        if programs is None:
            print(f"   Python {version} NOT TRIED: it or its ansible-core's Python is not here")
            continue
        collections = str(tree.ROOT / ".work" / "collections")
        with progress.step(f"unit tests of what runs on hosts, Python {version}"):
            done = subprocess.run(
                [programs / "python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *asked],
                cwd=tree.ROOT,
                env=environments.variables(programs, PYTHONPATH=collections),
                capture_output=True,
                text=True,
                check=False,
            )
        print(done.stdout.rstrip().rpartition("\n")[2])
        if done.returncode != 0:
            print(done.stdout[-4000:], done.stderr[-2000:])
            failed.append(f"unit tests with Python {version}")
    return failed


def _environment(version: str) -> pathlib.Path | None:
    """The programs of an environment with this Python, and with the newest ansible-core that takes such hosts."""
    found = environments.python(version)
    core = environments.core(_core(version))
    if found is None or core is None:
        return None
    programs = environments.environment(f"target-{version}", found, environments.tomlkit(version), *_PACKAGES)
    packages = next(programs.parent.glob("lib/python3*/site-packages"))
    _link(packages / "ansible", next(core.parent.glob("lib/python3*/site-packages/ansible")))
    if "tomllib" not in _standard(found):
        # As a host gets it from the controller.
        _link(packages / "tomllib", pathlib.Path(tomllib.__file__).parent)
    return programs


def _core(version: str) -> environments.Core:
    # 2.20 and later want 3.9 on hosts.
    old = version == "3.8"
    return environments.CORES[1 if old else -1]


def _standard(interpreter: str) -> str:
    command = [interpreter, "-I", "-c", "import os; print(os.listdir(os.path.dirname(os.__file__)))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _link(link: pathlib.Path, target: pathlib.Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)
