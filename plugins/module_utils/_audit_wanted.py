# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the collection would give each kind of reader of the proxy that is wanted, in the readers' own dialects."""

from __future__ import annotations

import typing as t

from . import _audit_apt, _proxy, _proxy_apt, _proxy_ecs, _proxy_environment, _proxy_yum
from . import _audit_judge as judging
from ._errors import Refused


class Wanted:
    """A proxy's settings by reader; None for every reader where no proxy is wanted.

    `circleci`: the proxy as a host of CircleCI server has it, whose programs of all sorts share one longer list.
    """

    def __init__(self, proxy: t.Optional[_proxy.Proxy], circleci: t.Optional[_proxy.Proxy] = None) -> None:
        self._proxy = proxy
        self._circleci = circleci

    def go(self) -> judging.Wanted:
        """Return what dockerd and Nomad get."""
        return self.shared() if self._circleci else self._environment("go", self._proxy)

    def shared(self) -> judging.Wanted:
        """Return what sessions and containers get, where anybody may read it."""
        return self._environment("shared", self._circleci or self._proxy)

    def iotedge(self) -> judging.Wanted:
        """Return what the daemons of Azure IoT Edge and edgeAgent get."""
        return self._environment("iotedge", self._proxy)

    def ecs(self) -> judging.Wanted:
        """Return what ecs-init, the agent and the engine below them get."""
        if self._proxy is None:
            return None
        return {name.lower(): value for name, value in _proxy_ecs.environment(self._proxy).value.items()}

    def package_manager(self, manager: str, settings: t.Sequence[str]) -> judging.Wanted:
        """Return what apt, dnf or yum gets."""
        if self._proxy is None:
            return None
        if manager != "apt":
            try:
                return {"https_proxy": _proxy_yum.settings(self._proxy, reader=manager).value.get("proxy", "")}
            except Refused:
                return {"https_proxy": self._proxy.https}  # which the role refuses to write
        files = _proxy_apt.files(self._proxy).value
        machines = _audit_apt.machines(files.credentials)
        return {
            setting: _audit_apt.with_credentials(value, machines)
            for setting, value, _line in _audit_apt.proxies(files.configuration)
            if setting in settings
        }

    @staticmethod
    def _environment(readers: str, proxy: t.Optional[_proxy.Proxy]) -> judging.Wanted:
        if proxy is None:
            return None
        rendered = _proxy_environment.environment(proxy, readers=readers, cases=("lower",))
        return t.cast("t.Dict[str, str]", rendered.value)
