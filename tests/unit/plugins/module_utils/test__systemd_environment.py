# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd_environment on a tree without a running systemd: every file, diff and refusal.

What needs a running systemd (reload, running environment, restarts) is asked of real hosts in tests/integration.
"""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _systemd_environment as module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run, carry_out
from ansible_collections.fleetops.container_hosts.plugins.module_utils._systemd_syntax import parse_file

ETC = "etc/systemd/system/docker.service.d"
DROPIN = f"{ETC}/zz-container-hosts.conf"
FILE = f"{ETC}/zz-container-hosts.env"
PROXY = {"http": "http://192.0.2.1:3128", "no_proxy": ["10.0.0.0/8"]}
SECRET = {**PROXY, "username": "fleet", "password": "p%4/@ä"}


@pytest.fixture
def host(tmp_path):
    put(tmp_path, "usr/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd\n")
    put(tmp_path, "usr/lib/systemd/system/x@.service", "[Service]\nExecStart=/bin/true\n")
    return tmp_path


def put(host, path, text, mode=0o644):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_text(text)
    (host / path).chmod(mode)


def ensure(host, *, check_mode=False, **params):
    defaults = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    return carry_out(module.ensure, {**defaults, "units": ["docker"], **params}, check_mode=check_mode, root=str(host))


def tree(host):
    files = [path for path in host.rglob("*") if path.is_file()]
    return {str(path.relative_to(host)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


def test_present_then_again_then_absent(host):
    before = tree(host)
    run, result = ensure(host, proxy=PROXY)
    assert run.changed
    assert set(tree(host)) - set(before) == {DROPIN}
    assert tree(host)[DROPIN][1] == 0o644
    assert result["units"][0]["configured"]["HTTPS_PROXY"] == "http://192.0.2.1:3128"
    after = tree(host)
    run, _result = ensure(host, proxy=PROXY)
    assert (run.changed, run.diffs, tree(host)) == (False, [], after)
    run, _result = ensure(host, state="absent")
    assert run.changed
    assert tree(host) == before
    assert not (host / ETC).exists()
    assert not ensure(host, state="absent")[0].changed


def test_check_mode_gives_the_same_answer_and_diff_and_writes_nothing(host):
    before = tree(host)
    checked, told = ensure(host, proxy=SECRET, check_mode=True)
    assert tree(host) == before
    done, result = ensure(host, proxy=SECRET)
    assert (checked.changed, checked.diffs, told) == (done.changed, done.diffs, result)
    checked, told = ensure(host, state="absent", check_mode=True)
    done, result = ensure(host, state="absent")
    assert (checked.changed, checked.diffs, told) == (done.changed, done.diffs, result)


def test_credentials_go_to_a_private_file_and_into_nothing_that_is_shown(host):
    run, result = ensure(host, proxy=SECRET)
    files = tree(host)
    assert files[FILE][1] == 0o600
    values = {name: value for name, value, _line in parse_file(files[FILE][0].decode())}
    assert values["HTTP_PROXY"] == "http://fleet:p%254%2F%40%C3%A4@192.0.2.1:3128"
    for shown in (files[DROPIN][0].decode(), str(run.diffs), str(result), str(run.notices)):
        assert "%254" not in shown
        assert "p%4/" not in shown
    assert result["units"][0]["configured"]["https_proxy"] == "http://********@192.0.2.1:3128"


def test_only_the_password_changes(host):
    ensure(host, proxy=SECRET)
    run, _result = ensure(host, proxy={**SECRET, "password": "other"})
    assert run.changed
    assert [diff["after_header"] for diff in run.diffs] == ["/" + FILE]
    assert run.diffs[0]["after"].endswith("(only a secret changed)\n")


def test_exposure_environment_with_credentials_warns(host):
    run, _result = ensure(host, proxy=SECRET, exposure="environment")
    assert "every local user of the host can read the credentials" in str(run.notices)
    assert FILE not in tree(host)
    assert b"%%254%%2F%%40%%C3%%A4" in tree(host)[DROPIN][0]


def test_from_file_to_environment_and_back_leaves_no_file_behind(host):
    ensure(host, proxy=SECRET)
    ensure(host, proxy=PROXY)
    assert FILE not in tree(host)
    ensure(host, proxy=SECRET)
    assert FILE in tree(host)
    ensure(host, state="absent")
    assert not (host / ETC).exists()


def test_foreign_content_of_our_own_drop_in_stays(host):
    put(host, DROPIN, "# mine\n[Service]\nLimitNOFILE=1")
    before = tree(host)
    ensure(host, proxy=PROXY)
    assert tree(host)[DROPIN][0].startswith(b"# mine\n[Service]\nLimitNOFILE=1")
    ensure(host, state="absent")
    assert tree(host) == before


def test_values_are_what_was_asked_and_nothing_else(host):
    awkward = "a b\t\"q\" 'q' \\ \\x41 %n %% $HOME `x`\nnext ä😀#;"
    _run, result = ensure(host, environment={"ONE": awkward, "TWO": 3})
    assert result["units"][0]["configured"] == {"ONE": awkward, "TWO": "3"}


def test_a_later_drop_in_shadows_ours(host):
    put(host, f"{ETC}/zzz.conf", "[Service]\nEnvironment=HTTP_PROXY=http://192.0.2.9:1\n")
    run, result = ensure(host, proxy=PROXY)
    assert result["units"][0]["shadowed_by"] == [{"variable": "HTTP_PROXY", "path": f"/{ETC}/zzz.conf", "line": 2}]
    assert "zzz.conf, line 2, sets it to something else and wins" in str(run.notices)


def test_an_environment_file_shadows_our_assignments(host):
    put(host, "etc/default/docker", "# x\nNO_PROXY=other\n")
    put(host, f"{ETC}/a.conf", "[Service]\nEnvironmentFile=-/etc/default/docker\n")
    _run, result = ensure(host, proxy=PROXY)
    assert result["units"][0]["shadowed_by"] == [{"variable": "NO_PROXY", "path": "/etc/default/docker", "line": 2}]
    assert result["units"][0]["configured"]["NO_PROXY"] == "other"


@pytest.mark.parametrize("text", ["Environment=", "UnsetEnvironment=HTTP_PROXY"])
def test_a_later_reset_shadows_ours(host, text):
    put(host, f"{ETC}/zzz.conf", f"[Service]\n{text}\n")
    _run, result = ensure(host, proxy=PROXY)
    assert {"variable": "HTTP_PROXY", "path": None, "line": None} in result["units"][0]["shadowed_by"]


def test_an_equal_value_elsewhere_shadows_nothing(host):
    put(host, f"{ETC}/zzz.conf", "[Service]\nEnvironment=HTTP_PROXY=http://192.0.2.1:3128\n")
    _run, result = ensure(host, proxy=PROXY)
    assert result["units"][0]["shadowed_by"] == []


OVERRIDE = '[Service]\nLimitNOFILE=9\nEnvironment="HTTP_PROXY=http://u:old@192.0.2.9:1" "KEEP=1"\n# note\n'


def test_overridden_drop_ins_are_reported(host):
    put(host, f"{ETC}/override.conf", OVERRIDE)
    run, result = ensure(host, proxy=PROXY)
    assert result["units"][0]["overrides"] == [{"variable": "HTTP_PROXY", "path": f"/{ETC}/override.conf", "line": 3}]
    assert tree(host)[f"{ETC}/override.conf"][0].decode() == OVERRIDE
    assert "old" not in str(run.diffs)


def test_adopt_takes_out_exactly_what_is_now_ours(host):
    put(host, f"{ETC}/override.conf", OVERRIDE)
    put(host, "usr/lib/systemd/system/docker.service.d/vendor.conf", OVERRIDE)
    checked, told = ensure(host, proxy=PROXY, adopt=True, check_mode=True)
    run, result = ensure(host, proxy=PROXY, adopt=True)
    assert (checked.diffs, told) == (run.diffs, result)
    assert tree(host)[f"{ETC}/override.conf"][0].decode() == '[Service]\nLimitNOFILE=9\nEnvironment="KEEP=1"\n# note\n'
    assert tree(host)["usr/lib/systemd/system/docker.service.d/vendor.conf"][0].decode() == OVERRIDE
    assert result["units"][0]["adopted_from"] == [f"/{ETC}/override.conf"]
    assert "old" not in str(run.diffs)
    assert not ensure(host, proxy=PROXY, adopt=True)[0].changed


def test_many_units_in_one_call(host):
    _run, result = ensure(host, units=["docker", "docker.service", "x@1.service"], proxy=PROXY)
    assert [unit["unit"] for unit in result["units"]] == ["docker.service", "x@1.service"]
    assert "etc/systemd/system/x@1.service.d/zz-container-hosts.conf" in tree(host)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"units": ["nosuch"], "proxy": PROXY}, r"unit nosuch.service: does not exist on this host"),
        ({"units": ["a/b"], "proxy": PROXY}, r"units: 'a/b' is no unit name"),
        ({"units": ["docker.socket"], "proxy": PROXY}, r"docker.socket runs no service process"),
        ({}, r"environment: is empty, and so is proxy"),
        ({"environment": {"A-B": "x"}}, r"environment.A-B: 'A-B' is no variable name"),
        ({"environment": {"A": True}}, r"environment.A: is True, not text.*Quote it"),
        ({"environment": {"A": ["x"]}}, r"environment.A: is a list or dict, not text"),
        ({"environment": {"A": "x\ny"}, "exposure": "file"}, r"environment.A: A holds a line break"),
        ({"proxy": {"http": "192.0.2.1:3128"}}, r"container_hosts_proxy.http: "),
        ({"proxy": PROXY, "dropin": "../x"}, r"dropin: '../x' is no file name"),
    ],
)
def test_bad_input_writes_nothing(host, params, message):
    before = tree(host)
    with pytest.raises(Refused, match=message):
        ensure(host, **params)
    assert tree(host) == before


@pytest.mark.parametrize("kind", ["directory", "link to /dev/null", "too big"])
def test_a_drop_in_that_is_no_file(host, kind):
    (host / ETC).mkdir(parents=True)
    if kind == "directory":
        (host / DROPIN).mkdir()
    elif kind == "too big":
        put(host, DROPIN, "#" * (_host_file.MAX_BYTES + 1))
    else:
        os.symlink("/dev/null", host / DROPIN)
    with pytest.raises(Refused, match=r"zz-container-hosts\.conf"):
        ensure(host, proxy=PROXY)
    assert os.listdir(host / ETC) == ["zz-container-hosts.conf"]


def test_nothing_is_written_for_the_first_unit_where_the_second_is_refused(host):
    (host / "etc/systemd/system/x@1.service.d/zz-container-hosts.conf").mkdir(parents=True)
    before = tree(host)
    with pytest.raises(Refused, match="is a directory"):
        ensure(host, units=["docker", "x@1"], proxy=PROXY)
    assert tree(host) == before


def test_a_drop_in_that_is_not_utf_8_keeps_its_bytes(host):
    (host / ETC).mkdir(parents=True)
    (host / DROPIN).write_bytes(b"# \xff\xfe\n[Service]\nNice=1\n")
    ensure(host, proxy=PROXY)
    assert (host / DROPIN).read_bytes().startswith(b"# \xff\xfe\n[Service]\nNice=1\n")
    ensure(host, state="absent")
    assert (host / DROPIN).read_bytes() == b"# \xff\xfe\n[Service]\nNice=1\n"


def test_iot_edges_daemons_get_https_proxy_alone_and_never_a_reset(host):
    put(host, "usr/lib/systemd/system/aziot-edged.service", '[Service]\nEnvironment="LD_LIBRARY_PATH=/opt"\n')
    run, result = ensure(host, units=["aziot-edged"], proxy=SECRET, proxy_readers="iotedge", exposure="environment")
    [unit] = result["units"]
    assert [name for name in unit["configured"] if "proxy" in name.lower()] == ["https_proxy"]
    value = "http://fleet:p%254%2F%40%C3%A4@192.0.2.1:3128"
    text = (host / "etc/systemd/system/aziot-edged.service.d/zz-container-hosts.conf").read_text()
    assignments = [line for line in text.splitlines() if line.startswith("Environment=")]
    assert assignments == [f'Environment="https_proxy={value.replace("%", "%%")}"']
    assert {notice.reader for notice in run.notices} == {"aziot-identityd and aziot-certd", "aziot-edged"}
    assert not ensure(host, units=["aziot-edged"], proxy=SECRET, proxy_readers="iotedge", exposure="environment")[
        0
    ].changed


def test_several_are_asked_about_by_one_question_and_read_by_one_reload(guarded):
    defaults = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    units = ("docker.service", "nomad.service")
    entries = [{**defaults, "units": [unit], "environment": {"NAME": unit}} for unit in units]
    for unit in units:
        guarded.put(f"lib/{unit}", b"")
        guarded.systemd.unit(unit, guarded.folder / "lib" / unit)
    guarded.systemd.forget_calls()
    run = Run(check_mode=False, root=guarded.root)
    results = module.ensure_all(entries, run)
    assert run.changed
    assert [[unit["unit"] for unit in result["units"]] for result in results] == [[unit] for unit in units]
    assert [call.split()[0] for call in guarded.systemd.calls()] == ["show", "daemon-reload"]


def test_where_one_of_several_is_refused_none_is_written(host):
    defaults = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    entries = [{**defaults, "units": [unit], "environment": {"NAME": "x"}} for unit in ("docker", "nosuch")]
    before = tree(host)
    with pytest.raises(Refused, match=r"nosuch\.service: does not exist"):
        module.ensure_all(entries, Run(check_mode=False, root=str(host)))
    assert tree(host) == before
