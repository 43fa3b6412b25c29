# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text form of a registry (Windows Registry Editor Version 5.00), as reg.exe exports and imports it."""

from __future__ import annotations

import re
import typing as t

Values = dict[str, tuple[int, bytes]]

_HEAD = "Windows Registry Editor Version 5.00"
_KEY = re.compile(r"\[(?P<key>[^\r\n]*)\]\r?\n")
_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_VALUE = re.compile(
    rf"(?:@|{_QUOTED.format('name')})=(?:{_QUOTED.format('text')}|dword:(?P<dword>[0-9a-f]{{8}})"
    r"|hex(?:\((?P<kind>[0-9a-f]+)\))?:(?P<hex>(?:[0-9a-f, ]|\\\r?\n)*))\r?\n",
    re.DOTALL,
)


def parse(content: bytes) -> dict[str, Values]:
    """Return key -> name -> type and bytes. Anything that is not understood is an error."""
    text = content.decode("utf-16", "surrogatepass")
    if not text.startswith(_HEAD):
        raise ValueError(f"no export: {text[:60]!r}")
    keys: dict[str, Values] = {}
    values: Values = {}
    place = len(_HEAD)
    while place < len(text):
        if text[place] in "\r\n":
            place += 1
        elif found := _KEY.match(text, place):
            values = keys.setdefault(found["key"], {})
            place = found.end()
        elif found := _VALUE.match(text, place):
            values[_unescaped(found["name"] or "")] = _value(found)
            place = found.end()
        else:
            raise ValueError(f"not understood: {text[place : place + 60]!r}")
    return keys


def render(lines: t.Iterable[str]) -> bytes:
    """Return a file of lines made by `key`, `value` and `removal`."""
    return "\r\n".join([_HEAD, "", *lines, ""]).encode("utf-16")


def value(name: str, kind: int, data: bytes) -> str:
    return f"{_quoted(name)}=hex({kind:x}):" + ",".join(f"{byte:02x}" for byte in data)


def removal(name: str) -> str:
    return f"{_quoted(name)}=-"


def _value(found: re.Match[str]) -> tuple[int, bytes]:
    if found["text"] is not None:
        return 1, (_unescaped(found["text"]) + "\0").encode("utf-16-le", "surrogatepass")
    if found["dword"]:
        return 4, int(found["dword"], 16).to_bytes(4, "little")
    digits = re.sub(r"[^0-9a-f]", "", found["hex"])
    return int(found["kind"] or "3", 16), bytes.fromhex(digits)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unescaped(text: str) -> str:
    ends = {"r": "\r", "n": "\n", "0": "\0"}
    return re.sub(r"\\(.)", lambda found: ends.get(found[1], found[1]), text, flags=re.DOTALL)
