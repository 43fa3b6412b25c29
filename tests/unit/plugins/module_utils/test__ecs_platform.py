# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which platform a host is, by what the distributions themselves write."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _ecs_platform
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.stage.ecs import PLATFORMS


@pytest.mark.parametrize("name", [name for name, about in PLATFORMS.items() if about.os_release])
def test_what_a_platform_says_of_itself(name):
    about = PLATFORMS[name]
    found = _ecs_platform.find(about.os_release, about.system_release, systemd=name != "amazon-linux-ami")
    assert found == _ecs_platform.Platform(name, upstart=name == "amazon-linux-ami")


@pytest.mark.parametrize(
    ("system_release", "name"),
    [
        ("Amazon Linux AMI release 2018.03\n", "amazon-linux-ami"),
        ("Amazon Linux release 2 (Karoo)\n", "amazon-linux-2"),
        ("Amazon Linux release 2.0 (2017.12) LTS Release Candidate\n", None),
        # What the vendor's own `grep 'Amazon Linux release 2'` takes for Amazon Linux 2.
        ("Amazon Linux release 2023 (Amazon Linux)\n", "amazon-linux-2023"),
    ],
)
def test_without_os_release(system_release, name):
    if name is None:
        with pytest.raises(Refused, match="no platform"):
            _ecs_platform.find("", system_release, systemd=False)
    else:
        assert _ecs_platform.find("", system_release, systemd=False).name == name


@pytest.mark.parametrize(
    ("os_release", "name"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "deb"),
        ("ID=ubuntu\nID_LIKE=debian\n", "deb"),
        ('ID="centos"\nID_LIKE="rhel fedora"\n', "rpm"),
        ("ID=fedora\n", "rpm"),
        ('ID="sles"\nID_LIKE="suse"\n', "rpm"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "rpm"),
        ("ID=amzn\nVERSION_ID=2025\n", "amazon-linux-2023"),
    ],
)
def test_others(os_release, name):
    assert _ecs_platform.find(os_release, "", systemd=True).name == name


@pytest.mark.parametrize(
    ("os_release", "systemd", "words"),
    [
        ("ID=bottlerocket\nPRETTY_NAME=Bottlerocket\n", True, "apiclient"),
        ("ID=arch\n", True, "'arch', which is no platform"),
        ("", True, "'nothing', which is no platform"),
        ('ID=amzn\nVERSION_ID="2018.03"\n', True, "systemd runs on it"),
        ('ID=amzn\nVERSION_ID="3"\n', True, "no platform"),
    ],
)
def test_what_is_refused(os_release, systemd, words):
    with pytest.raises(Refused, match=words):
        _ecs_platform.find(os_release, "", systemd=systemd)
