# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registries that the modules are acted out on: Wine's, which is real, and a dictionary, which is quick."""

from __future__ import annotations

import os
import pathlib
import subprocess

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
        self._run("wineserver", "-p")
        self._run("wine", "wineboot", "-i")

    def end(self) -> None:
        self._run("wineserver", "-k", check=False)
        self._run("wineserver", "-w", check=False)

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
        self._file.unlink(missing_ok=True)
        self._run("wine", "reg", "export", key, f"C:\\{self._file.name}", "/y", check=False)
        if not self._file.exists():
            return {}
        try:
            return registry_file.parse(self._file.read_bytes())
        finally:
            self._file.unlink()

    def _import(self, *lines: str) -> None:
        self._file.write_bytes(registry_file.render(lines))
        try:
            self._run("wine", "reg", "import", f"C:\\{self._file.name}")
        finally:
            self._file.unlink()

    def _run(self, *command: str, check: bool = True) -> None:
        told = os.environ | {
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            # Neither .NET nor a browser is needed, and no window may ask whether to fetch them.
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }
        told.pop("DISPLAY", None)
        # No pipe: what Wine leaves running would hold it open.
        nowhere = subprocess.DEVNULL
        subprocess.run(command, env=told, check=check, timeout=_SECONDS, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _below(key: str, keys: dict[str, Values]) -> list[str]:
    start = key.upper() + "\\"
    names = [path[len(start) :].split("\\")[0] for path in keys if path.upper().startswith(start)]
    return list(dict.fromkeys(names))
