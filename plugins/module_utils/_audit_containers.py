# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What containers run with, by the engine's word, and the files from which some of them are made."""

from __future__ import annotations

import typing as t

from . import _audit_values as values
from . import _docker_api, _ecs_config_document, _environment_file_options, _host_file, _iotedge_agent, _toml_document
from ._audit_judge import CONTAINER, Found, Mend, Place, pick
from ._errors import Refused
from ._iotedge_settings import table
from ._notice import Notice
from ._run import Run

EDGE_AGENT, ECS_AGENT = _iotedge_agent.NAME, "ecs-agent"
# The unit's name is the container's too. The operator is given no proxy, but what is direct.
REPLICATED: t.Dict[str, t.Tuple[str, t.Tuple[str, ...]]] = {
    "replicated": ("REPLICATED_OPTS", values.SETTINGS),
    "replicated-operator": ("REPLICATED_OPERATOR_OPTS", (values.NO_PROXY,)),
}
_REPLICATED_FOLDERS = ("/etc/sysconfig", "/etc/default")  # the first that has the file
_ECS_FILES = ("/var/lib/ecs/ecs.config", "/etc/ecs/ecs.config")  # a later one wins
_CONFIG_TOML = "/etc/aziot/config.toml"
_AGENT_KEYS = ("agent", "env")
_MANIFEST = "the deployment manifest's env of edgeAgent"

Mapping = t.Mapping[str, t.Any]


class Containers:
    """The containers of a running engine, by name; each is asked about once. Without an engine there are none.

    Its methods raise Refused where the engine does not answer, and then at once when they are called again.
    """

    def __init__(self, socket: t.Optional[str]) -> None:
        self._socket = socket
        self._refused: t.Optional[Refused] = None
        self._known: t.Dict[str, t.Optional[Mapping]] = {}
        self._names: t.Optional[t.Dict[str, bool]] = None

    def names(self) -> t.Dict[str, bool]:
        """Return the names of all containers, and whether each runs."""
        if self._names is None:
            listed = self._ask("/containers/json?all=1") if self._socket else []
            entries = listed if isinstance(listed, list) else []
            self._names = {
                str(name).lstrip("/"): entry.get("State") == "running"
                for entry in entries
                for name in (entry.get("Names") or ())[:1]
            }
        return self._names

    def get(self, name: str) -> t.Optional[Mapping]:
        """Return what the engine shows of a container; None for none."""
        if name not in self._known:
            shown = self._ask(f"/containers/{name}/json") if name in self.names() else None
            self._known[name] = shown if isinstance(shown, dict) else None
        return self._known[name]

    def _ask(self, path: str) -> t.Any:
        if self._refused:
            raise self._refused
        try:
            answer = _docker_api.ask("GET", path, self._socket or "")
        except Refused as refused:
            self._refused = refused
            raise
        return answer.body if answer is not None and answer.status == 200 else None


def environment(container: Mapping) -> t.Dict[str, str]:
    """Return the variables that a container was made with."""
    config = container.get("Config") or {}
    return dict(entry.partition("=")[::2] for entry in config.get("Env") or [])


def _ran(container: t.Optional[Mapping], names: values.Names) -> t.Dict[str, t.Any]:
    """Return the fields of Found that tell what a container runs with."""
    up = _iotedge_agent.is_up(container)
    return {
        "running": pick(environment(container), names) if container and up else None,
        "active": up,
        "seen_in": ["docker inspect"] if up else [],
    }


def other(name: str, container: Mapping, mend: Mend, *, optional: bool) -> Found:
    """Return a container that nothing on the host's disk says the proxy of: what it was made with is what it has.

    Which it needs, only who made it knows (IoT Edge's modules get https_proxy alone), so those that it has are judged.
    """
    variables = environment(container)
    configured = {
        setting: Place(value, _spelled(variables, names, value), None, None)
        for setting, names in values.SHARED.items()
        for value in [pick(variables, values.SHARED).get(setting)]
        if value is not None
    }
    ran = _ran(container, values.SHARED)
    settings = list(configured) or values.SETTINGS
    return Found("containers", name, CONTAINER, settings, configured, mend, optional=optional, go=False, **ran)


def _spelled(variables: Mapping, names: t.Sequence[str], value: str) -> str:
    return next(name for name in names if variables.get(name) == value)


def edge_agent(container: t.Optional[Mapping], mend: Mend, run: Run) -> Found:
    """Return edgeAgent, which aziot-edged makes from config.toml, or itself from a deployment manifest."""
    configured: t.Dict[str, Place] = {}
    agent: Mapping = {}
    try:
        content = _host_file.read(run.root + _CONFIG_TOML).content
        if content is not None:
            agent = table(_toml_document.load(content, name=_CONFIG_TOML), "agent")
            for name, value in table(agent, "env").items():
                if name.lower() == "https_proxy" and isinstance(value, str):
                    line = _line_of_toml(content, (*_AGENT_KEYS, name))
                    configured["https_proxy"] = Place(value, name, _CONFIG_TOML, line)
    except Refused as refused:
        run.notice(Notice(EDGE_AGENT, _CONFIG_TOML, str(refused)))
    variables = {name.lower(): value for name, value in environment(container or {}).items()}
    ran = _ran(container, {})
    if ran["running"] is not None:
        ran["running"] = {"https_proxy": variables["https_proxy"]} if variables.get("https_proxy") else {}
    ours: t.Dict[str, t.Sequence[Place]] = {}
    winners: t.Dict[str, Place] = {}
    if _iotedge_agent.judge(container, agent) == _iotedge_agent.MANIFEST:
        # It will never again have what config.toml says.
        winners["https_proxy"] = Place(variables.get("https_proxy"), "https_proxy", None, None, _MANIFEST)
        ours = {setting: [place] for setting, place in configured.items()}
        configured = {"https_proxy": winners["https_proxy"]} if variables.get("https_proxy") else {}
    return Found(
        "edge_agent", EDGE_AGENT, CONTAINER, ("https_proxy",), configured, mend, ours=ours, winners=winners, **ran
    )


def _line_of_toml(content: bytes, path: t.Tuple[str, ...]) -> t.Optional[int]:
    try:
        return _toml_document.line_of(content, path)
    except Refused:
        return None  # without tomlkit no line can be told; the value can


def ecs_agent(container: t.Optional[Mapping], mend: Mend, run: Run) -> Found:
    """Return the agent's container, which ecs-init makes anew at each of its starts, from ecs.config."""
    lines: t.Dict[str, Place] = {}
    for path in _ECS_FILES:
        for line in _ecs_config_document.lines(_host_file.read(run.root + path).content or b""):
            if line.name is not None:
                lines[line.name] = Place(line.value, line.name, path, line.number)
    configured = {
        setting: lines[name]
        for setting, names in values.GO.items()
        for name in [next((name for name in names if name in lines and lines[name].value), None)]
        if name is not None
    }
    ran = _ran(container, values.GO)
    return Found("ecs_agent", ECS_AGENT, CONTAINER, values.SETTINGS, configured, mend, **ran)


def replicated(unit: str, container: t.Optional[Mapping], mend: Mend, run: Run) -> Found:
    """Return a service of Replicated's, whose container is made anew at each start with the words of a variable."""
    name = unit.rpartition(".")[0]
    variable, settings = REPLICATED[name]
    configured: t.Dict[str, Place] = {}
    for folder in _REPLICATED_FOLDERS:
        path = f"{folder}/{name}"
        content = _host_file.read(run.root + path).content
        if content is not None:
            line, words = _environment_file_options.words(content, variable)
            for setting in settings:
                value = pick(words, values.GO).get(setting)
                if value is not None:
                    spelled = _spelled(words, values.GO[setting], value)
                    configured[setting] = Place(value, f"{variable} ({spelled})", path, line)
            break
    ran = _ran(container, values.GO)
    ran["running"] = ran["running"] and {
        setting: value for setting, value in ran["running"].items() if setting in settings
    }
    return Found("replicated", unit, CONTAINER, settings, configured, mend, **ran)
