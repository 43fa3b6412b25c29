# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running systemd (252 and 257) reads back what we write, and merges files as we say it does."""

from __future__ import annotations

import json
import os
import pathlib
import string
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _systemd_dropin,
    _systemd_merge,
    _systemd_syntax,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

UNIT = "probe-it.service"
FOLDER = f"/etc/systemd/system/{UNIT}.d"
# What a service gets from systemd itself, whatever its files say.
ALWAYS = {"LANG", "PATH", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "MEMORY_PRESSURE_WATCH"}
ALWAYS |= {
    "MEMORY_PRESSURE_WRITE",
    "SYSTEMD_NSS_DYNAMIC_BYPASS",
    "PWD",
    "SHLVL",
    "_",
    "USER",
    "HOME",
    "LOGNAME",
    "SHELL",
}

EVERY_CLASS = string.ascii_letters + string.digits + string.punctuation + " \t\näß€😀\u2028\u00a0\x01\x1b\x7f\x85"
VALUES = st.lists(
    st.text(st.one_of(st.sampled_from(EVERY_CLASS), st.characters(exclude_characters="\0", codec="utf-8"))), max_size=12
)
# `make nightly` asks for more.
SCALE = int(os.environ.get("CONFORMANCE_SCALE", "1"))
SLOW = settings(
    max_examples=40 * SCALE,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Systemd:
    """A conversation with the prober inside a booted host."""

    def __init__(self, container: str) -> None:
        script = pathlib.Path(__file__).with_name("systemd_prober.py").read_text(encoding="utf-8")
        self.process = subprocess.Popen(
            ["docker", "exec", "-i", container, "python3", "-u", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def environment(self, files: dict[str, bytes]) -> dict[str, str]:
        """Return what the unit's process is started with while `files` are there."""
        return {name: value for name, value in self.output(files) if name not in ALWAYS}

    def output(self, files: dict[str, bytes]) -> list[tuple[str, str]]:
        """Return what the unit's process writes while `files` are there: its environment, as (name, value)."""
        request = {"files": {path: content.decode("latin-1") for path, content in files.items()}}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the prober ended; see its traceback above"
        return [
            (name, value.encode("latin-1").decode("utf-8", "surrogateescape")) for name, value in json.loads(answer)
        ]

    def close(self) -> None:
        """End the prober."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def systemd(request, booted_host):
    prober = Systemd(booted_host(request.param))
    yield prober
    prober.close()


# Every class of character at every place in a value, and before what would make it something else.
EVERYWHERE = [form.format(char) for char in EVERY_CLASS for form in ("{}", "{}n", "a{}", "a{}40b", "a{0}{0} b")]


@SLOW
@given(VALUES)
@example(EVERYWHERE)
def test_environment_lines(systemd, values):
    wanted = {f"V{number}": value for number, value in enumerate(values)}
    lines = [_systemd_syntax.environment_line(name, value) for name, value in wanted.items()]
    assert systemd.environment({f"{FOLDER}/x.conf": _systemd_dropin.apply(None, lines)}) == wanted


@SLOW
@given(VALUES)
@example(EVERYWHERE)
def test_environment_files(systemd, values):
    wanted = {f"V{number}": value.replace("\r", "").replace("\n", "") for number, value in enumerate(values)}
    lines = [_systemd_syntax.file_line(name, value, where=name) + "\n" for name, value in wanted.items()]
    files = {f"{FOLDER}/x.conf": _systemd_dropin.apply(None, [f"EnvironmentFile=-{FOLDER}/x.env"])}
    assert systemd.environment({**files, f"{FOLDER}/x.env": "".join(lines).encode()}) == wanted


NAMES = st.sampled_from(["A", "B", "C"])
WORDS = st.builds(
    str.format,
    st.sampled_from(
        [
            "{}={}",
            '"{}={}"',
            "'{}={}'",
            '{}="{} x"',
            "{}={}\\n",
            "{}={}\\q",
            "{}={}%%",
            "{}={}%4",
            "{}={}'",
            "{}",
            "{}-={}",
            "{}=a\\x41\\101",
        ]
    ),
    NAMES,
    st.sampled_from(["1", "2", "3"]),
)
STATEMENTS = st.one_of(
    st.lists(WORDS, max_size=4).map(lambda words: "Environment=" + " ".join(words)),
    st.lists(WORDS, max_size=4).map(lambda words: "Environment = " + " \\\n# note\n  ".join(words)),
    st.lists(NAMES, max_size=2).map(lambda names: "UnsetEnvironment=" + " ".join(names)),
    st.sampled_from(
        ["EnvironmentFile=-/run/f1", "EnvironmentFile=-/run/f2", "EnvironmentFile=-/run/f[12]", "EnvironmentFile="]
    ),
    st.sampled_from(
        [
            "[Service]",
            "[Unit]",
            "[service]",
            "# Environment=A=no",
            "; x",
            "",
            "Nice=1 \\",
            "\ufeff",
            "Environment=A=x\x0cy",
        ]
    ),
)
DROPINS = st.dictionaries(
    st.tuples(
        st.sampled_from(["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"]),
        st.sampled_from([f"{UNIT}.d", "probe-.service.d", "service.d"]),
        st.sampled_from(["10-a.conf", "20-b.conf", "a.conf", "zz.conf", "no.txt"]),
    ).map("/".join),
    st.lists(STATEMENTS, max_size=5).map(lambda lines: "[Service]\n" + "\n".join(lines) + "\n"),
    max_size=5,
)
FILE_LINES = st.sampled_from(
    [
        "A=1",
        "B = 2",
        "export C=1",
        "#A=9",
        "; B=9",
        'A="x y" # z',
        "B='q$r' ",
        "C=a\\b \\",
        "A=un'even",
        'B="open',
        " C=1",
        "A",
        "=1",
        "B=\t2 ",
    ]
)
ENVIRONMENT_FILES = st.lists(FILE_LINES, max_size=5).map("\n".join)


@settings(SLOW, max_examples=80 * SCALE)
@given(DROPINS, ENVIRONMENT_FILES, ENVIRONMENT_FILES, st.booleans())
def test_merging_is_systemds(systemd, dropins, first, second, crlf):
    files = {path: text.encode() for path, text in dropins.items()}
    files["/run/f1"], files["/run/f2"] = first.encode(), second.encode()
    if crlf:
        files = {path: content.replace(b"\n", b"\r\n") for path, content in files.items()}

    def list_folder(folder: str) -> list[str]:
        return [path.rpartition("/")[2] for path in files if path.rpartition("/")[0] == folder]

    def environment_files(pattern: str) -> list[tuple[str, bytes]]:
        paths = ["/run/f1", "/run/f2"] if "[" in pattern else [pattern]
        return [(path, files[path]) for path in paths]

    paths = _systemd_merge.dropin_paths([UNIT], list_folder)
    merged = _systemd_merge.merge([(path, files[path]) for path in paths], environment_files)
    assert {name: setting.value for name, setting in merged.effective.items()} == systemd.environment(files)


@SLOW
@given(DROPINS, st.sets(NAMES))
def test_adoption_takes_exactly_the_named_variables(systemd, dropins, names):
    before = {
        path: text.encode() for path, text in dropins.items() if "UnsetEnvironment" not in text and "File" not in text
    }
    after = {path: _systemd_dropin.without(content, names) for path, content in before.items()}
    expected = {name: value for name, value in systemd.environment(before).items() if name not in names}
    assert systemd.environment(after) == expected
