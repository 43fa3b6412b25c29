# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Replicated's services on this host, under systemd or Upstart, and with which options they run.

Each is a `docker run` whose words come from a file of options; so the words of the running process are what counts.
Source: the units, jobs and the function build_replicated_opts of Replicated's installer.
"""

from __future__ import annotations

import os
import typing as t

from . import _environment_file_options, _proxy_environment, _units, _upstart

# In the order in which Replicated's own documentation restarts them.
SERVICES = ("replicated", "replicated-ui", "replicated-operator")
FOLDERS = ("/etc/default", "/etc/sysconfig")
SYSTEMD, UPSTART, NONE = "systemd", "upstart", "none"


class Options(t.NamedTuple):
    """The file of a service whose options are ours to hold, and which of the proxy's variables it gets."""

    service: str
    variable: str
    names: t.Tuple[str, ...]


OPTIONS = (
    Options("replicated", "REPLICATED_OPTS", ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")),
    # The operator talks to the daemon alone, and its installer gives it nothing else.
    Options("replicated-operator", "REPLICATED_OPERATOR_OPTS", ("NO_PROXY",)),
)


def paths(service: str, root: str = "") -> t.List[str]:
    """Return the options files of a service: there is one, or none before it is installed."""
    return [path for path in (f"{folder}/{service}" for folder in FOLDERS) if os.path.isfile(root + path)]


def init(root: str = "") -> str:
    """Return what starts services here: SYSTEMD, UPSTART, or NONE, as in an image that is being built."""
    if _units.booted(root):
        return SYSTEMD
    return UPSTART if any(os.path.isfile(f"{root}/etc/init/{service}.conf") for service in SERVICES) else NONE


def processes(init_: str) -> t.Dict[str, int]:
    """Return the PIDs of those services that run, in the order of SERVICES; one that isn't installed is not in it.

    None where files alone are this run's business.
    """
    if _units.left_alone():
        return {}
    if init_ == SYSTEMD:
        found = zip(SERVICES, _units.show([f"{service}.service" for service in SERVICES]))
        return {service: unit.main_pid for service, unit in found if unit is not None and unit.active}
    if init_ == UPSTART:
        running = {service: _upstart.main_pid(service) for service in SERVICES}
        return {service: pid for service, pid in running.items() if pid}
    return {}


def stale(pid: int, options: Options, path: str, content: t.Optional[bytes], *, written: bool, root: str = "") -> bool:
    """Tell whether a process was started before its options file was written, with other words for our variables.

    `content` is what the file has, or in check mode would have; `written`: this run has changed it, or would.
    """
    if not pid or not (written or _upstart.older_than(pid, root + path)):
        return False
    words = command_line(pid)
    if words is None:
        return False
    wanted = _environment_file_options.settings(content or b"", options.variable)
    running = _environment_file_options.settings_among(words)
    return any(not _proxy_environment.same(name, running.get(name), wanted.get(name)) for name in options.names)


def command_line(pid: int) -> t.Optional[t.List[str]]:
    """Return the words of a process's command; None where it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as handle:
            return [os.fsdecode(word) for word in handle.read().split(b"\0")[:-1]]
    except OSError:
        return None
