# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the engine is asked: by programs that note what they were given. Real engines answer in tests/conformance."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_validate import validate, version_text
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

CANDIDATE = b'{"proxies": {"http-proxy": "http://u:s3cret@h"}}'

OLD = """case "$*" in *--validate*) echo "unknown flag: --validate"; exit 125;; esac"""
NOT_ROOT = "echo 'dockerd needs to be started with root privileges.' >&2; exit 1"


@pytest.fixture
def program():
    """Return a function that makes a program of shell lines; beside it, all may write."""
    # Not under tmp_path: the powerless user that runs it could not get there.
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o777)  # noqa: S103 - see above

    def make(*lines):
        path = f"{folder}/dockerd"
        note = f'echo "$(id -u) $*" >> {folder}/calls'
        with open(path, "w", encoding="utf-8") as handle:
            handle.write("\n".join(["#!/bin/sh", "umask 0", note, *lines]) + "\n")
        os.chmod(path, 0o755)  # noqa: S103 - it is to be run by another user
        return path

    make.folder = folder
    yield make
    shutil.rmtree(folder)


def calls(program):
    with open(f"{program.folder}/calls", encoding="utf-8") as handle:
        return handle.read().splitlines()


def test_the_engine_reads_the_candidate_from_a_pipe_and_is_nobody(program):
    copy = f"{program.folder}/copy"
    validate(CANDIDATE * 50_000, dockerd=program(f"cat /proc/self/fd/0 > {copy}"), flags=["-H", "fd://"])
    with open(copy, "rb") as handle:
        assert handle.read() == CANDIDATE * 50_000
    [call] = calls(program)
    user, _space, arguments = call.partition(" ")
    assert arguments == "--config-file /proc/self/fd/0 --host=fd:// --validate"
    assert int(user) > 0
    assert os.geteuid() != 0 or int(user) >= 65534


def test_the_engines_own_words_are_passed_on_without_secrets(program):
    said = "unable to configure the Docker daemon with file /proc/self/fd/0: bad (from file: http://u:s3cret@h)"
    log = 'time="2026-01-01T00:00:00Z" level=info msg="Starting up"'
    dockerd = program(f"echo '{log}'; echo '{said}'; echo \"See 'dockerd --help'., Code: 125\"; exit 1")
    with pytest.raises(Refused) as caught:
        validate(CANDIDATE, dockerd=dockerd, where="/etc/docker/daemon.json", secrets=["s3cret"])
    assert str(caught.value).startswith(
        "/etc/docker/daemon.json: the engine itself refuses it: bad (from file: http://"
    )
    assert "s3cret" not in str(caught.value)
    assert "Starting up" not in str(caught.value)


def test_an_engine_without_validate_is_asked_as_nobody(program):
    validate(b"{}", dockerd=program(OLD, NOT_ROOT))
    first, second = (call.partition(" ") for call in calls(program))
    assert first[2].endswith("--validate")
    assert second[2] == "--config-file /proc/self/fd/0"
    assert second[0] != "0"


@pytest.mark.parametrize(
    ("version", "asked"), [((20, 10, 24), [""]), ((23, 0, 1), [" --validate"]), (None, [" --validate"])]
)
def test_an_engine_that_is_known_to_have_no_validate_is_asked_once(program, version, asked):
    validate(b"{}", dockerd=program(NOT_ROOT if asked == [""] else ""), version=version)
    made = [call.partition("--config-file /proc/self/fd/0")[2] for call in calls(program)]
    assert made == asked


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop root")
@pytest.mark.parametrize("version", [(20, 10, 24), None])
def test_without_validate_it_is_never_run_as_root(program, version, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)
    validate(b"{}", dockerd=program(OLD, "echo started"), version=version)
    with_flag = [] if version else ["0 --config-file /proc/self/fd/0 --validate"]
    noted = calls(program) if os.path.exists(f"{program.folder}/calls") else []
    assert noted == with_flag


def test_an_engine_without_validate_that_gives_another_reason(program):
    with pytest.raises(Refused, match="refuses it: EOF"):
        validate(b"", dockerd=program(OLD, "echo 'unable to configure the Docker daemon with file /x: EOF'; exit 1"))


def test_it_is_asked_once_of_what_it_accepted_and_again_of_what_it_refused(program):
    for candidate in (b'{"debug": true}', b'{"debug": true}', b'{"debug": false}'):
        validate(candidate, dockerd=program())
    for _again in range(2):
        with pytest.raises(Refused):
            validate(b"", dockerd=program("echo no; exit 1"))
    assert len(calls(program)) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop root")
@pytest.mark.parametrize("said", ["dockerd needs to be started with root", "open /key.pem: permission denied"])
def test_where_only_root_is_missing_root_asks_again(program, said):
    asks = f'[ "$(id -u)" = 0 ] || {{ echo "{said}"; exit 1; }}'
    validate(b"{}", dockerd=program(asks))
    with pytest.raises(Refused, match="refuses it: worse"):
        validate(b"{ }", dockerd=program(asks, "echo worse; exit 1"))
    assert all("--validate" in call for call in calls(program))


def test_userns_remap_never_asks_as_root(program):
    """As root, --validate creates the user that it would map to."""
    said = 'Error during "dockremap" user creation: permission denied'
    validate(b'{"userns-remap": "default"}', dockerd=program(f"echo '{said}'; exit 1"))
    assert all(call.partition(" ")[0] != "0" or os.geteuid() for call in calls(program))


def test_a_password_among_the_flags_does_not_get_into_another_argv(program):
    validate(b"{}", dockerd=program(), flags=["--http-proxy=http://u:s3cret@h", "--config-file", "/x", "--mtu=1450"])
    [call] = calls(program)
    assert call.partition(" ")[2] == (
        "--config-file /proc/self/fd/0 --mtu=1450 --http-proxy=http://proxy.invalid --validate"
    )


def test_an_engine_that_hangs_costs_a_bounded_time(program):
    began = time.monotonic()
    with pytest.raises(Refused, match=r"did not answer within 0\.3 s"):
        validate(CANDIDATE * 50_000, dockerd=program("exec sleep 60"), seconds=0.3)
    assert time.monotonic() - began < 20


def test_an_engine_that_can_not_be_run(program):
    with pytest.raises(Refused, match="nosuch: can't be run"):
        validate(b"{}", dockerd=f"{program.folder}/nosuch")
    broken = program()
    os.chmod(broken, stat.S_IRUSR)
    with pytest.raises(Refused, match="can't be run"):
        validate(b"{}", dockerd=broken)


def test_version_text(program):
    assert version_text(program("echo Docker version 26.1.5, build x")) == "Docker version 26.1.5, build x\n"
