# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the controller finds certificates, and what it sends to the host and what not."""

from __future__ import annotations

import datetime
import types

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.action import ActionBase
from ansible_collections.fleetops.container_hosts.plugins.action.trusted_certificate import ActionModule
from ansible_collections.fleetops.container_hosts.tests.support.certificates import make

NOW = datetime.datetime.now(datetime.UTC)
ROOT = make(now=NOW)
OTHER = make("Other Root", now=NOW)
SECRETS = [("default", VaultSecret(b"pass"))]


@pytest.fixture
def act(tmp_path, monkeypatch):
    """Return a function that runs the action; `sent` on it holds what went to the host."""
    sent = []
    (tmp_path / "play" / "files").mkdir(parents=True)
    (tmp_path / "inventory" / "files").mkdir(parents=True)
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp=None, _task_vars=None: {})
    monkeypatch.setattr(
        ActionModule,
        "_execute_module",
        lambda _self, module_args, **_rest: sent.append(module_args) or {"changed": True, "notices": []},
    )
    loader = DataLoader()
    loader.set_basedir(str(tmp_path / "play"))
    loader.set_vault_secrets(SECRETS)

    def run(**args):
        task = types.SimpleNamespace(args=args, async_val=0, get_search_path=lambda: [str(tmp_path / "play")])
        action = ActionModule(task, None, types.SimpleNamespace(), loader, None, None)
        return action.run(task_vars={"inventory_dir": str(tmp_path / "inventory")})

    run.sent = sent
    return run


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("play/files", "root.pem"),
        ("play/files", "files/root.pem"),
        ("play", "root.pem"),
        ("inventory/files", "files/root.pem"),
        ("working", "root.pem"),
    ],
)
def test_a_path_is_looked_for_where_it_may_have_been_meant(act, tmp_path, folder, path):
    (tmp_path / folder / "root.pem").write_text(ROOT.pem)
    result = act(certificates=[path], name="x")
    assert result["changed"]
    assert act.sent == [{"certificates": [ROOT.pem], "name": "x"}]


def test_the_playbook_comes_before_the_inventory(act, tmp_path):
    (tmp_path / "inventory" / "root.pem").write_text(OTHER.pem)
    (tmp_path / "play" / "root.pem").write_text(ROOT.pem)
    act(certificates=["root.pem"])
    assert act.sent == [{"certificates": [ROOT.pem]}]


def test_texts_an_absolute_path_and_a_vault_in_one_call(act, tmp_path):
    (tmp_path / "root.pem").write_bytes(VaultLib(SECRETS).encrypt(ROOT.pem.encode()))
    act(certificates=[str(tmp_path / "root.pem"), OTHER.pem])
    assert act.sent == [{"certificates": [ROOT.pem, OTHER.pem]}]


def test_one_path_alone_may_hold_a_comma(act, tmp_path):
    (tmp_path / "play" / "a,b.pem").write_text(ROOT.pem)
    act(certificate="a,b.pem")
    assert act.sent == [{"certificates": [ROOT.pem]}]


def test_absent_reads_no_file(act):
    act(certificates=["gone.pem"], state="absent")
    assert act.sent == [{"state": "absent"}]


@pytest.mark.parametrize(
    ("certificates", "message"),
    [
        (["gone.pem"], "certificates[0]: there is no file gone.pem on the controller"),
        ([ROOT.pem, None], "certificates[1]: is neither a path nor a PEM text"),
        ([ROOT.pem, " "], "certificates[1]: is neither"),
        ([ROOT.pem, OTHER.key_pem], "certificates[1]: holds a private key"),
        ([make("Old", now=NOW, days=(-9, -1)).pem], "certificates[0] (CN=Old): expired on"),
    ],
)
def test_a_refusal_sends_nothing(act, certificates, message):
    result = act(certificates=certificates)
    assert result["failed"]
    assert message in result["msg"]
    assert act.sent == []


def test_a_warning_is_shown_and_kept_as_data(act):
    near = make("Near", now=NOW, days=(-1, 5))
    result = act(certificates=[near.pem])
    assert [notice["entry"] for notice in result["notices"]] == ["certificates[0] (CN=Near)"]
    assert "expires on" in result["warnings"][0]
