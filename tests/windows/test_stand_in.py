# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps the stand-in honest: the scripts it was written after, their options, and Wine's registry beside ours."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

from . import modules, more_modules, registries
from .conftest import HERE, SERVICES


@pytest.mark.parametrize("name", sorted(set(modules.KNOWN.values())))
def test_it_was_written_after_the_modules_that_are_installed(name):
    listed = subprocess.run(
        ["ansible-doc", "--json", "--type", "module", f"ansible.windows.{name}"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (doc,) = [each["doc"] for each in json.loads(listed.stdout).values()]
    # Its documentation is a file of Python or YAML beside it.
    assert modules.module_of(pathlib.Path(doc["filename"]).with_suffix(".ps1").read_bytes()) == name
    if name in modules._OPTIONS:
        assert set(doc["options"]) == modules._OPTIONS[name]
    else:
        # Of these a part is acted out.
        assert set(doc["options"]) >= more_modules._OPTIONS[name]


def test_a_script_that_nobody_read_is_an_error():
    with pytest.raises(modules.Unlike):
        modules.module_of(b"#!powershell\n")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("win_regedit", {"path": r"HKLM:\X", "name": "A", "typ": "string"}),
        ("win_regedit", {"path": r"HKCU:\X", "name": "A"}),
        ("win_environment", {"level": "user", "variables": {"A": "1"}}),
    ],
)
def test_so_is_what_it_does_not_know(module, arguments):
    with pytest.raises(modules.Unlike):
        modules.act(module, arguments, registries.Memory(), print)


# Each an action of win_regedit on a service's key, by what its source says. These are the traps.
DATA = {"path": r"HKLM:\SYSTEM\CurrentControlSet\Services\trap", "name": "Environment", "type": "multistring"}
TRAPS = {
    "an empty list changes nothing": ({"data": []}, False, ["A=x"]),
    "neither does another case": ({"data": ["a=X"]}, False, ["A=x"]),
    "one entry more does": ({"data": ["A=x", "B=1"]}, True, ["A=x", "B=1"]),
    "absent takes the value": ({"state": "absent", "delete_key": False}, True, None),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_the_traps_are_in_it_on_both_registries(wine, trap):
    given, changed, left = TRAPS[trap]
    key = rf"{SERVICES}\trap"
    for registry in (wine, registries.Memory()):
        registry.write(key, "Environment", modules.MULTI_SZ, modules.bytes_of(modules.MULTI_SZ, ["A=x"]))
        result = modules.act("win_regedit", {**DATA, **given, "_ansible_no_log": True}, registry, pytest.fail)
        found = (registry.read(key) or {}).get("Environment")
        assert result["changed"] is changed
        assert found == (left and (modules.MULTI_SZ, modules.bytes_of(modules.MULTI_SZ, left)))
        modules.act("win_regedit", {"path": DATA["path"], "state": "absent"}, registry, lambda _text: None)
        assert "trap" not in registry.subkeys(SERVICES)


def test_without_a_name_the_whole_key_goes_and_a_key_that_is_not_there_is_made():
    registry = registries.Memory()
    events = []
    modules.act("win_regedit", {**DATA, "data": ["A=S3cret"]}, registry, events.append)
    assert registry.keys.keys() == {rf"{SERVICES}\trap"}
    # Without the promise not to log, the event log has it.
    assert "S3cret" in events[0]
    modules.act("win_regedit", {"path": DATA["path"], "state": "absent"}, registry, events.append)
    assert not registry.keys


@pytest.mark.parametrize(
    ("name", "kind", "texts"),
    [
        ("list", modules.MULTI_SZ, ["A=1", 'u=Ж\U0001f600 "q" %PATH% a;b&c', "back\\slash\\", "a\r\nb", "\\0"]),
        ("empty within", modules.MULTI_SZ, ["A", "", "B"]),
        ("empty list", modules.MULTI_SZ, []),
        ("half a pair", modules.MULTI_SZ, ["\ud83d"]),
        ("long", modules.MULTI_SZ, ["x" * 20_000] * 5),
        ('text "quoted" \\', modules.SZ, 'a "b" \\ %PATH%'),
        ("expand", modules.EXPAND_SZ, "%PATH%"),
    ],
)
def test_wines_registry_gives_back_what_it_got(wine, name, kind, texts):
    key = rf"{SERVICES}\roundtrip"
    data = modules.bytes_of(kind, texts)
    wine.write(key, name, kind, data)
    assert wine.read(key) == {name: (kind, data)}
    wine.delete(key, name)
    assert wine.read(key) == {}
    wine.delete_key(key)
    assert wine.read(key) is None


def test_the_checklist_for_a_real_host_is_a_playbook():
    checklist = HERE.parent.parent / "docs" / "windows-checklist.yml"
    command = [
        "ansible-playbook",
        "--syntax-check",
        "--inventory",
        "localhost,",
        "--extra-vars",
        "target_hosts=x",
        checklist,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
