# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The container edgeAgent: whether it runs with what config.toml says, and who has the say over it.

aziot-edged makes it from [agent] only if it isn't there; a changed config.toml never reaches one that is. And once a
deployment manifest was applied, edgeAgent makes itself anew with the manifest's environment, which wins for good.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from . import _docker_api
from ._iotedge_settings import table

Mapping = t.Mapping[str, t.Any]

NAME = "edgeAgent"
ABSENT, CURRENT, STALE, MANIFEST = "absent", "current", "stale", "manifest"

_PROXY = "https_proxy"
# aziot-edged labels the agent that it makes itself with an environment of {}.
_LABEL = "net.azure-devices.edge.env"
_SECONDS = 30.0


def judge(container: t.Optional[Mapping], agent: Mapping, former: t.Iterable[str] = ()) -> str:
    """Return what edgeAgent is, by what the engine shows of it and the table [agent]; MANIFEST where that differs.

    `former` are names of variables that [agent.env] had before; of any other one that the container has, nobody can
    tell whether it is the image's own. One that a manifest made, and which runs with the wanted environment, is
    CURRENT too.
    """
    if container is None:
        return ABSENT
    config = container.get("Config") or {}
    running = dict(entry.partition("=")[::2] for entry in config.get("Env") or [])
    wanted = table(agent, "env")
    differs = any(running.get(name) != value for name, value in wanted.items())
    differs = differs or any(name in running and name not in wanted for name in (_PROXY, *former))
    if (config.get("Labels") or {}).get(_LABEL, "{}") not in ("", "{}"):
        return MANIFEST if differs else CURRENT
    image = image_of(agent)
    other_image = bool(image) and config.get("Image") != image
    binds = table(table(table(agent, "config"), "createOptions"), "HostConfig").get("Binds")
    mounted = (container.get("HostConfig") or {}).get("Binds") or []
    unmounted = [bind for bind in binds if bind not in mounted] if isinstance(binds, list) else []
    return STALE if differs or other_image or unmounted else CURRENT


def image_of(agent: Mapping) -> str:
    """Return the image that [agent] names; '' for none, and for one whose name is not known here."""
    image = table(agent, "config").get("image")
    # `$upstream:443/...` names the parent device, and is replaced by its name.
    return image if isinstance(image, str) and not image.startswith("$") else ""


def find(socket: str) -> t.Optional[Mapping]:
    """Return what the engine shows of the container; None where there is none, or no engine answers."""
    answer = _docker_api.ask("GET", f"/containers/{NAME}/json", socket)
    return answer.body if answer and answer.status == 200 and isinstance(answer.body, t.Mapping) else None


def is_up(container: t.Optional[Mapping]) -> bool:
    """Tell whether the container runs."""
    return bool(container and (container.get("State") or {}).get("Running"))


def has_image(socket: str, image: str) -> bool:
    """Tell whether the engine has an image, so that a container can be made of it without any network."""
    answer = _docker_api.ask("GET", f"/images/{urllib.parse.quote(image, safe='/:@')}/json", socket)
    return bool(answer and answer.status == 200)


def remove(socket: str) -> None:
    """Remove the container, running or not; aziot-edged makes it anew from [agent] within a minute."""
    _docker_api.ask("DELETE", f"/containers/{NAME}?force=1", socket, timeout=_SECONDS)


def said(container: t.Optional[Mapping]) -> str:
    """Return what a message may show of it: no environment, since a proxy's password may be in there."""
    state = (container or {}).get("State") or {}
    return (
        json.dumps({key: state[key] for key in ("Status", "ExitCode", "Error") if state.get(key)}) if state else "none"
    )
