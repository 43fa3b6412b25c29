# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bash, dash and a PAM session make of the files that are written for them."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _proxy,
    _proxy_environment,
    _proxy_java,
    _proxy_pam,
    _proxy_shell,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import AWKWARD
from hypothesis import example, given, settings
from hypothesis import strategies as st

CHARACTERS = st.one_of(
    st.sampled_from("""'"\\$`#;|&<>()[]{}*?!~=%@:, \t"""),
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
)
VALUES = st.text(CHARACTERS, max_size=40)
MODEL = {
    "http": "http://127.0.0.1:3128",
    "username": AWKWARD[0],
    "password": AWKWARD[1],
    "no_proxy": ["10.0.0.0/8", "*.example.com", "/var/run/docker.sock", "\\\\.\\pipe\\docker_engine"],
}


def environment(output: bytes) -> dict[str, str]:
    return dict(item.decode().split("=", 1) for item in output.rstrip(b"\0").split(b"\0"))


def rendered() -> dict[str, str]:
    proxy = _proxy.parse({**MODEL, "username": None, "password": None})
    return {
        **_proxy_environment.environment(_proxy.parse(MODEL)).value,
        "JVM_OPTS": " ".join(_proxy_java.options(proxy).value),
    }


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_shell_that_sources_the_file(shell, network, program):
    path = program(shell, shell)

    def sourced(lines: str) -> dict[str, str]:
        network.write("/etc/proxy-under-test/customizations", lines)
        ran = network.run([path, "-euc", ". /etc/proxy-under-test/customizations; env -0"])
        assert (ran.returncode, ran.stderr) == (0, b"")
        return environment(ran.stdout)

    assert rendered().items() <= sourced(_proxy_shell.lines(rendered())).items()

    @settings(max_examples=60, deadline=None)
    @given(VALUES, VALUES)
    @example("$(touch /etc/proxy-under-test/ran)`id`", "a'b")
    def run(first, second):
        try:
            lines = _proxy_shell.lines({"FIRST": first, "SECOND": second})
        except Refused:
            assert any(ord(char) < 32 or ord(char) == 127 for char in first + second)
            return
        assert {"FIRST": first, "SECOND": second}.items() <= sourced(lines).items()

    run()


def session(network, program, text: str) -> dict[str, str]:
    """Return the environment of a session that the machine's own PAM configuration of `su` opens."""
    network.write("/etc/environment", text)
    ran = network.run([program("su", "util-linux"), "--shell", "/bin/sh", "--command", "env -0", "root"])
    assert ran.returncode == 0, ran.stderr.decode()
    return environment(ran.stdout)


def test_a_pam_session_a_shell_and_systemd_read_the_same_line(network, program):
    value = rendered()
    lines = _proxy_pam.lines(value).value
    assert value.items() <= session(network, program, lines).items()
    ran = network.run([program("bash", "bash"), "-euc", "set -a; . /etc/environment; env -0"])
    assert value.items() <= environment(ran.stdout).items()


def test_generated_values_reach_a_pam_session(network, program):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(VALUES, min_size=1, max_size=8))
    def run(values):
        lines, wanted = "", {}
        for number, value in enumerate(values):
            try:
                lines += _proxy_pam.assignment(f"GIVEN_{number}", value) + "\n"
            except Refused:
                continue
            wanted[f"GIVEN_{number}"] = value
        assert wanted.items() <= session(network, program, lines).items()

    run()


@pytest.mark.parametrize("poison", ["a'b", "a#b"])
def test_what_is_refused_for_pam_is_read_differently_by_its_readers(poison, network, program):
    with pytest.raises(Refused):
        _proxy_pam.assignment("GIVEN", poison)
    by_pam = session(network, program, f"GIVEN='{poison}'\n").get("GIVEN")
    by_shell = network.run([program("bash", "bash"), "-c", '. /etc/environment; printf %s "$GIVEN"']).stdout.decode()
    assert (by_pam, by_shell) != (poison, poison)


def test_the_longest_line_and_the_one_after_it_reach_a_pam_session(network, program):
    longest = "x" * (_proxy_pam.MAX_LINE - len("GIVEN=''"))
    text = _proxy_pam.lines({"GIVEN": longest, "AFTER": "there"}).value
    assert {"GIVEN": longest, "AFTER": "there"}.items() <= session(network, program, text).items()
    with pytest.raises(Refused):
        _proxy_pam.assignment("GIVEN", longest + "x")
