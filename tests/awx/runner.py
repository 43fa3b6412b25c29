# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner as AWX uses it: a job in slices, each sent to a worker that shares no folder with who sent it."""

from __future__ import annotations

import functools
import json
import pathlib
import shutil
import subprocess
import sys
import typing as t

from ..release import environments
from ..stage import playbook

_PACKAGES = ("ansible-core~=2.19.0", "ansible-runner", "tomlkit")


class Job(t.NamedTuple):
    """What is left of a job: its status, None where its worker never told; the hosts it had, and those it changed."""

    status: str | None
    hosts: set[str]
    changed: set[str]


@functools.cache
def programs() -> pathlib.Path:
    """The folder of ansible-runner."""
    return environments.environment("runner", sys.executable, *_PACKAGES)


def sliced(inventory: dict[str, t.Any], number: int, count: int) -> dict[str, t.Any]:
    """One slice of an inventory by AWX's rule: each so manieth host by name, groups and variables kept."""
    group = inventory["container_hosts"]["children"]["moby"]["hosts"]
    members = {name: group[name] for name in sorted(group)[number - 1 :: count]}
    return {"container_hosts": {**inventory["container_hosts"], "children": {"moby": {"hosts": members}}}}


def run(folder: pathlib.Path, inventory: dict[str, t.Any], variables: dict[str, t.Any], *, killed: bool = False) -> Job:
    """Transmit a run of site, have a worker do it in a folder of its own, and process what it sends back."""
    shutil.rmtree(folder, ignore_errors=True)
    sent, worked, kept = folder / "sent", folder / "worker", folder / "kept"
    for place in (sent / "inventory", sent / "env", sent / "project", worked, kept):
        place.mkdir(parents=True)
    (sent / "inventory" / "hosts.json").write_text(json.dumps(inventory))
    (sent / "env" / "extravars").write_text(json.dumps(variables))
    told = {key: value for key, value in playbook.environment().items() if key.startswith("ANSIBLE_")}
    environment = environments.variables(programs(), **told)

    def command(*words: str) -> list[str]:
        return [str(programs() / "ansible-runner"), *words]

    def piped(words: list[str], stream: bytes) -> bytes:
        done = subprocess.run(words, input=stream, capture_output=True, env=environment, check=False, timeout=500)
        return done.stdout

    job = piped(command("transmit", str(sent), "--playbook", "fleetops.container_hosts.site", "--ident", "job"), b"")
    if killed:
        # What a worker has sent when it dies: the beginning of its stream.
        answer = b"".join(piped(command("worker", "--private-data-dir", str(worked)), job).splitlines(True)[:3])
    else:
        answer = piped(command("worker", "--private-data-dir", str(worked)), job)
    piped(command("process", str(kept), "--ident", "job"), answer)
    artifacts = kept / "artifacts" / "job"
    status = artifacts / "status"
    events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
    results = [each["event_data"] for each in events if each["event"] in ("runner_on_ok", "runner_on_failed")]
    return Job(
        status.read_text() if status.exists() else None,
        {each["host"] for each in results},
        {each["host"] for each in results if each["res"].get("changed")},
    )
