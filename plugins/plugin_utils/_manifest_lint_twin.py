# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Does the hub take the desired properties? Their size, depth, names and numbers are bounded.

Sizes are counted as the page on twins says: names and texts by their bytes in UTF-8 without control characters,
numbers as 8 bytes, true and false as 4.
"""

from __future__ import annotations

import typing as t

from ._manifest import Manifest, Path
from ._manifest_rules import Finding

TWIN_BYTES = 32 * 1024
VALUE_BYTES = 4096
NAME_BYTES = 1024
DEPTH = 10
NUMBER = 2**52
_FORBIDDEN = (".", "$", "#", " ")


def findings(manifest: Manifest) -> t.Iterator[Finding]:
    sizes: dict[str, int] = {}
    for twin in manifest.twins:
        # A layer's path counts as the names that it stands for.
        sizes[twin.name] = sizes.get(twin.name, 0) + sum(map(_text, twin.below)) + size(twin.value)
        yield from _walk(twin.path, twin.value, len(twin.below))
    for name, total in sizes.items():
        if total > TWIN_BYTES:
            yield Finding(
                "twin_too_large",
                (*manifest.content, name),
                f"has {total} bytes, and the hub takes {TWIN_BYTES}",
                "Move files and long options to volumes, or modules to a layered deployment of less.",
            )


def size(value: t.Any) -> int:
    """Return how many bytes the hub counts."""
    if isinstance(value, dict):
        return sum(_text(key) + size(inner) for key, inner in value.items())
    if isinstance(value, list):
        return sum(map(size, value))
    if isinstance(value, str):
        return _text(value)
    return 4 if isinstance(value, bool) else 0 if value is None else 8


def _text(text: str) -> int:
    return len("".join(char for char in text if not _is_control(char)).encode("utf-8", "surrogatepass"))


def _is_control(char: str) -> bool:
    return ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0


def _walk(path: Path, value: t.Any, depth: int) -> t.Iterator[Finding]:
    if isinstance(value, dict):
        if depth >= DEPTH and value:
            yield Finding("twin_too_deep", path, f"is deeper than the {DEPTH} levels of a twin", "Make text of it.")
            return
        for key, inner in value.items():
            here = (*path, key)
            if len(key.encode("utf-8", "surrogatepass")) > NAME_BYTES:
                yield Finding("twin_name", path, f"has a name of more than {NAME_BYTES} bytes", "Shorten it.")
            elif not key or any(each in key for each in _FORBIDDEN) or any(map(_is_control, key)):
                yield Finding(
                    "twin_name",
                    here,
                    "has a name that is empty or has a dot, blank, $, # or control character",
                    "Rename it.",
                )
            yield from _walk(here, inner, depth + 1)
    elif isinstance(value, str):
        length = len(value.encode("utf-8", "surrogatepass"))
        if length > VALUE_BYTES:
            yield Finding(
                "twin_value_too_long", path, f"has {length} bytes, and the hub takes {VALUE_BYTES}", _split(path)
            )
    elif isinstance(value, int) and not isinstance(value, bool) and not -NUMBER <= value < NUMBER:
        yield Finding(
            "twin_number", path, "is beyond the whole numbers of a twin, -2^52 to 2^52-1", "Write it as text."
        )


def _split(path: Path) -> str:
    if path[-1].startswith("createOptions"):
        return "Split it into createOptions, createOptions01, ... of 512 characters; any change by this module does."
    return "Shorten it."
