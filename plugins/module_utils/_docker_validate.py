# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Has the engine itself judge a daemon.json that isn't written yet.

dockerd reads the candidate from its standard input, so nothing is written to the disk, and it runs as a user that
can't do anything: engines before 23.0, which have no --validate, get past their configuration only to find that
they are not root. --validate is no reason to trust it with more: with userns-remap it creates users.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import typing as t

from ._docker_daemon_keys import PROXY_KEYS
from ._docker_flags import without
from ._errors import Refused
from ._redaction import redact

SECONDS = 30
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

_SINCE = (23,)  # the version that brought --validate
_NO_SUCH_FLAG = "unknown flag: --validate"
# How it ends where the candidate is fine and only root is missing; the second from engines before 19.03, or because
# of the daemon's TLS keys, and the third where userns-remap asks for a user to be created.
_NEEDS_ROOT = ("needs to be started with root", "permission denied", '"dockremap" user creation')
_REMAP = "userns-remap"
_PREFIX = re.compile(
    r"unable to configure the Docker daemon with file \S+: "
    r"|(merged )?configuration validation from file( and command line flags)? failed: "
)
_LOG_LINE = re.compile(r'time="[^"]*" level=\w+ msg=')
# What was accepted in this run: a change is planned first and made then, and dockerd costs as much as a small task.
_accepted: t.Set[t.Tuple[bytes, str, t.Tuple[str, ...]]] = set()


def validate(
    candidate: bytes,
    *,
    dockerd: str,
    flags: t.Sequence[str] = (),
    version: t.Optional[t.Tuple[int, ...]] = None,
    where: str = "",
    secrets: t.Sequence[str] = (),
    seconds: float = SECONDS,
) -> None:
    """Raise Refused with the engine's own words if `dockerd` would not start with the bytes `candidate`.

    `flags` are the arguments of the host's own daemon (a key that is given as a flag too is fatal), `version` is that
    of the one that runs, if it is known. Takes at most twice `seconds`; neither the running daemon nor anything on the
    disk is touched.
    """
    if not os.path.exists("/proc/self/fd/0"):
        return  # a chroot without /proc, in which it can't be given the bytes
    asked = (candidate, dockerd, tuple(flags))
    if asked in _accepted:
        return
    command = [dockerd, "--config-file", "/proc/self/fd/0", *_arguments(flags)]
    is_root = os.geteuid() == 0
    user = _powerless() if is_root else None
    # Each try costs as much as a small task, so an engine that is known not to have the flag isn't asked with it. Where
    # another one has been installed since it started, that answers the question without the flag alike.
    old = version is not None and version < _SINCE
    status, output = (1, _NO_SUCH_FLAG) if old else _run([*command, "--validate"], candidate, user, seconds)
    if status and _NO_SUCH_FLAG in output:
        if is_root and user is None:
            return  # it can't be asked: as root, and without --validate, it would start
        _status, output = _run(command, candidate, user, seconds)
        accepted = any(mark in output for mark in _NEEDS_ROOT)
    else:
        accepted = status == 0 or _NEEDS_ROOT[2] in output
        if user is not None and not accepted and any(mark in output for mark in _NEEDS_ROOT):
            accepted = _REMAP.encode() in candidate or any(_REMAP in flag for flag in flags)
            if not accepted:
                status, output = _run([*command, "--validate"], candidate, None, seconds)
                accepted = status == 0
    if not accepted:
        raise Refused(
            f"the engine itself refuses it: {redact(_reason(output), secrets)}",
            where=where,
            instead="Nothing was written.",
        )
    _accepted.add(asked)


def version_text(dockerd: str) -> str:
    """Return what the program says of its version; '' where it says nothing."""
    done = subprocess.run(  # noqa: S603 - the host's own dockerd, and no shell is asked
        [dockerd, "--version"], check=False, capture_output=True, timeout=SECONDS, cwd="/", env=_ENVIRONMENT
    )
    return done.stdout.decode(errors="replace")


def _arguments(flags: t.Sequence[str]) -> t.List[str]:
    # A proxy's flags may hold a password, which is not to stand in one more argv; that they are there is enough.
    hidden = [f"--{name}=http://proxy.invalid" for name in PROXY_KEYS if without(flags, ()) != without(flags, (name,))]
    return without(flags, ("config-file", "validate", *PROXY_KEYS)) + hidden


def _powerless() -> t.Optional[int]:
    """Return the id of a user that can do nothing, None where root can't give him the candidate.

    It is one that no other process has, so that none can look into it; a container's user namespace may lack that one,
    and then it is nobody.
    """
    reader, writer = os.pipe()
    try:
        for user in (2_000_000_000 + os.getpid() % 100_000_000, 65534):
            with contextlib.suppress(OSError):
                os.fchown(reader, user, user)
                return user
        return None
    finally:
        os.close(reader)
        os.close(writer)


def _run(command: t.List[str], candidate: bytes, user: t.Optional[int], seconds: float) -> t.Tuple[int, str]:
    """Run it with the candidate as its standard input, as `user` if one is given; return its status and output."""
    reader, writer = os.pipe()
    try:
        if user is not None:
            os.fchown(reader, user, user)  # since dockerd opens it anew by its path

        def become() -> None:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        process = subprocess.Popen(  # noqa: S603 - the host's own dockerd, and no shell is asked
            command,
            stdin=reader,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_ENVIRONMENT,
            preexec_fn=become,  # we have one thread; Popen's user= came with Python 3.9
        )
    except (OSError, subprocess.SubprocessError) as exc:
        os.close(writer)
        raise Refused(f"can't be run: {exc}", where=command[0], instead="Is the engine installed as a whole?") from exc
    finally:
        os.close(reader)
    return _talk(process, command[0], writer, candidate, seconds)


def _talk(
    process: subprocess.Popen[bytes], name: str, writer: int, candidate: bytes, seconds: float
) -> t.Tuple[int, str]:
    """Feed the candidate to the process and return its status and output."""
    # Imported here: only a file that is about to change is validated.
    import threading

    def feed() -> None:
        # It may end without having read everything, and then says why.
        with contextlib.suppress(BrokenPipeError), os.fdopen(writer, "wb") as pipe:
            pipe.write(candidate)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        output = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired as exc:
        process.kill()
        process.communicate()
        raise Refused(
            f"did not answer within {seconds:g} s, so it is unknown whether the engine takes the file",
            where=f"{name} --validate",
            instead="Look at the load of the host and run again.",
        ) from exc
    finally:
        feeder.join()
    return process.returncode, output.decode(errors="replace")


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip() and not _LOG_LINE.match(line)]
    lines = [line for line in lines if not line.startswith("See 'dockerd --help'")]
    return _PREFIX.sub("", lines[-1]).strip() if lines else "it gives no reason"
