# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The .reg files: Wine's reg.exe imports them, and what it then exports is what was meant."""

from __future__ import annotations

import json

from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_image
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import Value
from ansible_collections.fleetops.container_hosts.tests.stage import playbook
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from . import modules
from .conftest import SERVICES

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)


# Many values in one file: each question to Wine takes a process.
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    lists=st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=20), texts=st.lists(TEXTS, max_size=20)
)
@example(
    lists=[["A=1", 'u=Ж\U0001f600 "q" %PATH% a;b&c', "back\\slash\\", "a\r\nb", "\\0", "x" * 20_000]], texts=["%PATH%"]
)
def test_whatever_the_values_are(wine, lists, texts):
    key = rf"{SERVICES}\generated"
    values = {f'list "{number}" \\': Value("REG_MULTI_SZ", each) for number, each in enumerate(lists)}
    values.update({f"text {number}": Value("REG_SZ", each) for number, each in enumerate(texts)})
    wine.import_file(_windows_image.text({key: values}).encode("utf-16"))
    found = wine.read(key)
    wine.delete_key(key)
    kinds = {"REG_MULTI_SZ": modules.MULTI_SZ, "REG_SZ": modules.SZ}
    assert found == {
        name: (kinds[value.kind], modules.bytes_of(kinds[value.kind], value.data)) for name, value in values.items()
    }


def test_what_the_playbook_renders_is_what_the_module_would_have_written(host, tmp_path):
    proxy = {"http": "http://192.0.2.10:3128", "username": "us/er", "password": "S3cret-Ж", "no_proxy": ["10.0.0.0/8"]}
    variables = {
        "container_hosts_proxy": proxy,
        "render_folder": str(tmp_path),
        "ecs_settings": {"ECS_LOGLEVEL": "warn"},
    }
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": {}}}}))
    playbook.run("fleetops.container_hosts.render", inventory, variables=variables).ok()
    host.run(service="docker", proxy=proxy).ok()
    written = host.environment()
    host.wine.delete(rf"{SERVICES}\docker", "Environment")
    host.wine.import_file((tmp_path / "windows-docker.reg").read_bytes())
    assert host.environment() == written
    host.wine.import_file((tmp_path / "windows-ecs.reg").read_bytes())
    assert host.entries()[2].endswith(r"169.254.169.254,169.254.170.2,10.0.0.0/8,\\.\pipe\docker_engine")
    assert host.entries("AmazonECS") == host.entries()
    assert host.machine()["ECS_LOGLEVEL"] == (modules.SZ, "warn")
    host.wine.delete_key(rf"{SERVICES}\AmazonECS")
    installer = (tmp_path / "windows-iotedge-install.ps1").read_text()
    assert "'http://192.0.2.10:3128'" in installer
    assert "S3cret" not in installer
