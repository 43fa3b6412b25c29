# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The two libraries that TOML files are read and edited with, on hosts that have neither.

tomllib is in Python since 3.11, and tomlkit in no distribution's Python. The action plugins send the controller's own
as one text along with the module's arguments (see plugin_utils/_toml_library). They are imported from memory, so they
leave nothing on the host, and only when they are needed.
"""

from __future__ import annotations

import sys
import typing as t

from ._errors import Refused

_NAMES = ("tomllib", "tomlkit")
_received: t.Dict[str, str] = {}


def receive(library: t.Optional[str]) -> None:
    """Have the libraries imported from what the action plugin sent; None: nothing was sent."""
    if not library or _received:
        return
    # Imported here and below as few runs come with a library, and fewer need it.
    import base64
    import importlib.abc
    import importlib.util
    import json
    import zlib

    try:
        files = json.loads(zlib.decompress(base64.b64decode(library)))
        _received.update({str(path): str(source) for path, source in files.items()})
    except (ValueError, AttributeError, zlib.error) as exc:
        raise Refused(
            "is not what the action plugin sends", where="library", instead="Leave it out; it is no option for users."
        ) from exc

    class Loader(importlib.abc.ExecutionLoader):
        """Compiles the modules that were received, and keeps their code nowhere."""

        def get_filename(self, fullname: str) -> str:
            return _file(fullname) or fullname

        def get_source(self, fullname: str) -> str:
            return _received[self.get_filename(fullname)]

        def is_package(self, fullname: str) -> bool:
            return self.get_filename(fullname).endswith("/__init__.py")

    class Finder:
        """Finds them behind all others: Python's own tomllib comes compiled, so it is the quicker one."""

        @staticmethod
        def find_spec(name: str, path: t.Any = None, target: t.Any = None) -> t.Any:
            return importlib.util.spec_from_loader(name, Loader()) if _file(name) else None

    sys.meta_path.append(t.cast(t.Any, Finder))


def received() -> t.Dict[str, str]:
    """Return what was received, as source by path, for code that will run on the host later."""
    return dict(_received)


def tomllib() -> t.Any:
    """Return the module that reads TOML as the standard says; it parses 10 to 20 times as fast as tomlkit."""
    try:
        import tomllib
    except ModuleNotFoundError as exc:
        raise _missing("tomllib (in Python since 3.11)") from exc
    return tomllib


def tomlkit() -> t.Any:
    """Return the module that keeps comments and layout."""
    try:
        import tomlkit
        import tomlkit.container
        import tomlkit.items
    except ModuleNotFoundError as exc:
        raise _missing("tomlkit") from exc
    except Exception as exc:  # of whatever kind: 0.14 fails with an AttributeError where Python is older than 3.9
        have = ".".join(map(str, sys.version_info[:2]))
        raise Refused(
            f"the controller's tomlkit does not run on this host's Python {have} ({type(exc).__name__}: {exc})",
            instead="tomlkit 0.13.3 runs on Python 3.8, 0.14 and later on 3.9: have the former on the controller, or "
            "set ansible_python_interpreter to a newer Python of this host.",
        ) from exc
    return tomlkit


def _file(name: str) -> t.Optional[str]:
    stem = name.replace(".", "/")
    if name.partition(".")[0] in _NAMES:
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if path in _received:
                return path
    return None


def _missing(what: str) -> Refused:
    return Refused(
        f"{what} is neither on this host nor was it sent along",
        where="TOML",
        instead="Run it as a task of fleetops.container_hosts.config_toml, whose action plugin sends it; nothing has "
        "to be installed on the host.",
    )
