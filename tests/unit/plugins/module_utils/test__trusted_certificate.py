# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores of both families on a tree of our own, with stand-ins for their update commands.

The real commands, and clients that trust or do not, are in tests/conformance/test_trusted_certificate.py.
"""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _trusted_certificate as module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.tests.support.certificates import make

ROOT = make("Proxy Root")
OTHER = make("Other Root")
FOREIGN = make("Distribution Root")

# A stand-in: concatenates the store's files behind what the distribution trusts, as the real commands do.
COMMAND = """#!/bin/sh
echo "${{0##*/}}${{1:+ $*}}" >> {root}/calls
[ ! -e {root}/broken ] || {{ echo "no space left" >&2; exit 3; }}
cat {root}/distribution {root}{folder}/*.crt > {root}{bundle}.new 2>/dev/null
mv {root}{bundle}.new {root}{bundle}
[ ! -e {root}/bad-hook ] || echo "E: /etc/hook exited with code 1."
"""


class Host:
    """A tree with one family's store, and its command on PATH."""

    def __init__(self, root, store):
        self.root, self.store = root, store
        for folder in (store.marker, store.folder, os.path.dirname(store.bundle), "/bin"):
            (root / folder[1:]).mkdir(parents=True, exist_ok=True)
        self.folder, self.bundle = root / store.folder[1:], root / store.bundle[1:]
        (root / "distribution").write_text(FOREIGN.pem)
        self.bundle.write_text(FOREIGN.pem)
        command = root / "bin" / store.command[0]
        command.write_text(COMMAND.format(root=root, folder=store.folder, bundle=store.bundle))
        command.chmod(0o755)

    def ensure(self, *certificates, check_mode=False, **params):
        params = {"name": "container-hosts", "state": "present", "certificates": [*certificates], **params}
        return carry_out(module.ensure, params, check_mode=check_mode, root=str(self.root))

    def files(self):
        return {path.name: path.read_text() for path in self.folder.iterdir()}

    def trusted(self):
        return self.bundle.read_text()

    def calls(self):
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture(params=module.STORES, ids=lambda store: store.family)
def host(request, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    return Host(tmp_path, request.param)


def name(made, prefix="container-hosts"):
    return f"{prefix}.{made.fingerprint}.crt"


def plain(host):
    return " ".join(host.store.command)


def anew(host):
    return " ".join([*host.store.command, *host.store.anew])


def test_present_then_again_then_absent(host):
    run, result = host.ensure(ROOT.pem)
    assert run.changed
    assert host.files() == {name(ROOT): ROOT.pem}
    assert stat.S_IMODE((host.folder / name(ROOT)).stat().st_mode) == 0o644
    assert ROOT.pem in host.trusted()
    assert result == {
        "store": host.store.folder,
        "bundle": host.store.bundle,
        "files": [f"{host.store.folder}/{name(ROOT)}"],
    }
    run, again = host.ensure(ROOT.pem)
    assert (run.changed, run.diffs, again) == (False, [], result)
    run, result = host.ensure(state="absent")
    assert run.changed
    assert (host.files(), host.trusted(), result["files"]) == ({}, FOREIGN.pem, [])
    assert not host.ensure(state="absent")[0].changed
    assert host.calls() == [plain(host), anew(host)]


def test_check_mode_gives_the_same_answer_and_diff_and_changes_nothing(host):
    for params in ({"certificates": [ROOT.pem]}, {"certificates": [OTHER.pem]}, {"state": "absent"}):
        before = host.files(), host.trusted(), host.calls()
        checked, foreseen = host.ensure(check_mode=True, **params)
        assert (host.files(), host.trusted(), host.calls()) == before
        real, result = host.ensure(**params)
        assert (checked.changed, checked.diffs, foreseen) == (True, real.diffs, result)
        assert real.changed


def test_each_certificate_is_a_file_and_is_there_once(host):
    text = f"# a comment\n{ROOT.pem}\r\n{OTHER.pem}"
    host.ensure(text, OTHER.pem)
    assert host.files() == {name(ROOT): ROOT.pem, name(OTHER): OTHER.pem}


def test_what_is_not_named_any_more_goes_and_foreign_files_stay(host):
    foreign = {"container-hosts.crt": "x", "container-hosts.mine.crt": "x", "other.0123456789abcdef.crt": "x"}
    for file, content in foreign.items():
        (host.folder / file).write_text(content)
    host.ensure(OTHER.pem, name="container-hosts-2")
    host.ensure(ROOT.pem)
    host.ensure(OTHER.pem)
    assert host.files() == {**foreign, name(OTHER): OTHER.pem, name(OTHER, "container-hosts-2"): OTHER.pem}
    assert ROOT.pem not in host.trusted()
    assert host.calls()[-1] == anew(host)
    host.ensure(state="absent")
    assert host.files() == {**foreign, name(OTHER, "container-hosts-2"): OTHER.pem}


def test_a_removed_certificate_that_another_file_brings_is_told(host):
    (host.folder / "by-hand.crt").write_text(ROOT.pem)
    host.ensure(ROOT.pem)
    run, _result = host.ensure(state="absent")
    path = f"{host.store.folder}/{name(ROOT)}"
    assert run.notices == [(host.store.bundle, path, "is removed, but another file brings the same certificate")]


def test_a_damaged_file_is_replaced(host):
    host.ensure(ROOT.pem)
    (host.folder / name(ROOT)).write_text("nonsense")
    run, _result = host.ensure(ROOT.pem)
    assert run.changed
    assert host.files() == {name(ROOT): ROOT.pem}
    assert host.calls()[-1] == anew(host)


def test_an_update_that_failed_is_refused_with_its_message_and_made_good_by_the_next_run(host):
    broken = host.root / "broken"
    broken.touch()
    with pytest.raises(Refused, match=r"failed: no space left"):
        host.ensure(ROOT.pem)
    assert ROOT.pem not in host.trusted()
    broken.unlink()
    assert host.ensure(ROOT.pem, check_mode=True)[0].changed
    assert host.ensure(ROOT.pem)[0].changed
    assert ROOT.pem in host.trusted()
    os.utime(host.folder, (1000, 1000))  # the clock of file times ticks too slowly for this test
    os.utime(host.bundle, (2000, 2000))
    assert not host.ensure(ROOT.pem)[0].changed
    broken.touch()
    with pytest.raises(Refused):
        host.ensure(state="absent")
    assert ROOT.pem in host.trusted()
    broken.unlink()
    assert host.ensure(state="absent")[0].changed
    assert host.trusted() == FOREIGN.pem
    assert not host.ensure(state="absent")[0].changed
    assert host.calls()[-1] == anew(host)


def test_a_bundle_that_lost_the_certificate_is_made_again(host):
    host.ensure(ROOT.pem)
    host.bundle.write_text(FOREIGN.pem)
    assert host.ensure(ROOT.pem)[0].changed
    assert ROOT.pem in host.trusted()
    host.bundle.unlink()
    assert host.ensure(ROOT.pem)[0].changed
    assert ROOT.pem in host.trusted()


def test_a_bundle_that_still_lacks_it_after_the_update_is_refused(host):
    (host.root / "bin" / host.store.command[0]).write_text("#!/bin/sh\n")
    with pytest.raises(Refused, match=rf"{host.store.bundle}: does not hold .*{name(ROOT)} although .* has run"):
        host.ensure(ROOT.pem)


def test_a_failed_hook_is_told(host):
    (host.root / "bad-hook").touch()
    run, _result = host.ensure(ROOT.pem)
    assert [(notice.reader, notice.entry) for notice in run.notices] == [
        (host.store.command[0], "/etc/hook exited with code 1.")
    ]


def test_without_the_command_nothing_is_written(host, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda *_args, **_options: None)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=rf"^{host.store.command[0]}: is not on this host\. Install the package"):
            host.ensure(ROOT.pem, check_mode=check_mode)
    assert host.files() == {}


def test_a_file_that_is_no_file_is_refused_and_nothing_is_written(host):
    (host.folder / name(OTHER)).mkdir()
    with pytest.raises(Refused, match="is a directory"):
        host.ensure(ROOT.pem, OTHER.pem)
    assert os.listdir(host.folder) == [name(OTHER)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"certificates": []}, "certificates: is empty"),
        ({"certificates": None}, "certificates: is empty"),
        ({"certificates": [ROOT.pem, "files/root.pem"]}, "certificates[1]: is no certificate in PEM form"),
        ({"certificates": [ROOT.pem.replace("MII", "=II")]}, "is damaged"),
        ({"name": "../../etc/passwd"}, "name: '../../etc/passwd' can't begin a file's name"),
        ({"name": "a.b", "state": "absent"}, "name: 'a.b' can't"),
    ],
)
def test_bad_input_is_refused(host, params, message):
    with pytest.raises(Refused) as refused:
        host.ensure(ROOT.pem, **params)
    assert message in str(refused.value)
    assert host.files() == {}


def test_a_host_without_a_store(tmp_path):
    params = {"name": "x", "state": "present", "certificates": [ROOT.pem]}
    with pytest.raises(
        Refused, match=r"Amazon Linux: /etc/pki.*Debian, Ubuntu: /usr/share/ca-cert.*Install the package"
    ):
        carry_out(module.ensure, params, check_mode=False, root=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    run, result = carry_out(module.ensure, {**params, "state": "absent"}, check_mode=False, root=str(tmp_path))
    assert (run.changed, result) == (False, {"store": None, "bundle": None, "files": []})


def test_debians_folder_is_made_where_somebody_removed_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    host = Host(tmp_path, next(store for store in module.STORES if store.marker != store.folder))
    host.folder.rmdir()
    assert not host.ensure(state="absent")[0].changed
    host.ensure(ROOT.pem)
    assert host.files() == {name(ROOT): ROOT.pem}
    assert stat.S_IMODE(host.folder.stat().st_mode) == 0o755
