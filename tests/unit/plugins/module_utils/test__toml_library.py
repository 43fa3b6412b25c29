# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's bare Python edits with what the controller sends, keeps none of it, and says what it lacks."""

from __future__ import annotations

import functools
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _guard_units, _toml_library
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _toml_library as controller

COLLECTIONS = pathlib.Path(_toml_library.__file__).absolute().parents[5]
PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _toml_document, _toml_library
asked = json.load(sys.stdin)
_toml_library.receive(asked["library"])
try:
    after = _toml_document.edit(asked["source"].encode(), asked["settings"], name="f")
    print(json.dumps({"after": after.decode(), "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
except Exception as exc:
    print(json.dumps({"refused": type(exc).__name__ + ": " + str(exc)}))
"""
SOURCE = "# c\n[agent.env] # theirs\n'a' = 0x1\n"
WANTED = {"hostname": "h", "agent": {"env": {"https_proxy": "http://p"}, "config": {"l": [1.5, {"x": True}]}}}
AFTER = (
    'hostname = "h"\n\n# c\n[agent.env] # theirs\n\'a\' = 0x1\nhttps_proxy = "http://p"\n\n'
    "[agent.config]\n  l = [1.5, {x = true}]\n"
)


@functools.cache
def python(version):
    """Return a Python of a version that runs here and has no tomlkit of its own; None where there is none."""
    pyenv = pathlib.Path.home() / ".pyenv" / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for each in filter(None, candidates):
        told = subprocess.run(
            [each, "-I", "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if told.stdout.strip() == str(tuple(map(int, version.split(".")))):
            return each
    return None


def on_host(interpreter, tmp_path, *, library, source=SOURCE, settings=None):
    """Edit in a bare interpreter's process; also makes sure that nothing is left in its folder."""
    asked = json.dumps({"library": library, "source": source, "settings": WANTED if settings is None else settings})
    done = subprocess.run(
        [interpreter, "-I", "-B", "-c", PROGRAM, str(COLLECTIONS)],
        input=asked,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        check=False,
    )
    assert not done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_bare_host_edits_with_what_is_sent(tmp_path, version):
    if python(version) is None:
        pytest.skip(f"no Python {version} here")
    result = on_host(python(version), tmp_path, library=controller.library())
    assert result["after"] == AFTER
    assert "tomlkit" in result["loaded"]


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.13"])
def test_nothing_is_imported_for_a_file_that_is_right(tmp_path, version):
    if python(version) is None:
        pytest.skip(f"no Python {version} here")
    result = on_host(python(version), tmp_path, library=controller.library(), source=AFTER)
    assert result["after"] == AFTER
    assert "tomlkit" not in result["loaded"]


def test_a_host_too_old_for_the_controllers_tomlkit(tmp_path):
    if python("3.8") is None:
        pytest.skip("no Python 3.8 here")
    result = on_host(python("3.8"), tmp_path, library=controller.library())
    assert "the controller's tomlkit does not run on this host's Python 3.8" in result["refused"]
    assert "tomlkit 0.13.3" in result["refused"]


def test_a_host_to_which_nothing_was_sent(tmp_path):
    bare = python("3.9") or python("3.13")
    if bare is None:
        pytest.skip("no bare Python here")
    result = on_host(bare, tmp_path, library=None)
    assert result["refused"].startswith("Refused: TOML: tom")
    assert "config_toml, whose action plugin sends it" in result["refused"]


@pytest.mark.parametrize("library", ["x", "eJw=", "eJyrBQAA+gB8"])
def test_what_no_action_plugin_sends(monkeypatch, library):
    monkeypatch.setattr(_toml_library, "_received", {})
    with pytest.raises(Refused, match="library: is not what the action plugin sends"):
        _toml_library.receive(library)


def test_a_guard_gets_what_was_received(tmp_path, monkeypatch):
    """The code that goes on without Ansible imports it from the file that it is run from."""
    bare = python("3.9") or python("3.13")
    if bare is None:
        pytest.skip("no bare Python here")
    monkeypatch.setattr(_toml_library, "_received", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    _toml_library.receive(controller.library())
    (tmp_path / "guard.zip").write_bytes(_guard_units._code())
    package = _toml_library.__name__.rpartition(".")[0]
    program = f"import sys; sys.path.insert(0, 'guard.zip'); from {package} import _toml_document as d; print(d.edit"
    done = subprocess.run(
        [bare, "-I", "-B", "-c", program + "(b'a = 1', {'b': 2}).decode())"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("a = 1\nb = 2\n", "")


# The controller ---------------------------------------------------------------------------------------------------


def test_a_controller_without_tomlkit(monkeypatch):
    monkeypatch.setattr(controller, "_files", lambda name: None)
    with pytest.raises(Refused, match=r"tomlkit: is missing on the controller.*pip install 'tomlkit>=0\.12'"):
        controller.library.__wrapped__()


def test_a_controller_with_an_old_tomlkit(monkeypatch):
    monkeypatch.setattr(sys.modules["tomlkit"], "__version__", "0.11.8")
    with pytest.raises(Refused, match=r"0\.11\.8 on the controller is too old; 0\.12 or later"):
        controller.library.__wrapped__()
