# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner as AWX uses it: a job in slices, each sent to a worker that shares no folder with who sent it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing as t

from ..release import environments
from ..stage import fleet, playbook

_PACKAGES = ("ansible-core~=2.19.0", "ansible-runner", "tomlkit")


class Job(t.NamedTuple):
    """What is left of a job: its status, None where its worker never told; the hosts it had, and those it changed."""

    status: str | None
    hosts: set[str]
    changed: set[str]


class Order(t.NamedTuple):
    """What is to be run: a playbook by its name, on an inventory, with variables; and the key that opens the hosts."""

    book: str
    inventory: dict[str, t.Any]
    variables: dict[str, t.Any]
    key: str


@functools.cache
def programs() -> pathlib.Path:
    """The folder of ansible-runner, in an environment of its own: it brings an ansible-core of its own choice along."""
    return environments.environment("runner", sys.executable, *_PACKAGES)


def order(stage: fleet.Fleet, book: str, variables: dict[str, t.Any], *, number: int = 1, count: int = 1) -> Order:
    """A slice of a playbook's run on a fleet."""
    inventory = json.loads(stage.inventory.read_text())
    # A path of this machine, which is none of the worker's.
    del inventory["container_hosts"]["vars"]["ansible_ssh_private_key_file"]
    return Order(book, sliced(inventory, number, count), variables, (stage.folder / "ssh_key").read_text())


def sliced(inventory: dict[str, t.Any], number: int, count: int) -> dict[str, t.Any]:
    """One slice of an inventory by AWX's rule: each so manieth of all hosts by name, groups and variables kept."""
    kept = sorted(_names(inventory))[number - 1 :: count]
    return {name: _only(group, kept) for name, group in inventory.items()}


def run(folder: pathlib.Path, asked: Order, worker: t.Sequence[str] = (), *, kill_at: str = "") -> Job:
    """Transmit a job, have a worker do it in a folder of its own, and process what it sends back.

    `worker` is a command that is one, instead of a process of this machine. With `kill_at`, it is killed with all that
    it started, as soon as an event of that kind is heard of.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sent, worked, kept = folder / "sent", folder / "worker", folder / "kept"
    for place in (sent / "inventory", sent / "env", sent / "project", worked, kept):
        place.mkdir(parents=True)
    (sent / "inventory" / "hosts.json").write_text(json.dumps(asked.inventory))
    (sent / "env" / "extravars").write_text(json.dumps(asked.variables))
    (sent / "env" / "ssh_key").write_text(asked.key)
    (sent / "env" / "ssh_key").chmod(0o600)
    job = _piped(_command("transmit", str(sent), "--playbook", asked.book, "--ident", "job"))
    words = worker or _command("worker", "--private-data-dir", str(worked))
    answer = _killed(words, job, kill_at) if kill_at else _piped(words, job)
    # Its exit code is 0 also where a worker's stream has broken off: only the file tells.
    _piped(_command("process", str(kept), "--ident", "job"), answer)
    return _left(kept / "artifacts" / "job")


def _left(artifacts: pathlib.Path) -> Job:
    status = artifacts / "status"
    events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
    known = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
    results = [each["event_data"] for each in events if each["event"] in known]
    return Job(
        status.read_text() if status.exists() else None,
        {each["host"] for each in results},
        {each["host"] for each in results if each["res"].get("changed")},
    )


def _command(*words: str) -> list[str]:
    return [str(programs() / "ansible-runner"), *words]


def _environment() -> dict[str, str]:
    told = {key: value for key, value in playbook.environment().items() if key.startswith("ANSIBLE_")}
    return environments.variables(programs(), **told)


def _piped(words: t.Sequence[str], stream: bytes = b"") -> bytes:
    done = subprocess.run(words, input=stream, capture_output=True, env=_environment(), check=False, timeout=500)
    return done.stdout


def _killed(words: t.Sequence[str], stream: bytes, event: str) -> bytes:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=_environment(), **pipes) as process:  # type: ignore[call-overload] # by its name
        process.stdin.write(stream)
        process.stdin.close()
        heard = b""
        for line in process.stdout:
            heard += line
            if f'"event": "{event}"'.encode() in line:
                break
        started = playbook.descendants(process.pid)
        process.kill()
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return heard


def _names(group: dict[str, t.Any]) -> set[str]:
    """The hosts of a group and of those below, or of an inventory, whose groups are at its top."""
    below = group.get("children", {} if "hosts" in group else group)
    return set(group.get("hosts", ())).union(*map(_names, (each for each in below.values() if each)))


def _only(group: dict[str, t.Any], kept: t.Sequence[str]) -> dict[str, t.Any]:
    found = dict(group)
    if "hosts" in group:
        found["hosts"] = {name: said for name, said in group["hosts"].items() if name in kept}
    if "children" in group:
        found["children"] = {name: _only(inner, kept) for name, inner in group["children"].items()}
    return found
