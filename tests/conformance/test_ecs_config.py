# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every reader of ecs.config reads the same in what we write: systemd (252, 257), the docker CLI and dockerd (20.10,
26.1), and Go's library by ecs-init's rule and by the agent's.

ecs-init and the agent themselves can't be had; ecs_reader.go and a unit that sleeps stand in for them.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import string
import subprocess
import unittest.mock

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _ecs_config_document,
    _ecs_config_values,
    _proxy,
    _proxy_ecs,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._ecs_config_keys import KEYS
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.conformance.test_systemd import FOLDER, Systemd
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

HERE = pathlib.Path(__file__).parent
PATH = "/etc/ecs/ecs.config"
# As the package's unit has it.
DROPIN = {f"{FOLDER}/x.conf": f"[Service]\nEnvironmentFile=-{PATH}\n".encode()}
SCALE = int(os.environ.get("CONFORMANCE_SCALE", "1"))
SLOW = settings(
    max_examples=12 * SCALE,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
QUICK = settings(SLOW, max_examples=300 * SCALE)


class Conversation:
    """A program that answers one JSON line with one."""

    def __init__(self, command: list[str | pathlib.Path]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **request):
        """Return the answer to a request."""
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the program ended; see its last words above"
        return json.loads(answer)

    def close(self) -> None:
        """End the program."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    """Return Go's library, by ecs-init's and the agent's rules."""
    compiler = shutil.which("go")
    assert compiler, "go is missing: install the Debian package golang-go (make test does)"
    folder = tmp_path_factory.mktemp("go")
    caches = {"HOME": str(folder), "GOCACHE": str(folder / "cache"), "GOPATH": str(folder), "GOTOOLCHAIN": "local"}
    build = [compiler, "build", "-o", folder / "reader", HERE / "ecs_reader.go"]
    subprocess.run(build, check=True, env={**os.environ, **caches})
    conversation = Conversation([folder / "reader"])
    yield conversation
    conversation.close()


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def distribution(request):
    return request.param


@pytest.fixture(scope="module")
def systemd(distribution, booted_host):
    prober = Systemd(booted_host(distribution))
    yield prober
    prober.close()


@pytest.fixture(scope="module")
def docker(distribution, booted_host):
    """Return the engine of a distribution, and its CLI."""
    container = booted_host(distribution)
    subprocess.run(["docker", "exec", container, "systemctl", "start", "docker.service"], check=True)
    script = (HERE / "container_prober.py").read_text(encoding="utf-8")
    conversation = Conversation(["docker", "exec", "--interactive", container, "python3", "-u", "-c", script])
    yield conversation
    conversation.close()


def by_ecs_init(go, content: bytes) -> dict[str, str]:
    """Return what ecs-init gives the agent's container."""
    pairs = go.ask(file=base64.b64encode(content).decode())["lines"]
    return dict([base64.b64decode(part).decode("utf-8", "surrogateescape") for part in pair] for pair in pairs)


def of_container(answer: dict) -> dict[str, str]:
    """Return the environment that dockerd says a container has."""
    assert "refused" not in answer, answer
    # The image sets nothing, and yet some engines add a PATH.
    pairs = (entry.split("=", 1) for entry in answer["environment"] or [])
    return {name: value for name, value in pairs if name != "PATH"}


# What we write ----------------------------------------------------------------------------------------------------

EVERY_CLASS = string.ascii_letters + string.digits + string.punctuation + " äß€😀\u2028\u00a0\u200b\ufeff"
VALUES = st.lists(
    st.text(st.one_of(st.sampled_from(EVERY_CLASS), st.characters(exclude_characters="\0", codec="utf-8"))), max_size=12
)
EVERYWHERE = [form.format(char) for char in EVERY_CLASS for form in ("{}", "{}n", "a{}", "a{}40b", "a{0}{0} b", "${}")]
EVERYWHERE += [
    '{"a":"b c","d":"#;$%&"}',
    "[1,2]",
    "",
    "x" * (_ecs_config_document.MAX_LINE - len("V999=")),
]


def carried(values: list[str]) -> dict[str, str]:
    """Return those of the values that we would write, each under a name."""
    found = {}
    for number, value in enumerate(values):
        try:
            _ecs_config_document.check(f"V{number}", value)
        except Refused:
            continue
        found[f"V{number}"] = value
    return found


@SLOW
@given(VALUES)
@example(EVERYWHERE)
def test_every_reader_reads_the_same(systemd, docker, go, values):
    wanted = carried(values)
    assume(wanted)
    content = _ecs_config_document.edit(None, wanted)
    assert by_ecs_init(go, content) == wanted
    assert systemd.environment({**DROPIN, PATH: content}) == wanted
    assert of_container(docker.ask(file=content.decode("utf-8").encode().decode("latin-1"))) == wanted
    environment = [f"{name}={value}" for name, value in by_ecs_init(go, content).items()]
    assert of_container(docker.ask(environment=environment)) == wanted


# What others write: whatever it is, our settings are read by both, or the file is refused.
LINES = st.sampled_from(
    [
        "OTHER=1",
        "  OTHER = 2 ",
        "# comment",
        "; comment",
        "# goes on \\",
        "#HTTP_PROXY=http://x",
        "export HTTP_PROXY=x",
        " HTTP_PROXY = x",
        "HTTP_PROXY=x",
        "HTTP_PROXY",
        "A='quoted'",
        'A="open',
        "A='open",
        "A=goes on \\",
        'A="a" b',
        "A=1\rHTTP_PROXY=2",
        "=x",
        "",
        "\ufeffHTTP_PROXY=x",
        "HTTP_PROXY=x\u00a0",
    ]
)


@SLOW
@given(st.lists(LINES, max_size=6), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n"]))
@example(["HTTP_PROXY=1", "# HTTP_PROXY", "HTTP_PROXY=2"], "\n", "")
def test_among_what_others_wrote(distribution, systemd, go, lines, end, last):
    before = (end.join(lines) + last).encode()
    wanted = {"HTTP_PROXY": "http://u:p%40@192.0.2.1:3128", "ECS_CLUSTER": "a b"}
    try:
        content = _ecs_config_document.edit(before, wanted)
    except Refused:
        # Never for no reason: what would have been written is not read alike.
        with unittest.mock.patch.object(_ecs_config_document, "_verify"):
            content = _ecs_config_document.edit(before, wanted)
        read = systemd.environment({**DROPIN, PATH: content})
        newer = distribution == "trixie" and "# goes on \\" in lines  # where systemd ends a comment with its line
        assert newer or {name: read.get(name) for name in wanted} != wanted
        return
    for environment in (by_ecs_init(go, content), systemd.environment({**DROPIN, PATH: content})):
        assert {name: environment.get(name) for name in wanted} == wanted
    theirs = by_ecs_init(go, before)
    gone = _ecs_config_document.edit(content, {}, list(wanted))
    assert by_ecs_init(go, gone) == {name: value for name, value in theirs.items() if name.strip() not in wanted}


# What we refuse: one reader takes it for something else than another, or does not take it.
UNLIKE = ["'a'", '"a"', '"a', "'a", "a\\b", "a\\", " a", "\ta", "a\u00a0", "a\u3000", "a\nV=c", "a\rV=b", "a\ufffe"]


def test_what_is_refused_would_not_be_read_alike(systemd, go):
    # A file for each, as an open quote would swallow the next.
    contents = {f"V{number}": f"V{number}={value}\n".encode() for number, value in enumerate(UNLIKE)}
    files = {f"/run/{name}.env": content for name, content in contents.items()}
    lines = "".join(f"EnvironmentFile=-{path}\n" for path in files)
    by_systemd = systemd.environment({**files, f"{FOLDER}/x.conf": f"[Service]\n{lines}".encode()})
    for (name, content), value in zip(contents.items(), UNLIKE, strict=True):
        with pytest.raises(Refused):
            _ecs_config_document.check(name, value)
        assert (by_ecs_init(go, content), by_systemd.get(name)) != ({name: value}, value), ascii(value)


def test_the_longest_line_is_the_longest_that_the_cli_reads(docker):
    longest = f"V={'x' * (_ecs_config_document.MAX_LINE - 2)}"
    assert of_container(docker.ask(file=f"{longest}\n"))["V"] == longest[2:]
    assert "refused" in docker.ask(file=f"{longest}xx\n")


def test_a_comment_leaks_and_a_line_without_a_name_is_fatal(docker, go):
    leaked = by_ecs_init(go, b"#HTTP_PROXY=http://u:secret@h:1\n")
    environment = [f"{name}={value}" for name, value in leaked.items()]
    assert docker.ask(environment=environment)["environment"][0] == "#HTTP_PROXY=http://u:secret@h:1"
    nameless = [f"{name}={value}" for name, value in by_ecs_init(go, b"A=1\n=x\n").items()]
    assert docker.ask(environment=nameless)["refused"].startswith("400 ")


def test_the_mark_of_a_file_that_we_made_is_no_variable(systemd, docker, go):
    content = _ecs_config_document.MADE + b"\n"
    assert by_ecs_init(go, content) == systemd.environment({**DROPIN, PATH: content}) == {}
    assert of_container(docker.ask(file=content.decode())) == {}


@QUICK
@given(st.binary(max_size=60), st.lists(st.sampled_from([b"A=1", b"\n", b"\r", b"=", b" ", "\u2003".encode()])))
def test_lines_are_ecs_inits(go, noise, pieces):
    content = noise + b"".join(pieces)
    # Of bytes that are not UTF-8, Go keeps all; ours are kept by surrogates, which name the same bytes.
    assert _ecs_config_document.environment(content) == by_ecs_init(go, content)


# Values -----------------------------------------------------------------------------------------------------------

DURATIONS = st.one_of(
    st.text("0123456789.hmsunµμd+- ", max_size=12),
    st.lists(
        st.builds(
            str.format,
            st.sampled_from(["{}{}", "-{}{}", "+{}{}", "{}.5{}", ".{}{}", "{}.{}"]),
            st.integers(0, 10**12),
            st.sampled_from(["ns", "us", "µs", "μs", "ms", "s", "m", "h"]),
        ),
        max_size=3,
    ).map("".join),
)


@QUICK
@given(DURATIONS)
@example("2562047h47m16.854775807s")
@example("2562047h47m16.854775808s")
@example("1.0000000000000000000000000000001h")
def test_durations_are_gos(go, text):
    answer = go.ask(kind="duration", value=text)
    ours = _ecs_config_values._nanoseconds(text)
    # Go counts a fraction in floating point, and so to the nanosecond only up to 2**53.
    assert (ours is None) == ("error" in answer)
    assert ours is None or abs(ours - answer["value"]) <= max(1, abs(ours) >> 50)


@QUICK
@given(st.one_of(st.text("01tTfFrRuUeEaAlLsS yesno", max_size=5), st.sampled_from(["true", "True", "TRUE", "fALSE"])))
def test_switches_are_gos(go, text):
    assume(text)
    answer = go.ask(kind="switch", value=text)
    try:
        assert json.loads(_ecs_config_values.canonical("ECS_EXTERNAL", text)) == answer["value"]
    except Refused:
        assert "error" in answer


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 70000), st.text(max_size=4), st.just("10.0.0.0/8")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)
READ_BY_GO = {
    "map": "ECS_INSTANCE_ATTRIBUTES",
    "texts": "ECS_VOLUME_PLUGIN_CAPABILITIES",
    "ports": "ECS_RESERVED_PORTS",
    "networks": "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES",
    "names": "ECS_AVAILABLE_LOGGING_DRIVERS",
    "credentials": "ECS_ENGINE_AUTH_DATA",
    "integer": "ECS_LOG_MAX_ROLL_COUNT",
    "number": "ECS_LOG_MAX_FILE_SIZE_MB",
}


@pytest.mark.parametrize("kind", READ_BY_GO)
def test_what_we_take_go_reads(go, kind):
    @settings(QUICK, max_examples=100 * SCALE)
    @given(st.one_of(JSON, JSON.map(json.dumps), st.text(max_size=8), st.floats(0, 1e6).map(str)))
    def run(value):
        try:
            text = _ecs_config_values.canonical(READ_BY_GO[kind], value)
        except Refused:
            return
        answer = go.ask(kind=kind, value=text)
        assert "error" not in answer, (text, answer)
        assert answer["value"] == json.loads(text)

    run()


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.kind == "duration"])
def test_bounds_of_the_table_are_durations(go, name):
    for bound in (KEYS[name].minimum, KEYS[name].maximum, KEYS[name].minimum_windows):
        assert bound is None or "value" in go.ask(kind="duration", value=bound)


def test_the_proxy(systemd, go):
    proxy = _proxy.parse({"http": "http://192.0.2.1:3128", "username": "a b", "password": "p\"'\\ä%=#@/"})
    wanted = _proxy_ecs.environment(proxy, ipv6=True).value
    content = _ecs_config_document.edit(None, wanted)
    assert by_ecs_init(go, content) == systemd.environment({**DROPIN, PATH: content}) == wanted


# What runs --------------------------------------------------------------------------------------------------------

UNIT = "ecs.service"


class Host:
    """A booted host with a unit of ecs-init's name and files, which sleeps."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.sh(f"mkdir -p /opt/container_hosts; rm -rf /etc/ecs /etc/systemd/system/{UNIT}")
        source = HERE.parent.parent / "plugins/module_utils"
        subprocess.run(["docker", "cp", source, f"{container}:/opt/container_hosts/"], check=True, capture_output=True)

    def install(self) -> None:
        """Install the unit, and start it."""
        service = f"Type=exec\nEnvironmentFile=-{PATH}\nExecStart=/bin/sleep infinity\n"
        unit = f"[Unit]\nStartLimitIntervalSec=0\n[Service]\n{service}"
        self.sh(f"cat > /etc/systemd/system/{UNIT}; systemctl daemon-reload", stdin=unit)
        self.restart()

    def sh(self, script: str, *, stdin: str = "") -> str:
        command = ["docker", "exec", "--interactive", self.container, "sh", "-euc", script]
        return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout

    def restart(self) -> None:
        self.sh(f"systemctl restart {UNIT}")

    def ensure(self, *, check_mode: bool = False, **params) -> tuple[bool, list[str]]:
        """Return whether something changed, and what is to be restarted."""
        request = {"module": "_ecs_config", "params": params, "check_mode": check_mode}
        script = (HERE / "on_host.py").read_text(encoding="utf-8")
        command = ["docker", "exec", "--interactive", self.container, "python3", "-c", script]
        done = subprocess.run(command, input=json.dumps(request), check=True, capture_output=True, text=True)
        result = json.loads(done.stdout)
        return result["changed"], result["restart_required"]


@pytest.fixture
def host(distribution, booted_host):
    host = Host(booted_host(distribution))
    yield host
    host.sh(f"systemctl stop {UNIT} 2>/dev/null || true; rm -rf /etc/ecs /etc/systemd/system/{UNIT}")


def test_a_restart_is_called_for_until_it_was_made(host):
    wanted = {"settings": {"ECS_CLUSTER": "a", "NO_PROXY": ["a.example.com", "b.example.com"]}}
    assert host.ensure(**wanted) == (True, [])  # no unit yet
    host.sh("rm -r /etc/ecs")
    host.install()
    assert host.ensure(**wanted, check_mode=True) == (True, [UNIT])
    assert host.ensure(**wanted) == (True, [UNIT])
    assert host.ensure(**wanted) == (False, [UNIT])  # right on disk, and still not running so
    host.restart()
    assert host.ensure(**wanted) == (False, [])
    assert "ECS_CLUSTER=a\n" in host.sh(f"tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value {UNIT})/environ")

    wanted["settings"]["NO_PROXY"].reverse()
    assert host.ensure(**wanted) == (True, [])  # it is a set
    host.sh(f"echo '# a note of others' >> {PATH}")
    assert host.ensure(**wanted) == (False, [])
    assert host.ensure(settings={"ECS_CLUSTER": "b"}) == (True, [UNIT])
    assert host.ensure(settings={"ECS_CLUSTER": "a"}) == (True, [])  # back before anyone restarted

    assert host.ensure(remove=["ECS_CLUSTER"]) == (True, [UNIT])
    host.restart()
    assert host.ensure(remove=["ECS_CLUSTER"]) == (False, [])
    host.sh(f"sed -i '/a note/d' {PATH}")
    assert host.ensure(state="absent", **wanted) == (True, [UNIT])
    assert host.sh("ls /etc/ecs") == ""
    host.restart()
    assert host.ensure(state="absent", **wanted) == (False, [])


def test_what_another_file_says_is_no_reason_for_restarts_without_end(host):
    host.install()
    dropin = f"/run/systemd/system/{UNIT}.d"
    host.sh(f"mkdir {dropin}; printf '[Service]\\nEnvironment=ECS_CLUSTER=other\\n' > {dropin}/x.conf")
    host.sh("systemctl daemon-reload")
    host.restart()
    host.ensure(settings={"ECS_CLUSTER": "a"})
    host.restart()
    assert host.ensure(state="absent", settings={"ECS_CLUSTER": "a"}) == (True, [UNIT])
    host.restart()
    assert host.ensure(state="absent", settings={"ECS_CLUSTER": "a"}) == (False, [])
    host.sh(f"rm -r {dropin}; systemctl daemon-reload")


def test_a_unit_that_does_not_run_needs_no_restart(host):
    host.install()
    host.sh(f"systemctl stop {UNIT}")
    assert host.ensure(settings={"ECS_CLUSTER": "a"}) == (True, [])
