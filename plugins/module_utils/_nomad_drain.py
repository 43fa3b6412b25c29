# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Has a Nomad client finish its jobs before a restart, and get new ones afterwards, by its own command.

A restart of CircleCI's nomad.service kills every job, since the unit has no KillMode=process. So the node is drained
without a deadline, at whose end Nomad would kill the jobs itself: who can't wait any longer gives it up instead.
Source: nomad command/node_drain.go. Its monitor ends with 0 also where it has lost sight of the drain, so that only the
node's own state counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t

from . import _nomad_agent, _units
from ._errors import Refused

_PAUSE = 1.0  # seconds between two questions
_SECONDS = 30.0  # for one of them
_PATIENCE = 5.0  # with an agent that gives no answer before anything was done to it
_LINES = 3  # of what the command said, in a report

Before = t.Dict[str, bool]  # what the node was: eligible, draining


def before(unit: str) -> t.Optional[Before]:
    """Return what the node is before anything is done to it; None where the agent doesn't run, and so has no job."""
    agent = _nomad_agent.find(unit)
    return _Node(agent, unit).state(_PATIENCE) if agent.pid else None


def drain(unit: str, was: t.Optional[Before], seconds: float) -> None:
    """Have the node get no new job, and wait until the last one has ended; raises Refused where that takes too long."""
    if was is None:
        return
    node = _Node(_nomad_agent.find(unit), unit)
    deadline = time.monotonic() + seconds
    # A drain that somebody else has begun is theirs, and is only waited for.
    said = node.monitor(("-monitor",) if was["draining"] else ("-enable", "-yes", "-no-deadline"), seconds)
    while node.state(max(_PAUSE, deadline - time.monotonic()))["draining"]:
        if time.monotonic() >= deadline:
            raise Refused(
                f"still has jobs after {seconds:g} s, and they are left alone. {said}".strip(),
                where=f"drain: {unit}",
                instead="Give it more time, or run again when less is to be done.",
            )
        time.sleep(_PAUSE)
        said = node.monitor(("-monitor",), deadline - time.monotonic()) or said


def undrain(unit: str, was: t.Optional[Before], seconds: float) -> None:
    """Make the node what it was. The agent may have been restarted just now, so its answer is waited for."""
    if was is None or was["draining"]:
        return
    keep = () if was["eligible"] else ("-keep-ineligible",)
    deadline = time.monotonic() + seconds
    while True:
        _units.forget()
        node = _Node(_nomad_agent.find(unit), unit)
        try:
            node.ask("drain", "-self", "-disable", "-yes", *keep, seconds=_SECONDS)
            return
        except Refused as refused:
            if time.monotonic() >= deadline:
                raise Refused(
                    f"{refused.what.rstrip('.')}. The node gets no new jobs",
                    where=refused.where,
                    instead=f"Run: nomad node drain -self -disable -yes {' '.join(keep)}".strip() + ".",
                ) from refused
        time.sleep(_PAUSE)


class _Node:
    """This host's node, asked by the command of its unit with what the unit's process has, as NOMAD_CACERT."""

    def __init__(self, agent: _nomad_agent.Agent, unit: str) -> None:
        self.program = agent.program
        self.unit = unit
        running = _units.process_environment(agent.pid) or {} if agent.pid else {}
        self.environment = {name: value for name, value in running.items() if name.startswith("NOMAD_")}

    def state(self, seconds: float) -> Before:
        """Return what the node is; who doesn't answer is asked again for so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._state()
            except Refused:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_PAUSE)

    def _state(self) -> Before:
        said = self.ask("status", "-self", "-json", seconds=_SECONDS)
        try:
            node = json.loads(said)
            return {
                "eligible": node["SchedulingEligibility"] == "eligible",
                "draining": node.get("DrainStrategy") is not None,
            }
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise Refused(
                "says nothing that is understood here",
                where=f"{self.program} node status -self -json",
                instead="Nomad 0.8 or later is needed.",
            ) from exc

    def monitor(self, flags: t.Sequence[str], seconds: float) -> str:
        """Run the drain's command, which shows what it waits for; return the end of that, also where time is up."""
        if seconds <= 0:
            return ""
        try:
            return self._last(self.ask("drain", "-self", *flags, seconds=seconds))
        except _TimeIsUp as up:
            return self._last(up.said)
        except Refused:
            if "-enable" in flags:
                raise
            return ""  # who only looks on may be refused; the node's state tells

    def ask(self, *words: str, seconds: float) -> str:
        """Return what `nomad node ...` says; raises Refused where it fails, _TimeIsUp where it is not done in time."""
        command = [self.program, "node", *words]
        where = f"drain: {' '.join(command)}"
        environment = {"PATH": os.environ.get("PATH", os.defpath), **self.environment}
        try:
            # The unit's own program, and no shell is asked. Nothing secret is among its arguments.
            done = subprocess.run(  # noqa: S603
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                env=environment,
            )
        except subprocess.TimeoutExpired as exc:
            raise _TimeIsUp(f"did not answer within {seconds:g} s", where, self._masked(exc.stdout or b"")) from exc
        except OSError as exc:
            raise Refused(
                f"can't be run: {exc.strerror}", where=where, instead="Does the unit's ExecStart= name it?"
            ) from exc
        if done.returncode:
            said = self._last(self._masked(done.stderr or done.stdout))
            raise Refused(
                f"ended with {done.returncode}: {said}",
                where=where,
                instead=f"It has the NOMAD_ variables of {self.unit}; is an address, certificate or token missing?",
            )
        return self._masked(done.stdout)

    def _masked(self, said: bytes) -> str:
        text = said.decode(errors="replace")
        token = self.environment.get("NOMAD_TOKEN")
        return text.replace(token, "********") if token else text

    @staticmethod
    def _last(said: str) -> str:
        return " / ".join(line.strip() for line in said.strip().splitlines()[-_LINES:])


class _TimeIsUp(Refused):
    def __init__(self, what: str, where: str, said: str) -> None:
        super().__init__(what, where=where)
        self.said = said
