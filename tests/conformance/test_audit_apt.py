# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit's reading of apt's configuration, held against apt-config's own."""

from __future__ import annotations

import pathlib
import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_apt as apt

URL, OTHER = "http://192.0.2.1:3128", "http://192.0.2.9:3128"
# This machine's own settings are no part of it.
ALONE = 'Dir::Etc::main "/nonexistent";\nDir::Etc::parts "/nonexistent";\n'
TEXTS = [
    f'Acquire::http::Proxy "{URL}";\nAcquire::https::Proxy "{OTHER}";\n',
    f'acquire::HTTP::proxy "{URL}"; Acquire::http::Proxy "{OTHER}";\n',
    '// a comment: Acquire::http::Proxy "x";\n'
    f'Acquire {{\n  http {{ Proxy "{URL}"; }};\n  /* no\n */ https::Proxy "{OTHER}";\n}};\n',
    f'# one\nAcquire::http {{ Proxy "{URL}"; Proxy::example.com "DIRECT"; Timeout "5"; }};\n',
    f'APT::Install-Recommends "false";\nAcquire::https::Proxy "{URL}/";\nDir "/";\n',
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_apt_config_says(text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "apt.conf"
    path.write_text(ALONE + text, encoding="ascii")
    environment = {"APT_CONFIG": str(path), "PATH": "/usr/bin"}
    told = subprocess.run(["apt-config", "dump"], env=environment, capture_output=True, text=True, check=True).stdout
    theirs = {name.lower(): value for name, value in re.findall(r'(?im)^Acquire::(https?)::Proxy "(.*)";$', told)}
    assert {setting.rpartition("_")[0]: value for setting, value, _line in apt.proxies(text)} == theirs
