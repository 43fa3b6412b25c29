# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python by which Ansible runs on the hosts: Debian's, or with STAGE_PYTHON=PATH one of this machine's.

That one has a folder to itself, as pyenv's have; a copy is put on each new host, at the same path, without any package.
All else on a host, stand-ins too, goes on with Debian's.
"""

from __future__ import annotations

import functools
import os
import subprocess

from . import engine

_DEBIANS = "/usr/bin/python3"
# What nobody imports on a host.
_UNUSED = ("site-packages", "config-3*", "ensurepip", "idlelib", "test", "tests", "*.a")


def interpreter() -> str:
    """Its path on the hosts."""
    return os.environ.get("STAGE_PYTHON") or _DEBIANS


def give(container: str) -> None:
    """Put it on a host, running or not."""
    if interpreter() != _DEBIANS:
        engine.docker("cp", "-", f"{container}:/", stdin=_archive(interpreter()))


@functools.lru_cache(maxsize=1)
def _archive(path: str) -> bytes:
    asked = [path, "-I", "-c", "import os, sys; print(os.path.realpath(sys.base_prefix))"]
    folder = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    if not os.path.abspath(path).startswith(f"{folder}/") or folder == "/usr":
        raise engine.StageError(f"STAGE_PYTHON={path}: expected a Python with a folder to itself, as pyenv makes them.")
    excluded = [f"--exclude={name}" for name in _UNUSED]
    command = ["tar", "--create", "--owner=0", "--group=0", *excluded, "--directory=/"]
    parts = [f"{folder}/{name}".lstrip("/") for name in ("bin", "lib")]
    return subprocess.run([*command, *parts], check=True, capture_output=True).stdout
