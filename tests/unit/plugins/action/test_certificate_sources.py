# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the controller in entries of iotedge_certificate: found where users put them, and sent as text."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate_sources import with_texts

TEXT = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


class Action:
    """What the function uses of an action plugin: Ansible's own loader, and a search that finds nothing."""

    def __init__(self):
        self._loader = DataLoader()

    def _find_needle(self, folder, path):
        raise AnsibleError(f"no {path} in {folder}")


@pytest.fixture
def inventory(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "ca.pem").write_text(TEXT)
    (tmp_path / "ca.der").write_bytes(b"\x30\x82\xff")
    return {"inventory_dir": str(tmp_path)}


def test_a_file_beside_the_inventory_is_sent_as_text(inventory):
    entries = [[{"path": "/c.pem", "src": "files/ca.pem"}], {"path": "/d.pem", "content": TEXT}, "no entry"]
    found = with_texts(Action(), entries, inventory)
    assert found == [[{"path": "/c.pem", "content": TEXT}], {"path": "/d.pem", "content": TEXT}, "no entry"]


def test_of_what_is_to_go_no_file_is_needed(inventory):
    entry = {"path": "/c.pem", "src": "gone.pem", "key_src": "gone.key", "state": "absent"}
    found = with_texts(Action(), entry, inventory)
    assert found["content"]
    assert found["key_content"]
    assert not {"src", "key_src"} & set(found)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "/c.pem", "src": "missing.pem"}, "src of /c.pem: there is no file missing.pem on the controller"),
        ({"path": "/c.pem", "src": "ca.der"}, "ca.der: is not PEM but binary"),
        ({"path": "/c.pem", "src": "files/ca.pem", "content": TEXT}, "src: is given, and content too"),
        ({"path": "/c.pem", "key_src": ["a"]}, "key_src of /c.pem: is neither a path nor a PEM text"),
    ],
)
def test_what_can_not_be_sent_is_refused(inventory, entry, message):
    with pytest.raises(Refused, match=message):
        with_texts(Action(), entry, inventory)
