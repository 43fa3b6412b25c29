# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Keeps what this process compiles of ours, for the guard, which needs much of the same and would compile it anew.

Ansible sends sources in a zip file, into which Python writes nothing back. A module that arms a guard imports this
first of all ours; where nothing comes from a zip file, it does nothing.
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


# Not of importlib.abc's classes: with Python 3.13, importing that costs a host 20 ms.
class _Keeping(importlib.machinery.SourcelessFileLoader):
    """Loads what zipimport loads, and keeps the code."""

    def __init__(self, fullname: str, loader: t.Any) -> None:
        super().__init__(fullname, loader.get_filename(fullname))
        self.loader = loader
        self.archive: str = loader.archive

    def get_code(self, fullname: str) -> t.Optional[types.CodeType]:
        code: t.Optional[types.CodeType] = self.loader.get_code(fullname)
        if code is not None:
            _kept[fullname] = code
        return code

    def get_source(self, fullname: str) -> t.Optional[str]:  # type: ignore[override]  # the base never has one
        return t.cast("t.Optional[str]", self.loader.get_source(fullname))

    def is_package(self, fullname: str) -> bool:
        return bool(self.loader.is_package(fullname))


class _Finder:
    @staticmethod
    def find_spec(
        fullname: str, path: t.Optional[t.Sequence[str]], target: t.Optional[types.ModuleType] = None
    ) -> t.Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith(_PACKAGE):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        found: t.Any = spec.loader if spec else None
        if spec is not None and isinstance(found, zipimport.zipimporter):
            spec.loader = _Keeping(fullname, found)
        return spec


if isinstance(globals().get("__loader__"), zipimport.zipimporter):
    sys.meta_path.insert(0, _Finder)
