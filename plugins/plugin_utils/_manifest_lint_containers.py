# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Images and createOptions: what is for trials and not for production, and what no container comes out of."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema_keys import CREATE_OPTIONS

from . import _manifest_create_options as create_options
from . import _manifest_image
from ._manifest import Manifest, Module, Path, mapping
from ._manifest_rules import Finding
from ._manifest_settings import RUNTIME

# Where debuggers listen, by the templates of Visual Studio Code's IoT Edge tools and their own defaults.
_DEBUG_PORTS = {"5005": "Java's", "5678": "Python's", "9229": "Node.js'", "2345": "Delve's"}
# What writes without bounds unless told otherwise; it is Docker's default.
_UNBOUNDED = "json-file"


def findings(manifest: Manifest) -> t.Iterator[Finding]:
    for module in manifest.modules:
        yield from _image(module)
        options = None
        for found in _text(module, manifest.template):
            if isinstance(found, Finding):
                yield found
            else:
                options = found
        if options is not None:
            yield from _options(module, options)


def _image(module: Module) -> t.Iterator[Finding]:
    name = module.settings.get("image")
    path = (*module.path, "settings", "image")
    if not isinstance(name, str) or not name.strip():
        return
    why = _manifest_image.moving(name)
    if why:
        yield Finding("image_moves", path, why, "Name a whole version, or a digest.")
    if _manifest_image.is_debug(name):
        yield Finding("image_debug", path, "is a debug build", "Name the release build.")


def _text(module: Module, template: bool) -> t.Iterator[Finding | dict[str, t.Any]]:
    """Yield what is wrong with the text, and the options if they can be read."""
    path = (*module.path, "settings", create_options.KEY)
    given = module.settings.get(create_options.KEY)
    for key in create_options.stray(module.settings):
        yield Finding(
            "create_options_piece_lost",
            (*module.path, "settings", key),
            "is a piece that edgeAgent never reaches: one before it is missing",
            "Number the pieces createOptions, createOptions01, createOptions02, ...",
        )
    if isinstance(given, dict):
        if not template:
            yield Finding(
                "create_options_not_text",
                path,
                "is an object; the hub's tools and the limits of twins ask for text",
                'Write it as JSON in a string: "{\\"HostConfig\\":{...}}".',
            )
        yield given
        return
    try:
        text = create_options.joined(module.settings, "")
    except Refused:
        yield Finding("create_options_not_text", path, "is not text", "Write the options as JSON in a string.")
        return
    if template and text and "${" in text:
        return  # what stands there in the end is not known yet
    try:
        yield create_options.parsed(text, "")
    except Refused as refused:
        yield Finding(
            "create_options_not_json", path, f"holds no JSON object: {refused.what}", "Have it written by a program."
        )


def _options(module: Module, options: dict[str, t.Any]) -> t.Iterator[Finding]:
    path = (*module.path, "settings", create_options.KEY)
    for key in options:
        if key not in CREATE_OPTIONS:
            near = did_you_mean(key, list(CREATE_OPTIONS))
            yield Finding(
                "create_options_key_unknown",
                (*path, key),
                f"is no key of Docker's, which ignores it.{near}",
                "Take it out, or write it where it belongs; most are keys of HostConfig.",
            )
    config = mapping(options.get("HostConfig"))
    ports = {*mapping(options.get("ExposedPorts")), *mapping(config.get("PortBindings"))}
    for port in sorted(ports):
        whose = _DEBUG_PORTS.get(port.partition("/")[0])
        if whose:
            what = f"opens {port}, where {whose} debugger listens"
            yield Finding("port_debug", path, what, "Take it out of ExposedPorts and PortBindings.")
    yield from _logs((*path, "HostConfig", "LogConfig"), mapping(config.get("LogConfig")))
    if module.name in RUNTIME:
        yield from _storage(module, path, config)


def _logs(path: Path, log: dict[str, t.Any]) -> t.Iterator[Finding]:
    options = mapping(log.get("Config"))
    for name, value in options.items():
        if not isinstance(value, str):
            yield Finding(
                "log_option_not_text", (*path, "Config", name), "is not text; Docker refuses it", f'Write "{value}".'
            )
    if log.get("Type", _UNBOUNDED) == _UNBOUNDED and "max-size" not in options:
        yield Finding(
            "log_limits_missing",
            path,
            "bounds no log, so it grows until the disk is full, unless the device's daemon.json has bounds",
            'Write {"Type":"json-file","Config":{"max-size":"10m","max-file":"3"}}.',
        )


def _storage(module: Module, path: Path, config: dict[str, t.Any]) -> t.Iterator[Finding]:
    folder = module.text_of("storageFolder")
    if not folder:
        yield Finding(
            "storage_in_container",
            (*module.path, "env", "storageFolder"),
            "is not there: what it stores goes with its container",
            "Name a folder, and mount one of the host there.",
        )
        return
    binds = config.get("Binds")
    inside = [str(bind).partition(":")[2].partition(":")[0] for bind in binds] if isinstance(binds, list) else []
    mounts = config.get("Mounts")
    inside += [str(mapping(mount).get("Target")) for mount in mounts] if isinstance(mounts, list) else []
    if not any(folder == place or folder.startswith(place.rstrip("/") + "/") for place in inside):
        yield Finding(
            "storage_not_mounted",
            (*path, "HostConfig", "Binds"),
            "mounts nothing at storageFolder, so what is stored goes with the container",
            f'Write ["/srv/{module.name}:{folder}"].',
        )
