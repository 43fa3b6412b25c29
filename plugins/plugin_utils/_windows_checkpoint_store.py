# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Where a Windows host keeps its checkpoints: below a key of the registry that only administrators and SYSTEM can read.

A key and no file, since every local user may make folders in ProgramData, and so be there first; the key is made with
its access, and no moment is without it.
"""

from __future__ import annotations

import hashlib
import time
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._checkpoint import Checkpoint
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_checkpoint as core
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_scripts
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import find
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

FOLDER = r"HKLM:\SOFTWARE\container_hosts\checkpoints"
_VALUE = "Document"


def names(host: Host) -> list[str]:
    """Return the names of the checkpoints that the host has."""
    key = host.registry.key(FOLDER)
    return sorted(key.keys) if key else []


class Store:
    """One checkpoint by name, which is what a checkpoint's name is on other hosts."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = Checkpoint(name).name
        self.where = f"{FOLDER}\\{name}"
        self._host = host
        key = host.registry.key(self.where)
        found = find(key.values, _VALUE) if key else None
        self._text = str(found.data) if found else ""
        self.document = core.decode(self._text, where=self.where)

    def write(self, document: core.Document) -> None:
        """Replace the document, unless another run has done so meanwhile; down to the disk."""
        if document == self.document:
            return
        text = core.encode(document)
        before = self._text.encode("ascii", "replace")
        self._host.run_script(
            _windows_scripts.CHECKPOINT,
            {
                "Name": self.name,
                "Document": text,
                "Expected": hashlib.sha256(before).hexdigest().upper() if before else "",
            },
            where=self.where,
        )
        self._text, self.document = text, document


class Keeper:
    """Keeps under a checkpoint what one task changes; does nothing where the task names none."""

    def __init__(self, name: str | None, run: str, host: Host) -> None:
        self._store = Store(name, host) if name else None
        self._host = host
        self._run = run
        # What an earlier run left unproven, which the way back takes back too.
        self.earlier = self._store.document.pending if self._store else None

    @property
    def were_running(self) -> list[str]:
        """The services that ran before that earlier run, of those that there still are."""
        return [name for name in self.earlier.running if self._host.service(name)] if self.earlier else []

    def keep(self, services: t.Iterable[str], running: t.Iterable[str]) -> None:
        """Write down, before it is changed, all that was foreseen to be."""
        if self._store:
            self._store.write(self._kept(self._store, services, running))
        self._host.registry.foreseen.clear()

    def commit(self, stays: t.Iterable[str]) -> None:
        """Make a commit of it: the services run with it."""
        if self._store:
            self._store.write(core.committed(self._kept(self._store, (), ()), time.time(), stays))

    def drop(self) -> None:
        """Forget it: all of it has been taken back."""
        if self._store:
            self._store.write(self._store.document._replace(pending=None))

    def _kept(self, store: Store, services: t.Iterable[str], running: t.Iterable[str]) -> core.Document:
        writes = self._host.registry.foreseen
        return core.keep(store.document, writes, services=services, running=running, run=self._run)
