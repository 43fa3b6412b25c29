# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for Windows' PowerShell and .NET: acts modules of ansible.windows out on a registry, files and services.

Nothing but Windows runs the modules themselves. This does what their source says, quirks included, and nothing else:
arguments that they don't have, and scripts other than those it was written after, are errors. What a registry does, and
what it holds in the end, is up to the registry that it is given: Wine's, or for speed a dictionary. What is about files
and services is in more_modules.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

# The scripts that were read for this. One of another sum has to be read, and this be corrected, before it is added.
KNOWN = {
    "74195d69b47c3379e1f1c737f023bf46dd2f24ac42b5e0606baf69edb015b347": "win_reg_stat",  # 3.3.0, 3.8.0
    "35f45de36423a5246441a60f1db49118804df61962d8f69ca2a68bbb7e14c6d4": "win_regedit",  # 3.3.0
    # It takes numbers for data otherwise, which are not acted out.
    "5b04931f0a1def90d10f573360dd935968537936c0e721250dd7acecf625a5cb": "win_regedit",  # 3.8.0
    "8b371bd825cc642afda839a28ee2fb924c02b71a87f6c1eece9afdf69f70d192": "win_environment",  # 3.3.0
    # It deletes on newer .NET too, where 3.3.0 leaves an empty text; both are acted out as on .NET Framework.
    "e183161a2d6c11d318c316245413f2b462f05bc88d00e02231fb37e134275bed": "win_environment",  # 3.8.0
    "2d473bb0c83cbe52f1714e92f756e0bb5a3aa907288f459c98c4ca6881c8b8e5": "slurp",  # 3.3.0
    "c3ced490db2aff60414038c987c1ff0e3a8cecca0a471dc66946432d9af1cc00": "win_service",  # 3.3.0
    "2d73685f2c4ba0362b3d1e0155f231ca944a69fe45b3b52685a29a08cebca2ac": "win_service_info",  # 3.3.0
    "df593b2c20ec7c1020e6782f000a5765681daba38b00993357898696723c4823": "win_powershell",  # 3.3.0
}

SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ, QWORD = 1, 2, 3, 4, 7, 11
_NAMES = {SZ: "REG_SZ", EXPAND_SZ: "REG_EXPAND_SZ", BINARY: "REG_BINARY", DWORD: "REG_DWORD", MULTI_SZ: "REG_MULTI_SZ"}
_TYPES = {"string": SZ, "expandstring": EXPAND_SZ, "multistring": MULTI_SZ}
_HIVES = {"HKLM:": "HKEY_LOCAL_MACHINE"}
_MACHINE = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
_OPTIONS = {
    "win_reg_stat": {"path", "name"},
    "win_regedit": {"path", "name", "data", "type", "state", "delete_key", "hive"},
    "win_environment": {"name", "level", "state", "value", "variables"},
}


class Registry(t.Protocol):
    """A registry, and the files and services beside it.

    Keys by their full path, names without regard to case; data are the bytes as they are stored.
    """

    def read(self, key: str) -> dict[str, tuple[int, bytes]] | None:
        """The values of a key: kind and data; None for no such key."""

    def subkeys(self, key: str) -> list[str]:
        """The names of the keys in a key."""

    def write(self, key: str, name: str, kind: int, data: bytes) -> None:
        """Store a value, with the keys on the way to it."""

    def delete(self, key: str, name: str) -> None:
        """Remove a value."""

    def delete_key(self, key: str) -> None:
        """Remove a key with all that is in it."""

    def export(self, key: str) -> dict[str, dict[str, tuple[int, bytes]]]:
        """A key and all keys in it, with their values."""

    def read_file(self, path: str) -> bytes | None:
        """A file's content; None where there is none."""

    def write_file(self, path: str, content: bytes | None) -> None:
        """Write a file, or remove it."""

    def running(self, service: str) -> bool:
        """Whether a service runs."""

    def start(self, service: str) -> bool:
        """Start a service; whether it runs then."""

    def stop(self, service: str) -> None:
        """Stop a service."""

    def install(self, service: str, depends: str = "") -> None:
        """Make a service."""


class Unlike(AssertionError):
    """Something was asked for that the stand-in does not know how Windows would do."""


def module_of(script: bytes) -> str:
    """Return the name of the module that a script is; any but a known one is an error."""
    digest = hashlib.sha256(script).hexdigest()
    if digest not in KNOWN:
        raise Unlike(f"This script was never read by who wrote the stand-in: {digest}")
    return KNOWN[digest]


def act(module: str, arguments: dict[str, t.Any], registry: Registry, event_log: t.Callable[[str], None]) -> dict:
    """Return what the module would. `event_log` gets what it would write into Windows' Application log."""
    check_mode = arguments.get("_ansible_check_mode", False)
    no_log = arguments.get("_ansible_no_log", False)
    options = {name: value for name, value in arguments.items() if not name.startswith("_ansible_")}
    if module not in _OPTIONS:
        from . import more_modules

        result = more_modules.act(module, options, registry, check_mode)
        if module != "slurp" and not no_log:
            event_log(f"Invoked with: {json.dumps(options)}")
        return _through_utf8(result)
    unknown = set(options) - _OPTIONS[module]
    if unknown:
        raise Unlike(f"{module} has no option {', '.join(sorted(unknown))}")
    if module == "win_reg_stat":
        return _through_utf8(_reg_stat(options, registry))
    # Of the three, those built on Ansible.Basic do this.
    if not no_log:
        event_log(f"Invoked with: {json.dumps(options)}")
    if module == "win_regedit":
        result = _regedit(options, registry, check_mode)
    else:
        result = _environment(options, registry, check_mode)
    return _through_utf8({**result, "invocation": {"module_args": options}})


def _through_utf8(result: dict) -> dict:
    """Lose what .NET's UTF-8 does: each half of a surrogate pair becomes U+FFFD."""
    text = json.dumps(result, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _path(path: str) -> str:
    hive, _backslash, rest = path.partition("\\")
    if hive not in _HIVES or not rest:
        raise Unlike(f"no path of the one hive that is known here: {path}")
    return f"{_HIVES[hive]}\\{rest}"


def text_of(data: bytes) -> str:
    return data.decode("utf-16-le", "surrogatepass").split("\0")[0]


def list_of(data: bytes) -> list[str]:
    """What RegistryKey.GetValue makes of a REG_MULTI_SZ: a text that is empty counts, but for the terminator."""
    text = data.decode("utf-16-le", "surrogatepass")
    if text and not text.endswith("\0"):
        text += "\0"
    found = []
    start = 0
    while start < len(text):
        end = text.find("\0", start)
        if end > start or end != len(text) - 1:
            found.append(text[start:end])
        start = end + 1
    return found


def bytes_of(kind: int, data: t.Any) -> bytes:
    texts = data if kind == MULTI_SZ else [data]
    ends = "\0" if kind == MULTI_SZ else ""
    return ("".join(f"{text}\0" for text in texts) + ends).encode("utf-16-le", "surrogatepass")


def _value(kind: int, data: bytes) -> t.Any:
    if kind in (SZ, EXPAND_SZ):
        return text_of(data)
    if kind == MULTI_SZ:
        return list_of(data)
    if kind in (DWORD, QWORD):
        return int.from_bytes(data, "little")
    return [f"0x{byte:02x}" for byte in data]


def _expanded(kind: int, value: t.Any) -> t.Any:
    known = {"systemroot": r"C:\windows"}
    if kind != EXPAND_SZ:
        return value
    return re.sub("%([^%]+)%", lambda match: known.get(match.group(1).lower(), match.group(0)), value)


def _reg_stat(options: dict, registry: Registry) -> dict:
    key = _path(options["path"])
    values = registry.read(key)
    if values is None:
        return {"changed": False, "exists": False}
    properties = {}
    for name, (kind, data) in values.items():
        raw = _value(kind, data)
        properties[name] = {"type": _NAMES.get(kind, "REG_NONE"), "value": _expanded(kind, raw), "raw_value": raw}
    if "name" in options:
        raise Unlike("win_reg_stat with a name is not acted out")
    return {"changed": False, "exists": True, "properties": properties, "sub_keys": registry.subkeys(key)}


def _spelled(values: dict, name: str) -> str | None:
    return next((each for each in values if each.upper() == name.upper()), None)


def _equal(existing: t.Any, new: t.Any) -> bool:
    """Compare-Object without -CaseSensitive for lists, -cne for everything else."""
    if isinstance(existing, list):
        folded = [[text.lower() for text in side] for side in (existing, new if isinstance(new, list) else [new])]
        return folded[0] == folded[1]
    return existing == new


def _regedit(options: dict, registry: Registry, check_mode: bool) -> dict:
    key = _path(options["path"])
    # "" stands for (Default), like no name at all.
    name = options.get("name") or None
    result: dict[str, t.Any] = {"changed": False, "data_changed": False, "data_type_changed": False}
    values = registry.read(key)
    if options.get("state", "present") == "absent":
        if values is None:
            return result
        if name is None:
            if options.get("delete_key", True):
                if not check_mode:
                    registry.delete_key(key)
                return {**result, "changed": True}
            raise Unlike("the removal of a (Default) is not acted out")
        spelled = _spelled(values, name)
        if spelled is not None:
            if not check_mode:
                registry.delete(key, spelled)
            result["changed"] = True
        return result
    if options.get("type", "string") not in _TYPES or name is None:
        raise Unlike("only texts and lists of texts are acted out, under a name")
    kind = _TYPES[options.get("type", "string")]
    data = options.get("data")
    if kind == MULTI_SZ and data is not None and not isinstance(data, list):
        data = [str(data)]
    if kind == MULTI_SZ and not data:
        data = None  # what `foreach` over nothing gives
    elif kind != MULTI_SZ and data is None:
        data = ""
    if values is None:
        # It makes a key that is not there.
        result["changed"] = True
        values = {}
    if data is None:
        return result
    spelled = _spelled(values, name)
    if spelled is not None:
        had_kind, had = values[spelled]
        result["data_type_changed"] = had_kind != kind
        result["data_changed"] = not _equal(_value(had_kind, had), data)
        if not (result["data_type_changed"] or result["data_changed"]):
            return result
        result["diff"] = {"before": {name: _value(had_kind, had)}, "after": {name: data}}
    if not check_mode:
        registry.write(key, spelled or name, kind, bytes_of(kind, data))
    return {**result, "changed": True}


def _environment(options: dict, registry: Registry, check_mode: bool) -> dict:
    if options.get("level") != "machine" or "variables" not in options or "state" in options:
        raise Unlike("only the machine's variables are acted out, and only by `variables`")
    statuses = {}
    for name, value in options["variables"].items():
        values = registry.read(_MACHINE) or {}
        spelled = _spelled(values, name)
        kind, data = values.get(spelled, (0, b"")) if spelled else (0, b"")
        before = _expanded(kind, text_of(data)) if kind in (SZ, EXPAND_SZ) else None
        # `-ne` on texts, and a text that is empty is a false one.
        changed = before is not None if not value else (before or "").lower() != value.lower()
        if changed and not check_mode:
            if value:
                registry.write(_MACHINE, spelled or name, SZ, bytes_of(SZ, value))
            else:
                registry.delete(_MACHINE, spelled or name)
        statuses[name] = {"changed": changed, "before": before, "after": value}
    return {
        "changed": any(status["changed"] for status in statuses.values()),
        "values": statuses,
        "env_values": statuses,
        "before_value": list(statuses.values())[-1]["before"],
        "value": list(statuses.values())[-1]["after"],
    }
