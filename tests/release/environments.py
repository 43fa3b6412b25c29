# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments under .work: one for each ansible-core, and one for each set of tools."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import typing as t

from ..stage import progress
from .tree import ROOT

_PLACE = ROOT / ".work" / "environments"
# What the unit tests need besides ansible-core.
_UNIT = ("hypothesis", "pypsrp", "pytest", "pytest-testinfra", "pytest-xdist", "pywinrm", "PyYAML", "tomlkit==0.15.2")


class Core(t.NamedTuple):
    """An ansible-core that is supported, and the Python that it runs on; its oldest and newest are among these."""

    version: str
    python: str


CORES = (Core("2.18", "3.11"), Core("2.19", "3.12"), Core("2.20", "3.12"), Core("2.21", "3.13"))
TARGETS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


@functools.cache
def python(version: str, *, apart: bool = False) -> str | None:
    """A Python of this version which starts and can make environments, or None. `apart`: one of pyenv's."""
    pyenv = pathlib.Path.home() / ".pyenv" / "versions"
    usual = None if apart else shutil.which(f"python{version}")
    for each in [usual, *sorted(map(str, pyenv.glob(f"{version}.*/bin/python3")))]:
        # A shim of pyenv is found and doesn't start.
        if each and subprocess.run([each, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:
            return each
    return None


def tomlkit(target: str) -> str:
    """What the controller has for hosts with this Python, see README.md."""
    return "tomlkit==0.13.3" if target == "3.8" else "tomlkit==0.15.2"


def core(asked: Core) -> pathlib.Path | None:
    """The folder of an environment's programs with this ansible-core, or None where its Python is not here."""
    found = python(asked.python)
    return environment(f"core-{asked.version}", found, f"ansible-core~={asked.version}.0", *_UNIT) if found else None


def environment(name: str, interpreter: str, *packages: str) -> pathlib.Path:
    """The folder of an environment's programs, made unless it is there with just these packages."""
    place = _PLACE / name
    stamp = place / hashlib.sha256(" ".join((interpreter, *packages)).encode()).hexdigest()[:12]
    if not stamp.exists():
        with progress.step(f"environment {name}: {' '.join(packages)}"):
            subprocess.run([interpreter, "-m", "venv", "--clear", place], check=True)
            install = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"Cannot install {' '.join(packages)}: {done.stderr[-2000:]}")
            stamp.touch()
    return place / "bin"


def variables(programs: pathlib.Path, **more: str) -> dict[str, str]:
    """The variables with which an environment's programs find each other, and none of our own environment."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1", **more}
