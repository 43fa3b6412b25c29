# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which proxy each consumer on this host is wanted to have, is told to have, and runs with."""

from __future__ import annotations

import os
import shlex
import typing as t

from . import (
    _audit_containers,
    _audit_docker,
    _audit_files,
    _audit_leftovers,
    _audit_units,
    _docker_unit,
    _proxy,
    _proxy_circleci,
    _proxy_ecs,
    _systemd_environment,
    _toml_library,
)
from . import _audit_judge as judging
from . import _audit_values as values
from ._audit_judge import CONTAINER, FILE, UNIT, Found, Mend
from ._audit_wanted import Wanted
from ._errors import Refused
from ._notice import Notice
from ._run import Run

CONSUMERS = {
    "docker": UNIT,
    "docker_cli": FILE,
    "iotedge": UNIT,
    "edge_agent": CONTAINER,
    "ecs": UNIT,
    "ecs_agent": CONTAINER,
    "nomad": UNIT,
    "replicated": CONTAINER,
    "containers": CONTAINER,
    "package_manager": FILE,
    "environment": FILE,
}
# These are judged on the controller; see plugin_utils/_windows_audit.
WINDOWS = ("windows_service", "windows_machine")
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "consumers": {"type": "list", "elements": "str", "choices": [*CONSUMERS, *WINDOWS], "default": []},
    "docker_cli_users": {"type": "list", "elements": "str", "default": ["root"]},
    "docker_unit": {"type": "str", "default": "docker.service"},
    "circleci": {
        "type": "dict",
        "options": {
            "direct": {"type": "list", "elements": "str", "default": []},
            "s3_direct": {"type": "bool", "default": False},
            "s3_regions": {"type": "list", "elements": "str", "default": []},
        },
    },
    "name": {"type": "str", "default": ""},
    "digest_key": {"type": "str", "no_log": True},
    "library": {"type": "str", "no_log": True},
}

_IOTEDGE = ("aziot-edged.service", "aziot-identityd.service", "aziot-certd.service")
_ECS = ("ecs.service", "amazon-ecs.service")
_NOMAD = ("nomad.service",)
_REPLICATED = tuple(f"{name}.service" for name in _audit_containers.REPLICATED)
# identityd takes the upper case first, the vendor's check the lower case alone; the role sets the latter.
_IOTEDGE_NAMES = {"https_proxy": values.GO["https_proxy"]}
_LEAST_KEY = 16

Entry = t.Dict[str, t.Any]


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Return what the host's consumers have, for the module's result (see its RETURN); `params`: ARGUMENT_SPEC."""
    _toml_library.receive(params.get("library"))
    proxy = proxy_of(params)
    host = _Host(params, run, proxy)
    entries: t.List[Entry] = []
    asked = [consumer for consumer in params["consumers"] if consumer in CONSUMERS]
    for consumer in CONSUMERS if not params["consumers"] else asked:
        try:
            entries += list(getattr(host, consumer)()) or [judging.absent(consumer, CONSUMERS[consumer])]
        except (Refused, OSError) as error:
            run.notice(Notice(consumer, "what is on the host", f"{error}; it was not judged"))
    return result(entries, proxy)


def proxy_of(params: t.Mapping[str, t.Any]) -> t.Optional[_proxy.Proxy]:
    """Return the proxy that is wanted, None for none; raises Refused for one that is none, and for a weak key."""
    key = params["digest_key"] or ""
    if key and len(key) < _LEAST_KEY:
        raise Refused(f"is shorter than {_LEAST_KEY} characters", where="digest_key", instead="Write a random one.")
    return _proxy.parse(_proxy_ecs.with_scheme(params["proxy"])) if params["proxy"] else None


def _circleci_of(params: t.Mapping[str, t.Any], proxy: t.Optional[_proxy.Proxy]) -> t.Optional[_proxy.Proxy]:
    """Return the proxy with all that a host of CircleCI server reaches directly; None for a host that is none."""
    more = params["circleci"]
    if more is None or proxy is None:
        return None
    given, direct = params["proxy"], more["direct"]
    return _proxy.parse(_proxy_circleci.model(given, direct, s3=more["s3_direct"], s3_regions=more["s3_regions"]))


def result(entries: t.List[Entry], proxy: t.Optional[_proxy.Proxy]) -> Entry:
    """Return the module's result of its consumers' entries."""
    order = [*CONSUMERS, *WINDOWS]
    entries.sort(key=lambda entry: (order.index(entry["consumer"]), entry["name"]))
    verdicts = [entry["verdict"] for entry in entries]
    return {
        "verdict": judging.worst(verdicts),
        "counts": {verdict: verdicts.count(verdict) for verdict in judging.VERDICTS},
        "wanted": _shown(proxy),
        "consumers": entries,
    }


def _shown(proxy: t.Optional[_proxy.Proxy]) -> t.Optional[Entry]:
    if proxy is None:
        return None
    return {
        "http": values.masked("http_proxy", proxy.http),
        "https": values.masked("https_proxy", proxy.https),
        "no_proxy": [entry.written for entry in proxy.no_proxy],
    }


class _Host:
    """This host: a method for each of CONSUMERS gives its entries, none where it isn't there."""

    def __init__(self, params: t.Dict[str, t.Any], run: Run, proxy: t.Optional[_proxy.Proxy]) -> None:
        self.params = params
        self.run = run
        self.wanted = Wanted(proxy, _circleci_of(params, proxy))
        self.key = params["digest_key"] or ""
        self.asked = set(params["consumers"])
        self.docker_unit = _systemd_environment.unit_name(params["docker_unit"])
        names = (self.docker_unit, *_IOTEDGE, *_ECS, *_NOMAD, *_REPLICATED)
        self.units = _audit_units.Units(names, run)
        name = shlex.quote(params["name"] or os.uname().nodename)
        self.site = f"ansible-playbook fleetops.container_hosts.site --limit {name}"
        if not self.units.booted:
            run.notice(Notice("systemd", "units", "does not run here, so that no daemon and no container was judged"))
            self.engine_socket = None
        else:
            # Where it is down, a question would start it.
            daemon = _docker_unit.find(self.docker_unit, run.root)
            self.engine_socket = run.root + _docker_unit.socket_of(daemon) if daemon.pid else None
        self.containers_ = _audit_containers.Containers(self.engine_socket)

    @property
    def is_circleci(self) -> bool:
        """Whether the host is one of CircleCI server, a Nomad client or the Services machine."""
        return self.params["circleci"] is not None

    @property
    def is_nomad_client(self) -> bool:
        """Whether role circleci_nomad holds users' and sessions' proxies too."""
        return self.is_circleci and any(self.units.find(name) for name in _NOMAD)

    def judged(self, found: Found, wanted: judging.Wanted) -> Entry:
        return judging.judge(found, wanted, self.key)

    def mend(self, unshadow: str = "") -> Mend:
        return Mend(self.site, self.site, unshadow or self.site, self.site.replace(".site ", ".remove "))

    def adopting(self, role: str) -> Mend:
        return self.mend(f"{self.site} --extra-vars {role}_proxy_adopt=true")

    def optional(self, consumer: str) -> bool:
        return consumer not in self.asked

    # Units

    def docker(self) -> t.Iterator[Entry]:
        unit = self.units.find(self.docker_unit)
        if unit is not None:
            is_ecs = any(self.units.find(name) for name in _ECS)
            role = "circleci_nomad" if self.is_circleci else "ecs" if is_ecs else "moby"
            found = _audit_docker.look(unit, self.units, self.run, self.adopting(role))
            yield self.judged(found, self.wanted.ecs() if is_ecs else self.wanted.go())

    def iotedge(self) -> t.Iterator[Entry]:
        return self._each("iotedge", _IOTEDGE, _IOTEDGE_NAMES, self.wanted.iotedge())

    def ecs(self) -> t.Iterator[Entry]:
        return self._each("ecs", _ECS, values.GO, self.wanted.ecs(), self.adopting("ecs"))

    def nomad(self) -> t.Iterator[Entry]:
        mend = self.adopting("circleci_nomad") if self.is_circleci else None
        return self._each("nomad", _NOMAD, values.GO, self.wanted.go(), mend)

    def _each(
        self,
        consumer: str,
        names: t.Sequence[str],
        reads: values.Names,
        wanted: judging.Wanted,
        mend: t.Optional[Mend] = None,
    ) -> t.Iterator[Entry]:
        for name in names:
            unit = self.units.find(name)
            if unit is None:
                continue
            dropins = [file for file in self.units.files.unit_files(unit)[1:] if not self.units.is_ours(file[0])]
            leftovers = _audit_leftovers.dropins(dropins) + _audit_docker.managers(self.units)
            told = self.units.told(unit, reads)
            by_hand = mend or self.mend(_by_hand(told, self.site))
            found = _audit_units.found_unit(consumer, unit, told, self.units, reads, by_hand)
            yield self.judged(found._replace(leftovers=leftovers), wanted)

    # Containers

    def edge_agent(self) -> t.Iterator[Entry]:
        container = self.containers_.get(_audit_containers.EDGE_AGENT)
        if container is not None or self.units.find(_IOTEDGE[0]) is not None:
            manifest = "Set https_proxy of edgeAgent in the deployment manifest, and deploy it."
            found = _audit_containers.edge_agent(container, self.mend(manifest), self.run)
            yield self.judged(found, self.wanted.iotedge())

    def ecs_agent(self) -> t.Iterator[Entry]:
        container = self.containers_.get(_audit_containers.ECS_AGENT)
        if container is not None or any(self.units.find(name) for name in _ECS):
            yield self.judged(_audit_containers.ecs_agent(container, self.mend(), self.run), self.wanted.ecs())

    def replicated(self) -> t.Iterator[Entry]:
        for name in _REPLICATED:
            if self.units.find(name) is not None:
                container = self.containers_.get(name.rpartition(".")[0])
                yield self.judged(
                    _audit_containers.replicated(name, container, self.mend(), self.run), self.wanted.go()
                )

    def containers(self) -> t.Iterator[Entry]:
        others = {_audit_containers.EDGE_AGENT, _audit_containers.ECS_AGENT, *_audit_containers.REPLICATED}
        for name, running in self.containers_.names().items():
            shown = self.containers_.get(name) if running and name not in others else None
            if shown is not None:
                anew = f"docker rm --force {name}, and have whoever made it make it anew with the wanted proxy."
                mend = Mend(anew, anew, anew, anew)
                found = _audit_containers.other(name, shown, mend, optional=self.optional("containers"))
                yield self.judged(found, self.wanted.shared())

    # Files

    def docker_cli(self) -> t.Iterator[Entry]:
        for user in dict.fromkeys(self.params["docker_cli_users"]):
            role = "circleci_nomad" if self.is_nomad_client else "moby"
            users = f"""{self.site} --extra-vars '{{"{role}_client_users": ["{user}"]}}'"""
            mend = Mend(users, users, users, users)
            found = _audit_files.docker_cli(user, mend, self.run, optional=self.optional("docker_cli"))
            if found is not None:
                yield self.judged(found, self.wanted.shared())

    def package_manager(self) -> t.Iterator[Entry]:
        found = _audit_files.package_manager(self.mend(), self.run)
        if found is not None:
            yield self.judged(found, self.wanted.package_manager(found.name, found.settings))

    def environment(self) -> t.Iterator[Entry]:
        task = "Set it by the module fleetops.container_hosts.environment_file, with dialect: pam."
        mend = self.mend() if self.is_nomad_client else Mend(task, task, task, task)
        found = _audit_files.environment(mend, self.run, optional=self.optional("environment"))
        if found is not None:
            yield self.judged(found, self.wanted.shared())


def _by_hand(told: _audit_units.Told, site: str) -> str:
    """Return how to be rid of what wins over ours where no role takes it away."""
    places = [place.where for setting, place in told.configured.items() if place not in told.ours.get(setting, ())]
    return f"Take {', '.join(places)} away; then {site}" if places else site
