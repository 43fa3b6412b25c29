# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""circleci_services on trees: each file as its reader has it, and back to the byte; what runs, with real processes."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import stat
import subprocess
import tempfile
import time
import urllib.parse

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _circleci_services,
    _docker_api,
    _host_file,
    _replicated,
    _units,
    _upstart,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from hypothesis import example, given, settings
from hypothesis import strategies as st

# The vendor's page, with another port than the one that it wrote into JVM_OPTS.
PROXY = {"http": "10.0.0.33:8080"}
URL = "http://10.0.0.33:8080"
SECRET = {"http": URL, "username": "fleet", "password": "s3cret$$`id`'\"$(id)"}
DIRECT = ["10.0.1.238", "ghe.example.com"]
CONF, CUSTOMIZATIONS, SCHEDULERER = (
    path[1:] for path in ("/etc/replicated.conf", _circleci_services.CUSTOMIZATIONS, _circleci_services.SCHEDULERER)
)
DROPIN = f"etc/systemd/system/docker.service.d/{_circleci_services.DROPIN}.conf"
OPTIONS = "etc/default/replicated"
OPERATOR = "etc/default/replicated-operator"
# What Replicated's installer writes.
INSTALLED = {
    CONF: '{"LogLevel" : "info", "DaemonAuthenticationType": "anonymous"}\n',
    OPTIONS: (
        "RELEASE_CHANNEL=\nPRIVATE_ADDRESS=10.0.1.238\nSKIP_OPERATOR_INSTALL=0\n"
        'REPLICATED_OPTS=" -e DAEMON_TOKEN=abc -e LOG_LEVEL=info -e NODENAME=services"\n'
        'REPLICATED_UI_OPTS=" -e LOG_LEVEL=info"\n'
    ),
    OPERATOR: 'PRIVATE_ADDRESS=10.0.1.238\nREPLICATED_OPERATOR_OPTS=" -e DAEMON_TOKEN=abc -e TAGS=local"\n',
    # Real ones hold programs: this one would be ruined by whoever parses it.
    CUSTOMIZATIONS: (
        'MONGO_BASE_URI="mongodb://db.example.com"\nexport MONGO_URI="$MONGO_BASE_URI/build"\nunset JAVA_OPTS\n'
        "cat >/dev/null <<'EOF'\nexport HTTP_PROXY=not-set\nEOF\n: continued \\"
    ),
}


@pytest.fixture
def fresh(tmp_path):
    """Return the tree of a machine on which nothing is installed yet."""
    (tmp_path / "etc/default").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def installed(fresh):
    for path, text in INSTALLED.items():
        put(fresh, path, text)
    return fresh


def put(host, path, text):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_bytes(text.encode())
    (host / path).chmod(0o644)


def ensure(host, *, check_mode=False, **params):
    params = {"proxy": PROXY, "direct": DIRECT, **params}
    checked = ArgumentSpecValidator(_circleci_services.ARGUMENT_SPEC).validate(params)
    assert not checked.error_messages
    return carry_out(_circleci_services.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def tree(host):
    return {str(path.relative_to(host)): path.read_bytes() for path in sorted(host.rglob("*")) if path.is_file()}


def sourced(path):
    """Return what a child of a shell that has sourced a file finds in its environment."""
    command = ["/bin/bash", "--norc", "-c", '. "$1" && exec python3 -Sc "$2"', "bash", str(path)]
    command.append("import json, os; print(json.dumps(dict(os.environ)))")
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True, cwd="/")
    assert done.stderr == b""
    return json.loads(done.stdout)


@pytest.mark.parametrize("model", [PROXY, SECRET])
@pytest.mark.parametrize("machine", ["fresh", "installed"])
def test_apply_twice_and_absent(request, machine, model):
    host = request.getfixturevalue(machine)
    before = tree(host)
    foretold, _result = ensure(host, proxy=model, check_mode=True)
    assert tree(host) == before
    run, result = ensure(host, proxy=model)
    assert (run.changed, foretold.diffs, foretold.notices) == (True, run.diffs, run.notices)
    assert "s3cret" not in str(run.diffs) + str(result) + str(run.notices)
    after = tree(host)
    for _again in range(2):
        assert not ensure(host, proxy=model)[0].changed
    assert tree(host) == after
    assert after[CUSTOMIZATIONS].count(b"export JVM_OPTS=") == 1  # one copy, after three runs
    ensure(host, state="absent")
    assert tree(host) == before
    assert not ensure(host, state="absent")[0].changed


@pytest.mark.parametrize("machine", ["fresh", "installed"])
def test_what_the_application_sources_is_exported_and_whole(request, machine):
    host = request.getfixturevalue(machine)
    ensure(host, jvm_extra=["-Xmx1g"])
    for path in (CUSTOMIZATIONS, SCHEDULERER):
        subprocess.run(["/bin/bash", "-n", host / path], check=True)
    found = sourced(host / CUSTOMIZATIONS)
    assert found["HTTP_PROXY"] == found["HTTPS_PROXY"] == found["http_proxy"] == URL
    assert {"169.254.169.254", "localhost", "127.0.0.1", *DIRECT} <= set(found["NO_PROXY"].split(","))
    flags = found["JVM_OPTS"].split(" ")
    assert "-Dhttp.proxyPort=8080" in flags
    assert "-Dhttps.proxyPort=8080" in flags
    assert flags[-1] == "-Xmx1g"
    if machine == "installed":
        assert found["MONGO_URI"] == "mongodb://db.example.com/build"
    jobs = sourced(host / SCHEDULERER)
    assert jobs["DOCKER_HTTP_PROXY"] == jobs["DOCKER_HTTPS_PROXY"] == URL
    assert jobs["NO_PROXY"] == found["NO_PROXY"]


# What a shell, or the one who writes for it, could take for more than text.
AWKWARD = st.one_of(
    st.sampled_from(
        ["$(touch /x)", "`id`", "$$", "a'b", 'a"b', "\\", "!!", "${HOME}", "'; id #", "%40", "EOF", "\u2028"]
    ),
    st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)
HOSTS = st.lists(st.sampled_from(["10.1.0.0/16", "corp.example.com", ".svc.example.com", "fd00::1", "*.a.example.com"]))


@settings(max_examples=25, deadline=None)
@given(AWKWARD.filter(lambda text: ":" not in text), AWKWARD, HOSTS, st.lists(AWKWARD, max_size=2))
@example("u", "$(touch /tmp/never)`touch /tmp/never`$$'\"\\", [], ["-Da=$(id)|b;&>*'\""])
def test_bash_gets_the_values_and_runs_none(username, password, no_proxy, extra):
    extra = [word for word in extra if not any(char.isspace() for char in word)]
    model = {**SECRET, "username": username, "password": password, "no_proxy": no_proxy}
    with tempfile.TemporaryDirectory() as folder:
        host = pathlib.Path(folder)
        (host / "etc").mkdir()
        ensure(host, proxy=model, jvm_extra=extra)
        found, jobs = sourced(host / CUSTOMIZATIONS), sourced(host / SCHEDULERER)
        assert not ensure(host, proxy=model, jvm_extra=extra)[0].changed
        ensure(host, state="absent")
        assert tree(host) == {}
    urls = [found[name] for name in ("HTTP_PROXY", "https_proxy")] + [jobs["DOCKER_HTTPS_PROXY"]]
    for url in map(urllib.parse.urlsplit, urls):
        userinfo, _at, address = url.netloc.rpartition("@")
        assert address == "10.0.0.33:8080"
        assert [urllib.parse.unquote(part) for part in userinfo.split(":")] == [username, password]
    flags = found["JVM_OPTS"].split(" ")
    assert flags[len(flags) - len(extra) :] == extra
    assert set(no_proxy) - {"*.a.example.com"} <= set(found["NO_PROXY"].split(","))


@pytest.mark.parametrize("where", ["username", "password"])
def test_a_newline_in_a_credential_is_refused_and_nothing_written(installed, where):
    before = tree(installed)
    with pytest.raises(Refused, match=rf"container_hosts_proxy.{where}: holds a control character") as refused:
        ensure(installed, proxy={**SECRET, where: "s3cret\nid"})
    assert "s3cret" not in str(refused.value)
    assert tree(installed) == before


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"proxy": {"http": "https://10.0.0.33:3128"}}, "is an https:// proxy"),
        ({"direct": ["http://x"]}, r"direct\[0\]"),
        ({"jvm_extra": ["-Xmx1g -Xms1g"]}, "is not one option"),
        ({"proxy": {"htp": URL}}, "Did you mean http"),
    ],
)
def test_bad_input_writes_nothing(installed, params, words):
    before = tree(installed)
    with pytest.raises(Refused, match=words):
        ensure(installed, **params)
    assert tree(installed) == before


@pytest.mark.parametrize(
    ("path", "text"), [(CONF, "HttpProxy: x"), (OPTIONS, "REPLICATED_OPTS=-a'b'\n"), (CUSTOMIZATIONS, None)]
)
def test_a_file_that_can_not_be_edited_keeps_all_others_as_they_are(installed, path, text):
    if text is None:
        text = "# BEGIN fleetops.container_hosts\nexport A=1\n"
    put(installed, path, text)
    before = tree(installed)
    with pytest.raises(Refused, match=os.path.basename(path)):
        ensure(installed)
    assert tree(installed) == before


@pytest.mark.parametrize("nth", range(5))
def test_a_run_that_is_killed_leaves_each_file_old_or_new(installed, monkeypatch, nth):
    before = tree(installed)
    wanted, _result = ensure(installed, check_mode=True)
    after = {path[1:]: edit.after for path, edit in wanted.edits.items()}
    renames, rename = [], os.rename

    def killed(*arguments, **options):
        renames.append(arguments)
        if len(renames) > nth:
            raise KeyboardInterrupt
        return rename(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(_host_file.os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            ensure(installed)
    left = tree(installed)
    assert len([path for path in left if left[path] != before.get(path)]) == nth
    assert all(content in (before.get(path), after.get(path)) for path, content in left.items())
    ensure(installed)
    assert tree(installed) == {**before, **after}


def test_the_options_have_the_words_of_each_service(installed):
    ensure(installed)
    words = _replicated.OPTIONS
    daemon, operator = (
        _replicated._environment_file_options.settings((installed / path).read_bytes(), options.variable)
        for path, options in zip((OPTIONS, OPERATOR), words)
    )
    assert {"DAEMON_TOKEN", "LOG_LEVEL", "NODENAME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} == set(daemon)
    assert daemon["HTTP_PROXY"] == URL
    assert {"DAEMON_TOKEN", "TAGS", "NO_PROXY"} == set(operator)
    # What the installer itself does at an upgrade: it takes both out by these expressions, and puts its own in.
    pattern = r"s/-e[[:blank:]]*HTTP_PROXY=[^[:blank:]]*//;s/-e[[:blank:]]*NO_PROXY=[^[:blank:]]*//"
    shell = ["/bin/bash", "-c", f'. "$1"; echo "$REPLICATED_OPTS" | sed -e "{pattern}"', "bash", installed / OPTIONS]
    left = subprocess.run(shell, capture_output=True, check=True, text=True).stdout
    assert left.split() == f"-e DAEMON_TOKEN=abc -e LOG_LEVEL=info -e NODENAME=services -e HTTPS_PROXY={URL}".split()


def test_before_the_installation_nothing_is_made_that_the_installer_writes(fresh):
    _run, result = ensure(fresh)
    assert sorted(tree(fresh)) == [CUSTOMIZATIONS, SCHEDULERER, CONF]
    assert result["init"] == "none"
    assert stat.S_IMODE((fresh / CONF).stat().st_mode) == 0o644


def test_in_an_image_the_engine_has_its_drop_in_where_it_is_installed(fresh):
    put(fresh, "usr/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd\n")
    before = tree(fresh)
    _run, result = ensure(fresh)
    assert URL in tree(fresh)[DROPIN].decode()
    assert (result["init"], result["restart_required"]) == ("none", [])
    ensure(fresh, state="absent")
    assert tree(fresh) == before


def test_with_files_alone_no_job_is_asked_for(installed, upstart, monkeypatch):
    upstart(replicated=["-e", "LOG_LEVEL=info"])
    monkeypatch.setattr(_units, "_left_alone", True)
    run, result = ensure(installed)
    assert run.changed
    assert result["upstart_restart_required"] == []
    assert not result["application_running"]
    monkeypatch.setattr(_units, "_left_alone", False)
    assert ensure(installed)[1]["upstart_restart_required"] == ["replicated"]


def test_the_options_where_the_installer_has_put_them(installed):
    (installed / "etc/sysconfig").mkdir()
    (installed / OPTIONS).rename(installed / "etc/sysconfig/replicated")
    ensure(installed)
    assert URL in (installed / "etc/sysconfig/replicated").read_text()
    assert not (installed / OPTIONS).exists()


def test_credentials_are_private_where_they_can_be_and_told_where_not(installed):
    run, _result = ensure(installed, proxy=SECRET)
    modes = {path: stat.S_IMODE((installed / path).stat().st_mode) for path in (CUSTOMIZATIONS, SCHEDULERER, CONF)}
    assert modes == {CUSTOMIZATIONS: 0o600, SCHEDULERER: 0o600, CONF: 0o644}
    told = {(notice.reader, notice.entry) for notice in run.notices}
    assert {(f"/{CONF}", "credentials"), (f"/{OPTIONS}", "credentials"), ("Java", "username")} <= told
    assert not [notice for notice in ensure(installed)[0].notices if notice.entry == "credentials"]


def test_credentials_stay_readable_where_asked(fresh):
    ensure(fresh, proxy=SECRET, exposure="public")
    assert stat.S_IMODE((fresh / CUSTOMIZATIONS).stat().st_mode) == 0o644


def test_what_the_page_had_people_append_is_told_of(installed):
    page = 'HTTP_PROXY=10.0.0.33:3128\nJVM_OPTS="-Dhttp.proxyHost=10.0.0.33"\n\n'
    put(installed, CUSTOMIZATIONS, page)
    run, _result = ensure(installed)
    assert [notice.entry for notice in run.notices if notice.reader == f"/{CUSTOMIZATIONS}"] == ["lines 1, 2"]
    assert sourced(installed / CUSTOMIZATIONS)["HTTP_PROXY"] == URL
    assert (installed / CUSTOMIZATIONS).read_text().startswith(page)


def test_what_is_not_asked_for_is_left_alone(installed):
    before = tree(installed)
    assert not ensure(installed, proxy={})[0].changed
    ensure(installed, job_containers=False)
    assert sorted(set(tree(installed)) - set(before)) == []


# What runs ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(*words):
    """A process with these words in its command line."""
    with subprocess.Popen(["/bin/sh", "-c", "read wait", "docker", "run", *words], stdin=subprocess.PIPE) as process:
        time.sleep(0.05)  # /proc counts in hundredths of seconds
        yield process.pid
        process.kill()


@pytest.fixture
def upstart(installed, monkeypatch):
    """Return a function that has jobs run with these words; what asks Upstart is replaced."""
    pids = {}
    monkeypatch.setattr(_upstart, "main_pid", lambda job: pids.get(job, 0))
    put(installed, "etc/init/replicated.conf", "# a job\n")
    with contextlib.ExitStack() as stack:

        def start(**jobs):
            for job, words in jobs.items():
                pids[job.replace("_", "-")] = stack.enter_context(running(*words))
            # A file's time stamp may lag behind the clock by some milliseconds.
            time.sleep(0.05)

        yield start


def test_all_services_that_run_are_due_in_order_once_one_has_other_words(installed, upstart):
    upstart(replicated_operator=["-e", "TAGS=local"], replicated=["-e", "LOG_LEVEL=info"])
    due = ["replicated", "replicated-operator"]  # there is no replicated-ui
    assert ensure(installed, check_mode=True)[1]["upstart_restart_required"] == due
    assert ensure(installed)[1]["upstart_restart_required"] == due
    assert ensure(installed)[1]["upstart_restart_required"] == due  # the file was right, but they run as before
    upstart(
        replicated=["-e", f"HTTP_PROXY={URL}", "-e", f"HTTPS_PROXY={URL}", "-e", f"NO_PROXY={no_proxy(installed)}"],
        replicated_operator=[f"-eNO_PROXY={','.join(reversed(no_proxy(installed).split(',')))}"],
    )
    assert ensure(installed)[1]["upstart_restart_required"] == []
    assert ensure(installed, state="absent")[1]["upstart_restart_required"] == due


def no_proxy(host):
    content = (host / OPERATOR).read_bytes()
    return _replicated._environment_file_options.settings(content, "REPLICATED_OPERATOR_OPTS")["NO_PROXY"]


def test_a_service_that_does_not_show_its_words_is_due_once(installed, upstart):
    upstart(replicated=["wrapped"])
    assert ensure(installed)[1]["upstart_restart_required"] == ["replicated"]
    time.sleep(0.05)
    upstart(replicated=["wrapped"])
    assert ensure(installed)[1]["upstart_restart_required"] == []


def test_the_application_is_told_of_and_left_to_people(installed, upstart, monkeypatch):
    answers = {}

    def ask(method, path, socket_path):
        assert (method, socket_path) == ("GET", f"{installed}/var/run/docker.sock")
        return answers.get(path)

    monkeypatch.setattr(_docker_api, "ask", ask)
    _run, result = ensure(installed)
    assert (result["application_running"], result["application_restart_required"]) == (False, False)

    def started(seconds):
        when = datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc)
        text = when.isoformat().replace("+00:00", "3Z")
        state = {"Running": True, "StartedAt": text}
        answers["/containers/schedulerer/json"] = _docker_api.Answer(200, {"State": state})

    started(-5)
    run, result = ensure(installed)
    assert (result["application_running"], result["application_restart_required"]) == (True, True)
    assert "CircleCI" in [notice.reader for notice in run.notices]
    assert not run.changed
    started(5)
    run, result = ensure(installed)
    assert not result["application_restart_required"]
    assert "CircleCI" not in [notice.reader for notice in run.notices]
    assert ensure(installed, proxy={"http": "http://10.0.0.34:1"}, check_mode=True)[1]["application_restart_required"]
