# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The variables that the Amazon ECS agent and ecs-init read, as data.

Source: amazon-ecs-agent at 8dfceca6 (agent 1.105.1): agent/config, agent/utils, ecs-init/config, ecs-init/docker.
"""

from __future__ import annotations

import typing as t

Bound = t.Union[int, str, None]  # a number, or for a duration its text; None: unbounded


class Key(t.NamedTuple):
    """One variable: its kind of value (see _ecs_config_values), its bounds, and who reads it."""

    kind: str
    minimum: Bound = None
    maximum: Bound = None
    minimum_windows: Bound = None  # where it differs there
    choices: t.Tuple[str, ...] = ()
    any_case: bool = False  # choices are compared without regard to letter case
    prefix: str = ""  # what its Linux reader wants before anything else, and ignores the variable without
    longest: t.Optional[t.Tuple[int, int]] = None  # of a map's names and values, in characters
    linux: bool = True
    windows: bool = True
    fatal: bool = False  # with a value that it can't read, the agent ends, and is started again for ever
    secret: bool = False
    unread: bool = False  # documented, and read by no code any more
    internal: bool = False  # set by ecs-init itself, or a hook of the agent's own tests


# What ECS_AVAILABLE_LOGGING_DRIVERS may name; with any other, the agent ends as well. Docker's own drivers local,
# gcplogs and etwlogs are not among them.
LOG_DRIVERS = (
    "json-file",
    "syslog",
    "journald",
    "gelf",
    "fluentd",
    "awslogs",
    "splunk",
    "logentries",
    "sumologic",
    "none",
    "awsfirelens",
)
_LOG_LEVELS = ("crit", "error", "warn", "info", "debug", "none")

KEYS: t.Dict[str, Key] = {
    "AWS_DEFAULT_REGION": Key("text"),
    "CREDENTIALS_FETCHER_HOST": Key("text", windows=False, prefix="unix://"),
    "CREDENTIALS_FETCHER_HOST_DIR": Key("text", internal=True),
    "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA": Key("text", windows=False),
    "DOCKER_HOST": Key("text", prefix="unix://"),
    "ECS_AGENT_APPARMOR_PROFILE": Key("text", windows=False),
    "ECS_AGENT_CONFIG_FILE_PATH": Key("path"),
    "ECS_AGENT_HEALTHCHECK_HOST": Key("text"),
    "ECS_AGENT_LABELS": Key("map", windows=False),
    "ECS_AGENT_PID_NAMESPACE_HOST": Key("switch", windows=False),
    "ECS_AGENT_RUN_PRIVILEGED": Key("switch", windows=False),
    "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS": Key("switch", windows=False),
    "ECS_ALTERNATE_CREDENTIAL_PROFILE": Key("text"),
    "ECS_APPARMOR_CAPABLE": Key("switch"),
    "ECS_AUDIT_LOGFILE": Key("path"),
    "ECS_AUDIT_LOGFILE_DISABLED": Key("switch"),
    "ECS_AVAILABLE_LOGGING_DRIVERS": Key("names", choices=LOG_DRIVERS),
    "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES": Key("networks", fatal=True),
    "ECS_AWSVPC_BLOCK_IMDS": Key("switch"),
    "ECS_BACKEND_HOST": Key("text"),
    "ECS_CGROUP_CPU_PERIOD": Key("duration", minimum="8ms", maximum="100ms", windows=False),
    "ECS_CGROUP_PATH": Key("path", windows=False),
    "ECS_CHECKPOINT": Key("switch"),
    "ECS_CLUSTER": Key("text"),
    "ECS_CNI_PLUGINS_PATH": Key("path"),
    "ECS_CONTAINER_CREATE_TIMEOUT": Key("duration", minimum="1m"),
    "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM": Key("choice", choices=("none", "ec2_instance")),
    "ECS_CONTAINER_INSTANCE_TAGS": Key("map", fatal=True, longest=(128, 256)),
    "ECS_CONTAINER_START_TIMEOUT": Key("duration", minimum="45s", minimum_windows="2m"),
    "ECS_CONTAINER_STOP_TIMEOUT": Key("duration", minimum="1s"),
    "ECS_DATADIR": Key("path"),
    "ECS_DETAILED_OS_FAMILY": Key("text", windows=False),
    "ECS_DISABLE_DOCKER_HEALTH_CHECK": Key("switch"),
    "ECS_DISABLE_IMAGE_CLEANUP": Key("switch"),
    "ECS_DISABLE_METRICS": Key("switch"),
    "ECS_DISABLE_PRIVILEGED": Key("switch"),
    "ECS_DISABLE_TASK_METADATA_AZ": Key("switch"),
    "ECS_DOMAIN_JOINED_LINUX_INSTANCE": Key("text", internal=True),
    "ECS_DYNAMIC_HOST_PORT_RANGE": Key("port range"),
    "ECS_EBSTA_SUPPORTED": Key("switch", windows=False),
    "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE": Key("switch"),
    "ECS_ENABLE_CONTAINER_METADATA": Key("switch"),
    "ECS_ENABLE_CPU_UNBOUNDED_WINDOWS_WORKAROUND": Key("switch", linux=False),
    "ECS_ENABLE_FIRELENS_ASYNC": Key("switch"),
    "ECS_ENABLE_GPU_SUPPORT": Key("switch", windows=False),
    "ECS_ENABLE_HIGH_DENSITY_ENI": Key("switch", windows=False),
    "ECS_ENABLE_INF_SUPPORT": Key("switch", windows=False),
    "ECS_ENABLE_MEMORY_UNBOUNDED_WINDOWS_WORKAROUND": Key("switch", linux=False),
    "ECS_ENABLE_PROMETHEUS_METRICS": Key("switch", windows=False),
    "ECS_ENABLE_RUNTIME_STATS": Key("switch"),
    "ECS_ENABLE_SPOT_INSTANCE_DRAINING": Key("switch"),
    "ECS_ENABLE_TASK_CPU_MEM_LIMIT": Key("switch"),
    "ECS_ENABLE_TASK_ENI": Key("switch"),
    "ECS_ENABLE_TASK_IAM_ROLE": Key("switch"),
    "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST": Key("switch"),
    "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP": Key("switch"),
    "ECS_ENGINE_AUTH_DATA": Key("credentials", secret=True),
    "ECS_ENGINE_AUTH_TYPE": Key("choice", choices=("docker", "dockercfg")),
    "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": Key("duration", minimum="1s"),
    "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER": Key("duration"),
    "ECS_EXCLUDE_IPV6_PORTBINDING": Key("switch"),
    "ECS_EXCLUDE_UNTRACKED_IMAGE": Key("csv"),
    "ECS_EXTERNAL": Key("switch"),
    "ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED": Key("switch", linux=False),
    "ECS_GMSA_SUPPORTED": Key("switch"),
    "ECS_HOST_DATA_DIR": Key("path", windows=False),
    "ECS_IMAGE_CLEANUP_INTERVAL": Key("duration", minimum="10m"),
    "ECS_IMAGE_MINIMUM_CLEANUP_AGE": Key("duration"),
    "ECS_IMAGE_PULL_BEHAVIOR": Key("choice", choices=("default", "always", "once", "prefer-cached")),
    "ECS_IMAGE_PULL_INACTIVITY_TIMEOUT": Key("duration", minimum="1m"),
    "ECS_IMAGE_PULL_TIMEOUT": Key("duration"),
    "ECS_INIT_DOCKER_LOG_FILE_NUM": Key("integer", minimum=1, windows=False),
    "ECS_INIT_DOCKER_LOG_FILE_SIZE": Key("size", windows=False),
    "ECS_INSTANCE_ATTRIBUTES": Key("map", fatal=True),
    "ECS_INSTANCE_IP_COMPATIBILITY": Key("choice", choices=("ipv4", "ipv6"), any_case=True, windows=False),
    "ECS_LOGFILE": Key("path"),
    "ECS_LOGLEVEL": Key("choice", choices=_LOG_LEVELS, any_case=True),
    "ECS_LOGLEVEL_ON_INSTANCE": Key("choice", choices=_LOG_LEVELS, any_case=True),
    "ECS_LOG_DRIVER": Key(
        "choice",
        choices=("awslogs", "fluentd", "gelf", "json-file", "journald", "logentries", "syslog", "splunk"),
        windows=False,
    ),
    "ECS_LOG_MAX_FILE_SIZE_MB": Key("number"),
    "ECS_LOG_MAX_ROLL_COUNT": Key("integer"),
    "ECS_LOG_OPTS": Key("map", windows=False),
    "ECS_LOG_OUTPUT_FORMAT": Key("choice", choices=("logfmt", "json")),
    "ECS_LOG_ROLLOVER_TYPE": Key("choice", choices=("size", "hourly")),
    "ECS_MANIFEST_PULL_TIMEOUT": Key("duration", minimum="30s"),
    "ECS_NUM_IMAGES_DELETE_PER_CYCLE": Key("integer", minimum=1),
    "ECS_NVIDIA_RUNTIME": Key("text", windows=False),
    "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME": Key("text", windows=False, unread=True),
    "ECS_PAUSE_LABELS": Key("map"),
    "ECS_POLLING_METRICS_WAIT_DURATION": Key("duration", minimum="5s", maximum="20s"),
    "ECS_POLL_METRICS": Key("switch"),
    "ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2": Key("switch", windows=False),
    "ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT": Key("switch"),
    "ECS_RESERVED_MEMORY": Key("integer", minimum=0, maximum=65535),
    "ECS_RESERVED_PORTS": Key("ports"),
    "ECS_RESERVED_PORTS_UDP": Key("ports"),
    "ECS_SELINUX_CAPABLE": Key("switch"),
    "ECS_SHARED_VOLUME_MATCH_FULL_CONFIG": Key("switch"),
    "ECS_SKIP_LOCALHOST_TRAFFIC_FILTER": Key("switch", windows=False),
    "ECS_TASK_METADATA_RPS_LIMIT": Key("pair", minimum=1),
    "ECS_TASK_PIDS_LIMIT": Key("integer", minimum=1, maximum=4194304, windows=False),
    "ECS_UPDATES_ENABLED": Key("switch"),
    "ECS_UPDATE_DOWNLOAD_DIR": Key("path"),
    "ECS_VOLUME_PLUGIN_CAPABILITIES": Key("texts"),
    "ECS_WARM_POOLS_CHECK": Key("switch"),
    "HTTPS_PROXY": Key("proxy"),
    "HTTP_PROXY": Key("proxy"),
    "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE": Key("integer"),
    "NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE": Key("duration"),
    "NO_PROXY": Key("no proxy"),
    "SSL_CERT_DIR": Key("path", windows=False),
    "ZZZ_SKIP_DOMAIN_JOIN_CHECK_NOT_SUPPORTED_IN_PRODUCTION": Key("text", internal=True),
    "ZZZ_SKIP_DOMAIN_LESS_CHECK_NOT_SUPPORTED_IN_PRODUCTION": Key("text", internal=True),
    "ZZZ_SKIP_WINDOWS_SERVER_VERSION_CHECK_NOT_SUPPORTED_IN_PRODUCTION": Key("text", internal=True),
}

# The agent passes its environment on to the AWS SDK, which reads these.
SDK_NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "NO_COLOR",
)
# Read too, and only where the name in capitals is not there or is empty.
LOWER_CASE_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
