# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The rules by which a deployment manifest is judged: how bad it is, and who says so."""

from __future__ import annotations

import typing as t

from ._manifest import Path

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

_PROXY_PAGE = "Microsoft Learn, Configure an IoT Edge device to communicate through a proxy server"
_PRODUCTION = "Microsoft Learn, Prepare to deploy your IoT Edge solution in production"
_TWIN = "Microsoft Learn, Understand and use device twins in IoT Hub; ReportedPropertiesValidator.cs of Azure/iotedge"
_PROPERTIES = "Microsoft Learn, Properties of the IoT Edge agent and hub module twins"
_AGENT = "edge-agent of Azure/iotedge: DockerModule, EdgeAgentDockerModule, EnvVal, CreateOptions"
_PROTOCOL = "edge-util and edge-agent of Azure/iotedge: UpstreamProtocol, ModuleClientProvider"
_PROXY = "edge-util of Azure/iotedge: Proxy.Parse; Azure/iotedge issues 5421 and 4053"
_HUB = "edge-hub of Azure/iotedge: EdgeHubConfigParser"
_DOCKER = "Docker Engine API, ContainerCreate"


class Rule(t.NamedTuple):
    severity: str
    source: str


RULES: dict[str, Rule] = {
    # Proxy and protocol.
    "agent_without_proxy": Rule(ERROR, _PROXY),
    "hub_without_proxy": Rule(ERROR, _PROXY_PAGE),
    "proxy_not_a_url": Rule(ERROR, _PROXY),
    "proxy_speaks_tls": Rule(WARNING, _PROXY_PAGE),
    "proxy_empty": Rule(WARNING, _PROXY),
    "proxy_said_twice": Rule(ERROR, _PROXY),
    "proxies_differ": Rule(WARNING, _PROXY_PAGE),
    "protocol_passes_proxy_by": Rule(ERROR, _PROTOCOL),
    "protocols_differ": Rule(WARNING, _PRODUCTION),
    "protocol_unknown": Rule(ERROR, _PROTOCOL),
    "protocol_spelling": Rule(INFO, _PROTOCOL),
    # Modules.
    "runtime_missing": Rule(ERROR, _PROPERTIES),
    "key_unknown": Rule(WARNING, _AGENT),
    "value_unknown": Rule(ERROR, _PROPERTIES),
    "value_missing": Rule(ERROR, _PROPERTIES),
    "schema_version": Rule(ERROR, _PROPERTIES),
    "env_shape": Rule(ERROR, _AGENT),
    "update_mode_unknown": Rule(ERROR, "edge-agent of Azure/iotedge: ModuleUpdateMode"),
    "switch_not_boolean": Rule(ERROR, _HUB),
    "time_to_live": Rule(ERROR, _HUB),
    "route": Rule(ERROR, _HUB),
    "registry_credentials": Rule(ERROR, _AGENT),
    # Images and containers.
    "image_moves": Rule(WARNING, _PRODUCTION),
    "image_debug": Rule(WARNING, _PRODUCTION),
    "port_debug": Rule(WARNING, _PRODUCTION),
    "create_options_not_text": Rule(ERROR, _AGENT),
    "create_options_not_json": Rule(ERROR, _AGENT),
    "create_options_piece_lost": Rule(ERROR, _AGENT),
    "create_options_key_unknown": Rule(WARNING, _DOCKER),
    "log_limits_missing": Rule(WARNING, _PRODUCTION),
    "log_option_not_text": Rule(ERROR, _DOCKER),
    "storage_in_container": Rule(INFO, _PRODUCTION),
    "storage_not_mounted": Rule(WARNING, _PRODUCTION),
    # Sizes.
    "twin_too_large": Rule(ERROR, _TWIN),
    "twin_value_too_long": Rule(ERROR, _TWIN),
    "twin_name": Rule(ERROR, _TWIN),
    "twin_too_deep": Rule(ERROR, _TWIN),
    "twin_number": Rule(ERROR, _TWIN),
    "too_many_modules": Rule(ERROR, _PROPERTIES),
}


class Finding(t.NamedTuple):
    """One thing that is wrong. It never holds a secret: no value of a variable is quoted."""

    rule: str
    path: Path  # in the document; what is missing, where it would be
    what: str
    mend: str
    severity: str = ""  # the rule's, unless said here

    @property
    def weight(self) -> str:
        return self.severity or RULES[self.rule].severity
