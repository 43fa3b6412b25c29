# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IoT Edge's check would see of units, by what a running systemd (252 and 257) prints of their drop-ins."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_settings as settings

PROXY = "http://proxy.example.com:3128"
SEEN_AS_IT_IS = "aZ9~-_.,+^{}]:#/@é"
QUOTED = "$!&*?['()<>|; `"  # in the value, systemctl puts quotes around the assignment

# Lines of a unit, and what the check finds in them.
CASES = {
    f'Environment="https_proxy={PROXY}"': PROXY,
    f"Environment=https_proxy={PROXY}": PROXY,
    f"Environment='https_proxy={PROXY}'": PROXY,
    'Environment="https_proxy=http://u:p%%40ss@proxy:3128"': "http://u:p%40ss@proxy:3128",
    'Environment="https_proxy=http://u:p%40ss@proxy:3128"': "",
    'Environment="https_proxy=http://u:abc%%4G@proxy"': "http://u:abc%4G@proxy",
    'Environment="https_proxy=http://[fd00::1]:3128"': "",
    'Environment="https_proxy=http://u:p=ss@proxy:3128"': "http://u:p",
    f"Environment=https_proxy=http://old\nEnvironment=https_proxy={PROXY}": PROXY,
    f"Environment=https_proxy={PROXY}\nEnvironment=": "",
    f"Environment=A=b https_proxy={PROXY} C=d": PROXY,
    f"Environment=HTTPS_PROXY={PROXY}": "",
    "EnvironmentFile=/etc/case.env": "",
    f"Environment=https_proxy={PROXY}\nUnsetEnvironment=https_proxy": PROXY,
    f'Environment="no_proxy=*.corp,10.0.0.0/8" "https_proxy={PROXY}"': PROXY,
    **{f'Environment="https_proxy=http://a{each}b"': f"http://a{each}b" for each in SEEN_AS_IT_IS},
    **{f'Environment="https_proxy=http://a{each}b"': "" for each in QUOTED},
}
MISSING = "no-such-unit.service"


@pytest.fixture(params=["bookworm", "trixie"])
def shown(request, booted_host):
    """What systemctl prints for each case's unit."""
    container = booted_host(request.param)
    made = [
        f"mkdir -p /etc/systemd/system/case-{number}.service.d\n"
        f"printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >/etc/systemd/system/case-{number}.service\n"
        f"cat >/etc/systemd/system/case-{number}.service.d/90.conf <<'END'\n[Service]\n{lines}\nEND\n"
        for number, lines in enumerate(CASES)
    ]
    units = " ".join(f"case-{number}.service" for number in range(len(CASES)))
    ask = f"systemctl show --property=Environment {units} {MISSING}"
    script = f"printf 'https_proxy={PROXY}\\n' >/etc/case.env\n" + "".join(made) + f"systemctl daemon-reload\n{ask}\n"
    clean = "rm -rf /etc/case.env /etc/systemd/system/case-*; systemctl daemon-reload"
    command = ["docker", "exec", "--interactive", container, "sh", "-euc"]
    try:
        said = subprocess.run([*command, "sh -eu"], input=script.encode(), check=True, capture_output=True, timeout=60)
    finally:
        subprocess.run([*command, clean], check=True, capture_output=True, timeout=60)
    return said.stdout.decode("utf-8").split("\n\n")


def test_what_the_check_sees_of_each_unit(shown):
    *cases, missing = shown
    assert len(cases) == len(CASES)
    seen = {lines: settings.unit_value(said) for lines, said in zip(CASES, cases, strict=True)}
    assert seen == CASES
    assert settings.unit_value(missing) == ""
