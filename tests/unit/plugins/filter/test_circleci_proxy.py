# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filter renders, as YAML's reader and bash have it; what its user data does is seen in tests/conformance."""

from __future__ import annotations

import shlex
import subprocess
import urllib.parse

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetops.container_hosts.plugins.filter.circleci_proxy import (
    _PLAIN,
    _USER_DATA,
    circleci_proxy,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _rendering
from hypothesis import example, given, settings
from hypothesis import strategies as st

PROXY = {"http": "10.0.0.33:8080", "no_proxy": ["10.0.0.0/16"]}
DIRECT = ["circleci.example.com", "10.0.1.238"]
FORMATS = (*_PLAIN, *_USER_DATA)
# Words that YAML 1.1 or 1.2 takes for something else than text, and what a shell, YAML or a template would act upon.
AWKWARD = st.one_of(
    st.sampled_from(
        ["yes", "1e3", "0o7", "1_000", "null", "~", "- a", "#", "{{x}}", "<<", "a: b", "\u2028", "\U0001f600"]
    ),
    st.sampled_from(["$(id)", "`id`", "$$", "'", '"', "\\", "${x}", "%{x}", "%40", "\ufeff"]),
    st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)


@pytest.fixture(autouse=True)
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(_rendering._display, "warning", said.append)
    return said


@settings(max_examples=100)
@given(AWKWARD.filter(lambda text: ":" not in text), AWKWARD)
@example("yes", "1e3")
def test_yaml_has_the_values_as_text(username, password):
    model = {**PROXY, "username": username, "password": password}
    found = yaml.safe_load(circleci_proxy(model, "values_yaml", direct=DIRECT))["proxy"]
    auth = {"enabled": "1", "username": username, "password": password}
    assert found["http"] == found["https"] == {"host": "10.0.0.33", "port": "8080", "auth": auth}
    assert found["enabled"] == "1"
    assert {"169.254.169.254", "localhost", "127.0.0.1", "10.0.0.0/16", *DIRECT} <= set(found["no_proxy"])
    job = yaml.safe_load(circleci_proxy(model, "job_environment", direct=DIRECT))["environment"]
    for name in ("HTTP_PROXY", "https_proxy"):
        userinfo = urllib.parse.urlsplit(job[name]).netloc.rpartition("@")[0]
        assert [urllib.parse.unquote(part) for part in userinfo.split(":")] == [username, password]
    assert set(DIRECT) <= set(job["NO_PROXY"].split(","))


@settings(max_examples=20, deadline=None)
@given(AWKWARD)
@example("$(touch /x)`id`$$'\"\\")
def test_bash_has_the_flags_as_words(password):
    flags = circleci_proxy({**PROXY, "username": "u", "password": password}, "kots_flags", direct=DIRECT)
    assert flags.count("\n") == 1
    command = ["/bin/bash", "-c", f"printf '%s\\0' {flags}"]
    words = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    assert words[::2] == ["--http-proxy", "--https-proxy", "--no-proxy"]
    assert {urllib.parse.urlsplit(url).port for url in words[1:4:2]} == {8080}
    assert urllib.parse.unquote(urllib.parse.urlsplit(words[1]).netloc.rpartition("@")[0]) == f"u:{password}"
    assert set(DIRECT) <= set(words[5].split(","))


@settings(max_examples=20, deadline=None)
@given(AWKWARD)
def test_a_template_of_terraform_finds_nothing_and_bash_no_fault(password):
    text = circleci_proxy({**PROXY, "username": "u", "password": password}, "shell", jvm_extra=["-Da=${b}%{c}"])
    assert "${" not in text
    assert "%{" not in text
    subprocess.run(["/bin/bash", "-n"], input=text.encode(), check=True)
    exports = "".join(line + "\n" for line in text.splitlines() if line.startswith("export "))
    command = ["/bin/bash", "-c", f"{exports}exec printenv JVM_OPTS"]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.endswith(" -Da=${b}%{c}\n")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_a_scheme_the_port_of_the_url_and_what_stays_direct(form):
    text = circleci_proxy(PROXY, form, direct=DIRECT, s3_direct=True, s3_regions=["eu-west-1"])
    assert "3128" not in text
    assert "8080" in text
    for entry in (*DIRECT, "169.254.169.254", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com"):
        assert entry in text
    if form != "values_yaml":
        assert "http://10.0.0.33:8080" in text
    assert "https://10.0.0.33" not in text


@pytest.mark.parametrize("form", ["kots_flags", "job_environment", *_USER_DATA])
def test_who_else_sees_credentials_is_told_without_showing_them(warnings, form):
    circleci_proxy({**PROXY, "username": "u", "password": "s3cret"}, form)
    assert [text for text in warnings if "credentials" in text]
    assert "s3cret" not in "".join(warnings)


@pytest.mark.parametrize("form", _USER_DATA)
def test_user_data_without_java(form):
    assert "JVM_OPTS" not in circleci_proxy({"http": "https://192.0.2.1"}, form, jvm_opts=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PROXY, "values"), "format: 'values' is not one of values_yaml, kots_flags"),
        (({}, "values_yaml"), "names no proxy"),
        (("http://x", "values_yaml"), "is not a dictionary"),
        (({"http": "https://192.0.2.1"}, "values_yaml"), "is an https:// proxy"),
        (({"http": "https://192.0.2.1"}, "shell"), "is an https:// proxy"),
        ((PROXY, "shell", ["http://x"]), r"direct\[0\]"),
        (({**PROXY, "password": "s3cret\nx", "username": "u"}, "shell"), "holds a control character"),
    ],
)
def test_bad_input(arguments, words):
    with pytest.raises(AnsibleFilterError, match=words) as failed:
        circleci_proxy(*arguments)
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize("form", _USER_DATA)
def test_what_ec2_does_not_take(form):
    with pytest.raises(AnsibleFilterError, match="EC2 takes no more than 16384"):
        circleci_proxy({**PROXY, "no_proxy": [f"host-{number}.example.com" for number in range(100)]}, form)


def test_an_inline_vault_is_text():
    class Vaulted(str):
        __ENCRYPTED__ = True

    text = circleci_proxy({**PROXY, "username": "u", "password": Vaulted("p")}, "kots_flags")
    assert shlex.split(text)[1] == "http://u:p@10.0.0.33:8080"
