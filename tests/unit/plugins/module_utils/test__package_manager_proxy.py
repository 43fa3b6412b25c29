# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""package_manager_proxy on a host's tree: every file, mode, diff and refusal, in check mode and without it.

What apt and dnf make of the files is asked in tests/conformance.
"""

from __future__ import annotations

import stat

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _package_manager_proxy as module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PROXY = {"http": "http://192.0.2.1:3128"}
SECRET = {**PROXY, "username": "fleet", "password": "hunt%er2"}
SETTINGS = module.APT_SETTINGS[1:]
CREDENTIALS = module.APT_CREDENTIALS[1:]
MAIN = b"# by hand\n[main]\ngpgcheck=1\nbest=False"


class Host:
    """A tree with one package manager in it."""

    def __init__(self, root, manager):
        self.root = root
        self.configuration = {"apt": SETTINGS, "dnf": "etc/dnf/dnf.conf", "yum": "etc/yum.conf"}[manager]
        self.write({"apt": "usr/bin/apt-get", "dnf": "usr/bin/dnf", "yum": "usr/bin/yum"}[manager], b"", 0o755)
        if manager != "apt":
            self.write(self.configuration, MAIN)

    def write(self, path, content, mode=0o644):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)

    def mode(self, path):
        return stat.S_IMODE((self.root / path).stat().st_mode)

    def tree(self):
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    def ensure(self, proxy, *, check_mode=False, **params):
        given = {name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}
        given.update(proxy=proxy, **params)
        return carry_out(module.ensure, given, check_mode=check_mode, root=str(self.root))


@pytest.fixture(params=["apt", "dnf", "yum"])
def host(request, tmp_path):
    return Host(tmp_path, request.param)


@pytest.fixture
def debian(tmp_path):
    return Host(tmp_path, "apt")


@pytest.fixture
def fedora(tmp_path):
    return Host(tmp_path, "dnf")


def test_check_mode_says_what_will_be_and_the_second_run_changes_nothing(host):
    before = host.tree()
    checked, checked_result = host.ensure(SECRET, private_config=True, check_mode=True)
    assert host.tree() == before
    run, result = host.ensure(SECRET, private_config=True)
    assert run.changed
    assert (checked.changed, checked.diffs, checked_result) == (run.changed, run.diffs, result)
    assert all(f"/{path}" in result["files"] for path in host.tree().keys() - before.keys())
    assert "hunt" not in str(run.diffs)
    after = host.tree()
    again, again_result = host.ensure(SECRET, private_config=True)
    assert (again.changed, again.diffs, again_result) == (False, [], result)
    assert host.tree() == after


def test_absent_takes_all_of_it_away(host):
    before = {path: content for path, (content, _time) in host.tree().items()}
    for proxy in (SECRET, PROXY, SECRET):
        host.ensure(proxy, private_config=True)
        assert {path: content for path, (content, _time) in host.tree().items()} != before
    run, result = host.ensure(None, state="absent")
    assert run.changed
    assert result["files"] == []
    assert "hunt" not in str(run.diffs)
    assert {path: content for path, (content, _time) in host.tree().items()} == before
    again, _result = host.ensure(None, state="absent")
    assert not again.changed


def test_a_changed_password_changes_the_file_and_shows_neither(host):
    host.ensure({**SECRET, "password": "the former one"}, private_config=True)
    run, _result = host.ensure(SECRET, private_config=True)
    assert run.changed
    assert "former" not in str(run.diffs)
    assert "hunt" not in str(run.diffs)


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        (None, "is not given"),
        ({}, "is not given"),
        ({"http": "192.0.2.1:3128"}, "Write http://192.0.2.1:3128."),
        ({**PROXY, "htps": "x"}, "Did you mean https?"),
    ],
)
def test_bad_input_writes_nothing(proxy, said, host):
    before = host.tree()
    with pytest.raises(Refused) as refused:
        host.ensure(proxy)
    assert said in str(refused.value)
    assert host.tree() == before


def test_apt_has_its_credentials_where_only_root_reads(debian):
    _run, result = debian.ensure(SECRET)
    assert result == {"manager": "apt", "files": [f"/{CREDENTIALS}", f"/{SETTINGS}"]}
    assert (debian.mode(SETTINGS), debian.mode(CREDENTIALS)) == (0o644, 0o600)
    assert b"hunt" not in (debian.root / SETTINGS).read_bytes()
    assert b"login fleet password hunt%er2\n" in (debian.root / CREDENTIALS).read_bytes()
    debian.ensure(PROXY)
    assert not (debian.root / CREDENTIALS).exists()


def test_apt_settings_with_credentials_are_private_and_later_said_to_be_so(debian):
    run, result = debian.ensure({**SECRET, "password": "hunt er2"})
    assert result["files"] == [f"/{SETTINGS}"]
    assert debian.mode(SETTINGS) == 0o600
    assert [notice.entry for notice in run.notices] == ["password"]
    run, _result = debian.ensure(PROXY)
    assert debian.mode(SETTINGS) == 0o600
    assert [notice.entry for notice in run.notices] == [f"/{SETTINGS}"]


def test_who_else_sets_apts_proxy_is_named(debian):
    debian.write("etc/apt/apt.conf.d/00proxy", b'Acquire::http::Proxy "http://192.0.2.9:1";\n')
    debian.write("etc/apt/apt.conf.d/zzz", b'// Acquire::http::Proxy "x";\nDir "/";\n')
    run, _result = debian.ensure(PROXY)
    assert run.notices == []
    debian.write("etc/apt/apt.conf", b'Acquire { http { Proxy "http://192.0.2.9:1"; } }\n')
    run, _result = debian.ensure(PROXY)
    assert [notice.entry for notice in run.notices] == ["/etc/apt/apt.conf"]


@pytest.mark.parametrize("manager", ["dnf", "yum"])
def test_credentials_in_a_file_that_others_may_read_are_refused(manager, tmp_path):
    host = Host(tmp_path, manager)
    before = host.tree()
    with pytest.raises(Refused, match="private_config: true") as refused:
        host.ensure(SECRET)
    assert refused.value.where == f"/{host.configuration}"
    assert "hunt" not in str(refused.value)
    assert host.tree() == before
    host.ensure(SECRET, private_config=True)
    assert host.mode(host.configuration) == 0o600
    # A file that is private already needs no word.
    host.ensure({**SECRET, "password": "another"})
    assert b"another" in (tmp_path / host.configuration).read_bytes()


def test_only_options_of_main_change(fedora):
    _run, result = fedora.ensure(PROXY)
    assert result == {"manager": "dnf", "files": ["/etc/dnf/dnf.conf"]}
    content = (fedora.root / "etc/dnf/dnf.conf").read_bytes()
    assert content == b"# by hand\n[main]\nproxy=http://192.0.2.1:3128\ngpgcheck=1\nbest=False"
    assert fedora.mode("etc/dnf/dnf.conf") == 0o644


def test_credentials_of_before_are_not_shown_and_do_not_stay(fedora):
    fedora.write("etc/dnf/dnf.conf", b"[main]\nproxy=http://192.0.2.9:1\nproxy_username = u\nproxy_password = former\n")
    run, _result = fedora.ensure(PROXY)
    assert (fedora.root / "etc/dnf/dnf.conf").read_bytes() == b"[main]\nproxy=http://192.0.2.1:3128\n"
    assert "former" not in str(run.diffs)


def test_a_broken_file_is_named_and_left(fedora):
    fedora.write("etc/dnf/dnf.conf", b"gpgcheck=1\n")
    with pytest.raises(Refused) as refused:
        fedora.ensure(PROXY)
    assert refused.value.where == "/etc/dnf/dnf.conf"
    assert (fedora.root / "etc/dnf/dnf.conf").read_bytes() == b"gpgcheck=1\n"


def test_a_link_is_followed_and_stays(fedora):
    (fedora.root / "etc/yum.conf").symlink_to("dnf/dnf.conf")
    fedora.ensure(PROXY, manager="yum")
    assert (fedora.root / "etc/yum.conf").is_symlink()
    assert b"proxy=" in (fedora.root / "etc/dnf/dnf.conf").read_bytes()


def test_apt_comes_before_a_dnf_that_is_there_as_well(debian):
    debian.write("usr/bin/dnf", b"")
    assert debian.ensure(PROXY)[1]["manager"] == "apt"
    assert debian.ensure(PROXY, manager="dnf")[1]["files"] == ["/etc/dnf/dnf.conf"]
    debian.ensure(None, manager="dnf", state="absent")
    assert not (debian.root / "etc/dnf/dnf.conf").exists()


def test_a_host_without_any_of_them(tmp_path):
    host = Host(tmp_path, "apt")
    (tmp_path / "usr/bin/apt-get").unlink()
    with pytest.raises(Refused, match="neither apt nor dnf nor yum"):
        host.ensure(PROXY)
    run, result = host.ensure(None, state="absent")
    assert (run.changed, result) == (False, {"manager": None, "files": []})
