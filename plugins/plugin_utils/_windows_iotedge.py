# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Azure IoT Edge 1.1 with Windows containers, which is past its end of life: looked at, and its install step."""

from __future__ import annotations

import typing as t
import urllib.parse

import yaml
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_ensure, _windows_scripts
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

ARGUMENT_SPEC: dict[str, t.Any] = {
    "service": {"type": "str", "default": "iotedge"},
    "config": {"type": "str", "required": True},
    "proxy": {"type": "dict"},
    "asked": {"type": "list", "elements": "str", "default": []},
    "install": {"type": "bool", "default": False},
}

_END_OF_LIFE = "IoT Edge 1.1, the last with Windows containers, has had no fix since December 2022; move to EFLOW"


def check(params: t.Mapping[str, t.Any], run: Run, host: Host) -> None:
    """Refuse what stands in config.yaml, which is never edited, and tell what of the proxy is missing there."""
    path = params["config"]
    content = host.read_file(path)
    if params["asked"]:
        raise Refused(
            "is the configuration of IoT Edge 1.1, which this collection does not edit: 1.1 is past its end of life,"
            f" and config.toml, which {', '.join(params['asked'])} would go to, came after it",
            where=path,
            instead="Leave these variables empty for Windows hosts, and edit config.yaml by hand; or move to EFLOW.",
        )
    run.notice(Notice(params["service"], "end of life", _END_OF_LIFE))
    if content is None or not params["proxy"]:
        return
    wanted = _proxy.parse(params["proxy"])
    run.secrets.extend(wanted.secrets)
    environment = _agent_environment(content, path)
    found = {name.lower(): value for name, value in environment.items() if isinstance(name, str)}.get("https_proxy")
    if found not in (wanted.https, wanted.https + "/"):
        why = "is not the proxy, so edgeAgent won't reach the hub; write it there by hand, and restart iotedge"
        run.notice(Notice("edgeAgent", f"{path}: agent.env.https_proxy", why))


def _agent_environment(content: bytes, path: str) -> t.Mapping[t.Any, t.Any]:
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        # Not quoted: it may hold a connection string.
        raise Refused("is no YAML, so iotedge does not start with it", where=path) from None
    agent = document.get("agent") if isinstance(document, dict) else None
    environment = agent.get("env") if isinstance(agent, dict) else None
    return environment if isinstance(environment, dict) else {}


def to_install(params: t.Mapping[str, t.Any] | None, host: Host) -> bool:
    """Tell whether the vendor's installer is to run: that was asked for, and the service is not there."""
    if not params or not params["install"]:
        return False
    return _windows_ensure.service_key(params["service"], host.registry) is None


def install(params: t.Mapping[str, t.Any], host: Host) -> None:
    """Run the vendor's installer."""
    host.run_script(_windows_scripts.DEPLOY_IOTEDGE, deploy_parameters(params["proxy"] or {}), where="Deploy-IoTEdge")


def deploy_parameters(model: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what DEPLOY_IOTEDGE takes for a proxy's model: the URL without credentials, and those as they are."""
    if not model:
        return {"Proxy": "", "User": "", "Password": ""}
    address = urllib.parse.urlsplit(_proxy.parse(model).https)
    user, password = (urllib.parse.unquote(part or "") for part in (address.username, address.password))
    url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return {"Proxy": url, "User": user, "Password": password}
