# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as it would be committed, elsewhere: ansible-test and Galaxy's tools judge all that they find."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from ..windows import __main__ as windows

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / ".work" / "release"
_INSIDE = "ansible_collections/fleetops/container_hosts"


def export(name: str) -> pathlib.Path:
    """Make .work/release/NAME anew, with the collection in it at its place; return the collection's folder.

    It is a repository, because ansible-test asks git which files there are.
    """
    place = WORK / name
    shutil.rmtree(place, ignore_errors=True)
    collection = place / _INSIDE
    collection.mkdir(parents=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for path in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if path and (ROOT / path).exists():
            (collection / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, collection / path, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=collection, check=True)
    subprocess.run(["git", "add", "--all"], cwd=collection, check=True)
    return collection


def dependency() -> pathlib.Path:
    """The folder of what galaxy.yml depends on, had without a Galaxy server."""
    windows.main()
    return windows.FOLDER


def add_dependencies(collections: pathlib.Path) -> None:
    """Put it into a folder of collections."""
    shutil.copytree(dependency(), collections / "ansible_collections" / "ansible" / "windows")
