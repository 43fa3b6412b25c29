# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""A Windows host's registry by way of the modules of ansible.windows, with what is odd about each of them."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_environment import (
    EXPAND,
    MULTI,
    PLAIN,
    Value,
)

if t.TYPE_CHECKING:
    # Actions for hosts of both kinds import this, and most hosts are not of Windows.
    from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint import Write

READ = "ansible.windows.win_reg_stat"
WRITE = "ansible.windows.win_regedit"
VARIABLES = "ansible.windows.win_environment"

_TYPES = {MULTI: "multistring", PLAIN: "string", EXPAND: "expandstring"}


class ModuleFailed(Refused):
    """A module of ansible.windows has failed on the host; `message` is what it says of it."""

    def __init__(self, name: str, message: str, *, where: str) -> None:
        self.message = message
        super().__init__(
            f"{name} failed: {message}", where=where, instead="The account needs administrator rights on the host."
        )


class Key(t.NamedTuple):
    """A key of the registry."""

    values: dict[str, Value]
    keys: list[str]


class Registry:
    """`execute` runs a module, by its name and arguments, and returns its result, or raises Refused."""

    def __init__(self, execute: t.Callable[[str, dict[str, t.Any]], dict[str, t.Any]]) -> None:
        self._execute = execute
        # What was found to be changed, files too, in check mode as well: a checkpoint keeps it before it is.
        self.foreseen: list[Write] = []

    def key(self, path: str) -> Key | None:
        """Return a key (HKLM:\\...), or None where there is none."""
        found = self._execute(READ, {"path": path})
        if not found.get("exists"):
            return None
        # `value` would be expanded.
        values = {
            name: Value(each["type"], each.get("raw_value")) for name, each in (found.get("properties") or {}).items()
        }
        return Key(values, list(found.get("sub_keys") or ()))

    def write_list(self, path: str, name: str, entries: t.Sequence[str], again: str | None) -> None:
        """Write a REG_MULTI_SZ. `again` is the entry that may be there twice for a moment."""
        if not entries:
            # An empty list is none to the module, and would change nothing.
            self._delete(path, name)
        elif not self._write(path, name, MULTI, list(entries)) and again is not None:
            # It takes lists for equal that differ in case alone, as a new password may. To one that is longer they are
            # not. Between the two the host has all it is to have, so it may lose its connection there.
            self._write(path, name, MULTI, [*entries, again])
            self._write(path, name, MULTI, list(entries))

    def write_text(self, path: str, name: str, kind: str, text: str) -> None:
        """Write a REG_SZ or REG_EXPAND_SZ."""
        self._write(path, name, kind, text)

    def restore(self, path: str, name: str, value: Value | None) -> None:
        """Write a value as it was read earlier, whatever it is now; None: there was none."""
        if value is None:
            self._delete(path, name)
        elif value.kind == MULTI:
            entries = [value.data] if isinstance(value.data, str) else list(value.data or ())
            self.write_list(path, name, entries, entries[0] if entries else None)
        else:
            self._write(path, name, value.kind, value.data)

    def write_variables(self, variables: t.Mapping[str, str | None]) -> list[str]:
        """Set the machine's variables as REG_SZ, and tell Windows of it; None takes one away.

        Returns the names of those that the module left as they were: it compares without regard to case.
        """
        arguments = {name: text or "" for name, text in variables.items()}
        result = self._execute(VARIABLES, {"level": "machine", "variables": arguments})
        done = result.get("env_values") or result.get("values") or {}
        return [name for name in variables if not done.get(name, {}).get("changed")]

    def _write(self, path: str, name: str, kind: str, data: t.Any) -> bool:
        arguments = {"path": path, "name": name, "type": _TYPES[kind], "data": data}
        return bool(self._execute(WRITE, arguments).get("changed"))

    def _delete(self, path: str, name: str) -> None:
        if not name:
            # The module would delete the whole key.
            raise Refused("is the name of no value", where=path)
        self._execute(WRITE, {"path": path, "name": name, "state": "absent", "delete_key": False})
