# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Runs the probe in a container of the host's own engine, where DOCKER-USER's rules and the containers' names count.

No image can be pulled while the way out is what is in question. So an empty image is made, and the host's own Python
comes into it by read-only mounts; the probe's code and the request, which holds the password, go by standard input.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import typing as t
import uuid

from . import _unit_jobs, _units
from ._errors import Refused

# The probe and what it imports of ours; nothing of it imports anything else of ours.
MODULES = (
    "_preflight_stream",
    "_preflight_http",
    "_der",
    "_preflight_certificate",
    "_preflight_trust",
    "_preflight_tls",
    "_preflight_probe",
)

# What Python, its libraries and the C library's name look-up need of the host. No /etc/hosts and no resolv.conf: those
# are the container's own, and part of what is tried.
_MOUNTS = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/etc/ssl", "/etc/pki", "/var/lib/ca-certificates", "/etc/crypto-policies", "/etc/alternatives"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/nsswitch.conf"),
)
_UNIT = "docker.service"
_EMPTY_TAR = bytes(10240)
_SECONDS = 20.0  # for the engine to do one thing, besides the probe's own time

_BOOTSTRAP = """\
import json, sys, types
given = json.load(sys.stdin)
package = types.ModuleType("probing")
package.__path__ = []
sys.modules["probing"] = package
for name, source in given["modules"]:
    module = types.ModuleType("probing." + name)
    module.__package__ = "probing"
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
json.dump(sys.modules["probing._preflight_probe"].run(given["request"]), sys.stdout)
"""


def engine_is_down() -> bool:
    """Tell whether systemd has no engine running here; to ask the engine itself could start it."""
    return _units.booted() and not _unit_jobs.states([_UNIT])[_UNIT].running


def start(request: t.Dict[str, t.Any]) -> t.Callable[[], t.List[t.Dict[str, t.Any]]]:
    """Begin to run `_preflight_probe.run(request)` in a container; return what waits for its results.

    That raises Refused where no container could be run. Image and container are gone by then, whatever happened.
    """
    outcome: t.List[t.Any] = []

    def work() -> None:
        try:
            outcome.append(_run(request))
        except Refused as refused:
            outcome.append(refused)

    thread = threading.Thread(target=work)
    thread.start()

    def wait() -> t.List[t.Dict[str, t.Any]]:
        thread.join()
        if not outcome or isinstance(outcome[0], Refused):
            raise outcome[0] if outcome else Refused("has failed", where="docker run")
        return t.cast("t.List[t.Dict[str, t.Any]]", outcome[0])

    return wait


def payload(request: t.Dict[str, t.Any]) -> bytes:
    """Return what goes into the container's standard input: the probe's code, and what it is to try."""
    return json.dumps({"modules": [[name, _source(name)] for name in MODULES], "request": request}).encode("utf-8")


def command(docker: str, name: str, image: str, mounts: t.Iterable[str], python: str) -> t.List[str]:
    """Return the command that runs the probe; nothing in it is a secret."""
    return [
        *(docker, "run", "--rm", "--interactive", "--name", name, "--read-only", "--log-driver", "none"),
        # Root without a right of root's, so that a Python in root's home can be read, and nothing else be done.
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
        # The host's Python and libraries, not their caches, and nobody's settings.
        *("--env", "LANG=C.UTF-8"),
        *(word for path in mounts for word in ("--volume", f"{path}:{path}:ro")),
        *(image, python, "-I", "-B", "-c", _BOOTSTRAP),
    ]


def mounts(root: str = "") -> t.List[str]:
    """Return the folders and files of the host that its Python needs, as far as there are any."""
    found = [path for path in _MOUNTS if os.path.exists(root + path)]
    for folder in (sys.base_prefix, sys.base_exec_prefix):
        if not any(folder == path or folder.startswith(path + "/") for path in found):
            found.append(folder)
    return found


def _run(request: t.Dict[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    docker = shutil.which("docker", path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/bin:/usr/bin")
    if docker is None:
        raise Refused("is not on this host", where="docker", instead="Leave from_container out.")
    name = f"container-hosts-preflight-{uuid.uuid4().hex[:12]}"
    image = f"{name}:empty"
    try:
        _call([docker, "import", "-", image], _EMPTY_TAR, _SECONDS)
        # A symbolic link by which Python is called may lead out of what is mounted; its target is within.
        python = os.path.realpath(sys.executable)
        words = command(docker, name, image, mounts(), python)
        answer = _call(words, payload(request), request["timeout"] + _SECONDS)
    finally:
        # Each may be gone, or never have been: --rm is the engine's promise, and this is for when it can't keep it.
        for words in ([docker, "rm", "--force", name], [docker, "image", "rm", "--force", image]):
            _attempt(words, b"", _SECONDS)
    try:
        return t.cast("t.List[t.Dict[str, t.Any]]", json.loads(answer))
    except ValueError as exc:
        raise Refused("gave no result", where="the preflight in a container") from exc


def _call(words: t.Sequence[str], stdin: bytes, seconds: float) -> bytes:
    done = _attempt(words, stdin, seconds)
    where = f"docker {words[1]}"
    if done is None:
        raise Refused(f"did not end within {seconds:g} s", where=where, instead="Look at systemctl status docker.")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(f"failed: {lines[-1] if lines else f'exit {done.returncode}'}", where=where)
    return done.stdout


def _attempt(words: t.Sequence[str], stdin: bytes, seconds: float) -> t.Optional[subprocess.CompletedProcess[bytes]]:
    # What a user's settings for the client say of proxies would become the container's environment, and of contexts
    # another engine.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "DOCKER_CONFIG": "/nonexistent"}
    try:
        return subprocess.run(  # noqa: S603 - a fixed program, and no shell is asked
            list(words), check=False, input=stdin, capture_output=True, timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired:
        return None


def _source(name: str) -> str:
    """Return a module's text, also out of the zip in which Ansible sends it."""
    spec = importlib.util.find_spec(f"{__package__}.{name}")
    read = getattr(spec.loader, "get_source", None) if spec else None
    text = read(spec.name) if spec and read else None
    if text is None:
        raise Refused(f"can't be read: {name}", where="the preflight's own code")
    return t.cast("str", text)
