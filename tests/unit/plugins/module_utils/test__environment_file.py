# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""environment_file on a tree: files, modes, diffs, notices and refusals, in every dialect."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _environment_file as module
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _host_file,
    _host_settings,
    _proxy_environment,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out

PROXY = {"http": "http://192.0.2.1:3128", "no_proxy": ["corp.example.com"]}
SECRET = {**PROXY, "username": "fleet", "password": "p%4/@ä'#"}
ENCODED = "p%254%2F%40%C3%A4%27%23"
PATH = "/etc/file"
each_dialect = pytest.mark.parametrize("dialect", module.DIALECTS)


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc").mkdir()
    return tmp_path


def put(host, text, mode=0o644):
    (host / "etc/file").write_text(text)
    (host / "etc/file").chmod(mode)


def ensure(host, dialect, *, check_mode=False, **params):
    defaults = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    if dialect == "options":
        params = {"variable": "OPTS", **params}
    params = {**defaults, "path": PATH, "dialect": dialect, **params}
    return carry_out(module.ensure, params, check_mode=check_mode, root=str(host))


def found(host):
    path = host / "etc/file"
    return (path.read_text(), stat.S_IMODE(path.stat().st_mode)) if path.exists() else None


@each_dialect
@pytest.mark.parametrize("text", [None, "", "# note\n", "# note"])
def test_present_then_again_then_absent(host, dialect, text):
    if text is not None:
        put(host, text, 0o640)
    before = found(host)
    run, result = ensure(host, dialect, proxy=PROXY)
    assert run.changed
    assert found(host)[1] == (0o644 if text is None else 0o640)
    assert result["variables"]["HTTPS_PROXY"] == "http://192.0.2.1:3128"
    assert ("https_proxy" in result["variables"]) == (dialect != "options")
    after = found(host)
    run, _result = ensure(host, dialect, proxy=PROXY)
    assert (run.changed, run.diffs, found(host)) == (False, [], after)
    assert ensure(host, dialect, state="absent")[0].changed
    assert found(host) == before
    assert not ensure(host, dialect, state="absent")[0].changed


@each_dialect
def test_check_mode_gives_the_same_answer_and_diff_and_writes_nothing(host, dialect):
    put(host, "# note\n")
    for params in ({"proxy": SECRET}, {"state": "absent"}):
        before = found(host)
        checked, told = ensure(host, dialect, check_mode=True, **params)
        assert found(host) == before
        done, result = ensure(host, dialect, **params)
        assert (checked.changed, checked.diffs, checked.notices, told) == (
            done.changed,
            done.diffs,
            done.notices,
            result,
        )


@each_dialect
def test_credentials_are_for_root_alone_and_in_nothing_that_is_shown(host, dialect):
    put(host, "# note\n")
    run, result = ensure(host, dialect, proxy=SECRET)
    text, mode = found(host)
    assert (ENCODED in text, mode) == (True, 0o600)
    for shown in (str(run.diffs), str(result), str(run.notices)):
        assert "%254" not in shown
        assert "p%4/" not in shown
    run, _result = ensure(host, dialect, proxy={**SECRET, "password": "other"})
    assert run.diffs[0]["after"].endswith("(only a secret changed)\n")


@each_dialect
def test_credentials_that_everyone_may_read_are_asked_for_and_warned_of(host, dialect):
    put(host, "# note\n")
    run, _result = ensure(host, dialect, proxy=SECRET, exposure="public")
    assert found(host)[1] == 0o644
    assert f"{PATH}: exposure: public: whoever may read the file can read the credentials in it" in map(
        str, run.notices
    )


def test_etc_environment_is_not_closed_without_a_word(host):
    put(host, "# note\n")
    run, _result = ensure(host, "pam", proxy=SECRET)
    assert "every session gets them from PAM, though root alone may read the file now" in str(run.notices)
    run, _result = ensure(host, "pam", variables={"no_proxy": None})
    assert run.notices == []
    run, _result = ensure(host, "pam", state="absent")
    assert found(host) == ("# note\n", 0o600)
    assert "keeps users from reading the file" in str(run.notices)


def test_a_command_line_is_no_place_for_credentials(host):
    run, _result = ensure(host, "options", proxy=SECRET)
    assert "credentials: become arguments of docker run, which every user of the host can see" in str(run.notices[-1])
    assert ensure(host, "options", proxy=PROXY)[0].notices == []


def test_variables_on_top_of_the_proxy_and_null(host):
    put(host, "no_proxy=true\nFOO=1\n")
    variables = {"NO_PROXY": "x", "JVM_OPTS": "-Da=b -Dc=d|e", "PORT": 3128, "no_proxy": None}
    _run, result = ensure(host, "pam", proxy=PROXY, proxy_variables=["HTTP_PROXY", "NO_PROXY"], variables=variables)
    assert found(host)[0] == (
        "FOO=1\nHTTP_PROXY='http://192.0.2.1:3128'\nNO_PROXY='x'\nJVM_OPTS='-Da=b -Dc=d|e'\nPORT='3128'\n"
    )
    assert set(result["variables"]) == {"HTTP_PROXY", "NO_PROXY", "JVM_OPTS", "PORT"}
    ensure(host, "pam", variables=variables, state="absent")
    assert found(host)[0] == "FOO=1\nHTTP_PROXY='http://192.0.2.1:3128'\n"
    ensure(host, "pam", variables={"OTHER": "x"}, proxy={}, state="absent")
    assert found(host)[0] == "FOO=1\n"


def test_whom_the_proxy_is_rendered_for(host):
    ensure(host, "pam", proxy=PROXY)
    assert ".corp.example.com" in found(host)[0]  # as .NET wants it
    ensure(host, "systemd", proxy=PROXY)
    assert ".corp.example.com" not in found(host)[0]
    ensure(host, "systemd", proxy=PROXY, proxy_readers="shared")
    assert ".corp.example.com" in found(host)[0]


@each_dialect
def test_an_empty_proxy_leaves_the_file_alone(host, dialect):
    put(host, "HTTP_PROXY=mine\n")
    run, result = ensure(host, dialect, proxy={})
    assert (run.changed, result["variables"], found(host)[0]) == (False, {}, "HTTP_PROXY=mine\n")


def test_a_shells_file_tells_what_else_sets_a_variable(host):
    put(host, "export HTTP_PROXY=old\n")
    ensure(host, "shell", variables={"HTTP_PROXY": "new"})
    put(host, found(host)[0] + "HTTP_PROXY=newest\n")
    run, result = ensure(host, "shell", variables={"HTTP_PROXY": "new"})
    assert not run.changed
    assert [(one["line"], one["wins"]) for one in result["elsewhere"]] == [(1, False), (8, True)]
    (notice,) = run.notices
    assert str(notice) == (
        f"{PATH}: HTTP_PROXY: is set or unset again in line 8, behind our block, and that wins; remove it there"
    )


@pytest.mark.parametrize(
    ("dialect", "params", "message"),
    [
        ("pam", {}, "variables: is empty, and so is proxy"),
        ("pam", {"variables": {}}, "variables: is empty"),
        ("pam", {"variables": {"X": True}}, r'variables.X: is True, not text. Quote it \("true"\)'),
        ("pam", {"variables": {"X": ["a"]}}, "variables.X: is a list or dict"),
        ("pam", {"variables": {"1X": "a"}}, "variables.1X: '1X' is no variable name"),
        ("pam", {"variables": {"X Y": None}}, "variables.X Y: 'X Y' is no variable name"),
        ("shell", {"variables": {"X": "a\ud800"}}, "variables.X: X is not UTF-8"),
        ("pam", {"variables": {"X": "a#b"}}, "/etc/file, X: holds '#', which begins a comment"),
        ("shell", {"variables": {"X": "a\nb"}}, r"/etc/file, X: holds the control character '\\n'"),
        ("systemd", {"variables": {"X": "a\nb"}}, "/etc/file, X: holds a line break"),
        ("upstart", {"variables": {"X": "a\x1bb"}}, "/etc/file, X: holds the control character"),
        ("options", {"variables": {"X": "a b"}}, "/etc/file, X: holds ' '; the options string is split at blanks"),
        ("options", {"variables": {"X": "a"}, "variable": ""}, "variable: is not given"),
        ("options", {"variables": {"X": "a"}, "variable": "A-B"}, "variable: 'A-B' is no variable name"),
        ("pam", {"variables": {"X": "a"}, "variable": "O"}, "variable: is only for dialect: options, not pam"),
        ("pam", {"proxy": PROXY, "proxy_variables": ["HTTP_PROXI"]}, "Did you mean HTTP_PROXY"),
        ("pam", {"proxy": {"http": "192.0.2.1:3128"}}, "scheme"),
    ],
)
def test_bad_input_writes_nothing(host, dialect, params, message):
    put(host, "A=1\n")
    with pytest.raises(Refused, match=message):
        ensure(host, dialect, **params)
    assert found(host) == ("A=1\n", 0o644)


@pytest.mark.parametrize(
    ("dialect", "text", "message"),
    [
        ("pam", "A=1\nB=\\\n", "/etc/file, line 1 or below: has an open quote or a continued line"),
        ("systemd", "A='1\n", "/etc/file, line 1 or below: has an open quote"),
        ("upstart", "exec '\n", "/etc/file, line 1: has a quote that is never closed"),
        ("options", "OPTS=-a -b\n", "/etc/file, line 1: OPTS is not one string in quotes"),
        ("shell", "# BEGIN fleetops.container_hosts\n", "/etc/file, line 1: has the mark where our block begins"),
    ],
)
def test_a_file_that_cannot_be_edited_stays(host, dialect, text, message):
    put(host, text)
    with pytest.raises(Refused, match=message):
        ensure(host, dialect, variables={"X": "a"})
    assert found(host) == (text, 0o644)


@each_dialect
def test_an_interrupted_write_leaves_the_old_file(host, dialect, monkeypatch):
    put(host, "# note\n")

    def killed(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_host_file.os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        ensure(host, dialect, proxy=PROXY)
    assert found(host) == ("# note\n", 0o644)
    assert os.listdir(host / "etc") == ["file"]


def test_as_a_kind_of_host_settings(host):
    entry = {"path": PATH, "dialect": "systemd", "proxy": PROXY}
    other = {"path": "/etc/other", "dialect": "options", "variable": "OPTS", "variables": {"A": "1"}}
    run, result = carry_out(
        _host_settings.ensure, {"environment_file": [entry, [other]]}, check_mode=False, root=str(host)
    )
    assert run.changed
    assert [one["path"] for one in result["environment_file"]] == [PATH, "/etc/other"]
    assert (result["restart_required"], result["reload_required"]) == ([], [])
    assert all(f'{name}="' in found(host)[0] for name in _proxy_environment.NAMES)
