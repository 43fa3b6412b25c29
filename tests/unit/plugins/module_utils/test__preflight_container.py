# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into the container: enough code to run without us, and no secret where others may look."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight_container, _preflight_probe
from ansible_collections.fleetops.container_hosts.tests.support import loopback

PASSWORD = "Zq7x9K"


def request(port: int) -> dict[str, t.Any]:
    proxy = {"scheme": "http", "host": "127.0.0.1", "port": port, "username": "u", "password": PASSWORD}
    target = {"host": "registry.example.com", "port": 443, "protocol": "https", "proxy": proxy, "patience": 0}
    trust = {"bundle": "", "added": "", "extra": []}
    return {"targets": [target], "timeout": 5, "connect_timeout": 2, "trust": trust}


def test_the_payload_runs_where_nothing_of_ours_is():
    """The very command's Python part and standard input, by a Python that sees neither this collection nor Ansible."""
    proxy = loopback.Proxy(answers={"*": b"HTTP/1.1 403 Forbidden\r\n\r\n"})
    asked = request(proxy.port)
    words = _preflight_container.command("docker", "name", "image", [], sys.executable)
    python = words[words.index("image") + 1 :]
    ran = subprocess.run(
        [*python[:2], "-S", *python[2:]],
        input=_preflight_container.payload(asked),
        capture_output=True,
        check=True,
        env={},
        cwd="/",
        timeout=20,
    )
    here = _preflight_probe.run(asked)
    proxy.close()
    assert [result["outcome"] for result in json.loads(ran.stdout)] == [result["outcome"] for result in here]
    assert [head.split(" ")[:2] for head in proxy.asked] == [["CONNECT", "registry.example.com:443"]] * 2
    assert ran.stderr == b""


def test_no_argument_holds_a_secret():
    words = _preflight_container.command("docker", "name", "image", ["/usr"], "/usr/bin/python3")
    assert PASSWORD not in " ".join(words)
    assert PASSWORD.encode() in _preflight_container.payload(request(1))


def test_what_is_sent_is_what_the_probe_imports():
    """Each module that a run needs is in the payload before whoever imports it."""
    package = _preflight_container.__package__
    for number, name in enumerate(_preflight_container.MODULES):
        module = importlib.import_module(f"{package}.{name}")
        ours = {
            value.__name__ if hasattr(value, "__spec__") else getattr(value, "__module__", "")
            for value in vars(module).values()
        }
        needed = {each.rpartition(".")[2] for each in ours if str(each).startswith(package)}
        assert needed <= {*_preflight_container.MODULES[: number + 1]}, name


def test_python_outside_of_usr_is_mounted_too(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "base_exec_prefix", "/usr/local")
    found = _preflight_container.mounts()
    assert str(tmp_path / "python") in found
    assert "/usr" in found
    assert "/usr/local" not in found
    assert "/etc/hosts" not in found
    assert "/etc/resolv.conf" not in found
