# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployment manifests of every kind, and how edgeAgent reads what is in them."""

from __future__ import annotations

import json
import random
import re
import typing as t

from hypothesis import strategies as st

BOUND = '{"HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3"}}}}'
PROXY = {"https_proxy": {"value": "http://192.0.2.1:3128"}, "UpstreamProtocol": {"value": "AmqpWs"}}


def good() -> dict[str, t.Any]:
    """A manifest in which nothing is wrong for devices behind a proxy."""

    def stored(name: str) -> str:
        options = json.loads(BOUND)
        options["HostConfig"]["Binds"] = [f"/srv/{name}:/iotedge/storage"]
        return json.dumps(options)

    env = {**PROXY, "storageFolder": {"value": "/iotedge/storage"}}
    registry = "mcr.microsoft.com/azureiotedge-"
    return {
        "modulesContent": {
            "$edgeAgent": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25", "loggingOptions": ""}},
                    "systemModules": {
                        "edgeAgent": {
                            "type": "docker",
                            "settings": {"image": f"{registry}agent:1.5.21", "createOptions": stored("edgeAgent")},
                            "env": env,
                        },
                        "edgeHub": {
                            "type": "docker",
                            "status": "running",
                            "restartPolicy": "always",
                            "startupOrder": 0,
                            "settings": {"image": f"{registry}hub:1.5.21", "createOptions": stored("edgeHub")},
                            "env": dict(env),
                        },
                    },
                    "modules": {
                        "sensor": {
                            "version": "1.0",
                            "type": "docker",
                            "status": "running",
                            "restartPolicy": "always",
                            "settings": {"image": "registry.example.com/sensor:2.1.0", "createOptions": BOUND},
                        }
                    },
                }
            },
            "$edgeHub": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "routes": {"up": "FROM /messages/* INTO $upstream"},
                    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
                }
            },
            "sensor": {"properties.desired": {"SendInterval": 5}},
        }
    }


def layer() -> dict[str, t.Any]:
    """A layer that adds a module and a route to whatever is below it."""
    sensor = good()["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["sensor"]
    return {
        "modulesContent": {
            "$edgeAgent": {"properties.desired.modules.sensor": sensor},
            "$edgeHub": {"properties.desired.routes.up": "FROM /messages/modules/sensor/* INTO $upstream"},
            "sensor": {"properties.desired.layer": {"SendInterval": 5}},
        }
    }


def modules_of(document: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Every module by name, as the hub puts it into edgeAgent's twin: keys with dots are paths."""
    held = document.get("content", document)["modulesContent"]["$edgeAgent"]
    found: dict[str, dict[str, t.Any]] = {}
    for key, value in held.items():
        below = key.split(".")[2:]
        if not below:
            found.update(value.get("systemModules", {}))
            found.update(value.get("modules", {}))
        elif len(below) == 1:
            found.update(value)
        else:
            found[below[1]] = value
    return found


def options_of(module: dict[str, t.Any]) -> dict[str, t.Any]:
    """createOptions as edgeAgent reads them: pieces joined until one is missing, and none over 512 characters."""
    settings = module["settings"]
    if isinstance(settings.get("createOptions"), dict):
        return settings["createOptions"]
    pieces = [settings["createOptions"]] if "createOptions" in settings else []
    while pieces and f"createOptions{len(pieces):02d}" in settings:
        pieces.append(settings[f"createOptions{len(pieces):02d}"])
    assert all(len(piece.encode("utf-16-le")) <= 1024 for piece in pieces), "a piece is too long"
    assert len([key for key in settings if key.startswith("createOptions")]) == len(pieces), "a piece is lost"
    text = "".join(pieces)
    return json.loads(text) if text.strip() else {}


def env_of(module: dict[str, t.Any]) -> dict[str, str]:
    return {name: held["value"] for name, held in module.get("env", {}).items()}


VALUES = st.sampled_from(["", "x", "é\u2028", "\U0001f600" * 3, 'q"\\', 5, -1, 1.5, True, False])
# Long enough to be in pieces, some of them.
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "Cmd": st.lists(st.sampled_from(["a", "-é", "\U0001f600"]), max_size=3),
        "Labels": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "long" * 90, "\U0001f600" * 300])),
        "HostConfig": st.fixed_dictionaries(
            {}, optional={"Privileged": st.booleans(), "PortBindings": st.just({"443/tcp": [{"HostPort": "443"}]})}
        ),
    },
)


def _pieces(text: str) -> dict[str, str]:
    found = {}
    number = 0
    while text or not number:
        piece = ""
        while text and len((piece + text[0]).encode("utf-16-le")) <= 1024:
            piece, text = piece + text[0], text[1:]
        found[f"createOptions{number:02d}" if number else "createOptions"] = piece
        number += 1
    return found


@st.composite
def _module(draw: t.Any, system: bool, template: bool) -> dict[str, t.Any]:
    module: dict[str, t.Any] = {"type": "docker"}
    if not system:
        module |= {"version": "1.0", "status": "running", "restartPolicy": "always"}
    settings = {"image": draw(st.sampled_from(["example.com/a:1.0.0", "${MODULES.a}", "a"]))}
    options = draw(st.none() | OPTIONS)
    if options is not None:
        separators = draw(st.sampled_from([None, (",", ":")]))
        text = json.dumps(options, ensure_ascii=draw(st.booleans()), separators=separators)
        if not options:
            text = draw(st.sampled_from(["", " ", "{}", " { } "]))
        settings |= {"createOptions": options} if template else _pieces(text)
    module["settings"] = settings
    env = draw(st.none() | st.dictionaries(st.sampled_from(["A", "LogLevel", "é"]), VALUES, max_size=2))
    if env is not None:
        module["env"] = {name: {"value": value} for name, value in env.items()}
    return module


_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')


def _respelled(text: str, spell: t.Callable[[str], str]) -> str:
    def respell(literal: re.Match[str]) -> str:
        return '"' + "".join(spell(char) for char in json.loads(literal[0])) + '"'

    return _LITERAL.sub(respell, text)


def _numbers(char: str, form: str) -> str:
    units = char.encode("utf-16-be")
    return "".join("\\u" + format(int.from_bytes(units[at : at + 2]), form) for at in range(0, len(units), 2))


def dotnet(text: str) -> str:
    """The same as System.Text.Json writes it."""
    return _respelled(
        text, lambda char: _numbers(char, "04X") if char in "\"'<>&+`" or ord(char) > 126 else json.dumps(char)[1:-1]
    )


def motley(text: str) -> str:
    """The same, each character spelled in one of the ways that JSON has for it."""
    chance = random.Random(text)  # noqa: S311  # the same text each time, not a secret

    def spell(char: str) -> str:
        ways = [json.dumps(char, ensure_ascii=False)[1:-1], json.dumps(char)[1:-1], _numbers(char, "04x")]
        return chance.choice([*ways, _numbers(char, "04X"), "\\/" if char == "/" else ways[0]])

    return _respelled(text, spell)


@st.composite
def documents(draw: t.Any) -> bytes:
    """Manifests without any of our settings: schema versions, layers, templates, wrapped ones, and every layout."""
    template, layered = draw(st.booleans()), draw(st.booleans())
    names = draw(st.lists(st.sampled_from(["sensor", "uploader", "m-1"]), unique=True, max_size=3))
    modules = {name: draw(_module(False, template)) for name in names}
    if layered:
        agent = {f"properties.desired.modules.{name}": module for name, module in modules.items()}
        hub = {"properties.desired.routes.up": "FROM /messages/* INTO $upstream"}
    else:
        desired = {
            "schemaVersion": draw(st.sampled_from(["1.0", "1.1"])),
            "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
            "systemModules": {name: draw(_module(True, template)) for name in ("edgeAgent", "edgeHub")},
            "modules": modules,
        }
        agent = {"properties.desired": desired}
        schema = draw(st.sampled_from(["1.0", "1.1", "1.2", "1.3"]))
        hub = {"properties.desired": {"schemaVersion": schema, "routes": {}, "mqttBroker": {}}}
        if draw(st.booleans()):
            hub["properties.desired"]["storeAndForwardConfiguration"] = {}
    content = {"$edgeAgent": agent, "$edgeHub": hub, "sensor": {"properties.desired": {"a": draw(VALUES)}}}
    document: dict[str, t.Any] = {"modulesContent": content}
    if draw(st.booleans()):
        document = {"id": "a-deployment", "content": document, "priority": 10}
    if template:
        document = {"$schema-template": "4.0.0", **document}
    indent = draw(st.sampled_from([None, 2, 4, "\t"]))
    text = json.dumps(document, indent=indent, ensure_ascii=draw(st.booleans()))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return draw(st.sampled_from([str, dotnet, motley]))(text).encode() + draw(st.sampled_from([b"", b"\n"]))
