# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of the stand-in for Windows: the modules about files and services, and the scripts of this collection.

Windows' own rules are kept here where Wine's service manager has none: a service doesn't stop while others that depend
on it run, and what it depends on is started before it.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import typing as t

from . import modules
from .registries import SERVICES

_OPTIONS = {
    "slurp": {"src"},
    "win_service": {"name", "state", "force_dependent_services"},
    "win_service_info": {"name"},
    "win_powershell": {"script", "parameters", "error_action"},
}
_ROOTS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates"
_CHECKPOINTS = r"HKEY_LOCAL_MACHINE\SOFTWARE\container_hosts\checkpoints"
_MACHINE = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"


def act(module: str, options: dict[str, t.Any], host: modules.Registry, check_mode: bool) -> dict:
    """Return what the module would."""
    unknown = set(options) - _OPTIONS[module]
    if unknown:
        raise modules.Unlike(f"{module} has no option {', '.join(sorted(unknown))}, or it is not acted out")
    if check_mode and module in ("win_service", "win_powershell"):
        raise modules.Unlike("nothing of the kind is sent in check mode")
    if module == "slurp":
        content = host.read_file(options["src"])
        if content is None:
            return {"changed": False, "failed": True, "msg": f"Path {options['src']} is not found"}
        return {"changed": False, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    if module == "win_service_info":
        return {"changed": False, **_service_info(options["name"], host)}
    if module == "win_service":
        return _service(options, host)
    return _powershell(options, host)


# Services ---------------------------------------------------------------------------------------------------------


def _depends(name: str, host: modules.Registry) -> list[str]:
    _kind, data = (host.read(rf"{SERVICES}\{name}") or {}).get("DependOnService", (7, b""))
    return modules.list_of(data)


def _dependents(name: str, host: modules.Registry) -> list[str]:
    """All of them, those of dependents too, as EnumDependentServices has them."""
    # All keys at once: each question to Wine takes a process.
    needs = {
        key.rpartition("\\")[2]: [each.lower() for each in modules.list_of(values["DependOnService"][1])]
        for key, values in host.export(SERVICES).items()
        if "DependOnService" in values
    }
    found: list[str] = []
    waiting = [name]
    while waiting:
        before = waiting.pop(0).lower()
        direct = [each for each, wanted in needs.items() if before in wanted and each not in found]
        found += direct
        waiting += direct
    return found


def _service_info(name: str, host: modules.Registry) -> dict:
    if "ImagePath" not in (host.read(rf"{SERVICES}\{name}") or {}):
        return {"exists": False, "services": []}
    state = "started" if host.running(name) else "stopped"
    found = {
        "name": name,
        "state": state,
        "dependencies": _depends(name, host),
        "dependency_of": _dependents(name, host),
    }
    return {"exists": True, "services": [found]}


def _service(options: dict[str, t.Any], host: modules.Registry) -> dict:
    name, state = options["name"], options["state"]
    if options.get("force_dependent_services"):
        raise modules.Unlike("the collection stops dependent services itself")
    if not _service_info(name, host)["exists"]:
        return _failed(f"Service '{name}' is not installed, need to set 'path' to create a new service")
    if state == "restarted":
        stopped = _service({**options, "state": "stopped"}, host)
        return stopped if stopped.get("failed") else _service({**options, "state": "started"}, host)
    if state == "stopped" and host.running(name):
        if any(map(host.running, _dependents(name, host))):
            return _failed(f"Cannot stop service '{name} ({name})' because it has dependent services.")
        host.stop(name)
        return {"changed": True}
    if state == "started" and not host.running(name):
        for each in _depends(name, host):
            if not host.running(each) and not host.start(each):
                return _failed(f"Service '{name} ({name})' cannot be started: its dependency failed.")
        if not host.start(name):
            return _failed(f"Service '{name} ({name})' cannot be started.")
        return {"changed": True}
    if state not in ("started", "stopped"):
        raise modules.Unlike(f"state {state}")
    return {"changed": False}


def _failed(message: str) -> dict:
    return {"changed": False, "failed": True, "msg": message}


# Scripts ----------------------------------------------------------------------------------------------------------


def _powershell(options: dict[str, t.Any], host: modules.Registry) -> dict:
    digest = hashlib.sha256(options["script"].encode()).hexdigest()
    if digest not in SCRIPTS:
        raise modules.Unlike(f"This script was never read by who wrote the stand-in: {digest}")
    if options["error_action"] != "stop":
        raise modules.Unlike("the script would go on after an error")
    answer = {"changed": True, "output": [], "error": []}
    try:
        SCRIPTS[digest](options["parameters"], host)
    except _Thrown as thrown:
        answer.update(failed=True, error=[{"exception": {"message": str(thrown)}}])
    return answer


class _Thrown(Exception):
    """What a script throws."""


def _replace(given: dict[str, t.Any], host: modules.Registry) -> None:
    before = host.read_file(given["Path"])
    if ("" if before is None else hashlib.sha256(before).hexdigest().upper()) != given["Expected"]:
        raise _Thrown("the file has been changed by somebody else meanwhile")
    host.write_file(given["Path"], base64.b64decode(given["Content"]) if given["Content"] else None)


def _certificates(given: dict[str, t.Any], host: modules.Registry) -> None:
    for text in given["Add"]:
        der = base64.b64decode(text)
        # How the store keeps it: properties, of which the certificate itself is number 32.
        blob = struct.pack("<III", 32, 1, len(der)) + der
        host.write(rf"{_ROOTS}\{hashlib.sha1(der).hexdigest().upper()}", "Blob", modules.BINARY, blob)  # noqa: S324
    for thumbprint in given["Remove"]:
        host.delete_key(rf"{_ROOTS}\{thumbprint}")


def _initialize_ecs(given: dict[str, t.Any], host: modules.Registry) -> None:
    """What the vendor's tool is told to do by its documentation; nobody has its code."""
    for name, value in (("ECS_CLUSTER", given["Cluster"]), ("ECS_ENABLE_TASK_IAM_ROLE", str(given["TaskIamRole"]))):
        host.write(_MACHINE, name, modules.SZ, modules.bytes_of(modules.SZ, value))
    # What it was given for the environment of its own process, for the tests to look at.
    seen = [f"{name}={value}" for name, value in zip(given["Names"], given["Values"], strict=True)]
    host.write_file(r"C:\initialized.txt", "\n".join(seen).encode())
    host.install("AmazonECS", depends="docker")
    host.start("AmazonECS")


def _deploy_iotedge(given: dict[str, t.Any], host: modules.Registry) -> None:
    host.write_file(r"C:\deployed.txt", "\n".join(f"{name}={given[name]}" for name in sorted(given)).encode())
    host.install("iotedge-moby")
    host.install("iotedge", depends="iotedge-moby")
    host.start("iotedge-moby")
    host.start("iotedge")


def _checkpoint(given: dict[str, t.Any], host: modules.Registry) -> None:
    """Without the access that the script gives to the key, which Wine's registry would not heed."""
    key = rf"{_CHECKPOINTS}\{given['Name']}"
    before = (host.read(key) or {}).get("Document", (modules.SZ, b""))[1].decode("utf-16-le").rstrip("\0")
    if (hashlib.sha256(before.encode("ascii")).hexdigest().upper() if before else "") != given["Expected"]:
        raise _Thrown("the checkpoint has been changed by another run meanwhile")
    host.write(key, "Document", modules.SZ, modules.bytes_of(modules.SZ, given["Document"]))


# By the digest of the script that was read for each: one that changes has to be read again.
SCRIPTS: dict[str, t.Callable[[dict[str, t.Any], modules.Registry], None]] = {
    "27be7db056ebd5e939066e1f0bae6f113dbbe875f770f091d05c356844c29363": _replace,
    "d9c19191ffcff9931dc05cb64c6ebbb02e248849aac4cb7681a21cc34aa0d849": _checkpoint,
    "0e76cadbf91f1172a9ae950520064d8f8ee9893dbafba608696b0b25623e909d": _certificates,
    "76503fac1a0cc1e56d3223c1eb8e0758956adbdafb401a3e1dacb2564620763a": _initialize_ecs,
    "0b5a2e4f4822e21957ba3298702280a6b637a96369d1528180dc35a2dd51c8f3": _deploy_iotedge,
}
