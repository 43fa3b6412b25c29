# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PAM session, bash, dash and docker run make of files that were edited for them."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _environment_file_options,
    _environment_file_pam,
    _environment_file_shell,
    _proxy,
    _proxy_environment,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.meaning import AWKWARD
from ansible_collections.fleetops.container_hosts.tests.conformance.proxy.test_shell_and_pam import (
    VALUES,
    environment,
    session,
)
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

NAMES = ("HTTP_PROXY", "NO_PROXY")
MODEL = _proxy.parse(
    {"http": "http://192.0.2.1:3128", "username": AWKWARD[0], "password": AWKWARD[1], "no_proxy": ["*.example.com"]}
)
PROXY = _proxy_environment.environment(MODEL).value
# Each example is a session of its own.
FEW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
FOREIGN = [
    "A=1",
    "A='b c' ",
    'A="b" # d',
    "export B=2",
    "B=it's",
    "B=c#d",
    'B="open',
    "A=x\\",
    "  A=y\\",
    "# HTTP_PROXY=no",
    "A.B=1",
    "B",
    "A='x' B='y'",
    "",
    "\ufeffA=1",
    "A=b\r",
]
OURS = [
    "HTTP_PROXY=old",
    'export HTTP_PROXY="old" # note',
    "HTTP_PROXY='o#ld'",
    " NO_PROXY=a b",
    "NO_PROXY",
    "NO_PROXY=a\\",
    "NO_PROXY=a\r",
]
PAM_FILES = st.builds(
    lambda lines, last: "\n".join(lines) + last,
    st.lists(st.sampled_from(FOREIGN + OURS), max_size=7),
    st.sampled_from(["\n", ""]),
)


def test_a_session_gets_ours_and_all_else_as_before(network, program):
    @FEW
    @given(PAM_FILES, VALUES)
    @example("A=1", "")
    def run(text, value):
        wanted = {"HTTP_PROXY": value, "NO_PROXY": "localhost"}
        try:
            after = _environment_file_pam.edit(text.encode(), wanted)
        except Refused:
            return
        before = session(network, program, text)
        now = session(network, program, after.decode())
        assert {name: now.get(name) for name in NAMES} == wanted
        foreign = {name: found for name, found in before.items() if name not in NAMES}
        assert {name: found for name, found in now.items() if name not in NAMES} == foreign
        gone = session(network, program, (_environment_file_pam.edit(after, dict.fromkeys(NAMES)) or b"").decode())
        assert gone == foreign

    run()


# What a shell and pam_env read alike.
DIFFERENT = re.compile(r"it's|open|\\|A\.B|a b|\r|\ufeff|^(B|NO_PROXY)$")
READ_ALIKE = [line for line in FOREIGN + OURS if not DIFFERENT.search(line)]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_shell_reads_the_same_file(shell, network, program):
    path = program(shell, shell)

    def sourced(text):
        network.write("/etc/environment", text)
        ran = network.run([path, "-euc", "set -a; . /etc/environment; env -0"])
        assert (ran.returncode, ran.stderr) == (0, b"")
        return environment(ran.stdout)

    @FEW
    @given(st.lists(st.sampled_from(READ_ALIKE), max_size=7), VALUES)
    def run(lines, value):
        text = "".join(f"{line}\n" for line in lines)
        wanted = {"HTTP_PROXY": value, "NO_PROXY": "localhost"}
        try:
            after = _environment_file_pam.edit(text.encode(), wanted)
        except Refused:
            return
        foreign = {name: found for name, found in sourced(text).items() if name not in NAMES}
        assert sourced(after.decode()) == {**foreign, **wanted}

    run()


def test_a_file_for_root_alone_reaches_an_unprivileged_users_session(network, program):
    content = _environment_file_pam.edit(b"A=1\n", PROXY).decode()
    network.write("/etc/environment", content, 0o600)
    network.write(
        "/etc/pam.d/su",
        "auth sufficient pam_permit.so\naccount required pam_permit.so\n"
        "session required pam_env.so readenv=1\nsession required pam_permit.so\n",
    )
    try:
        su = [program("su", "util-linux"), "--shell", "/bin/sh", "--command", "env -0", "root"]
        nobody = [program("setpriv", "util-linux"), "--reuid=65534", "--regid=65534", "--clear-groups"]
        ran = network.run([*nobody, *su])
        assert ran.returncode == 0, ran.stderr.decode()
        assert PROXY.items() <= environment(ran.stdout).items()
        read = network.run(
            [program("setpriv", "util-linux"), "--reuid=65534", "--clear-groups", "cat", "/etc/environment"]
        )
        assert (read.returncode, read.stdout) == (1, b"")
    finally:
        with open("/etc/pam.d/su", encoding="utf-8") as original:
            network.write("/etc/pam.d/su", original.read())
        network.write("/etc/environment", "")


PROGRAM = """# CircleCI's customizations, as people have them
MONGO_BASE_URI=mongodb://192.0.2.7
export MONGO_URI="$MONGO_BASE_URI/x" HTTP_PROXY=old
unset JAVA_OPTS
cat > /dev/null <<EOF
HTTP_PROXY='text
EOF
f() { NO_PROXY=in-a-function; }
f"""


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("end", ["", "\n", " \\", " # it's"])
def test_our_block_is_the_last_word_in_a_file_that_is_a_program(shell, end, network, program):
    for _times in range(3):
        content = _environment_file_shell.apply((PROGRAM + end).encode(), PROXY)
        network.write("/etc/customizations-under-test", content.decode())
    ran = network.run([program(shell, shell), "-euc", ". /etc/customizations-under-test; env -0"])
    assert (ran.returncode, ran.stderr) == (0, b"")
    found = environment(ran.stdout)
    assert {**PROXY, "MONGO_URI": "mongodb://192.0.2.7/x"}.items() <= found.items()
    assert content.count(b"export HTTP_PROXY=") == 1


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_an_options_string_in_a_file_that_a_shell_sources(shell, network, program):
    path = program(shell, shell)

    def words(content):
        network.write("/etc/options-under-test", content.decode())
        ran = network.run([path, "-euc", ". /etc/options-under-test; printf '%s\\0' $OPTS"])
        assert (ran.returncode, ran.stderr) == (0, b"")
        return ran.stdout.decode().split("\0")[:-1]

    wanted = {name: PROXY[name] for name in NAMES}
    ours = [word for name, value in wanted.items() for word in ("-e", f"{name}={value}")]
    for raw in ('"-e LOG_LEVEL=info"', "'-d  -v /a:/b '", "-d", '"-a \\\n -b"'):
        before = f"A=1\nOPTS={raw}\n".encode()
        after = _environment_file_options.edit(before, "OPTS", wanted)
        assert words(after) == words(before) + ours
        assert _environment_file_options.edit(after, "OPTS", dict.fromkeys(NAMES)) == before


def test_docker_run_takes_our_words(network, program):
    content = _environment_file_options.edit(
        b'OPTS="-e LOG_LEVEL=info -e HTTP_PROXY=old"\n', "OPTS", {name: PROXY[name] for name in NAMES}
    )
    network.write("/etc/options-under-test", content.decode())
    ran = network.run([program("dash", "dash"), "-c", ". /etc/options-under-test; printf '%s\\0' $OPTS"])
    options = ran.stdout.decode().split("\0")[:-1]
    created = subprocess.run(
        ["docker", "create", "--network=none", *options, "container-hosts/bookworm:latest", "true"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    try:
        shown = subprocess.run(
            ["docker", "inspect", "--format={{json .Config.Env}}", created], check=True, capture_output=True, text=True
        ).stdout
    finally:
        subprocess.run(["docker", "rm", "--force", created], check=True, capture_output=True)
    found = dict(entry.split("=", 1) for entry in json.loads(shown))
    assert {"LOG_LEVEL": "info", **{name: PROXY[name] for name in NAMES}}.items() <= found.items()
