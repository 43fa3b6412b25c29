# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The files on a host from which systemd makes a unit's environment, read and merged."""

from __future__ import annotations

import glob
import os
import typing as t

from . import _host_file, _systemd_merge, _units


class Files:
    """What is on the disk. A run that has yet to write overlays it."""

    def __init__(self, root: str = "") -> None:
        self.root = root

    def merged(self, unit: _units.Unit) -> _systemd_merge.Environment:
        """Return what the unit's next start gets."""
        return _systemd_merge.merge(self.unit_files(unit), self.environment_files)

    def unit_files(self, unit: _units.Unit) -> t.List[t.Tuple[str, bytes]]:
        """Return the unit file and its drop-ins as (path, bytes), in systemd's order."""
        paths = [unit.fragment] if unit.fragment else []
        paths += _systemd_merge.dropin_paths(unit.names, self.entries)
        return [(path, content) for path in paths for content in [self.read(path)] if content is not None]

    def environment_files(self, pattern: str) -> t.List[t.Tuple[str, bytes]]:
        """Return the files that an EnvironmentFile= pattern names, as (path, bytes)."""
        paths = {path[len(self.root) :] for path in glob.glob(self.root + pattern)} | {from_glob(pattern)}
        return [(path, content) for path in sorted(paths) for content in [self.read(path)] if content is not None]

    def entries(self, folder: str) -> t.List[str]:
        """Return the names in a folder, none where there is no such folder."""
        try:
            return sorted(os.listdir(self.root + folder))
        except OSError:
            return []

    def read(self, path: str) -> t.Optional[bytes]:
        """Return a file's bytes, None where there is none to be read."""
        try:
            # A drop-in may be masked by a link to /dev/null: then it reads as empty, which is what it comes to.
            with open(self.root + path, "rb") as handle:
                return handle.read(_host_file.MAX_BYTES)
        except OSError:
            return None


def as_glob(path: str) -> str:
    """Return a path as the glob(7) pattern that EnvironmentFile= takes: a unit's escaped name (a\\x2db) holds `\\`."""
    return path.replace("\\", "\\\\")


def from_glob(pattern: str) -> str:
    """Return the path that such a pattern names, if it names one alone."""
    return pattern.replace("\\\\", "\\")
