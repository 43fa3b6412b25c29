# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker command line, and how the stage names what it makes."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import typing as t

# One label key for containers, networks and volumes; its value is the fleet's identity. `down` asks for nothing else.
LABEL = "container-hosts.fleet"


class StageError(Exception):
    """Something the stage needs is not there; the text says what, and what to do."""


class Result(t.NamedTuple):
    """What a command left: exit code and both streams as text."""

    rc: int
    out: str
    err: str


def docker(*args: str, stdin: bytes | None = None, timeout: float = 600) -> str:
    """Run `docker ARGS`; return its output without the final newline, or raise StageError with its message."""
    result = try_docker(*args, stdin=stdin, timeout=timeout)
    if result.rc != 0:
        raise StageError(f"docker {' '.join(args)}\n  exit {result.rc}: {result.err.strip() or result.out.strip()}")
    return result.out.rstrip("\n")


def try_docker(*args: str, stdin: bytes | None = None, timeout: float = 600) -> Result:
    """Run `docker ARGS` and return whatever came of it."""
    feed: dict[str, t.Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    try:
        done = subprocess.run(["docker", *args], capture_output=True, timeout=timeout, check=False, **feed)
    except FileNotFoundError:
        raise StageError("No docker command on this machine: run tests/stage/ensure-engine.") from None
    except subprocess.TimeoutExpired:
        raise StageError(f"docker {' '.join(args)}\n  no answer in {timeout:g} s") from None
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def inspect(name: str) -> dict[str, t.Any]:
    """The engine's description of one container."""
    return t.cast("dict[str, t.Any]", json.loads(docker("inspect", "--type", "container", name))[0])


def address(container: str, network: str) -> str:
    """The container's IPv4 address on that network."""
    return str(inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"])


def put(container: str, files: dict[str, tuple[bytes, int]]) -> None:
    """Lay files (absolute path to bytes and mode, owned by root) into a container, running or not.

    Copied, not mounted: the engine need not see this file system, and nothing on it changes owner.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    docker("cp", "-", f"{container}:/", stdin=archive.getvalue())
