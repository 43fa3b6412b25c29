# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Keys of a TOML file on the host, and for IoT Edge's config.toml whether its reader would take the whole of it."""

from __future__ import annotations

import re
import typing as t

from . import _account, _host_file, _key_paths, _toml_document, _toml_library
from ._errors import Refused
from ._notice import Notice
from ._redaction import holds_credentials, secret_paths
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "settings": {"type": "dict"},
    "remove": {"type": "list", "elements": "raw", "default": []},
    "schema": {"type": "str", "choices": ["iotedge"]},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "create": {"type": "bool", "default": True},
    "backup": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
}
# Of the module alone: host_settings gets the library once for all its entries.
LIBRARY_SPEC: t.Dict[str, t.Any] = {"library": {"type": "str", "no_log": True}}

_MODE = re.compile(r"0[0-7]{3}")
# tomlkit takes seconds for a megabyte; the fullest of the files that are meant has 30 kB.
MAX_BYTES = 1024 * 1024


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the file's keys what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    _toml_library.receive(params.get("library"))
    return File(params, run).ensure()


class File:
    """One TOML file; what reads a file of a known kind overrides `edited`."""

    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.params = params
        self.run = run
        self.path: str = params["path"]
        self.absent = params["state"] == "absent"
        self.settings: t.Dict[str, t.Any] = params["settings"] or {}
        self.remove = [_key_paths.from_option(entry) for entry in params["remove"]]
        if params["settings"] is None and not self.remove:
            raise Refused("is missing, and so is remove", where="settings", instead="Say which keys are meant.")
        if self.absent:
            self.remove = _key_paths.leaf_paths(self.settings) + self.remove
            self.settings = {}
        self.edits: t.Dict[t.Optional[bytes], t.Optional[bytes]] = {}

    def ensure(self) -> t.Dict[str, t.Any]:
        found = _host_file.read(self.run.root + self.path, limit=MAX_BYTES).content
        after = self.transform(found)
        if after != found:
            self.run.secrets.extend(secret for content in (found, after) for secret in self.secrets(content))
        edit = self.run.edit(
            self.path,
            self.transform,
            private=self.is_private,
            missing=self.missing(),
            backup=self.params["backup"],
            limit=MAX_BYTES,
        )
        if not self.absent:
            self.run.notice(*self.check(edit.after, edit.before))
        return {"path": self.path, "backup_file": edit.backup_file and edit.backup_file[len(self.run.root) :]}

    def transform(self, found: t.Optional[bytes]) -> t.Optional[bytes]:
        if found is None and not self.params["create"]:
            return None
        if found not in self.edits:
            self.edits[found] = self.edited(found)
        return self.edits[found]

    def edited(self, found: t.Optional[bytes]) -> t.Optional[bytes]:
        after = _toml_document.edit(found, self.settings, self.remove, name=self.path)
        if not self.absent:
            self.check(after, found)
        return after

    def check(self, content: t.Optional[bytes], found: t.Optional[bytes]) -> t.Sequence[Notice]:
        """Refuse what the file's reader would not take, or would ignore; return what else is to be said.

        `content` is the file as it would be, `found` as it was, by the lines of which mistakes in it are shown.
        """
        if self.params["schema"] != "iotedge" or content is None:
            return []
        # Imported here as most TOML files are not IoT Edge's, and the table of its keys is large.
        from . import _iotedge_schema

        document = _toml_document.load(content, name=self.path)
        return _iotedge_schema.check(document, locate=lambda keys: self.locate(found or b"", keys))

    def locate(self, found: bytes, keys: t.Sequence[str]) -> str:
        """Return a message's `where` for a key path: with the line, where the key is not one asked for."""
        node: t.Any = self.settings
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else node
        lines = (_toml_document.line_of(found, keys[:end]) for end in range(len(keys), 0, -1))
        line = next(filter(None, lines), None) if node is None or not self.settings else None
        return f"{self.path}{f', line {line}' if line else ''}: {'.'.join(keys)}"

    def secrets(self, content: t.Optional[bytes]) -> t.List[str]:
        """Return what of a file must not be shown, as it is spelled there and as it reads."""
        if content is None:
            return []
        found = []
        for path, value in secret_paths(_toml_document.load(content, name=self.path)):
            found += [value, _toml_document.spelling(content, path) or ""]
        return found

    def is_private(self, content: bytes) -> bool:
        """Tell whether a value is a credential; the examples in a template's comments are none."""
        document = _toml_document.load(content, name=self.path)
        return any(True for _secret in secret_paths(document)) or holds_credentials(str(document))

    def missing(self) -> _host_file.Missing:
        owner, group = _account.user_id(self.params["owner"]), _account.group_id(self.params["group"])
        mode = self.params["mode"]
        if mode is None:
            return _host_file.Missing(owner=owner, group=group)
        if not _MODE.fullmatch(mode):
            raise Refused(
                f"{mode} is not a file's mode in octal digits",
                where="mode",
                instead='Write it in quotes and with its 0, as in "0640".',
            )
        return _host_file.Missing(mode=int(mode, 8), owner=owner, group=group)
