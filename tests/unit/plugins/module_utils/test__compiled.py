# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each source that Ansible sends is compiled once, and what one process compiles, another one runs without it."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _compiled

PACKAGE = "some/package"
PROGRAM = """
import builtins, sys, zipfile
sys.path.insert(0, sys.argv[1])
import some.package._before, some.package._compiled

times = []
compile_it = builtins.compile
def counting(source, path, *args, **kwargs):
    times.append(str(path).endswith("_behind.py"))
    return compile_it(source, path, *args, **kwargs)
builtins.compile = counting

import some.package._behind, json
try:
    import some.package._nosuch
except ModuleNotFoundError:
    pass
else:
    raise AssertionError
assert some.package._behind.__file__.endswith("_behind.py"), some.package._behind.__file__
try:
    some.package._behind.answer("no number")
except ValueError as exc:
    import traceback
    assert "return int(text)" in "".join(traceback.format_exception(ValueError, exc, exc.__traceback__))
files = some.package._compiled.files()
print(sum(times), *sorted(files))
with zipfile.ZipFile(sys.argv[2], "w") as archive:
    archive.writestr("some/__init__.py", "")
    archive.writestr("some/package/__init__.py", "")
    archive.writestr("some/package/_behind.py", "def answer(text): return 'compiled anew'")
    with open(sys.argv[3]) as ours:
        archive.writestr("some/package/_compiled.py", ours.read())
    for path, content in files.items():
        archive.writestr(path, content)
"""
GUARD = """
import sys
sys.path.insert(0, sys.argv[1])
import some.package._compiled, some.package._behind
print(some.package._behind.answer("42"))
"""
MODULES = Path(_compiled.__file__).parent.parent / "modules"


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


@pytest.fixture
def sent(tmp_path, sources):
    """Return what Ansible sends."""
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as archive:
        for path, source in sources.items():
            archive.writestr(path, source)
    return tmp_path / "sent.zip"


def test_what_is_imported_behind_it_is_compiled_once_and_runs_elsewhere_uncompiled(tmp_path, sent):
    told = run(PROGRAM, sent, tmp_path / "guard.zip", _compiled.__file__)
    assert told == ["1", f"{PACKAGE}/_compiled.kept"]
    assert run(GUARD, tmp_path / "guard.zip") == ["42"]


def test_what_another_python_compiled_is_compiled_anew(tmp_path, sent):
    run(PROGRAM, sent, tmp_path / "guard.zip", _compiled.__file__)
    with zipfile.ZipFile(tmp_path / "guard.zip") as guard, zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        for path in guard.namelist():
            content = guard.read(path)
            other.writestr(path, b"\0\0\r\n" + content[4:] if path.endswith(".kept") else content)
    assert run(GUARD, tmp_path / "other.zip") == ["compiled", "anew"]


def test_from_a_folder_nothing_is_kept(tmp_path, sources):
    for path, source in sources.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    assert run(PROGRAM, tmp_path, tmp_path / "guard.zip", _compiled.__file__) == ["1"]
    assert run(GUARD, tmp_path / "guard.zip") == ["compiled", "anew"]


def test_each_module_has_it_before_all_else_of_ours():
    modules = [path for path in MODULES.glob("*.py") if "def main(" in path.read_text()]
    assert modules
    for path in modules:
        imported = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
        ours = [node for node in imported if node.module.startswith("ansible_collections.")]
        assert (ours[0].module.rpartition(".")[2], [each.name for each in ours[0].names]) == (
            "module_utils",
            ["_module"],
        ), path
