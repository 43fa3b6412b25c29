# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our table of daemon.json and our checks, held against real engines: Debian bookworm's 20.10 and trixie's 26.1.

Whatever we let pass, the engine starts with. Whatever we refuse, it refuses too, or it dies of it when it starts, or
it ignores it in silence: which of them is said beside each case, and asked of each engine.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon import canonical, check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_daemon_keys import (
    FLAG_KEYS,
    FLAGS_ONLY,
    KEYS,
    PROXY_KEYS,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._docker_flags import parse
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._json_document import load

HERE = pathlib.Path(__file__).parent
VERSIONS = {"bookworm": (20, 10, 24), "trixie": (26, 1, 5)}


@pytest.fixture(scope="module")
def ask(booted_host):
    """Return a function that has a distribution's dockerd answer requests (see dockerd_prober.py), many at once."""

    def ask(distribution: str, requests: list[dict]) -> list:
        container = booted_host(distribution)
        subprocess.run(["docker", "exec", container, "mkdir", "-p", "/opt/container_hosts"], check=True)
        subprocess.run(
            ["docker", "cp", HERE.parent.parent / "plugins/module_utils", f"{container}:/opt/container_hosts/"],
            check=True,
            capture_output=True,
        )
        prober = (HERE / "dockerd_prober.py").read_text(encoding="utf-8")
        command = ["docker", "exec", "--interactive", container, "python3", "-c", prober]
        done = subprocess.run(command, input=json.dumps(requests), check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    return ask


# What an engine makes of a candidate.
FINE, REFUSED, DIES, IGNORES = "fine", "refused", "dies of it at its start", "ignores it or fails later"

# What is asked for, and what 20.10 and 26.1 make of it. We take just what is FINE.
CASES = {
    "switches": ({"debug": True, "live-restore": True, "userland-proxy": False}, FINE, FINE),
    "numbers": ({"mtu": 1450, "max-concurrent-downloads": 0, "shutdown-timeout": 30}, FINE, FINE),
    "names": (
        {"dns": ["192.0.2.1", "2001:db8::1"], "dns-search": ["example.com"], "dns-opts": ["ndots:1"]},
        FINE,
        FINE,
    ),
    "logs": ({"log-driver": "local", "log-opts": {"max-size": "10m", "max-file": 3, "compress": True}}, FINE, FINE),
    "buffered logs": ({"log-opts": {"mode": "non-blocking", "max-buffer-size": "4m"}}, FINE, FINE),
    "log level": ({"log-level": "WARN"}, FINE, FINE),
    "log format": ({"log-format": "json"}, REFUSED, FINE),
    "mirror": ({"registry-mirrors": ["https://mirror.example.com:5000/"]}, FINE, FINE),
    "mirror with path": ({"registry-mirrors": ["https://mirror.example.com/path"]}, DIES, FINE),
    "insecure": (
        {"insecure-registries": ["r.example.com:5000", "10.0.0.0/8", "[2001:db8::1]:5000", "fd00::/8"]},
        FINE,
        FINE,
    ),
    "insecure with scheme": ({"insecure-registries": ["http://r.example.com:5000"]}, FINE, FINE),
    "labels": ({"labels": ["a=1", "b=", "a=1"]}, FINE, FINE),
    "pools": ({"default-address-pools": [{"Base": "10.200.0.0/16", "size": 24}]}, FINE, FINE),
    "runtimes": ({"runtimes": {"crun": {"path": "/usr/bin/crun"}}, "default-runtime": "crun"}, FINE, FINE),
    "ulimits": ({"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 9, "Soft": 9}}}, FINE, FINE),
    "sizes": ({"default-shm-size": "64m"}, FINE, FINE),
    "options": ({"exec-opts": ["native.cgroupdriver=cgroupfs"], "features": {"buildkit": "true"}}, FINE, FINE),
    "proxies": ({"proxies": {"http-proxy": "http://u:p%40@h:3128", "no-proxy": "a,b"}}, REFUSED, FINE),
    "typo": ({"log-drivr": "local"}, REFUSED, REFUSED),
    "case": ({"Debug": True}, REFUSED, REFUSED),
    "camel case": ({"proxies": {"httpProxy": "http://h:1"}}, REFUSED, REFUSED),
    "CLI form": ({"proxies": {"default": {"httpProxy": "http://h:1"}}}, REFUSED, REFUSED),
    "no-proxy as list": ({"proxies": {"no-proxy": ["a"]}}, REFUSED, REFUSED),
    "switch as text": ({"live-restore": "yes"}, REFUSED, REFUSED),
    "switch as number": ({"experimental": 1}, REFUSED, REFUSED),
    "fraction": ({"mtu": 1500.5}, REFUSED, REFUSED),
    "list as text": ({"dns": "192.0.2.1"}, REFUSED, REFUSED),
    "labels as object": ({"labels": {"a": "b"}}, REFUSED, REFUSED),
    "log option as list": ({"log-opts": {"tag": ["a"]}}, REFUSED, REFUSED),
    "runtime as text": ({"runtimes": {"x": "/x"}}, REFUSED, REFUSED),
    "ulimit as number": ({"default-ulimits": {"nofile": 1024}}, REFUSED, REFUSED),
    "pools as object": ({"default-address-pools": {"base": "10.0.0.0/8", "size": 24}}, REFUSED, REFUSED),
    "size as number": ({"default-shm-size": 64}, REFUSED, REFUSED),
    "size": ({"default-shm-size": "lots"}, REFUSED, REFUSED),
    "dns with port": ({"dns": ["192.0.2.1:53"]}, REFUSED, REFUSED),
    "label without value": ({"labels": ["a"]}, REFUSED, REFUSED),
    "label twice": ({"labels": ["a=1", "a=2"]}, REFUSED, REFUSED),
    "loud": ({"log-level": "loud"}, REFUSED, REFUSED),
    "ipc mode": ({"default-ipc-mode": "host"}, REFUSED, REFUSED),
    "resource": ({"node-generic-resources": ["x"]}, REFUSED, REFUSED),
    "ip": ({"ip": "x"}, REFUSED, REFUSED),
    "fixed-cidr-v6": ({"fixed-cidr-v6": "x"}, IGNORES, REFUSED),
    "reserved runtime": ({"runtimes": {"runc": {"path": "/x"}}}, REFUSED, DIES),
    "runtime without path": ({"runtimes": {"x": {}}}, IGNORES, DIES),
    "unknown runtime": ({"default-runtime": "crun"}, REFUSED, DIES),
    "empty dns": ({"dns": [""]}, REFUSED, IGNORES),
    "log option": ({"log-driver": "local", "log-opts": {"bogus": "1"}}, DIES, DIES),
    "log option of the default driver": ({"log-opts": {"bogus": "1"}}, DIES, DIES),
    "log option of journald": ({"log-driver": "journald", "log-opts": {"max-size": "1m"}}, DIES, DIES),
    "buffer without mode": ({"log-opts": {"max-buffer-size": "4m"}}, DIES, DIES),
    "mirror without scheme": ({"registry-mirrors": ["mirror.example.com"]}, DIES, DIES),
    "mirror with password": ({"registry-mirrors": ["http://u:p@mirror.example.com"]}, DIES, DIES),
    "mirror with query": ({"registry-mirrors": ["http://mirror.example.com/?q"]}, DIES, DIES),
    "insecure with path": ({"insecure-registries": ["r.example.com/x"]}, DIES, DIES),
    "insecure with hyphen": ({"insecure-registries": ["-r"]}, DIES, DIES),
    "insecure with port": ({"insecure-registries": ["r.example.com:99999"]}, DIES, DIES),
    "insecure network": ({"insecure-registries": ["10.0.0.0/33"]}, DIES, DIES),
    "cgroup driver": ({"exec-opts": ["native.cgroupdriver=x"]}, DIES, DIES),
    "pool without network": ({"default-address-pools": [{"base": "10.0.0.0", "size": 24}]}, DIES, DIES),
    "pool too large": ({"default-address-pools": [{"base": "10.0.0.0/16", "size": 8}]}, DIES, DIES),
    "storage option": ({"storage-opts": ["x"]}, DIES, DIES),
    "top-level proxy": ({"https-proxy": "http://192.0.2.1:3128"}, REFUSED, IGNORES),
    "a flag's name": ({"label": ["a=b"], "registry-mirror": ["https://mirror.example.com"]}, IGNORES, IGNORES),
    "a flag's name alone": ({"containerd-plugins-namespace": "x"}, IGNORES, IGNORES),
    "an object of known keys": ({"daemon": {"debug": True}}, IGNORES, IGNORES),
    "log size": ({"log-driver": "local", "log-opts": {"max-size": "much"}}, IGNORES, IGNORES),
    "proxy URL": ({"proxies": {"http-proxy": "h:3128"}}, REFUSED, IGNORES),
    "exec option": ({"exec-opts": ["x"]}, IGNORES, IGNORES),
}


def refusal(wanted: dict, distribution: str, flags: tuple[str, ...] = ()) -> str:
    """Return our refusal, or ''."""
    wanted = canonical(wanted)
    try:
        check(wanted, wanted=wanted, version=VERSIONS[distribution], flags=parse(flags))
    except Refused as refused:
        return str(refused)
    return ""


@pytest.fixture(scope="module")
def verdicts(ask):
    """Return for each distribution what its engine makes of each case, in two questions."""
    found: dict[str, dict[str, str]] = {}

    def of(distribution: str) -> dict[str, str]:
        if distribution not in found:
            candidates = {name: json.dumps(canonical(wanted)) for name, (wanted, *_verdicts) in CASES.items()}
            validated = ask(distribution, [{"how": "validate", "candidate": text} for text in candidates.values()])
            passed = [name for name, words in zip(candidates, validated, strict=True) if words is None]
            # All that we call fine is started at once: each start takes a second.
            fine = [name for name in passed if CASES[name][list(VERSIONS).index(distribution) + 1] == FINE]
            others = [name for name in passed if name not in fine]
            together = {key: value for name in fine for key, value in canonical(CASES[name][0]).items()}
            requests = [together, *(canonical(CASES[name][0]) for name in others)]
            started = ask(distribution, [{"how": "start", "candidate": json.dumps(request)} for request in requests])
            assert "info" in started[0], started[0]
            found[distribution] = dict.fromkeys(candidates, REFUSED)
            found[distribution].update(dict.fromkeys(fine, FINE))
            found[distribution].update(
                {name: IGNORES if "info" in end else DIES for name, end in zip(others, started[1:], strict=True)}
            )
        return found[distribution]

    return of


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("distribution", VERSIONS)
def test_a_verdict_of_ours_is_the_engines(verdicts, distribution, name):
    wanted, *expected = CASES[name]
    expected = expected[list(VERSIONS).index(distribution)]
    assert verdicts(distribution)[name] == expected
    assert bool(refusal(wanted, distribution)) == (expected != FINE)


def test_what_is_ignored_has_no_effect(ask):
    candidate = {"label": ["a=b"], "registry-mirror": ["https://m.example.com"], "http-proxy": "http://192.0.2.1:3128"}
    [end] = ask("trixie", [{"how": "start", "candidate": json.dumps(candidate)}])
    assert end["info"]["Labels"] == []
    assert end["info"]["RegistryConfig"]["Mirrors"] in ([], None)
    assert end["info"]["HttpProxy"] == ""


# Keys and flags ---------------------------------------------------------------------------------------------------

SAMPLES = {
    "address": "172.30.0.1/16",
    "address pools": [{"base": "10.200.0.0/16", "size": 24}],
    "bool": False,
    "bools": {"buildkit": True},
    "cgroup namespace": "private",
    "count": 1,
    "firewall backend": "iptables",
    "insecure registries": ["r.example.com"],
    "integer": 1,
    "ip": "192.0.2.1",
    "ipc mode": "private",
    "ips": ["192.0.2.1"],
    "labels": ["a=b"],
    "log format": "json",
    "log level": "info",
    "mirrors": ["https://m.example.com"],
    "network": "172.30.0.0/16",
    "network options": {"overlay": {"a": "b"}},
    "object": {"x": {}},
    "options": ["a=b"],
    "proxies": {"http-proxy": "http://192.0.2.1:3128"},
    "runtimes": {"x": {"path": "/x"}},
    "size": "64m",
    "string": "host",
    "strings": ["x"],
    "texts": {"tag": "x"},
    "ulimits": {"nofile": {"Name": "nofile", "Hard": 9, "Soft": 9}},
}
# A string that each of these keys takes; any of the others takes any.
STRINGS = {"default-runtime": "runc", "hosts": ["fd://"], "userns-remap": "default", "fixed-cidr-v6": "2001:db8::/64"}
STRINGS |= {"dns-search": ["example.com"], "userland-proxy-path": "/usr/sbin/docker-proxy"}


@pytest.mark.parametrize("distribution", VERSIONS)
def test_the_engine_knows_just_the_keys_that_we_say_it_knows(ask, distribution):
    samples = {key: {key: STRINGS.get(key, SAMPLES[about.kind])} for key, about in KEYS.items()}
    requests = [{"how": "validate", "candidate": json.dumps(sample)} for sample in samples.values()]
    words = dict(zip(samples, ask(distribution, requests), strict=True))
    unknown = {key for key, said in words.items() if said and "don't match any configuration option" in said}
    assert unknown == {key for key, about in KEYS.items() if not _known(about, VERSIONS[distribution])}
    refused = {key: said for key, said in words.items() if said and key not in unknown}
    # With tlsverify it looks for the certificates, and these it does not find.
    assert set(refused) <= {"tlsverify"}, refused


def _known(about, version) -> bool:
    return not (about.since and version < about.since) and not (about.until and version >= about.until)


@pytest.mark.parametrize("distribution", VERSIONS)
def test_every_flag_of_the_engine_is_known_to_us(booted_host, distribution):
    command = ["docker", "exec", booted_host(distribution), "dockerd", "--help"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    flags = re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", text, re.MULTILINE)
    assert len(flags) >= 80
    known = {*KEYS, *FLAG_KEYS, *FLAGS_ONLY, *PROXY_KEYS}
    assert [flag for flag in flags if flag not in known] == []


CONFLICTS = [
    ({"hosts": ["fd://"]}, ("-H", "fd://")),
    ({"labels": ["a=b"]}, ("--label", "c=d")),
    ({"log-opts": {"max-size": "1m"}}, ("--log-opt=max-file=2",)),
    ({"default-ulimits": {}}, ("--default-ulimit", "nofile=9:9")),
    ({"debug": True}, ("-D",)),
    ({"data-root": "/var/lib/docker"}, ("--data-root=/var/lib/docker",)),
    ({"runtimes": {"a": {"path": "/a"}}}, ("--add-runtime", "b=/b")),
    ({"live-restore": True}, ("-H", "fd://", "--containerd=/run/containerd/containerd.sock")),
]


@pytest.mark.parametrize("distribution", VERSIONS)
def test_a_key_and_a_flag_conflict_for_us_where_they_do_for_the_engine(ask, distribution):
    requests = [{"how": "validate", "candidate": json.dumps(wanted), "flags": flags} for wanted, flags in CONFLICTS]
    for (wanted, flags), words in zip(CONFLICTS, ask(distribution, requests), strict=True):
        assert ("is also given to dockerd as the flag" in refusal(wanted, distribution, flags)) == (
            "specified both as a flag and in the configuration file" in (words or "")
        ), (wanted, flags, words)


# Syntax -----------------------------------------------------------------------------------------------------------

TEXTS = {
    "an object": (b"{}", True, True, True),
    "trailing comma": (b'{"debug": true,}', False, False, False),
    "comment": (b'// ours\n{"debug": true}', False, False, False),
    "single quotes": (b"{'debug': true}", False, False, False),
    "a list": (b"[]", False, False, False),
    "nothing": (b"", False, False, True),
    "white space": (b" \n", False, False, True),
    "byte order mark": (b'\xef\xbb\xbf{"debug": true}', True, False, True),
    "UTF-16": ('\ufeff{"debug": true}'.encode("utf-16-le"), False, False, True),
    "escapes": (b'{"labels": ["a=\\u00e9\\/\\""]}', True, True, True),
}


@pytest.mark.parametrize(("text", "ours", "bookworm", "trixie"), TEXTS.values(), ids=TEXTS.keys())
def test_what_we_read_and_what_the_engine_reads(ask, text, ours, bookworm, trixie):
    candidate = {"how": "validate", "candidate": text.decode("utf-8", "surrogateescape")}
    assert [ask(distribution, [candidate]) == [None] for distribution in VERSIONS] == [bookworm, trixie]
    try:
        load(text)
        read = True
    except Refused:
        read = False
    assert read == ours


@pytest.mark.parametrize("distribution", VERSIONS)
def test_the_question_leaves_nothing_behind(ask, booted_host, distribution):
    def traces() -> str:
        script = "cat /etc/passwd /etc/subuid; systemctl show -p MainPID docker; find /tmp /run /var/lib/docker | sort"
        # The cgroup tree is this machine's own: its mounts come and go with every other container.
        command = ["docker", "exec", booted_host(distribution), "sh", "-c", f"{script}; grep -v cgroup /proc/mounts"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    before = traces()
    # --validate itself would create the user dockremap, were it asked as root.
    candidates = [{"userns-remap": "default"}, {"data-root": "/var/lib/x", "pidfile": "/run/x.pid"}, {"nosuch": 1}]
    ask(distribution, [{"how": "validate", "candidate": json.dumps(candidate)} for candidate in candidates])
    assert traces() == before


@pytest.mark.parametrize("distribution", VERSIONS)
def test_what_the_engine_is_believed_to_be_changes_no_verdict(ask, distribution):
    """Another one may have been installed since the one that runs has started."""
    # Each believed version has spaces of its own behind the document: what was accepted once isn't asked again.
    requests = [
        {"how": "validate", "candidate": json.dumps(settings) + " " * number, **believed}
        for settings, *_made_of_it in CASES.values()
        for number, believed in enumerate([{}, *({"version": version} for version in VERSIONS.values())])
    ]
    told = ask(distribution, requests)
    verdicts = [{verdict is None for verdict in told[first : first + 3]} for first in range(0, len(told), 3)]
    differing = [name for name, verdict in zip(CASES, verdicts, strict=True) if len(verdict) != 1]
    assert differing == []
    assert {True} in verdicts
    assert {False} in verdicts
