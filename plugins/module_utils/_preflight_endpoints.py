# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Whom the components talk to, as data: what a preflight tries, and what a firewall's administrator asks for.

Sources: the vendors' pages for production and proxies (IoT Edge: "Allow connections from IoT Edge devices"; Docker:
"Allowlist for Docker Desktop"; ECS: "External instances", "HTTP proxy configuration"; CircleCI server 4: "Hardening
your cluster"). Where a page names a pattern there is nothing to try, so those rows are for the firewall alone.
"""

from __future__ import annotations

import typing as t

REQUIRED, OPTIONAL = "required", "optional"
PROXY, DIRECT = "proxy", "direct"


class Endpoint(t.NamedTuple):
    """One row. A `host` with a `*` can't be tried. {hub}, {region}, ... are filled in from what the user says."""

    host: str
    port: int
    purpose: str
    needed: str = REQUIRED
    via: str = PROXY
    protocol: str = "https"  # https, http, amqp, mqtt, or tcp: nothing but the connection


class Set(t.NamedTuple):
    """The endpoints of one component. `always` needs nothing said; the others need the parameter they are named by."""

    always: t.Tuple[Endpoint, ...]
    by_parameter: t.Mapping[str, t.Tuple[Endpoint, ...]]
    needs: t.Tuple[str, ...] = ()  # parameters without which the set makes no sense
    example: str = ""


_DOCKER = (
    Endpoint("registry-1.docker.io", 443, "Docker Hub: manifests and layers"),
    Endpoint("auth.docker.io", 443, "Docker Hub: tokens, without which nothing can be pulled"),
    # Which of them a layer comes from depends on the account and the place.
    Endpoint("production.cloudflare.docker.com", 443, "Docker Hub: layers", OPTIONAL),
    Endpoint("production.cloudfront.docker.com", 443, "Docker Hub: layers", OPTIONAL),
    Endpoint(
        "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com",
        443,
        "Docker Hub: layers, without an account",
        OPTIONAL,
    ),
)

_IOT_HUB = (
    Endpoint("{hub}", 443, "IoT Hub: edgeAgent and edgeHub over WebSockets, and the daemons"),
    # No proxy carries these: edgeAgent and edgeHub use one for WebSockets alone.
    Endpoint("{hub}", 5671, "IoT Hub: UpstreamProtocol Amqp", OPTIONAL, DIRECT, "amqp"),
    Endpoint("{hub}", 8883, "IoT Hub: UpstreamProtocol Mqtt", OPTIONAL, DIRECT, "mqtt"),
)

_IOTEDGE = (
    Endpoint("mcr.microsoft.com", 443, "Microsoft's registry: edgeAgent, edgeHub and other modules"),
    Endpoint("*.data.mcr.microsoft.com", 443, "Microsoft's registry: layers"),
    Endpoint("*.azure-devices.net", 443, "IoT Hub"),
    Endpoint("*.azure-devices.net", 5671, "IoT Hub: only for UpstreamProtocol Amqp", OPTIONAL, DIRECT, "amqp"),
    Endpoint("*.azure-devices.net", 8883, "IoT Hub: only for UpstreamProtocol Mqtt", OPTIONAL, DIRECT, "mqtt"),
    Endpoint("*.azurecr.io", 443, "Azure Container Registry: your own modules", OPTIONAL),
    Endpoint("*.blob.core.windows.net", 443, "Azure Container Registry: layers", OPTIONAL),
    Endpoint("*.cdn.azcr.io", 443, "modules from the Marketplace", OPTIONAL),
    Endpoint("*.docker.io", 443, "Docker Hub, for modules that come from there", OPTIONAL),
    Endpoint("aka.ms", 443, "iotedge check and the identity service: the newest version", OPTIONAL),
    Endpoint("raw.githubusercontent.com", 443, "iotedge check and the identity service: the newest version", OPTIONAL),
)

_DPS = (Endpoint("{dps}", 443, "Device Provisioning Service"),)

_ECS = (
    Endpoint("ecs.{domain}", 443, "the agent: registration"),
    Endpoint("ecs-a-*.{domain}", 443, "the agent: tasks (WebSocket)"),
    Endpoint("ecs-t-*.{domain}", 443, "the agent: metrics (WebSocket)"),
    Endpoint("api.ecr.{domain}", 443, "Elastic Container Registry: tokens", OPTIONAL),
    Endpoint("*.dkr.ecr.{domain}", 443, "Elastic Container Registry: your images", OPTIONAL),
    Endpoint("prod-{region}-starport-layer-bucket.s3.{domain}", 443, "Elastic Container Registry: layers", OPTIONAL),
    Endpoint(
        "amazon-ecs-agent-{region}.s3.{domain}", 443, "ecs-init: the agent itself, where no package has it", OPTIONAL
    ),
    Endpoint("logs.{domain}", 443, "CloudWatch Logs: log driver awslogs", OPTIONAL),
    Endpoint("ssm.{domain}", 443, "ECS Anywhere and secrets from Parameter Store", OPTIONAL),
    Endpoint("ssmmessages.{domain}", 443, "ECS Anywhere and ECS Exec", OPTIONAL),
    Endpoint("ec2messages.{domain}", 443, "ECS Anywhere", OPTIONAL),
    Endpoint("secretsmanager.{domain}", 443, "secrets from Secrets Manager", OPTIONAL),
    Endpoint("public.ecr.aws", 443, "public images", OPTIONAL),
    Endpoint("169.254.169.254", 80, "EC2's metadata service", OPTIONAL, DIRECT, "http"),
    Endpoint(
        "169.254.170.2", 80, "the tasks' credentials, answered by the agent on this host", OPTIONAL, DIRECT, "http"
    ),
)

_CIRCLECI = (
    *_DOCKER[:2],
    Endpoint("github.com", 443, "checkouts by HTTPS", OPTIONAL),
    Endpoint("github.com", 22, "checkouts by SSH, which no HTTP proxy carries", OPTIONAL, DIRECT, "tcp"),
    Endpoint("*.s3.amazonaws.com", 443, "object storage: caches, artifacts and workspaces, where it is S3", OPTIONAL),
)

SETS: t.Dict[str, Set] = {
    "docker": Set(_DOCKER, {}),
    "iotedge": Set(
        _IOTEDGE,
        {"hub": _IOT_HUB, "dps": _DPS},
        example="{set: iotedge, hub: example.azure-devices.net, dps: true}",
    ),
    "ecs": Set((), {"region": _ECS}, needs=("region",), example="{set: ecs, region: eu-central-1}"),
    "circleci": Set(
        _CIRCLECI,
        {
            "host": (Endpoint("{host}", 443, "CircleCI server"),),
            "nomad": (Endpoint("{nomad}", 4647, "the Nomad servers", REQUIRED, DIRECT, "tcp"),),
        },
        example="{set: circleci, host: circleci.example.com, nomad: nomad.example.com}",
    ),
}

# What containers and the agent must reach past any proxy, or they get no credentials.
METADATA = ("169.254.169.254", "169.254.170.2")
GLOBAL_DPS = "global.azure-devices-provisioning.net"
# A region's domain, by how its name begins.
_DOMAINS = {"cn-": "amazonaws.com.cn"}


def filled(name: str, parameters: t.Mapping[str, str]) -> t.List[Endpoint]:
    """Return the rows of a set, each {placeholder} replaced; `parameters` are those given, all of them texts."""
    known = SETS[name]
    rows = list(known.always)
    for parameter, more in known.by_parameter.items():
        rows += more if parameter in parameters else ()
    values = dict(parameters)
    if "region" in values:
        suffix = next((domain for begin, domain in _DOMAINS.items() if values["region"].startswith(begin)), None)
        values["domain"] = f"{values['region']}.{suffix or 'amazonaws.com'}"
    return [row._replace(host=row.host.format(**values)) for row in rows]
