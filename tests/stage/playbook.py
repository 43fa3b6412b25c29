# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook against a fleet as a user would, and keep what it printed and what each task returned."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
import typing as t

from . import fleet

COLLECTIONS = fleet.ROOT / ".work" / "collections"


class Task(t.NamedTuple):
    """One task on one host. `status`: ok, failed, skipped or unreachable; `result` as the module returned it."""

    host: str
    task: str
    action: str
    status: str
    result: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished ansible-playbook: exit code, what it printed, what the tasks returned."""

    rc: int
    stdout: str
    stderr: str
    tasks: tuple[Task, ...]

    @property
    def changed(self) -> list[Task]:
        return [task for task in self.tasks if task.changed]

    def of(self, host: str, task: str = "") -> list[Task]:
        """The tasks of one host whose name holds some text."""
        return [each for each in self.tasks if each.host == host and task in each.task]

    def ok(self) -> Run:
        """This run, or AssertionError with all that it printed."""
        if self.rc != 0:
            raise AssertionError(f"ansible-playbook exited {self.rc}\n{self.stdout}\n{self.stderr}")
        return self


def run(
    playbook: str | pathlib.Path,
    inventory: pathlib.Path,
    *options: str,
    variables: dict[str, t.Any] | None = None,
    timeout: float = 600,
    live: bool = False,
) -> Run:
    """Run a playbook (a path, or a name such as fleetops.container_hosts.site) with ansible-playbook's options.

    Variables go by a private file, so that no password is in an argument list. `live` lets the output through to
    the terminal instead of returning it.
    """
    with tempfile.TemporaryDirectory(prefix="stage-") as scratch:
        record = pathlib.Path(scratch, "record.jsonl")
        record.touch()
        extra = pathlib.Path(scratch, "variables.json")
        extra.write_text(json.dumps(variables or {}), encoding="utf-8")
        command = ["ansible-playbook", "--inventory", str(inventory), "--extra-vars", f"@{extra}", *options]
        done = subprocess.run(
            [*command, str(playbook)],
            env=environment() | _recorded(record) | ({} if live else {"ANSIBLE_NOCOLOR": "1"}),
            stdin=subprocess.DEVNULL,
            stdout=None if live else subprocess.PIPE,
            stderr=None if live else subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )
        tasks = tuple(Task(**json.loads(line)) for line in record.read_text(encoding="utf-8").splitlines())
    return Run(done.returncode, done.stdout or "", done.stderr or "", tasks)


def environment() -> dict[str, str]:
    """The environment in which ansible-playbook finds this collection."""
    return os.environ | {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(fleet.ROOT / ".work" / "ansible"),
        "ANSIBLE_NOCOWS": "1",
    }


def _recorded(record: pathlib.Path) -> dict[str, str]:
    """What makes our callback write to a file, beside the callback that prints."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(pathlib.Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "stage_record",
        "STAGE_RECORD": str(record),
    }
