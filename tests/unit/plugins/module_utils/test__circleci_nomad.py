# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""circleci_nomad on trees of files: every place, back to the byte, and as its readers have it.

What runs is seen in tests/integration/test_circleci_nomad.py.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _circleci_nomad,
    _docker_unit,
    _host_file,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run, carry_out

PROXY = {"http": "http://192.0.2.1:8080", "https": "http://192.0.2.2:8443", "no_proxy": ["corp.example.com"]}
# What a shell would do something with, if it came to see it.
SECRET = {"http": "http://192.0.2.1:3128", "username": "fleet", "password": "$(touch a)`touch b`$$\"'s3cret;x"}
# The vendor's page: a Services machine and a host of GitHub Enterprise.
DIRECT = ["10.0.1.238", "ghe.example.com"]
SESSIONS, DEFAULTS, DAEMON = "etc/environment", "etc/default/docker", "etc/docker/daemon.json"
DROPIN_NAME = "zzz-container-hosts-circleci.conf"
DROPIN = "etc/systemd/system/{}.service.d/" + DROPIN_NAME
TERRAFORM = {
    SESSIONS: "export NOMAD_CACERT=/etc/ssl/nomad/ca.pem\nexport NOMAD_ADDR=https://localhost:4646\n",
    DEFAULTS: '# Docker\nexport no_proxy="true"\n',
    DAEMON: '{"userns-remap": "default",\n  "default-address-pools": [{"base": "10.48.0.0/16", "size": 24}]}\n',
    "etc/passwd": "",
    "usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/bin/dockerd\n",
    "usr/lib/systemd/system/podman.service": "[Service]\nExecStart=/usr/bin/podman system service\n",
    "etc/systemd/system/nomad.service": "[Service]\nExecStart=/usr/bin/nomad agent -config /etc/nomad/client.hcl\n",
}
# What people got who did as the vendor's page says, three times.
PAGE = (
    "HTTP_PROXY=192.0.2.9:3128\nHTTPS_PROXY=192.0.2.9:3128\nNO_PROXY=169.254.169.254,127.0.0.1\n"
    'JVM_OPTS="-Dhttp.proxyHost=192.0.2.9 -Dhttps.proxyPort=3128 -Dhttp.nonProxyHosts=169.254.169.254|localhost"\n'
) * 3


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Return a tree as CircleCI's terraform makes it; no engine of this machine judges it."""
    monkeypatch.setattr(_docker_unit, "find", lambda *_arguments: _docker_unit.Daemon(None, []))
    for path, text in TERRAFORM.items():
        put(tmp_path, path, text)
    return tmp_path


def put(host, path, text):
    (host / path).parent.mkdir(parents=True, exist_ok=True)
    (host / path).write_text(text)
    (host / path).chmod(0o644)


def ensure(host, *, check_mode=False, **params):
    checked = ArgumentSpecValidator(_circleci_nomad.ARGUMENT_SPEC).validate({"direct": DIRECT, **params})
    assert not checked.error_messages
    return carry_out(_circleci_nomad.ensure, checked.validated_parameters, check_mode=check_mode, root=str(host))


def tree(host):
    return {str(path): path.read_bytes() for path in sorted(host.rglob("*")) if path.is_file()}


def sourced(host):
    """Return what bash gives to its children once it has sourced /etc/environment as the vendor's page does."""
    script = f"set -a; . {host / SESSIONS}; /usr/bin/env -0"
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", script], env={}, check=True, capture_output=True, text=True, cwd=host
    )
    assert not done.stderr
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


@pytest.mark.parametrize("method", ["systemd", "daemon_json"])
@pytest.mark.parametrize("model", [PROXY, SECRET])
def test_apply_twice_and_absent(host, model, method):
    before = tree(host)
    asked = {"proxy": model, "engine_method": method, "s3_direct": True}
    foretold, _result = ensure(host, check_mode=True, **asked)
    assert tree(host) == before
    run, result = ensure(host, **asked)
    assert (run.changed, foretold.diffs, foretold.notices) == (True, run.diffs, run.notices)
    assert "s3cret" not in str(run.diffs) + str(result) + str(run.notices)
    for path, content in tree(host).items():
        if b"s3cret" in content:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    daemon = json.loads((host / DAEMON).read_text())
    assert (daemon["userns-remap"], daemon["default-address-pools"][0]["size"]) == ("default", 24)
    assert ("proxies" in daemon) == (method == "daemon_json")
    assert (host / DROPIN.format("docker")).exists() == (method == "systemd")
    assert not ensure(host, **asked)[0].changed
    ensure(host, engine_method=method, state="absent")
    assert tree(host) == before
    assert not ensure(host, engine_method=method, state="absent")[0].changed


def test_the_defects_of_the_vendors_page_are_not_repeated(host):
    put(host, SESSIONS, TERRAFORM[SESSIONS] + PAGE)
    for _time in range(3):
        ensure(host, proxy={**PROXY, "http": "192.0.2.1:8080", "https": None})
    text = (host / SESSIONS).read_text()
    had = sourced(host)
    # Whatever sources the file, its children have the variables, of which there is one copy each.
    assert text.count("HTTP_PROXY=") == text.count("JVM_OPTS=") == 1
    assert "192.0.2.9" not in text
    # With a scheme, and that of a proxy which is spoken to by plain HTTP.
    assert had["HTTP_PROXY"] == had["https_proxy"] == "http://192.0.2.1:8080"
    # Both ports are the proxy's.
    flags = dict(word.split("=", 1) for word in had["JVM_OPTS"].split())
    assert (flags["-Dhttp.proxyPort"], flags["-Dhttps.proxyPort"]) == ("8080", "8080")
    assert subprocess.run(["/bin/bash", "-n", str(host / SESSIONS)], check=False).returncode == 0
    assert had["NOMAD_CACERT"] == "/etc/ssl/nomad/ca.pem"


def test_each_of_two_proxies_has_its_own_port(host):
    ensure(host, proxy=PROXY)
    flags = dict(word.split("=", 1) for word in sourced(host)["JVM_OPTS"].split())
    assert (flags["-Dhttp.proxyHost"], flags["-Dhttp.proxyPort"]) == ("192.0.2.1", "8080")
    assert (flags["-Dhttps.proxyHost"], flags["-Dhttps.proxyPort"]) == ("192.0.2.2", "8443")


def test_no_value_is_ever_run(host):
    ensure(host, proxy=SECRET, jvm_extra=['-Dname=$(touch${IFS}c)`touch${IFS}d`$$;x|y&"z\\'])
    had = sourced(host)
    assert had["HTTP_PROXY"] == "http://fleet:%24%28touch%20a%29%60touch%20b%60%24%24%22%27s3cret%3Bx@192.0.2.1:3128"
    assert had["JVM_OPTS"].endswith('-Dname=$(touch${IFS}c)`touch${IFS}d`$$;x|y&"z\\')
    assert not {"a", "b", "c", "d"}.intersection(os.listdir(host))


@pytest.mark.parametrize("key", ["username", "password"])
def test_a_line_break_in_credentials_is_refused(host, key):
    before = tree(host)
    with pytest.raises(Refused, match=key) as refused:
        ensure(host, proxy={**SECRET, key: "s3cret\nexport X=y"})
    assert "s3cret" not in str(refused.value)
    assert tree(host) == before


def test_what_stays_direct_is_the_same_everywhere_and_as_java_has_it(host):
    direct = [*DIRECT, "10.0.0.0/16", "172.16.0.0/14"]
    run, result = ensure(host, proxy=PROXY, direct=direct, s3_direct=True, s3_regions=["eu-central-1"])
    had = sourced(host)
    listed = set(had["NO_PROXY"].split(","))
    assert {"169.254.169.254", "metadata.google.internal", *direct, "corp.example.com"} <= listed
    assert {"s3.amazonaws.com", "s3.eu-central-1.amazonaws.com"} <= listed
    hosts = had["JVM_OPTS"].rpartition("=")[2].split("|")
    assert {"169.254.169.254", "10.0.1.238", "ghe.example.com", "*.ghe.example.com", "s3.amazonaws.com"} <= set(hosts)
    assert {"*.s3.amazonaws.com", "10.0.*", "172.16.*", "172.19.*"} <= set(hosts)
    assert "172.20.*" not in hosts
    for unit in ("docker", "nomad"):
        assert f'"NO_PROXY={had["NO_PROXY"]}"' in (host / DROPIN.format(unit)).read_text()
    assert f'"JVM_OPTS={had["JVM_OPTS"]}"' in (host / DROPIN.format("nomad")).read_text()
    assert "JVM_OPTS" not in (host / DROPIN.format("docker")).read_text()
    for each in result["systemd_environment"]:
        assert each["units"][0]["shadowed_by"] == []
    assert not [notice for notice in run.notices if notice.entry == "direct"]


def test_who_names_nothing_that_is_direct_is_told(host):
    run, _result = ensure(host, proxy={"http": "http://192.0.2.1:3128"}, direct=[])
    assert [notice.reader for notice in run.notices if notice.entry == "direct"] == ["CircleCI"]


def test_credentials_are_java_s_limitation_and_the_way_out_is_named(host):
    run, _result = ensure(host, proxy=SECRET)
    [why] = [notice.why for notice in run.notices if notice.reader == "Java"]
    assert "forwarder" in why
    assert "fleet" not in sourced(host)["JVM_OPTS"]
    assert not [notice for notice in ensure(host, proxy=SECRET, jvm_opts=False)[0].notices if notice.reader == "Java"]


def test_leftovers_are_told_of_or_removed(host):
    run, result = ensure(host, proxy=PROXY)
    assert result["leftovers"] == [{"line": 2, "variable": "no_proxy"}]
    assert [notice.entry for notice in run.notices if notice.reader == f"/{DEFAULTS}"] == ["line 2 (no_proxy)"]
    run, _result = ensure(host, proxy=PROXY, leftovers="removed")
    assert (host / DEFAULTS).read_text() == "# Docker\n"
    run, result = ensure(host, proxy=PROXY, leftovers="removed")
    assert (run.changed, result["leftovers"]) == (False, [])


def test_what_wins_is_told_of_or_taken_away(host):
    theirs = {"proxies": {"http-proxy": "http://192.0.2.9:1"}, "userns-remap": "default"}
    put(host, DAEMON, json.dumps(theirs))
    late = DROPIN.format("nomad").replace("zzz-", "zzzz-")
    put(host, late, '[Service]\nEnvironment="HTTP_PROXY=http://192.0.2.9:1"\nEnvironment=A=b\n')
    run, _result = ensure(host, proxy=PROXY, check_mode=True)
    told = {(notice.reader, notice.entry) for notice in run.notices}
    assert {("docker.service", "proxies.http-proxy"), ("nomad.service", "HTTP_PROXY")} <= told
    ensure(host, proxy=PROXY, adopt=True)
    assert json.loads((host / DAEMON).read_text()) == {"userns-remap": "default", "proxies": {}}
    assert "192.0.2.9" not in (host / late).read_text()
    assert "A=b" in (host / late).read_text()


def test_podman_has_a_drop_in_and_docker_is_left_alone(host):
    before = tree(host)
    ensure(host, proxy=PROXY, engine="podman", environment_file="")
    changed = {path for path, content in tree(host).items() if before.get(path) != content}
    assert changed == {str(host / DROPIN.format(unit)) for unit in ("podman", "nomad")}
    ensure(host, engine="podman", environment_file="", state="absent")
    assert tree(host) == before


def test_a_user_s_file_keeps_what_is_in_it(host, tmp_path_factory, monkeypatch):
    home = "/home/builder"
    put(host, f"{home[1:]}/.docker/config.json", '{"auths": {"registry.example.com": {"auth": "eDp5"}}}')
    monkeypatch.setattr(_circleci_nomad.os.path, "expanduser", lambda path: path.replace("~builder", home))
    before = tree(host)
    ensure(host, proxy=PROXY, client_users=["builder"])
    found = json.loads((host / home[1:] / ".docker/config.json").read_text())
    assert found["auths"] == {"registry.example.com": {"auth": "eDp5"}}
    assert found["proxies"]["default"]["httpsProxy"] == "http://192.0.2.2:8443"
    ensure(host, client_users=["builder"], state="absent")
    assert tree(host) == before
    with pytest.raises(Refused, match="client_users: 'ghost' is no user"):
        ensure(host, proxy=PROXY, client_users=["ghost"])


def test_without_a_proxy_all_is_left_alone(host):
    before = tree(host)
    run, result = ensure(host, proxy={})
    assert (run.changed, result["restart_required"], tree(host)) == (False, [], before)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"proxy": {"http": "https://192.0.2.1:3128"}}, "JVM speaks only plain HTTP"),
        ({"proxy": PROXY, "direct": ["a|b"]}, r"direct\[0\]"),
        ({"proxy": PROXY, "jvm_extra": ["-Da=b -Dc=d"]}, "JVM"),
        ({"proxy": PROXY, "unit": "nomad.timer"}, "runs no service process"),
        ({"proxy": PROXY, "unit": "nomda"}, "nomda.service: does not exist"),
        ({"proxy": PROXY, "engine": "podman", "engine_method": "daemon_json"}, "engine_method"),
        ({"proxy": {"htp": "http://192.0.2.1"}}, "Did you mean http"),
    ],
)
def test_bad_input_writes_nothing(host, params, words):
    before = tree(host)
    with pytest.raises(Refused, match=words):
        ensure(host, **params)
    assert tree(host) == before


@pytest.mark.parametrize(
    ("name", "number"), [("daemon.json", 1), ("environment", 1), (DROPIN_NAME, 1), (DROPIN_NAME, 2)]
)
def test_a_write_that_fails_half_way_leaves_every_file_as_it_was(host, monkeypatch, name, number):
    before, real = tree(host), os.rename
    met = []

    def rename(source, target, **options):
        if target == name:
            met.append(target)
            if len(met) == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target, **options)

    monkeypatch.setattr(_host_file.os, "rename", rename)
    method = "daemon_json" if name == "daemon.json" else "systemd"
    checked = ArgumentSpecValidator(_circleci_nomad.ARGUMENT_SPEC).validate({"proxy": PROXY, "engine_method": method})
    checkpoint = _checkpoint.Checkpoint("circleci_nomad", root=str(host))
    with pytest.raises(Refused):
        carry_out(
            _circleci_nomad.ensure,
            checked.validated_parameters,
            check_mode=False,
            root=str(host),
            checkpoint=checkpoint,
        )
    ours = (f"{host}/var/lib/container_hosts/", f"{host}/run/")
    assert {path: content for path, content in tree(host).items() if not path.startswith(ours)} == before


@pytest.mark.parametrize("heard", [True, False])
def test_nomad_is_asked_for_its_version_where_somebody_hears_what_follows_from_it(guarded, heard):
    asked = guarded.folder / "asked"
    guarded.systemd.program("nomad", f"#!/bin/sh\ntouch {asked}\necho Nomad v1.7.5\n")
    guarded.put("nothing", b"")
    guarded.systemd.unit("nomad.service", guarded.folder / "nothing")
    run = Run(check_mode=True, root=guarded.root, heard=heard)
    checked = ArgumentSpecValidator(_circleci_nomad.ARGUMENT_SPEC).validate({"proxy": PROXY, "engine": "none"})
    _circleci_nomad.ensure(checked.validated_parameters, run)
    assert asked.exists() == heard
    assert any(notice.entry == "artifacts" for notice in run.notices) == heard
