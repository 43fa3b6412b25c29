# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""apt's configuration, and credentials that stand elsewhere; apt's own reading is asked in tests/conformance."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_apt as apt
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_apt

URL, OTHER = "http://192.0.2.1:3128", "http://192.0.2.9:3128"
NESTED = (
    '// a comment: Acquire::http::Proxy "x";\n'
    f'Acquire {{\n  http {{ Proxy "{URL}"; }};\n  /* no\n */ https::Proxy "{OTHER}";\n}};\n'
)


def test_lines():
    assert apt.proxies(NESTED) == [("http_proxy", URL, 3), ("https_proxy", OTHER, 5)]


def test_credentials():
    known = apt.machines(f"machine {OTHER} login x password y\nmachine 192.0.2.1:3128 login fleet password p@ss\n")
    assert apt.with_credentials(URL, known) == "http://fleet:p%40ss@192.0.2.1:3128"
    assert apt.with_credentials("http://192.0.2.3:3128", known) == "http://192.0.2.3:3128"
    assert apt.with_credentials("http://a:b@192.0.2.1:3128", known) == "http://a:b@192.0.2.1:3128"
    assert apt.with_credentials("https://192.0.2.9:3128", known) == "https://192.0.2.9:3128"


@pytest.mark.parametrize("password", ["p@ss/word#%41", "with a blank"])
def test_what_the_collection_writes_is_read_as_meant(password):
    proxy = _proxy.parse({"http": URL, "username": "fleet", "password": password, "no_proxy": ["a.example.com"]})
    files = _proxy_apt.files(proxy).value
    found = apt.proxies(files.configuration)
    machines = apt.machines(files.credentials)
    assert {name: apt.with_credentials(value, machines) for name, value, _line in found} == {
        "http_proxy": proxy.http,
        "https_proxy": proxy.https,
    }
