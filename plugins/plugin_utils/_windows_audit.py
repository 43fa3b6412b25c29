# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The audit of a Windows host: services' and the machine's variables, as the registry has them.

No module shows the environment of a running process there, so what runs is never told. That a restart is due is, where
a run of this collection has left its mark.
"""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit, _proxy, _proxy_ecs
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_judge as judging
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_values as values
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit_judge import Found, Mend, Place
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit_wanted import Wanted
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_environment as core
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_ensure import MACHINE, SERVICES, find
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_mark import MARK
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Key, Registry

DOCKER, AGENT = "docker", "AmazonECS"
# Those of IoT Edge 1.1, which read https_proxy alone.
_HTTPS_ALONE = ("iotedge", "iotedge-moby")
_SERVICE, _MACHINE = _audit.WINDOWS
_BY_MODULE = "Set it by the module fleetops.container_hosts.win_registry_environment (scope: machine)."
_DUE = "was given something else by a run that did not restart it"


def ensure(params: t.Mapping[str, t.Any], run: Run, registry: Registry) -> dict[str, t.Any]:
    """Return what the host's services and the machine are told, as `_audit.ensure` does; `params` are the same."""
    host = _Windows(params, run, registry)
    asked = params["consumers"] or _audit.WINDOWS
    entries = [*(host.services() if _SERVICE in asked else ()), *(host.machine() if _MACHINE in asked else ())]
    return _audit.result(entries, host.proxy)


class _Windows:
    def __init__(self, params: t.Mapping[str, t.Any], run: Run, registry: Registry) -> None:
        self.run = run
        self.proxy = _audit.proxy_of(params)
        self.key = params["digest_key"] or ""
        self.optional = _MACHINE not in params["consumers"]
        name = shlex.quote(params["name"])
        self.site = f"ansible-playbook fleetops.container_hosts.site --limit {name}"
        # Most hosts have one of them, or two.
        there = {core.fold(name) for name in (registry.key(SERVICES) or Key({}, [])).keys}
        names = [name for name in (DOCKER, *_HTTPS_ALONE, AGENT) if core.fold(name) in there]
        keys = {name: registry.key(f"{SERVICES}\\{name}") for name in names}
        # A key without a program is no service.
        self.installed = {name: key for name, key in keys.items() if key and find(key.values, "ImagePath")}
        machine = registry.key(MACHINE) or Key({}, [])
        texts = {name: value.data for name, value in machine.values.items() if value.kind in (core.PLAIN, core.EXPAND)}
        self.everybody = _places(texts, MACHINE)

    def services(self) -> t.Iterator[dict[str, t.Any]]:
        """Yield an entry for each service; its own variables win over the machine's."""
        if not self.installed:
            yield judging.absent(_SERVICE, "service")
        for name, key in self.installed.items():
            where = f"{SERVICES}\\{name}\\Environment"
            try:
                pairs = dict(filter(None, map(core.split, core.entries_of(find(key.values, "Environment"), where))))
            except Refused as refused:
                self.run.notice(Notice(name, "Environment", f"{refused}; it was not judged"))
                continue
            settings = values.SETTINGS[1:2] if name in _HTTPS_ALONE else values.SETTINGS
            configured = {**self.everybody, **_places(pairs, where)}
            yield self.judged(
                Found(
                    _SERVICE,
                    name,
                    "service",
                    settings,
                    {setting: place for setting, place in configured.items() if setting in settings},
                    Mend(self.site, self.site, self.site, self.site.replace(".site ", ".remove ")),
                    due=_DUE if find(key.values, MARK) else "",
                )
            )

    def machine(self) -> t.Iterator[dict[str, t.Any]]:
        """Yield the entry of the machine's variables, which need not be there where services have their own."""
        mend = Mend(*[_BY_MODULE] * 4)
        yield self.judged(
            Found(_MACHINE, "machine", "machine", values.SETTINGS, self.everybody, mend, optional=self.optional)
        )

    def judged(self, found: Found) -> dict[str, t.Any]:
        return judging.judge(found, self.wanted(found.name), self.key)

    def wanted(self, name: str) -> judging.Wanted:
        if self.proxy is None or name in _HTTPS_ALONE:
            return Wanted(self.proxy).iotedge()
        return _ecs(self.proxy) if AGENT in self.installed else Wanted(self.proxy).go()


def _ecs(proxy: _proxy.Proxy) -> judging.Wanted:
    return {name.lower(): value for name, value in _proxy_ecs.environment(proxy, windows=True).value.items()}


def _places(texts: t.Mapping[str, t.Any], where: str) -> dict[str, Place]:
    """Return the proxy's settings among variables; on Windows, the case of a name does not count."""
    return {
        name.lower(): Place(str(text), name, where, None)
        for name, text in texts.items()
        if name.lower() in values.SETTINGS and text
    }
