# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a fleet: systemd as PID 1, sshd, and a dockerd of its own."""

from __future__ import annotations

import dataclasses
import socket
import time

from . import engine, python

# What lets systemd and a dockerd run in an ordinary container. The host's cgroup namespace, because on cgroup v1
# a private one shows systemd the whole tree from its root, and all hosts would then share one system.slice.
# The two /tmpfs are what systemd expects to be empty at boot; overlay on overlay does not work, hence the volume.
OPTIONS = [
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--stop-signal=SIGRTMIN+3",
]

# On an internal network the engine's name server forwards to nothing (RFC 5737's address), and a look-up of an outer
# name runs into its time-out; one short try instead of five long ones keeps a failing pull to seconds.
_NAMES = ("--dns=192.0.2.1", "--dns-option=timeout:1", "--dns-option=attempts:1")


@dataclasses.dataclass(frozen=True)
class Host:
    """A running host. `suite` is Debian's name of what is on it: bookworm has docker 20.10, trixie 26.1."""

    name: str
    container: str
    address: str
    suite: str

    def exec(self, *command: str, stdin: bytes | None = None, timeout: float = 120) -> engine.Result:
        """Run a command on the host, past SSH and Ansible, as root."""
        interactive = ["--interactive"] if stdin is not None else []
        return engine.try_docker("exec", *interactive, self.container, *command, stdin=stdin, timeout=timeout)

    def read(self, path: str) -> str:
        """A file's text; StageError where there is none."""
        return engine.docker("exec", self.container, "cat", path)

    def main_pid(self, unit: str) -> int:
        """The PID of a unit's main process, 0 when it does not run."""
        return int(engine.docker("exec", self.container, "systemctl", "show", "--value", "--property=MainPID", unit))

    def pid_environ(self, unit: str) -> dict[str, str]:
        """The environment that a unit's main process was started with, as the kernel tells it."""
        raw = self.read(f"/proc/{self.main_pid(unit)}/environ")
        return dict(entry.split("=", 1) for entry in raw.split("\0") if entry)

    def power_cut(self) -> None:
        """Every process ends at once, as when the power fails. What was not synced is kept all the same."""
        engine.docker("kill", "--signal=KILL", self.container)

    def power_on(self, seconds: float = 60) -> None:
        """Boot again, and wait until systemd has started what it can; an engine may have failed to start.

        /run is empty then, the boot id is a new one, and the address is the old one.
        """
        engine.docker("start", self.container)
        networks = engine.inspect(self.container)["NetworkSettings"]["Networks"].values()
        if self.address not in [network["IPAddress"] for network in networks]:
            raise engine.StageError(f"{self.name} did not get {self.address} back: another host took it.")
        deadline = time.monotonic() + seconds
        while not (self._has_booted() and _sshd_answers(self)):
            if time.monotonic() > deadline:
                jobs = self.exec("systemctl", "list-jobs", "--no-legend").out.strip()
                raise engine.StageError(f"{self.name} has not booted in {seconds:g} s. Jobs: {jobs or 'none'}")
            time.sleep(0.1)

    def _has_booted(self) -> bool:
        return self.exec("systemctl", "is-system-running").out.strip() in ("running", "degraded")

    def load(self, root_layer: bytes, name: str) -> None:
        """Give the host's own engine an image without any network, for containers that run from the start."""
        engine.docker("exec", "--interactive", self.container, "docker", "import", "-", name, stdin=root_layer)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the hosts of a fleet are put: their network, the fleet's label, and the key that may log in."""

    network: str
    label: str
    public_key: bytes


def start(name: str, suite: str, container: str, image: str, place: Place, booted: bool = True) -> Host:
    """Make one host and wait until it answers. One that is not `booted` has sshd alone, as in an image build.

    One that does not come up is taken away again: StageError says what is known of it.
    """
    engine.docker(
        *("create", "--name", container, "--hostname", name, "--network", place.network, "--network-alias", name),
        *("--label", place.label, "--mount", f"type=volume,dst=/var/lib/docker,volume-label={place.label}"),
        *OPTIONS,
        *_NAMES,
        image,
        *(() if booted else ("sh", "-c", "mkdir /run/sshd && exec /usr/sbin/sshd -D")),
    )
    try:
        engine.put(container, {"/root/.ssh/authorized_keys": (place.public_key, 0o600)})
        python.give(container)
        engine.docker("start", container)
        host = Host(name, container, engine.address(container, place.network), suite)
        _wait(host, booted)
    except BaseException:
        remove(container)
        raise
    return host


def remove(container: str) -> None:
    """Take a host away, running or not, with all that was its own."""
    empty(container)
    engine.docker("rm", "--force", "--volumes", container)


def empty(container: str) -> None:
    """Remove the host's own containers, best effort, before the host itself goes.

    They live in cgroups beside the host's, which nobody else would delete.
    """
    engine.try_docker("exec", container, "sh", "-c", "docker ps -aq | xargs -r docker rm -fv", timeout=30)


def _wait(host: Host, booted: bool, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    # Asked first: one that has ended has no address, which Python takes for this machine's own.
    while not (_runs(host) and _sshd_answers(host) and (not booted or host.exec("docker", "version").rc == 0)):
        if time.monotonic() > deadline:
            failed = host.exec("systemctl", "--failed", "--no-legend").out.strip()
            raise engine.StageError(f"{host.name} is not up after {seconds:g} s. Failed units: {failed or 'none'}")
        time.sleep(0.2)


def _runs(host: Host) -> bool:
    """Or StageError with what its first process said last, for nothing brings it back."""
    state = engine.inspect(host.container)["State"]
    if not state["Running"]:
        last = engine.try_docker("logs", "--tail=5", host.container)
        said = (last.out + last.err).strip() or "nothing"
        raise engine.StageError(f"{host.name} has ended with exit code {state['ExitCode']}. It said last: {said}")
    return True


def _sshd_answers(host: Host) -> bool:
    try:
        with socket.create_connection((host.address, 22), timeout=1):
            return True
    except OSError:
        return False
