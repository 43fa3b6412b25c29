# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a folder out of a package of Python's index, which has more of Ansible's world than Python."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile

from . import engine


def unpack(package: str, inside: str, into: pathlib.Path) -> None:
    """Put what a package (name==version) holds at `inside`, which ends with a slash, below `into`, with its whole path.

    StageError if the package, or that folder in it, is not to be had.
    """
    with tempfile.TemporaryDirectory() as folder:
        download = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", folder, package]
        done = subprocess.run([sys.executable, "-m", "pip", *download], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise engine.StageError(f"{package} is not to be had: {done.stderr.strip()[-300:]}")
        for wheel in pathlib.Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(into, [path for path in archive.namelist() if path.startswith(inside)])
    if not (into / inside).is_dir():
        raise engine.StageError(f"{package} does not hold {inside}")
