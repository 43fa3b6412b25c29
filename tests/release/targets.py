# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests of what runs on managed hosts, with each Python that a host may have.

No ansible-core installs into the older of them, and none has to: of it, hosts get what is in ansible.module_utils.
"""

from __future__ import annotations

import pathlib
import tomllib

from . import environments, tree, units

TESTS = "tests/unit/plugins/module_utils"
# What these test has to do with the controller's end too, which asks for a newer Python.
_CONTROLLERS = "plugins.plugin_utils"
# Later versions of cryptography warn of Python 3.8, and a warning is an error here.
_PACKAGES = ("cryptography<45", "hypothesis", "pytest", "pytest-xdist", "PyYAML")


def run() -> list[str]:
    """Run them; return what failed."""
    files = sorted((tree.ROOT / TESTS).glob("test_*.py"))
    apart = {path for path in files if _CONTROLLERS in path.read_text(encoding="utf-8")}
    print(f"   {TESTS}: {len(files) - len(apart)} files; not these, which need the controller's end:")
    print("\n".join(f"     {path.name}" for path in sorted(apart)))
    asked = [str(path.relative_to(tree.ROOT)) for path in files if path not in apart]
    failed = []
    for version in environments.TARGETS:
        programs = _environment(version)
        if programs is None:
            print(f"   Python {version} NOT TRIED: it or its ansible-core's Python is not here")
            continue
        what = f"unit tests of what runs on hosts, Python {version}"
        if not units.passed(what, programs, *asked):
            failed.append(what)
    return failed


def _environment(version: str) -> pathlib.Path | None:
    """The programs of an environment with this Python, and with the newest ansible-core that takes such hosts."""
    found = environments.python(version)
    core = environments.core(_core(version))
    if found is None or core is None:
        return None
    programs = environments.environment(f"target-{version}", found, environments.tomlkit(version), *_PACKAGES)
    packages = next(programs.parent.glob("lib/python3*/site-packages"))
    # Two links instead of two packages: pip would refuse the one, and the other is in Python.
    _link(packages / "ansible", next(core.parent.glob("lib/python3*/site-packages/ansible")))
    if tuple(map(int, version.split("."))) < (3, 11):
        # Python has none of its own yet; a host gets the controller's.
        _link(packages / "tomllib", pathlib.Path(tomllib.__file__).parent)
    return programs


def _core(version: str) -> environments.Core:
    # 2.20 and later want 3.9 on hosts.
    old = version == "3.8"
    return environments.CORES[1 if old else -1]


def _link(link: pathlib.Path, target: pathlib.Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)
