# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one process compiles, and another one runs without its source."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _compiled

PACKAGE = "some/package"
PROGRAM = """
import sys, zipfile
sys.path.insert(0, sys.argv[1])
import some.package._before, some.package._compiled, some.package._behind, json
assert some.package._behind.__file__.endswith("_behind.py"), some.package._behind.__file__
try:
    some.package._behind.answer("no number")
except ValueError as exc:
    import traceback
    assert "return int(text)" in "".join(traceback.format_exception(ValueError, exc, exc.__traceback__))
files = some.package._compiled.files()
print(*sorted(files))
with zipfile.ZipFile(sys.argv[2], "w") as archive:
    archive.writestr("some/__init__.py", "")
    archive.writestr("some/package/__init__.py", "")
    archive.writestr("some/package/_behind.py", "def answer(text): return 'compiled anew'")
    for path, content in files.items():
        archive.writestr(path, content)
"""
READER = "import sys; sys.path.insert(0, sys.argv[1]); import some.package._behind as it; print(it.answer('42'))"


def run(*arguments):
    command = [sys.executable, "-I", "-B", "-c", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture
def sources():
    return {
        "some/__init__.py": "",
        f"{PACKAGE}/__init__.py": "",
        f"{PACKAGE}/_before.py": "",
        f"{PACKAGE}/_compiled.py": Path(_compiled.__file__).read_text(),
        f"{PACKAGE}/_behind.py": "def answer(text):\n    return int(text)\n",
    }


def test_what_is_imported_behind_it_is_kept_and_runs_without_being_compiled(tmp_path, sources):
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as archive:
        for path, source in sources.items():
            archive.writestr(path, source)
    assert run(PROGRAM, tmp_path / "sent.zip", tmp_path / "guard.zip") == [f"{PACKAGE}/_behind.pyc"]
    assert run(READER, tmp_path / "guard.zip") == ["42"]


def test_from_a_folder_nothing_is_kept(tmp_path, sources):
    for path, source in sources.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    assert run(PROGRAM, tmp_path, tmp_path / "guard.zip") == []
    assert run(READER, tmp_path / "guard.zip") == ["compiled", "anew"]
