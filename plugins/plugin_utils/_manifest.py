# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Where things stand in a deployment manifest of Azure IoT Edge: bytes in, places out.

A manifest has `modulesContent`, with a twin for each module; `$edgeAgent`'s says which modules there are. A whole
manifest writes a twin as `"properties.desired": {...}`. A layer on top of others writes only what it adds, with the
path in the key: `"properties.desired.modules.sensor": {...}`. Both forms are read by the same rule here.
Sources: Microsoft Learn, "Deploy modules and establish routes" and "Understand IoT Edge automatic deployments";
Azure/iotedge, edge-agent's `DeploymentConfig` and `DockerModule`.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

AGENT, HUB = "edgeAgent", "edgeHub"
AGENT_TWIN, HUB_TWIN = "$edgeAgent", "$edgeHub"
DESIRED = "properties.desired"

# The second is what tools of the first years wrote.
_CONTENTS = ("modulesContent", "moduleContent")
_KINDS = ("systemModules", "modules")

Path = tuple[str, ...]


class Module(t.NamedTuple):
    """A module that the manifest defines as a whole."""

    name: str
    path: Path  # of its definition in the document
    definition: dict[str, t.Any]

    @property
    def settings(self) -> dict[str, t.Any]:
        return mapping(self.definition.get("settings"))

    @property
    def env(self) -> dict[str, t.Any]:
        return mapping(self.definition.get("env"))

    def text_of(self, variable: str) -> str | None:
        """The value of an environment variable, as edgeAgent gives it to the container; None: there is none.

        Names are compared as edgeAgent's and edgeHub's own configuration does, without regard to case.
        """
        names = self.names_of(variable)
        return self.text_of_exactly(names[0]) if names else None

    def text_of_exactly(self, name: str) -> str:
        """The value of a variable that is there under this very name."""
        return as_text(mapping(self.env[name]).get("value"))

    def names_of(self, variable: str) -> list[str]:
        """The spellings under which a variable is there."""
        return [name for name in self.env if name.lower() == variable.lower()]


class Twin(t.NamedTuple):
    """A part of a module's desired properties: `value` stands at `path` of the document, and is for `below`."""

    name: str
    path: Path
    below: Path  # () for all of them; ('modules', 'sensor') for "properties.desired.modules.sensor"
    value: t.Any


class Manifest(t.NamedTuple):
    document: dict[str, t.Any]
    content: Path  # of modulesContent
    template: bool  # of Visual Studio Code's tools, which turn createOptions into text
    layered: bool  # it adds to others, and has no runtime of its own
    twins: tuple[Twin, ...]
    modules: tuple[Module, ...]

    def module(self, name: str) -> Module | None:
        return next((module for module in self.modules if module.name == name), None)

    def place_of(self, twin: str, below: Path) -> Path:
        """Return the path at which a desired property stands, or would have to."""
        own = [part for part in self.twins if part.name == twin and below[: len(part.below)] == part.below]
        if own:
            best = max(own, key=lambda part: len(part.below))
            return (*best.path, *below[len(best.below) :])
        if self.layered:
            return (*self.content, twin, ".".join((DESIRED, *below[:1])), *below[1:])
        return (*self.content, twin, DESIRED, *below)


def read(source: bytes, *, name: str = "") -> Manifest:
    """Take a manifest apart; raises Refused for what is none."""
    document = _json_document.load(source, name=name)
    content = _content(document, name)
    twins = tuple(_twins(document, content, name))
    agent = [twin for twin in twins if twin.name == AGENT_TWIN]
    return Manifest(
        document,
        content,
        any(key.startswith("$schema-template") for key in document),
        not any(twin.below == () for twin in agent),
        twins,
        tuple(module for twin in agent for module in _modules(twin)),
    )


def mapping(value: t.Any) -> dict[str, t.Any]:
    """Return an object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_text(value: t.Any) -> str:
    """Return a variable's value as edgeAgent does (EnvVal takes text, numbers, true and false; null is empty)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def shown(manifest: Manifest, path: Path) -> str:
    """Return a path for messages: from the twin on, without `properties.desired`."""
    inner = path[len(manifest.content) :] if path[: len(manifest.content)] == manifest.content else path
    text = ".".join(inner) or ".".join(path) or "the manifest"
    return text.replace(f".{DESIRED}", "", 1)


def _content(document: dict[str, t.Any], name: str) -> Path:
    # az iot hub configuration show, and REST, have it below content.
    for outer in ((), ("content",)):
        held = mapping(document.get("content")) if outer else document
        for key in _CONTENTS:
            if key in held:
                if not isinstance(held[key], dict):
                    raise Refused("is no object", where=_where(name, ".".join((*outer, key))))
                return (*outer, key)
    raise Refused(
        "has no modulesContent, so it is no deployment manifest",
        where=name,
        instead='Write {"modulesContent": {"$edgeAgent": {"properties.desired": {...}}}}, as az iot edge takes it.',
    )


def _twins(document: dict[str, t.Any], content: Path, name: str) -> t.Iterator[Twin]:
    held: t.Any = document
    for key in content:
        held = held[key]
    for twin, properties in held.items():
        if not isinstance(properties, dict):
            raise Refused("is no object", where=_where(name, twin), instead='Write {"properties.desired": {...}}.')
        for key, value in properties.items():
            if key == DESIRED or key.startswith(DESIRED + "."):
                below = tuple(key.split(".")[2:])
                yield Twin(twin, (*content, twin, key), below, value)


def _modules(agent: Twin) -> t.Iterator[Module]:
    """Yield the modules that a part of edgeAgent's twin defines as a whole.

    What a layer says of a part of a module, as under "properties.desired.modules.sensor.env", is left as it is.
    """
    for kind in _KINDS:
        if agent.below == () or agent.below == (kind,):
            path = agent.path if agent.below else (*agent.path, kind)
            held = agent.value if agent.below else mapping(agent.value).get(kind)
            found = {name: ((*path, name), value) for name, value in mapping(held).items()}
        elif agent.below[0] == kind and len(agent.below) == 2:
            found = {agent.below[1]: (agent.path, agent.value)}
        else:
            continue
        for name, (where, value) in found.items():
            if isinstance(value, dict):
                yield Module(name, where, value)


def _where(name: str, place: str) -> str:
    return f"{name}: {place}" if name else place
