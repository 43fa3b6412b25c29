# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon reads: its config.toml, and over it the files of its config.d in order."""

from __future__ import annotations

import os
import pathlib
import typing as t

import tomlkit
import tomlkit.exceptions

from .services import Service

Table = dict[str, t.Any]


class BadConfig(Exception):
    """There is no configuration, or it can't be read; the text says which."""


def parse(content: bytes, name: str) -> Table:
    """A TOML document as plain data; a byte order mark is accepted, as the vendor's parser does."""
    try:
        return t.cast(Table, tomlkit.parse(content.decode("utf-8-sig")).unwrap())
    except (UnicodeDecodeError, tomlkit.exceptions.TOMLKitError) as wrong:
        raise BadConfig(f"{name}: {wrong}") from None


def read(service: Service) -> Table:
    """The merged configuration: tables merge, arrays are joined, of two scalars the later one wins."""
    prefix = f"AZIOT_{service.name.upper()}_CONFIG"
    main = pathlib.Path(os.environ.get(prefix) or f"{service.folder}/config.toml")
    folder = pathlib.Path(os.environ.get(f"{prefix}_DIR") or f"{service.folder}/config.d")
    try:
        files = [main] if main.is_file() else []
        if folder.is_dir():
            found = [each for each in folder.iterdir() if each.suffix == ".toml"]
            # A symlink in config.d is passed over.
            files += sorted(each for each in found if each.is_file() and not each.is_symlink())
        contents = [(str(each), each.read_bytes()) for each in files]
    except OSError as refused:
        raise BadConfig(str(refused)) from None
    if not contents:
        raise BadConfig(f"no configuration in {main} and {folder}")
    merged: Table = {}
    for name, content in contents:
        _merge(merged, parse(content, name))
    return merged


def _merge(base: Table, over: Table) -> None:
    for key, value in over.items():
        known = base.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            base[key] = known + value
        else:
            base[key] = value
