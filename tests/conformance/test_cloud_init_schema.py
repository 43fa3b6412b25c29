# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rendered user data passes cloud-init's own schema, by Debian's cloud-init in a container."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.filter.cloud_init_user_data import FilterModule
from ansible_collections.fleetops.container_hosts.tests.stage import engine, images

render = FilterModule().filters()["cloud_init_user_data"]
AWKWARD = "p@ss: 'w\"o%r$d`\\\\ #{x}"


def schema(user_data: str) -> engine.Result:
    images.ensure(["cloud-init"])
    check = "cat > /tmp/user-data && cloud-init schema --config-file /tmp/user-data"
    run = ("run", "--rm", "--interactive", "--network", "none", images.RECIPES["cloud-init"].tag, "sh", "-c", check)
    return engine.try_docker(*run, stdin=user_data.encode())


@pytest.mark.parametrize(
    "proxy",
    [
        {"http": "http://192.0.2.1:3128"},
        {
            "http": "http://192.0.2.1:3128",
            "username": "u",
            "password": AWKWARD,
            "no_proxy": ["10.0.0.0/8", ".example.com"],
        },
    ],
)
def test_the_schema_takes_it(proxy):
    told = schema(render(proxy, "cloud_config", settings={"ECS_CLUSTER": "production"}))
    assert told.rc == 0, told
    assert "Valid" in told.out + told.err


def test_the_schema_can_refuse():
    told = schema("#cloud-config\nwrite_files: 7\n")
    assert told.rc != 0
