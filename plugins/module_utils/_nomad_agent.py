# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""The Nomad agent of this host: its command, its configuration, its version, and what downloads of artifacts get.

Since 1.5, Nomad downloads artifacts in a sandbox that has nothing of the agent's environment but what is named.
Source: nomad client/config/artifact.go and client/allocrunner/taskrunner/getter.
"""

from __future__ import annotations

import functools
import glob
import os
import re
import subprocess
import typing as t

from . import _docker_flags, _proxy_environment, _units
from ._notice import Notice

_SANDBOX_SINCE = (1, 5)
_SECONDS = 30.0
_VERSION = re.compile(r"v(\d+)\.(\d+)")
# HCL, and JSON, which Nomad takes as well. A comment's text is none.
_COMMENT = re.compile(r"^[ \t]*(?:#|//)[^\n]*|/\*.*?\*/", re.MULTILINE | re.DOTALL)
_INHERITED = re.compile(r'"?\bset_environment_variables"?\s*[=:]\s*"([^"\n]*)"')


class Agent(t.NamedTuple):
    """The agent of a unit. `pid` is 0 where it doesn't run."""

    program: str
    configuration: t.Tuple[str, ...]  # files and folders, as -config names them
    pid: int


def find(unit: str) -> Agent:
    """Return the agent that a unit starts, by its ExecStart=; asks systemd."""
    shown = _units.properties([unit])[0]
    pid = int((shown["MainPID"] or ["0"])[0] or 0)
    environment = _units.process_environment(pid) or {} if pid else {}
    argv = _docker_flags.from_exec_start((shown["ExecStart"] or [""])[0], environment) or ["nomad"]
    return Agent(argv[0], configuration(argv[1:]), pid)


def configuration(arguments: t.Sequence[str]) -> t.Tuple[str, ...]:
    """Return what -config names among the agent's arguments, by the rules of Go's package flag."""
    found = []
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in ("-config", "--config"):
            if not equals and rest:
                value = rest.pop(0)
            found.append(value)
    return tuple(path for path in found if path)


def artifact_notice(agent: Agent, unit: str, root: str = "") -> t.Optional[Notice]:
    """Return what to add to the agent's configuration so that downloads of artifacts take the proxy; None for nothing.

    The configuration is only read. Nomad's version is asked for only where there would be something to say.
    """
    inherited = {name for text in _texts(agent, root) for name in inherited_names(text)}
    missing = [name for name in _proxy_environment.NAMES if name not in inherited]
    if not missing:
        return None
    version = _version(agent.program)
    if version is not None and version < _SANDBOX_SINCE:
        return None
    where = _shown(agent.configuration, root)
    lines = hcl([*sorted(inherited.difference(missing)), *missing])
    return Notice(
        unit,
        "artifacts",
        "are downloaded without the agent's environment since Nomad 1.5, and so without the proxy; "
        f"{where} this, which is not done here: {lines}",
    )


def inherited_names(text: str) -> t.List[str]:
    """Return the variables that a configuration has downloads of artifacts inherit."""
    return [
        name.strip()
        for names in _INHERITED.findall(_COMMENT.sub("", text))
        for name in names.split(",")
        if name.strip()
    ]


def hcl(names: t.Sequence[str]) -> str:
    """Return what belongs into the block `client` so that downloads of artifacts inherit variables, on one line."""
    return f'artifact {{ set_environment_variables = "{",".join(names)}" }}'


def _shown(paths: t.Sequence[str], root: str) -> str:
    folder = next((path for path in paths if os.path.isdir(root + path)), None)
    if folder:
        return f"add a file to {folder} whose block client holds"
    return f"add to the block client of {paths[0] if paths else 'its configuration'}"


def _texts(agent: Agent, root: str) -> t.Iterator[str]:
    for path in agent.configuration:
        # Of a folder, the agent takes these in order of their names.
        files = [
            name
            for pattern in ("*.hcl", "*.json")
            for name in sorted(glob.glob(f"{glob.escape(root + path)}/{pattern}"))
        ]
        for file in files if os.path.isdir(root + path) else [root + path]:
            try:
                with open(file, encoding="utf-8", errors="replace") as handle:
                    yield handle.read()
            except OSError:
                continue  # what is wrong with it, the agent says itself


@functools.lru_cache  # a change asks several times; Nomad needs as long for it as a small task
def _version(program: str) -> t.Optional[t.Tuple[int, int]]:
    try:
        # The unit's own program, and no shell is asked.
        done = subprocess.run(  # noqa: S603
            [program, "version"], check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout.decode(errors="replace"))
    return (int(found[1]), int(found[2])) if found else None
