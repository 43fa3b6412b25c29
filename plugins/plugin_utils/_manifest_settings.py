# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What the options of iotedge_manifest come to in a manifest: bytes and options in, bytes out.

All of it becomes one edit of the document, so what isn't asked for keeps its bytes. Sources: Microsoft Learn,
"Configure an IoT Edge device to communicate through a proxy server", "Prepare to deploy your IoT Edge solution in
production" and "Properties of the IoT Edge agent and hub module twins"; Azure/iotedge for how they are read.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_document, _json_parts, _no_proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_settings import INSIDE

from . import _manifest_create_options as create_options
from . import _manifest_image
from ._manifest import AGENT, AGENT_TWIN, HUB, HUB_TWIN, Manifest, Module, Path, mapping, read

RUNTIME = (AGENT, HUB)
WEB_SOCKETS = ("AmqpWs", "MqttWs")
# Options of json-file's that mean nothing to other drivers, which then start no container.
_LOG_OPTIONS = ("max-size", "max-file")


class Options(t.NamedTuple):
    """What is asked for; what is empty is left alone."""

    https_proxy: str = ""  # a URL
    no_proxy: str = ""  # for modules besides the runtime
    modules: tuple[str, ...] = ()  # those that get the proxy besides the runtime
    upstream_protocol: str = ""
    log_limits: t.Mapping[str, str] = {}  # driver, max-size, max-file
    resource_limits: t.Mapping[str, t.Mapping[str, int]] = {}  # by module: Memory, NanoCpus, PidsLimit
    host_storage: t.Mapping[str, str] = {}  # by module of the runtime: a folder of the host
    agent_env: t.Mapping[str, str] = {}
    hub_env: t.Mapping[str, str] = {}
    time_to_live: int | None = None
    images: t.Mapping[str, str] = {}
    registry: t.Mapping[str, str] = {}  # target, name, address, username, password
    registry_sources: tuple[str, ...] = ()


class _Edit:
    """Gathers what is to be set and taken out."""

    def __init__(self, manifest: Manifest, source: bytes) -> None:
        self.manifest = manifest
        pieces = [
            (*module.path, "settings", key)
            for module in manifest.modules
            for key in create_options.keys(module.settings)
        ]
        self.literals = dict(zip(pieces, _json_parts.literals_of(source, pieces), strict=True))
        self.wanted: dict[str, t.Any] = {}
        self.doomed: list[Path] = []

    def set(self, path: Path, value: t.Any) -> None:
        node = self.wanted
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value

    def take(self, path: Path) -> None:
        node: t.Any = self.manifest.document
        for key in path:
            if not isinstance(node, dict) or key not in node:
                return
            node = node[key]
        self.doomed.append(path)


class _Containers:
    """What is to be in createOptions of each module, gathered like that."""

    def __init__(self) -> None:
        self.wanted: dict[str, dict[str, t.Any]] = {}
        self.doomed: dict[str, list[Path]] = {}

    def merge(self, name: str, host_config: dict[str, t.Any]) -> None:
        self.wanted.setdefault(name, {}).setdefault("HostConfig", {}).update(host_config)

    def take(self, name: str, *path: str) -> None:
        self.doomed.setdefault(name, []).append(("HostConfig", *path))


def apply(source: bytes, options: Options, *, absent: bool = False, name: str = "") -> bytes:
    """Return the manifest with what `options` ask for, or with it taken out; raises Refused."""
    manifest = read(source, name=name)
    edit = _Edit(manifest, source)
    containers = _Containers()
    _check_names(manifest, options, name)
    for module in manifest.modules:
        _environment(edit, module, options, absent)
        _image(edit, module, options, absent)
        where = f"{name}: {module.name}" if name else module.name
        _host_config(containers, module, options, absent, where)
        _create_options(edit, module, containers, where)
    _hub_twin(edit, options, absent)
    _credentials(edit, options, absent)
    after = _json_document.edit(source, edit.wanted, edit.doomed, name=name)
    # Never None: a document that has anything left in it is one.
    return source if after is None else after


def _check_names(manifest: Manifest, options: Options, name: str) -> None:
    """Refuse a module's name that the manifest doesn't have; of a layer, the runtime may be elsewhere."""
    known = [module.name for module in manifest.modules]
    for option, asked in (
        ("modules", options.modules),
        ("resource_limits", options.resource_limits),
        ("images", options.images),
    ):
        for each in asked:
            if each not in known and not (manifest.layered and each in RUNTIME):
                raise Refused(
                    f"{each!r} is no module of {name or 'the manifest'}.{did_you_mean(each, known)}",
                    where=option,
                    instead=f"There are {', '.join(known) or 'none'}.",
                )


def _environment(edit: _Edit, module: Module, options: Options, absent: bool) -> None:
    wanted: dict[str, str] = {}
    if options.https_proxy and (module.name in RUNTIME or module.name in options.modules):
        wanted["https_proxy"] = options.https_proxy
    if options.no_proxy and module.name in options.modules and module.name not in RUNTIME:
        wanted["no_proxy"] = options.no_proxy
    if module.name in RUNTIME:
        protocol = options.upstream_protocol
        there = module.text_of("UpstreamProtocol") or ""
        enough = [each.lower() for each in WEB_SOCKETS]
        if options.https_proxy and not protocol and (there == WEB_SOCKETS[0] or there.lower() not in enough):
            # Both use the proxy with these alone, and another one of them is the user's.
            protocol = WEB_SOCKETS[0]
        if protocol:
            wanted["UpstreamProtocol"] = protocol
    wanted.update(options.agent_env if module.name == AGENT else options.hub_env if module.name == HUB else {})
    if options.host_storage.get(module.name):
        wanted["storageFolder"] = _inside(module)
    for variable, value in wanted.items():
        # Each spelling that is there: which one counts, of two that differ only in case, is not defined.
        names = module.names_of(variable) or [variable]
        for spelled in names:
            path = (*module.path, "env", spelled)
            if absent:
                edit.take(path)
            elif not _same(variable, module.text_of_exactly(spelled) if spelled in module.env else None, value):
                edit.set((*path, "value"), value)


def _same(variable: str, there: str | None, wanted: str) -> bool:
    if there is None:
        return False
    if variable == "no_proxy":
        return _no_proxy.same(there, wanted)
    # A switch may be said as true, True or "true".
    return there == wanted or (wanted in ("true", "false") and there.lower() == wanted)


def _image(edit: _Edit, module: Module, options: Options, absent: bool) -> None:
    there = module.settings.get("image")
    wanted = options.images.get(module.name) or there
    if options.registry.get("target") and isinstance(wanted, str):
        wanted = _manifest_image.moved(wanted, options.registry_sources, options.registry["target"])
    if wanted != there and not absent:
        edit.set((*module.path, "settings", "image"), wanted)


def _host_config(containers: _Containers, module: Module, options: Options, absent: bool, where: str) -> None:
    there = mapping(_options_of(module, where).get("HostConfig"))
    if options.log_limits:
        _log_limits(containers, module.name, mapping(there.get("LogConfig")), options.log_limits, absent)
    limits = options.resource_limits.get(module.name, {})
    if absent:
        for key in limits:
            containers.take(module.name, key)
    elif limits:
        containers.merge(module.name, dict(limits))
    folder = options.host_storage.get(module.name)
    if folder:
        binds = there.get("Binds")
        binds = list(binds) if isinstance(binds, list) else []
        inside = _inside(module)
        ours = f"{folder}:{inside}"
        others = [bind for bind in binds if str(bind).partition(":")[2].partition(":")[0] != inside]
        # One with `:z` or `:rw` behind it is this one too.
        kept = [bind for bind in binds if bind == ours or str(bind).startswith(ours + ":")]
        if absent and kept:
            left = [bind for bind in binds if bind not in kept]
            containers.merge(module.name, {"Binds": left}) if left else containers.take(module.name, "Binds")
        elif not absent and not kept:
            containers.merge(module.name, {"Binds": [*others, ours]})


def _log_limits(
    containers: _Containers, name: str, there: dict[str, t.Any], limits: t.Mapping[str, str], absent: bool
) -> None:
    if absent:
        for path in (("Type",), *(("Config", option) for option in _LOG_OPTIONS)):
            containers.take(name, "LogConfig", *path)
        return
    wanted = {option: limits[option] for option in _LOG_OPTIONS if option in limits}
    containers.merge(name, {"LogConfig": {"Type": limits["driver"], "Config": wanted}})
    if there.get("Type", limits["driver"]) != limits["driver"]:
        for option in mapping(there.get("Config")):
            if option not in wanted:
                containers.take(name, "LogConfig", "Config", option)


def _options_of(module: Module, where: str) -> dict[str, t.Any]:
    given = module.settings.get(create_options.KEY)
    if isinstance(given, dict):
        return given
    return create_options.parsed(create_options.joined(module.settings, where), f"{where}.{create_options.KEY}")


def _create_options(edit: _Edit, module: Module, containers: _Containers, where: str) -> None:
    wanted, doomed = containers.wanted.get(module.name, {}), containers.doomed.get(module.name, [])
    settings = (*module.path, "settings")
    if isinstance(module.settings.get(create_options.KEY), dict) or (
        edit.manifest.template and create_options.KEY not in module.settings
    ):
        # A template's tool makes text of it.
        for path in doomed:
            edit.take((*settings, create_options.KEY, *path))
        if wanted:
            edit.set((*settings, create_options.KEY), wanted)
        return
    if not wanted and not doomed:
        return
    create_options.joined(module.settings, where)  # refuses what is no text
    before = create_options.spelled(edit.literals[*settings, key] for key in create_options.keys(module.settings))
    after = create_options.edited(before, wanted, doomed, where)
    if after == before:
        return
    pieces = {} if after is None else create_options.chunks(after, f"{where}.{create_options.KEY}")
    create_options.refuse_revived(module.settings, pieces, where)
    for key in create_options.keys(module.settings):
        if key not in pieces:
            edit.take((*settings, key))
    for key, piece in pieces.items():
        edit.set((*settings, key), piece)


def _inside(module: Module) -> str:
    """Return the folder of the container that storage is at."""
    return module.text_of("storageFolder") or INSIDE


def _hub_twin(edit: _Edit, options: Options, absent: bool) -> None:
    if options.time_to_live is None:
        return
    if not any(twin.name == HUB_TWIN for twin in edit.manifest.twins):
        raise Refused(
            "has no twin $edgeHub, in which it is said how long messages are kept",
            where="edge_hub.time_to_live",
            instead="Set it in the manifest that has one.",
        )
    path = edit.manifest.place_of(HUB_TWIN, ("storeAndForwardConfiguration", "timeToLiveSecs"))
    edit.take(path) if absent else edit.set(path, options.time_to_live)


def _credentials(edit: _Edit, options: Options, absent: bool) -> None:
    if not options.registry.get("username"):
        return
    if edit.manifest.layered:
        raise Refused(
            "can't be given in a layered manifest, which has no runtime",
            where="registry.username",
            instead="Give them in the base deployment.",
        )
    below = ("runtime", "settings", "registryCredentials", options.registry["name"])
    path = edit.manifest.place_of(AGENT_TWIN, below)
    if absent:
        edit.take(path)
    else:
        edit.set(path, {key: options.registry[key] for key in ("address", "username", "password")})
