# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several kinds of settings in one call, on a tree without a running systemd."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_settings
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PROXY = {"http": "http://192.0.2.1:3128"}
DAEMON = {"path": "/etc/docker/daemon.json", "schema": "docker", "settings": {"debug": True}}
TOML = {"path": "/etc/other.toml", "settings": {"debug": {"level": 3}}}
UNITS = {"units": ["docker"], "proxy": PROXY}


@pytest.fixture
def host(tmp_path):
    unit = tmp_path / "usr/lib/systemd/system/docker.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/usr/bin/dockerd\n")
    return tmp_path


def ensure(host, **params):
    return carry_out(
        _host_settings.ensure,
        {"config_json": [], "systemd_environment": [], **params},
        check_mode=False,
        root=str(host),
    )


def test_all_kinds_then_nothing_to_do(host):
    run, result = ensure(host, config_json=[DAEMON], systemd_environment=[UNITS])
    assert run.changed
    assert (host / "etc/docker/daemon.json").read_text() == '{\n    "debug": true\n}\n'
    assert (host / "etc/systemd/system/docker.service.d/zz-container-hosts.conf").exists()
    assert [len(result[kind]) for kind in ("config_json", "config_toml", "systemd_environment")] == [1, 0, 1]
    assert not ensure(host, config_json=[DAEMON], systemd_environment=[UNITS])[0].changed


def test_a_toml_file_among_others(host):
    run, result = ensure(host, config_json=[DAEMON], config_toml=[TOML])
    assert run.changed
    assert (host / "etc/other.toml").read_text().endswith("\n[debug]\n  level = 3\n")
    assert [entry["path"] for entry in result["config_toml"]] == ["/etc/other.toml"]
    assert not ensure(host, config_json=[DAEMON], config_toml=[TOML])[0].changed


def test_no_run_without_a_toml_file_pays_for_one(host):
    program = (
        "import sys\n"
        "from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_settings\n"
        "from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out\n"
        f"carry_out(_host_settings.ensure, {{'config_json': [{DAEMON!r}]}}, check_mode=False, root={str(host)!r})\n"
        "print([name for name in sys.modules if 'toml' in name])"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "[]\n"


def test_a_list_among_the_entries_is_taken_as_its_members(host):
    other = {"path": "/etc/other.json", "settings": {"a": 1}}
    _run, result = ensure(host, config_json=[DAEMON, [other], []])
    assert [entry["path"] for entry in result["config_json"]] == ["/etc/docker/daemon.json", "/etc/other.json"]


def test_an_empty_proxy_leaves_the_units_alone(host):
    run, result = ensure(host, systemd_environment=[{"units": ["docker"], "proxy": {}}])
    assert (run.changed, result["systemd_environment"][0]["units"]) == (False, [])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"config_json": [DAEMON, "x"]}, r"config_json\[1\]: is not a dictionary"),
        ({"config_json": [DAEMON, {"pth": "/x"}]}, r"config_json\[1\]: .*pth.*fleetops.container_hosts.config_json"),
        ({"config_json": [DAEMON], "config_toml": [{"settings": {}}]}, r"config_toml\[0\]: .*path"),
        ({"config_json": [DAEMON], "systemd_environment": [{"units": ["nosuch"], "proxy": PROXY}]}, "nosuch.service"),
    ],
)
def test_what_is_refused_leaves_everything_unwritten(host, params, message):
    with pytest.raises(Refused, match=message):
        ensure(host, **params)
    assert not (host / "etc").exists()


@pytest.mark.parametrize("unit", ["docker", "docker.service"])
def test_proxies_in_daemon_json_that_win_over_the_drop_in(host, unit):
    (host / "etc/docker").mkdir(parents=True)
    (host / "etc/docker/daemon.json").write_text('{"proxies": {"https-proxy": "http://192.0.2.9:1"}}')
    run, _result = ensure(host, config_json=[{**DAEMON, "unit": unit}], systemd_environment=[UNITS])
    assert ("proxies.https-proxy", True) in [(notice.entry, "wins over" in notice.why) for notice in run.notices]
    run, _result = ensure(host, config_json=[{**DAEMON, "unit": unit}])
    assert not [notice for notice in run.notices if "wins over" in notice.why]


def test_iot_edge_among_the_others(host):
    (host / "usr/lib/systemd/system/aziot-edged.service").write_text("[Service]\nExecStart=/bin/aziot-edged\n")
    entry = {
        "settings": {"provisioning": {"source": "none"}},
        "proxy": PROXY,
        "agent_image": "registry.example.com/agent:1.5.21",
    }
    units = {"units": ["aziot-edged"], "proxy": PROXY, "proxy_readers": "iotedge"}
    run, result = ensure(host, iotedge_config=[entry], systemd_environment=[units])
    assert run.changed
    assert [each["path"] for each in result["iotedge_config"]] == ["/etc/aziot/config.toml"]
    # No systemd runs in this tree, so there is nothing to apply with.
    assert (result["apply_required"], result["iotedge_config"][0]["systemd_running"]) == ([], False)
    assert result["systemd_environment"][0]["units"][0]["configured"] == {"https_proxy": PROXY["http"]}
    assert b'https_proxy = "http://192.0.2.1:3128"' in (host / "etc/aziot/config.toml").read_bytes()
    assert not ensure(host, iotedge_config=[entry], systemd_environment=[units])[0].changed
    with pytest.raises(Refused, match=r"iotedge_config\[0\]: .*storge.*fleetops.container_hosts.iotedge_config"):
        ensure(host, iotedge_config=[{"storge": {}}])
