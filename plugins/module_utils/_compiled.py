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
# The code of another Python, or of another of its versions, is another language.
_HEAD = importlib.util.MAGIC_NUMBER
# All in one file, since zipimport opens the zip file anew for each.
_KEPT = f"{__name__.replace('.', '/')}.kept"

_kept: t.Dict[str, types.CodeType] = {}


def files() -> t.Dict[str, bytes]:
    """Return what was kept as files of a zip file, by path, to lie beside their sources."""
    return {_KEPT: _HEAD + marshal.dumps(_kept)} if _kept else {}


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
        code = _kept.get(fullname) or super().get_code(fullname)
        if code is not None:
            _kept[fullname] = code
        return code


class _Finder:
    """Finds the files of our package in the zip file that this one comes from; folders are found as ever."""

    def __init__(self, found: zipimport.zipimporter) -> None:
        self._zip = found

    def find_spec(
        self, fullname: str, _path: t.Optional[t.Sequence[str]], _target: t.Optional[types.ModuleType] = None
    ) -> t.Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith(_PACKAGE):
            return None
        try:
            self._zip.is_package(fullname)  # asked for its error, which needs no look into the file
        except zipimport.ZipImportError:
            return None
        file = f"{self._zip.archive}/{fullname.replace('.', '/')}.py"
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, file, self._zip))


def _take_over(found: zipimport.zipimporter) -> None:
    """Take the place of the importer that we come from, with what files() may have laid beside us."""
    try:
        content = found.get_data(f"{found.archive}/{_KEPT}")
    except OSError:
        content = b""
    if content.startswith(_HEAD):
        _kept.update(marshal.loads(content[len(_HEAD) :]))  # noqa: S302 - files() wrote it
    sys.meta_path.insert(0, _Finder(found))


_importer = globals().get("__loader__")
if isinstance(_importer, zipimport.zipimporter):
    _take_over(_importer)
