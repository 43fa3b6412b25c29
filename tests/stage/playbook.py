# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook against a fleet as a user would, and keep what it printed and what each task returned.

`run` waits for its end; `start` returns at once, for what is to happen meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
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


class Running:
    """An ansible-playbook that has been started. It ends by itself or by kill(); wait() says how."""

    def __init__(self, command: t.Sequence[str], variables: dict[str, t.Any], live: bool, apart: bool) -> None:
        # An ssh that outlives a kill may make its socket while the folder goes.
        self._scratch = tempfile.TemporaryDirectory(prefix="stage-", ignore_cleanup_errors=True)
        self._folder = pathlib.Path(self._scratch.name)
        self._record, self._out, self._err = (self._folder / name for name in ("record.jsonl", "out", "err"))
        self._record.touch()
        extra = self._folder / "variables.json"
        extra.write_text(json.dumps(variables), encoding="utf-8")
        told = environment() | _recorded(self._record) | ({} if live else {"ANSIBLE_NOCOLOR": "1"})
        if apart:
            told["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(self._folder / "ssh")
        self._live, self._apart = live, apart
        self._done: Run | None = None
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._process = subprocess.Popen(
                ["ansible-playbook", "--extra-vars", f"@{extra}", *command],
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=None if live else out,
                stderr=None if live else err,
                # A session of its own, so that kill() reaches its workers and their ssh, and nothing else.
                start_new_session=not live,
            )

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What has been returned so far."""
        if self._done:
            return self._done.tasks
        lines = self._record.read_text(encoding="utf-8").splitlines(keepends=True)
        return tuple(Task(**json.loads(line)) for line in lines if line.endswith("\n"))

    def wait(self, timeout: float = 600) -> Run:
        """Until it has ended; an exit code below 0 is that of a signal."""
        if self._done is None:
            try:
                rc = self._process.wait(timeout)
                stdout, stderr = (path.read_text(encoding="utf-8") for path in (self._out, self._err))
                self._done = Run(rc, stdout, stderr, self.tasks)
            finally:
                self._end()
                self._clear()
        return self._done

    def kill(self) -> Run:
        """Kill -9 it with all that it started on this machine; on the hosts nobody is told."""
        self._end()
        return self.wait()

    def _end(self) -> None:
        if self._process.poll() is None:
            # Ansible's workers leave the session (setsid), and would go on to tell the host that its outcome was heard.
            started = descendants(self._process.pid)
            if self._live:
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _clear(self) -> None:
        if self._apart:
            # What keeps a connection open for later runs has left the session, and may hang with its host.
            for socket in (self._folder / "ssh").glob("*"):
                leave = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "host"]
                subprocess.run(leave, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
        self._scratch.cleanup()


def descendants(pid: int) -> list[int]:
    """The processes that one has started, and those that they have, parents first."""
    children: dict[int, list[int]] = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in brackets may hold anything; behind it are state and parent.
            parent = int(path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found[1:]


def start(
    playbook: str | pathlib.Path,
    inventory: pathlib.Path,
    *options: str,
    variables: dict[str, t.Any] | None = None,
    live: bool = False,
    apart: bool = True,
) -> Running:
    """Start a playbook (a path, or a name such as fleetops.container_hosts.site) with ansible-playbook's options.

    Variables go by a private file, so that no password is in an argument list. `live` lets the output through to
    the terminal instead of returning it. `apart` has SSH connections of its own, which end with it.
    """
    return Running(["--inventory", str(inventory), *options, str(playbook)], variables or {}, live=live, apart=apart)


def run(
    playbook: str | pathlib.Path,
    inventory: pathlib.Path,
    *options: str,
    variables: dict[str, t.Any] | None = None,
    timeout: float = 600,
    live: bool = False,
) -> Run:
    """Run a playbook to its end, on the SSH connections that runs before it left open; arguments as those of start."""
    return start(playbook, inventory, *options, variables=variables, live=live, apart=False).wait(timeout)


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
