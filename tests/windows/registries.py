# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registries that the modules are acted out on: Wine's, which is real, and a dictionary, which is quick."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile
import time

from . import registry_file
from .registry_file import Values

_SECONDS = 120
_ATTEMPTS = 5
_NO_KEY = "Unable to find the specified registry key"
SERVICES = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
# A service that Wine has, and that does nothing; it runs under whatever name.
PROGRAM = r"C:\windows\system32\spoolsv.exe"


class Memory:
    """A registry in a dictionary."""

    def __init__(self) -> None:
        self.keys: dict[str, Values] = {}
        self.files: dict[str, bytes] = {}
        self.up: set[str] = set()
        self.journal: list[str] = []
        self.broken: set[str] = set()  # services that don't start

    def read(self, key: str) -> Values | None:
        # A key that others are in is there.
        return self.keys.get(key, {} if self.subkeys(key) else None)

    def subkeys(self, key: str) -> list[str]:
        return _below(key, self.keys)

    def export(self, key: str) -> dict[str, Values]:
        return {path: values for path, values in self.keys.items() if path == key or path.startswith(key + "\\")}

    def write(self, key: str, name: str, kind: int, data: bytes) -> None:
        self.keys.setdefault(key, {})[name] = (kind, data)

    def delete(self, key: str, name: str) -> None:
        del self.keys[key][name]

    def delete_key(self, key: str) -> None:
        for each in [each for each in self.keys if each == key or each.startswith(key + "\\")]:
            del self.keys[each]

    def read_file(self, path: str) -> bytes | None:
        return self.files.get(path)

    def write_file(self, path: str, content: bytes | None) -> None:
        self.files.pop(path, None)
        if content is not None:
            self.files[path] = content

    def running(self, service: str) -> bool:
        return service in self.up

    def start(self, service: str) -> bool:
        self.journal.append(f"start {service}")
        self.up |= {service} - self.broken
        return service in self.up

    def stop(self, service: str) -> None:
        self.journal.append(f"stop {service}")
        self.up -= {service}

    def install(self, service: str, depends: str = "") -> None:
        key = rf"{SERVICES}\{service}"
        self.write(key, "ImagePath", 1, f"C:\\{service}.exe\0".encode("utf-16-le"))
        if depends:
            self.write(key, "DependOnService", 7, f"{depends}\0\0".encode("utf-16-le"))


class Wine:
    """Wine's registry in a prefix, by `reg export` and `reg import`: byte for byte, and nothing in an argument."""

    def __init__(self, prefix: pathlib.Path) -> None:
        self.prefix = prefix
        self._file = prefix / "drive_c" / f"registry-{os.getpid()}.reg"

    def boot(self) -> None:
        """Make the prefix, and have a server wait for what comes: each call is quick then."""
        self.prefix.mkdir()
        serve = ["wineserver", "-p"]
        # The service manager that makes the prefix goes away with it, and forgets services that are made meanwhile.
        again = [["wineserver", "-k"], ["wineserver", "-w"], serve, ["wine", "net", "start"]]
        for command in (serve, ["wine", "wineboot", "-i"], *again):
            code, said = self._run(*command)
            if code:
                raise RuntimeError(f"{command} exited {code}: {said}")

    def end(self) -> None:
        self._run("wineserver", "-k")
        self._run("wineserver", "-w")

    def read(self, key: str) -> Values | None:
        return next((values for path, values in self.export(key).items() if path.upper() == key.upper()), None)

    def subkeys(self, key: str) -> list[str]:
        return _below(key, self.export(key))

    def write(self, key: str, name: str, kind: int, data: bytes) -> None:
        self._import(f"[{key}]", registry_file.value(name, kind, data))

    def delete(self, key: str, name: str) -> None:
        self._import(f"[{key}]", registry_file.removal(name))

    def delete_key(self, key: str) -> None:
        self._import(f"[-{key}]")

    def export(self, key: str) -> dict[str, Values]:
        """Return a key and all below it; {} where there is none."""
        if not self._reg("export", key, "/y"):
            return {}
        try:
            return registry_file.parse(self._file.read_bytes())
        finally:
            self._file.unlink()

    def read_file(self, path: str) -> bytes | None:
        found = self._path(path)
        return found.read_bytes() if found.exists() else None

    def write_file(self, path: str, content: bytes | None) -> None:
        found = self._path(path)
        if content is None:
            found.unlink(missing_ok=True)
        else:
            found.parent.mkdir(parents=True, exist_ok=True)
            found.write_bytes(content)

    def running(self, service: str) -> bool:
        for _attempt in range(_ATTEMPTS):
            code, said = self._run("wine", "sc", "query", service)
            if code == 0:
                return "RUNNING" in said
        # It says nothing of a service that there isn't.
        return False

    def start(self, service: str) -> bool:
        self._journal(f"start {service}")
        if service in self.broken:
            return False
        deadline = time.monotonic() + _SECONDS
        while True:
            code, said = self._run("wine", "net", "start", service)
            # Its manager starts services of Wine's own at first, and on a busy machine waits too short for one.
            waits = not said or any(word in said for word in ("locked", "timeout"))
            if code == 0 or self.running(service):
                return True
            if not waits or time.monotonic() > deadline:
                return False
            time.sleep(0.5)

    def stop(self, service: str) -> None:
        self._journal(f"stop {service}")
        deadline = time.monotonic() + _SECONDS
        while True:
            code, said = self._run("wine", "net", "stop", service)
            if code == 0 or not self.running(service):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{service} does not stop: {said}")
            time.sleep(0.5)

    def install(self, service: str, depends: str = "") -> None:
        deadline = time.monotonic() + _SECONDS
        while self._run("wine", "sc", "create", service, "binPath=", PROGRAM)[0]:
            # It says nothing, whatever was wrong: a busy machine, or a manager that is still starting.
            if "ImagePath" in (self.read(rf"{SERVICES}\{service}") or {}):
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{service} can't be made")
            time.sleep(0.5)
        if depends:
            # Wine's sc.exe takes a name, and writes whatever comes after it in its memory too.
            self.write(rf"{SERVICES}\{service}", "DependOnService", 7, f"{depends}\0\0".encode("utf-16-le"))

    def uninstall(self, service: str) -> None:
        if self.running(service):
            self.stop(service)
        self._run("wine", "sc", "delete", service)

    @property
    def journal(self) -> list[str]:
        """What was started and stopped, in its order."""
        path = self.prefix / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def forget_journal(self) -> None:
        (self.prefix / "journal").unlink(missing_ok=True)

    @property
    def broken(self) -> list[str]:
        """The services that don't start. Wine's manager reads no program's path anew, so this is told to us instead."""
        path = self.prefix / "broken"
        return path.read_text().splitlines() if path.exists() else []

    def break_services(self, *services: str) -> None:
        (self.prefix / "broken").write_text("\n".join(services))

    def _journal(self, line: str) -> None:
        with open(self.prefix / "journal", "a", encoding="utf-8") as journal:
            journal.write(line + "\n")

    def _path(self, path: str) -> pathlib.Path:
        drive, _colon, rest = path.partition(":\\")
        if drive.upper() != "C":
            raise RuntimeError(f"no path on drive C: {path}")
        return self.prefix / "drive_c" / rest.replace("\\", "/")

    def _import(self, *lines: str) -> None:
        self.import_file(registry_file.render(lines))

    def import_file(self, content: bytes) -> None:
        """Have reg.exe take in a .reg file; RuntimeError where it does not."""
        self._file.write_bytes(content)
        try:
            self._reg("import")
        finally:
            self._file.unlink()

    def _reg(self, verb: str, *arguments: str) -> bool:
        """Have reg.exe do it; False where there is no such key. The file comes after the first of the arguments."""
        file = f"C:\\{self._file.name}"
        told = []
        for _attempt in range(_ATTEMPTS):
            code, said = self._run("wine", "reg", verb, *arguments[:1], file, *arguments[1:])
            if code == 0:
                return True
            if _NO_KEY in said:
                return False
            # On a busy machine a process of Wine's dies at its start now and then.
            told.append(said)
        raise RuntimeError(f"reg.exe: {verb} {arguments}: {told}")

    def _run(self, *command: str) -> tuple[int, str]:
        """Return the exit code and what was said."""
        told = os.environ | {
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            # Neither .NET nor a browser is needed, and no window may ask whether to fetch them.
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }
        told.pop("DISPLAY", None)
        # A file and no pipe: what Wine leaves running would hold it open.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                command, env=told, timeout=_SECONDS, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False
            )
            said.seek(0)
            return done.returncode, said.read().decode(errors="replace").strip()


def _below(key: str, keys: dict[str, Values]) -> list[str]:
    start = key.upper() + "\\"
    names = [path[len(start) :].split("\\")[0] for path in keys if path.upper().startswith(start)]
    return list(dict.fromkeys(names))
