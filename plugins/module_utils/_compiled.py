# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Compiles what is imported of ours once, and keeps that for the guard, which needs much of the same.

Ansible sends sources in a zip file. Python's zipimport writes nothing back into one, and compiles each source twice:
once for the module's path, which it makes of the code (zipimporter.get_filename), and once for the module. Since a host
spends most of a task's start on that, each module imports this before all else of ours (see _module). Where nothing
comes from a zip file, it does nothing.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import marshal
import sys
import types
import typing as t
import zipimport

_PACKAGE = __name__.rpartition(".")[0] + "."
# How a .pyc file begins that Python compares with no source (PEP 552: hash-based, unchecked), as time stamps in a zip
# file are told by the time zone.
_HEAD = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)

_kept: t.Dict[str, types.CodeType] = {}


def files() -> t.Dict[str, bytes]:
    """Return what was kept as files of a zip file, by path, to lie beside their sources."""
    return {f"{name.replace('.', '/')}.pyc": _HEAD + marshal.dumps(code) for name, code in _kept.items()}


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a source that lies in the zip file, or what was kept of it."""

    def __init__(self, fullname: str, path: str, found: zipimport.zipimporter) -> None:
        super().__init__(fullname, path)
        self.archive: str = found.archive
        self._zip = found

    def get_data(self, path: str) -> bytes:
        return self._zip.get_data(path)

    def path_stats(self, path: str) -> t.Mapping[str, t.Any]:
        # So that the base looks for no __pycache__ of a folder, and makes none.
        raise OSError(f"{path} lies in a zip file")

    def get_code(self, fullname: str) -> t.Optional[types.CodeType]:
        code = self._ready() or super().get_code(fullname)
        if code is not None:
            _kept[fullname] = code
        return code

    def _ready(self) -> t.Optional[types.CodeType]:
        try:
            content = self._zip.get_data(f"{self.path}c")
        except OSError:
            return None
        if not content.startswith(_HEAD):
            return None  # another Python runs by now
        return t.cast("types.CodeType", marshal.loads(content[len(_HEAD) :]))  # noqa: S302 - files() wrote it


class _Finder:
    """Finds the files of our package in the zip file that this one comes from; folders are found as ever."""

    def __init__(self, found: zipimport.zipimporter) -> None:
        self._zip = found

    def find_spec(
        self, fullname: str, _path: t.Optional[t.Sequence[str]], _target: t.Optional[types.ModuleType] = None
    ) -> t.Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith(_PACKAGE):
            return None
        file = f"{self._zip.archive}/{fullname.replace('.', '/')}.py"
        try:
            self._zip.get_data(file)
        except OSError:
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, file, self._zip))


_importer = globals().get("__loader__")
if isinstance(_importer, zipimport.zipimporter):
    sys.meta_path.insert(0, _Finder(_importer))
