# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The controller's own tomlkit and tomllib as one text, to be sent to hosts that have neither.

See module_utils/_toml_library for the other end. tomllib is Python's own, and that of any version runs on 3.8.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import pathlib
import typing as t
import zlib

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

# What the tests run with; 0.12 lays tables out as later versions do, where 0.11 does not.
OLDEST = (0, 12)


@functools.cache
def library() -> str:
    """Return the text; raises Refused where the controller has no tomlkit, or one that is too old."""
    files: dict[str, str] = {}
    for name in ("tomlkit", "tomllib"):
        found = _files(name)
        if found is None:
            raise Refused(
                "is missing on the controller, and is sent from there to the hosts",
                where=name,
                instead=f"Install it into the Python that runs Ansible: pip install 'tomlkit>={_text(OLDEST)}'.",
            )
        files.update(found)
    _check_version()
    return base64.b64encode(zlib.compress(json.dumps(files).encode())).decode()


def library_for(settings: t.Any) -> dict[str, t.Any]:
    """Return the arguments to add for a task with the options of host_settings: none where it has no TOML file."""
    needed = isinstance(settings, dict) and any(settings.get(kind) for kind in ("config_toml", "iotedge_config"))
    return {"toml_library": library()} if needed else {}


def library_if_any() -> dict[str, t.Any]:
    """Return the arguments to add for a task that may have to do with a TOML file: none where there is no tomlkit."""
    try:
        return {"toml_library": library()}
    except Refused:
        return {}


def _files(name: str) -> dict[str, str] | None:
    """Return a package's sources by path, None where it isn't installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = pathlib.Path(spec.submodule_search_locations[0])
    return {f"{name}/{path.name}": path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def _check_version() -> None:
    import tomlkit

    version = tuple(int(part) for part in tomlkit.__version__.split(".")[:2])
    if version < OLDEST:
        raise Refused(
            f"{tomlkit.__version__} on the controller is too old; {_text(OLDEST)} or later is needed",
            where=f"tomlkit ({tomlkit.__file__})",
            instead="Upgrade it in the Python that runs Ansible.",
        )


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
