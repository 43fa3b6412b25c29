# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which a change is tried while something breaks: runs of role moby, and what must be so after each."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import typing as t
import unittest.mock

from . import engine, fleet, playbook, registry, squid, whole
from .host import Host

ROLE = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.moby"]}]
# What playbook rollback does, watching for less time.
_BACK = {"state": "rolled_back", "checkpoint": "moby", "stable": 0}
BACK = [{"hosts": "moby", "gather_facts": False, "tasks": [{"fleetops.container_hosts.verified_restart": _BACK}]}]

Run = t.Callable[..., playbook.Run]

_KEEP = 'mv /root/.ansible/tmp/*/AnsiballZ_*.py "$1" && rm -r /root/.ansible/tmp/*'
_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Shipped:
    """A module with its parameters on a host, to be run again and again without a controller."""

    host: Host
    path: str

    def command(self) -> tuple[str, ...]:
        return ("python3", self.path)

    def __call__(self) -> dict[str, t.Any]:
        """Run it to its end; its result."""
        done = self.host.exec(*self.command())
        if not done.out:
            raise engine.StageError(f"{self.path} on {self.host.name} said nothing: {done.err}")
        return t.cast("dict[str, t.Any]", json.loads(done.out))


@dataclasses.dataclass
class Trial:
    """One host, and `old`: what it was before any change. `run` and `start` are conftest's."""

    stage: fleet.Fleet
    host: Host
    old: whole.Look
    run: Run
    start: t.Callable[..., playbook.Running]
    kept: dict[str, Shipped] = dataclasses.field(default_factory=dict)  # what tests that share the host need again

    @property
    def model(self) -> dict[str, t.Any]:
        """The right proxy, that which asks for credentials."""
        url = self.stage.squid.url(squid.AUTH_PORT)
        return {"http": url, "username": squid.USER, "password": squid.PASSWORD, "no_proxy": ["10.0.0.0/8"]}

    @property
    def right(self) -> dict[str, t.Any]:
        """Variables of a run that succeeds."""
        return {
            "container_hosts_proxy": self.model,
            "moby_preflight_endpoints": [f"{registry.NAME}:443"],
            "moby_stable_seconds": 1,
        }

    def role(self, **variables: t.Any) -> playbook.Run:
        """Run the role, with what is right but for these variables."""
        return self.run(ROLE, self.host, variables=self.right | variables)

    def look(self) -> whole.Look:
        return whole.look(self.host)

    def is_as_before(self) -> bool:
        """Whether the host can serve for another trial."""
        try:
            self.assert_old()
        except (AssertionError, engine.StageError):
            return False
        return True

    def assert_old(self, *, rebooted: bool = False, tidy: bool = True) -> whole.Look:
        """All is what it was before the change."""
        return whole.assert_whole(self.host, self.old, new=False, rebooted=rebooted, tidy=tidy)

    def assert_new(self, *, rebooted: bool = False, pulls: bool = False) -> whole.Look:
        """All is what was wanted, and runs so: the next run finds nothing to do. Looking for a pull takes seconds."""
        now = whole.assert_whole(self.host, self.old, new=True, rebooted=rebooted)
        if pulls:
            self.assert_pulls()
        again = self.role().ok()
        assert again.changed == [], again.changed
        after = self.look()
        assert (after.tree, after.pid) == (now.tree, now.pid)
        return now

    def assert_pulls(self) -> None:
        """The engine gets an image that it has not seen, and Squid has seen by whom."""
        tag = f"{self.host.name}-{self.stage.squid.mark()}"
        self.stage.registry.publish("team/payload", tag)
        since = self.stage.squid.mark()
        image = f"{registry.NAME}/team/payload:{tag}"
        pulled = self.host.exec("docker", "pull", "--quiet", image)
        assert pulled.rc == 0, pulled.err
        self.host.exec("docker", "image", "rm", image)
        seen = self.stage.squid.wait_for(lambda request: request.client == self.host.address, since)
        assert {(each.url, each.user, each.status) for each in seen} == {(f"{registry.NAME}:443", squid.USER, 200)}

    def assert_converges(self, *, rebooted: bool = False, pulls: bool = False) -> playbook.Run:
        """The next run, with right settings, ends with a host that is wholly new; returns that run."""
        run = self.role().ok()
        self.assert_new(rebooted=rebooted, pulls=pulls)
        return run

    def shipped(self, plays: list[dict[str, t.Any]] | None = None, **variables: t.Any) -> Shipped:
        """Run plays of one task (the role) with these variables, and keep its module, as Ansible sent it."""
        kept = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}
        with unittest.mock.patch.dict(os.environ, kept):
            self.run(plays or ROLE, self.host, variables=self.right | variables)
        path = f"/run/stage-module-{next(_numbers)}.py"
        kept_one = self.host.exec("sh", "-c", _KEEP, "sh", path)
        assert kept_one.rc == 0, kept_one.err
        return Shipped(self.host, path)

    @property
    def back(self) -> Shipped:
        """The module that takes the last commit back, without the seconds that Ansible takes."""
        if "back" not in self.kept:
            self.role().ok()
            self.kept["back"] = self.shipped(BACK)
            self.assert_old()
        return self.kept["back"]

    def go_back(self, *, rebooted: bool = False) -> None:
        """Make a host that is new the old one again."""
        if "back" in self.kept:
            done = self.kept["back"]()
            assert not done.get("failed"), done
        else:
            self.kept["back"] = self.shipped(BACK)
        self.assert_old(rebooted=rebooted)
