# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registries that the modules are acted out on: Wine's, which is real, and a dictionary, which is quick."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile

from . import registry_file
from .registry_file import Values

_SECONDS = 60


class Memory:
    """A registry in a dictionary."""

    def __init__(self) -> None:
        self.keys: dict[str, Values] = {}

    def read(self, key: str) -> Values | None:
        return self.keys.get(key)

    def subkeys(self, key: str) -> list[str]:
        return _below(key, self.keys)

    def write(self, key: str, name: str, kind: int, data: bytes) -> None:
        self.keys.setdefault(key, {})[name] = (kind, data)

    def delete(self, key: str, name: str) -> None:
        del self.keys[key][name]

    def delete_key(self, key: str) -> None:
        for each in [each for each in self.keys if each == key or each.startswith(key + "\\")]:
            del self.keys[each]


class Wine:
    """Wine's registry in a prefix, by `reg export` and `reg import`: byte for byte, and nothing in an argument."""

    def __init__(self, prefix: pathlib.Path) -> None:
        self.prefix = prefix
        self._file = prefix / "drive_c" / f"registry-{os.getpid()}.reg"

    def boot(self) -> None:
        """Make the prefix, and have a server wait for what comes: each call is quick then."""
        self.prefix.mkdir()
        for command in (["wineserver", "-p"], ["wine", "wineboot", "-i"]):
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
        if self._reg("export", key, "/y"):
            # There is no such key: nothing else is wrong with an export.
            return {}
        try:
            return registry_file.parse(self._file.read_bytes())
        finally:
            self._file.unlink()

    def _import(self, *lines: str) -> None:
        self._file.write_bytes(registry_file.render(lines))
        try:
            said = self._reg("import")
            if said:
                raise RuntimeError(f"not imported: {said}: {lines}")
        finally:
            self._file.unlink()

    def _reg(self, verb: str, *arguments: str) -> str:
        """Return what reg.exe has to complain of, or ''. The file comes after the first of the arguments."""
        file = f"C:\\{self._file.name}"
        for _attempt in range(3):
            code, said = self._run("wine", "reg", verb, *arguments[:1], file, *arguments[1:])
            if code == 0 or said:
                return said if code else ""
            # It never fails in silence: on a busy machine a process of Wine's dies at its start now and then.
        raise RuntimeError(f"reg.exe dies: {verb} {arguments}")

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
