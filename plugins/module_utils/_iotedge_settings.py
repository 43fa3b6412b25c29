# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a proxy, an agent's image and its storage come to in IoT Edge's config.toml, given what stands there."""

from __future__ import annotations

import typing as t

from ._errors import Refused, did_you_mean

Mapping = t.Mapping[str, t.Any]
Keys = t.Tuple[str, ...]

PROTOCOLS = ("Amqp", "AmqpWs", "Mqtt", "MqttWs")
# Where the agent's storage is in its container, as the vendor's pages have it.
INSIDE = "/iotedge/storage"
_IMAGE = "mcr.microsoft.com/azureiotedge-agent:{}"


class Wanted(t.NamedTuple):
    """Settings to merge into the document, and key paths to take out of it."""

    settings: t.Dict[str, t.Any]
    remove: t.List[Keys]


class Options(t.NamedTuple):
    """What the user says; '' and {} leave that alone."""

    settings: Mapping
    https_proxy: str = ""
    upstream_protocol: str = ""
    agent_image: str = ""
    agent_storage: str = ""  # a folder of the host


def compose(found: Mapping, options: Options, version: t.Callable[[], str]) -> Wanted:
    """Return what `options` come to in the document `found`.

    Anything of [agent] asks for the whole of its minimal block, or IoT Edge refuses the file ("missing field `name`").
    `version` tells the installed one; it is asked only where the image has to be made of it.
    """
    settings = _copied(options.settings)
    there = table(found, "agent")
    agent = _asked(settings, "agent")
    there_env = table(there, "env")
    env = {**_asked(settings, "agent", "env")}
    ours: t.Dict[str, t.Any] = {}
    protocol = _protocol(options, _variable("UpstreamProtocol", env, there_env))
    if protocol:
        ours["UpstreamProtocol"] = protocol
    if options.https_proxy:
        ours["https_proxy"] = options.https_proxy
    config = {**_asked(settings, "agent", "config")}
    if options.agent_storage:
        ours["storageFolder"] = _inside(_variable("storageFolder", env, there_env))
        config["createOptions"] = _bound(
            _asked(settings, "agent", "config", "createOptions"),
            _asked(settings, "agent", "config", "createOptions", "HostConfig"),
            table(table(table(there, "config"), "createOptions"), "HostConfig"),
            options.agent_storage,
            ours["storageFolder"],
        )
    # The agent looks at no case, and which of two values it takes is nobody's promise.
    spelled = {name.lower(): name for name in ours}
    remove: t.List[Keys] = [("agent", "env", name) for name in there_env if spelled.get(name.lower(), name) != name]
    env = {name: value for name, value in env.items() if name.lower() not in spelled}
    env.update(ours)
    if options.agent_image:
        config["image"] = options.agent_image
    if env or config or agent:
        if "image" not in config and "image" not in table(there, "config"):
            config["image"] = _IMAGE.format(version())
        first = {
            key: value for key, value in (("name", "edgeAgent"), ("type", "docker")) if key not in {**there, **agent}
        }
        # In the order of the vendor's template.
        rest = {key: value for key, value in agent.items() if key not in ("config", "env")}
        settings["agent"] = {**first, **rest, **({"config": config} if config else {}), **({"env": env} if env else {})}
    return Wanted(settings, remove)


def _protocol(options: Options, now: t.Any) -> str:
    """Return UpstreamProtocol as `iotedge check` spells it; a proxy is used by the Ws protocols alone."""
    asked = options.upstream_protocol
    if asked:
        known = {name.lower(): name for name in PROTOCOLS}
        if asked.lower() not in known:
            raise Refused(
                f"is {asked[:40]!r}, none of {', '.join(PROTOCOLS)}." + did_you_mean(asked, list(PROTOCOLS)),
                where="upstream_protocol",
                instead="Behind a proxy, write AmqpWs or MqttWs.",
            )
        return known[asked.lower()]
    if not options.https_proxy:
        return ""
    return "MqttWs" if isinstance(now, str) and now.lower() in ("mqtt", "mqttws") else "AmqpWs"


def _variable(name: str, *environments: Mapping) -> t.Any:
    """Return what the first of the environments that has a variable says, however they spell its name."""
    return next((env[key] for env in environments for key in env if key.lower() == name.lower()), None)


def _inside(folder: t.Any) -> str:
    """Return the folder of the container that storage is mounted at."""
    if not folder:
        return INSIDE
    if not isinstance(folder, str) or not folder.startswith("/") or ":" in folder:
        raise Refused(
            "is no folder at which storage can be mounted",
            where="agent.env.storageFolder",
            instead=f"Write an absolute path without a colon: {INSIDE}.",
        )
    return folder


def _bound(options: Mapping, host: Mapping, found: Mapping, folder: str, inside: str) -> t.Dict[str, t.Any]:
    """Return createOptions with a folder of the host mounted, and every other mount kept.

    `host` is what is asked for as their HostConfig, `found` that of the file.
    """
    binds = host.get("Binds", found.get("Binds", []))
    if not isinstance(binds, list):
        return {**options}  # refused by those who check the file
    mounts = [bind.split(":")[:2] if isinstance(bind, str) else [] for bind in binds]
    # With options of its own (:Z for SELinux), it is the same mount.
    if [folder, inside] not in mounts:
        others = [bind for bind, mount in zip(binds, mounts) if mount[1:] != [inside]]
        binds = [*others, f"{folder}:{inside}"]
    return {**options, "HostConfig": {**host, "Binds": binds}}


def _asked(settings: Mapping, *path: str) -> Mapping:
    """Return the table at a path of the settings, {} for none; raises Refused for what isn't one."""
    node: t.Any = settings
    for depth, key in enumerate(path, 1):
        node = node.get(key, {})
        if not isinstance(node, t.Mapping):
            raise Refused("is no dictionary", where="settings: " + ".".join(path[:depth]), instead="Write its keys.")
    return t.cast(Mapping, node)


def table(mapping: Mapping, key: str) -> Mapping:
    """Return the table at a key; {} for none, and for what isn't one, which is refused by those who check the file."""
    value = mapping.get(key)
    return value if isinstance(value, t.Mapping) else {}


def _copied(value: Mapping) -> t.Dict[str, t.Any]:
    return {key: _copied(inner) if isinstance(inner, t.Mapping) else inner for key, inner in value.items()}
