# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How files become one environment; the order of the merging is systemd's, which the conformance tests ask."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _systemd_merge as merge


@pytest.mark.parametrize(
    ("unit", "folders"),
    [
        ("docker.service", ["docker.service.d", "service.d"]),
        ("a-b-c.service", ["a-b-c.service.d", "a-b-.service.d", "a-.service.d", "service.d"]),
        ("x@y.service", ["x@y.service.d", "x@.service.d", "service.d"]),
    ],
)
def test_dropin_folders(unit, folders):
    assert merge.dropin_folders(unit) == folders


def test_dropins_are_sorted_by_name_over_all_folders_and_mask_each_other():
    tree = {
        "/etc/systemd/system/a-b.service.d": ["20.conf", "no.txt"],
        "/run/systemd/system/a-b.service.d": ["20.conf", "10.conf", "15.conf"],
        "/etc/systemd/system/a-.service.d": ["15.conf"],
        "/usr/lib/systemd/system/a-.service.d": ["10.conf", "05.conf"],
        "/usr/lib/systemd/system/service.d": ["30.conf", "05.conf"],
    }
    assert merge.dropin_paths(["a-b.service"], lambda folder: tree.get(folder, [])) == [
        "/usr/lib/systemd/system/a-.service.d/05.conf",
        "/run/systemd/system/a-b.service.d/10.conf",
        "/etc/systemd/system/a-.service.d/15.conf",
        "/etc/systemd/system/a-b.service.d/20.conf",
        "/usr/lib/systemd/system/service.d/30.conf",
    ]


FILES = {"/f1": b"B=file\nC=file\n", "/f2": b"C=file2\n"}


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (["Environment=A=1", "Environment=A=2"], {"A": "2"}),
        (["Environment=A=1 B=1", "Environment=", "Environment=B=2"], {"B": "2"}),
        (["Environment=A=1 B=1", "EnvironmentFile=/f1"], {"A": "1", "B": "file", "C": "file"}),
        (["EnvironmentFile=-/f1\nEnvironmentFile=/f2", "Environment=B=late"], {"B": "file", "C": "file2"}),
        (["EnvironmentFile=/f1", "EnvironmentFile=\nEnvironmentFile=/none"], {}),
        (["EnvironmentFile=/f1\nEnvironment=A=1", "UnsetEnvironment=B A=other"], {"A": "1", "C": "file"}),
        (["UnsetEnvironment=A", "UnsetEnvironment=\nEnvironment=A=1"], {"A": "1"}),
        (["Environment=A=1\nPassEnvironment=A"], {"A": None}),
        (["[Unit]\nEnvironment=A=1"], {}),
    ],
)
def test_merge(units, expected):
    contents = [
        (f"/{number}", unit if unit.startswith("[") else "[Service]\n" + unit) for number, unit in enumerate(units)
    ]
    merged = merge.merge(
        [(path, text.encode()) for path, text in contents],
        lambda pattern: [(pattern, FILES[pattern])] if pattern in FILES else [],
    )
    assert {name: setting.value for name, setting in merged.effective.items()} == expected


def test_every_say_is_kept_with_its_place():
    merged = merge.merge(
        [("/a", b"[Service]\n\nEnvironment=A=1\n"), ("/b", b"[Service]\nEnvironment=A=2\n")], lambda pattern: []
    )
    assert merged.effective["A"] == merge.Setting("A", "2", "/b", 2)
    assert merged.settings == [merge.Setting("A", "1", "/a", 3), merge.Setting("A", "2", "/b", 2)]
