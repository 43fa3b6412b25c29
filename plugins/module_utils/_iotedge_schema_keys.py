# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The keys of Azure IoT Edge's /etc/aziot/config.toml (1.2 to 1.6), as data.

They are the fields that `iotedge config apply` reads; it ignores every other key at every level, without a word. From
the sources of Azure/iotedge and Azure/iot-identity-service: the two `super_config.rs` and the crates they use.
"""

from __future__ import annotations

import typing as t


class Key(t.NamedTuple):
    """One key: its kind, which is a name in STRUCTURES or a kind of _iotedge_schema_values, and whether it must be."""

    kind: str
    required: bool = False


class Table(t.NamedTuple):
    """A table whose keys are known. `example` says how to write it."""

    keys: t.Mapping[str, Key]
    example: str = ""
    # Groups of keys of which the daemon takes all, or ignores the rest.
    together: t.Tuple[t.Tuple[str, ...], ...] = ()
    # Groups of keys that exclude each other: the daemon takes the first group and ignores the others.
    apart: t.Tuple[t.Tuple[t.Tuple[str, ...], ...], ...] = ()
    # (certificate, private key): the key belongs to a certificate that is a file, and to no other.
    key_of: t.Tuple[t.Tuple[str, str], ...] = ()
    # Other keys are handed on as they are (to Docker), not ignored.
    open: bool = False


class Names(t.NamedTuple):
    """A table whose keys are names that the user chooses, all with values of one kind."""

    kind: str
    example: str = ""
    any_name: bool = False  # also one that STRAYS has


class Array(t.NamedTuple):
    """An array of values of one kind."""

    kind: str
    example: str = ""


class ByType(t.NamedTuple):
    """A value that may be of several types, each with its kind ('': not this type)."""

    string: str
    table: str = ""
    array: str = ""
    example: str = ""


class Tagged(t.NamedTuple):
    """A table in which the value of the key `tag` says which structure the rest has."""

    tag: str
    variants: t.Mapping[str, str]
    example: str = ""


class Untagged(t.NamedTuple):
    """A table of which only the keys in it tell which structure it has; the daemon takes the first that fits."""

    variants: t.Mapping[str, str]  # the structure's name, and what a person calls it
    example: str = ""


Structure = t.Union[Table, Names, Array, ByType, Tagged, Untagged]


def _keys(kind: str, *names: str) -> t.Dict[str, Key]:
    return {name: Key(kind) for name in names}


_ISSUANCE: t.Dict[str, Key] = {
    "expiry_days": Key("days"),
    "common_name": Key("text"),
    "subject": Key("subject"),
    "auto_renew": Key("auto_renew"),
}
_SUBJECTS = ((("common_name",), ("subject",)),)

_EST_AUTH: t.Dict[str, Key] = {
    "username": Key("string"),
    "password": Key("string"),
    "bootstrap_identity_cert": Key("file url"),
    "bootstrap_identity_pk": Key("key uri"),
    "identity_cert": Key("file url"),
    "identity_pk": Key("key uri"),
}
_EST_TOGETHER = (
    ("username", "password"),
    ("bootstrap_identity_cert", "bootstrap_identity_pk"),
    ("identity_cert", "identity_pk"),
)
_EST_APART = (_EST_TOGETHER[1:],)

_X509: t.Dict[str, Key] = {"identity_cert": Key("certificate", required=True), "identity_pk": Key("key uri")}
_X509_EXAMPLE = (
    'Write identity_cert = "file:///..." and identity_pk = "file:///...", or identity_cert = { method = ... }.'
)
_X509_KEY_OF = (("identity_cert", "identity_pk"),)

STRUCTURES: t.Dict[str, Structure] = {
    "": Table(
        {
            "hostname": Key("hostname"),
            "parent_hostname": Key("hostname"),
            "local_gateway_hostname": Key("hostname"),
            "trust_bundle_cert": Key("file url"),
            "allow_elevated_docker_permissions": Key("bool"),
            "auto_reprovisioning_mode": Key("reprovisioning mode"),
            "imported_master_encryption_key": Key("path"),
            "additional_info": Key("file url"),
            "cloud_timeout_sec": Key("timeout"),
            "cloud_retries": Key("u32"),
            "prefer_module_identity_cache": Key("bool"),
            "provisioning": Key("provisioning", required=True),
            "agent": Key("agent"),
            "edge_ca": Key("edge_ca"),
            "cert_issuance": Key("cert_issuance"),
            "preloaded_certs": Key("preloaded_certs"),
            "preloaded_keys": Key("preloaded_keys"),
            "aziot_keys": Key("aziot_keys"),
            "tpm": Key("tpm"),
            "connect": Key("connect"),
            "listen": Key("listen"),
            "watchdog": Key("watchdog"),
            "moby_runtime": Key("moby_runtime"),
            "image_garbage_collection": Key("image_garbage_collection"),
            "iotedge_max_requests": Key("iotedge_max_requests"),
            "aziot_max_requests": Key("aziot_max_requests"),
            "localid": Key("localid"),
        },
        example='Write [provisioning] with source = "manual", "dps" or "none"; it is the one table that must be there.',
        apart=((("parent_hostname",), ("local_gateway_hostname",)),),
    ),
    # Provisioning ---------------------------------------------------------------------------------------------------
    "provisioning": Tagged(
        "source", {"manual": "manual provisioning", "dps": "DPS provisioning", "none": "no provisioning"}
    ),
    "no provisioning": Table({}),
    "manual provisioning": Untagged(
        {
            "connection string provisioning": "manual provisioning with a connection string",
            "explicit provisioning": "manual provisioning with a key or certificate of its own",
        },
        example='Write connection_string = "HostName=...;DeviceId=...;SharedAccessKey=...", or iothub_hostname, '
        "device_id and [provisioning.authentication].",
    ),
    "connection string provisioning": Table({"connection_string": Key("connection string", required=True)}),
    "explicit provisioning": Table(
        {
            "iothub_hostname": Key("hostname", required=True),
            "device_id": Key("text", required=True),
            "authentication": Key("authentication", required=True),
        },
        example='Write iothub_hostname, device_id and [provisioning.authentication] with method = "sas" or "x509".',
    ),
    "authentication": Tagged("method", {"sas": "authentication sas", "x509": "authentication x509"}),
    "authentication sas": Table(
        {"device_id_pk": Key("symmetric key", required=True)},
        example='Write device_id_pk = { value = "..." } with the base64 key, or { uri = "file:///..." }.',
    ),
    "authentication x509": Table(_X509, example=_X509_EXAMPLE, key_of=_X509_KEY_OF),
    "DPS provisioning": Table(
        {
            "global_endpoint": Key("http url", required=True),
            "id_scope": Key("text", required=True),
            "attestation": Key("attestation", required=True),
            "payload": Key("payload"),
        },
        example='Write global_endpoint = "https://global.azure-devices-provisioning.net", id_scope and '
        "[provisioning.attestation].",
    ),
    "payload": Table({"uri": Key("file url", required=True)}, example='Write payload = { uri = "file:///..." }.'),
    "attestation": Tagged(
        "method",
        {"symmetric_key": "attestation symmetric_key", "x509": "attestation x509", "tpm": "attestation tpm"},
    ),
    "attestation symmetric_key": Table(
        {
            "registration_id": Key("text", required=True),
            "symmetric_key": Key("symmetric key", required=True),
        },
        example='Write registration_id and symmetric_key = { value = "..." } with the base64 key, '
        'or { uri = "file:///..." }.',
    ),
    "attestation x509": Table(
        {"registration_id": Key("registration"), **_X509}, example=_X509_EXAMPLE, key_of=_X509_KEY_OF
    ),
    "attestation tpm": Table({"registration_id": Key("text", required=True)}, example="Write registration_id."),
    # Here it is a certificate's subject, which later releases take in full.
    "registration": ByType("text", table="subject", example='Write registration_id = "...".'),
    "symmetric key": Untagged(
        {"inline key": "a key in the file", "key elsewhere": "a key that is elsewhere"},
        example='Write { value = "..." } with the base64 key, or { uri = "file:///..." }.',
    ),
    "inline key": Table({"value": Key("base64", required=True)}),
    "key elsewhere": Table({"uri": Key("key uri", required=True)}),
    # Certificates ---------------------------------------------------------------------------------------------------
    "certificate": ByType(
        "file url",
        table="issuance",
        example='Write "file:///..." or a table with method = "est", "local_ca" or "self_signed".',
    ),
    "issuance": Tagged(
        "method", {"est": "issuance est", "local_ca": "issuance local_ca", "self_signed": "issuance self_signed"}
    ),
    "issuance est": Table(
        {"url": Key("http url"), **_EST_AUTH, **_ISSUANCE}, together=_EST_TOGETHER, apart=_EST_APART + _SUBJECTS
    ),
    "issuance local_ca": Table(_ISSUANCE, apart=_SUBJECTS),
    "issuance self_signed": Table(_ISSUANCE, apart=_SUBJECTS),
    "subject": Names("text", example='Write subject = { CN = "..." }.'),
    "auto_renew": Table(
        {
            "rotate_key": Key("bool", required=True),
            "threshold": Key("renewal policy", required=True),
            "retry": Key("renewal policy", required=True),
        },
        example='Write all of rotate_key = true, threshold = "80%" and retry = "4%".',
    ),
    "edge_ca": Untagged(
        {
            "issuance": "an issued certificate",
            "preloaded CA": "a certificate of your own",
            "quickstart CA": "a self-signed certificate for trials",
        },
        example="Write cert and pk (your own certificate), method (an issued one), or "
        "auto_generated_edge_ca_expiry_days = 90 (a self-signed one).",
    ),
    "preloaded CA": Table(
        {"cert": Key("file url", required=True), "pk": Key("key uri", required=True)},
        example='Write cert = "file:///..." and pk = "file:///...".',
    ),
    "quickstart CA": Table(
        {
            "auto_generated_edge_ca_expiry_days": Key("days", required=True),
            **{name: key for name, key in _ISSUANCE.items() if name != "expiry_days"},
        },
        apart=_SUBJECTS,
    ),
    "cert_issuance": Table({"est": Key("est"), "local_ca": Key("local_ca")}),
    "est": Table(
        {
            "trusted_certs": Key("trusted_certs"),
            "identity_auto_renew": Key("auto_renew"),
            "auth": Key("est auth"),
            "urls": Key("est urls"),
        },
    ),
    "trusted_certs": Array("file url", example='Write ["file:///..."].'),
    "est auth": Table(_EST_AUTH, together=_EST_TOGETHER, apart=_EST_APART),
    "est urls": Names("http url", example='Write default = "https://..." in [cert_issuance.est.urls].'),
    "local_ca": Table(
        {"cert": Key("certificate", required=True), "pk": Key("key uri")},
        example='Write cert = "file:///..." and pk = "file:///...", or cert = { method = ... }.',
        key_of=(("cert", "pk"),),
    ),
    "preloaded_certs": Names("preloaded certificate"),
    "preloaded certificate": ByType(
        "file url", array="certificate ids", example='Write "file:///...", or an array of other certificates\' names.'
    ),
    "certificate ids": Array("text"),
    # Keys and TPM ---------------------------------------------------------------------------------------------------
    "preloaded_keys": Names("key uri"),
    "aziot_keys": Names("string"),
    "tpm": Table(
        {
            "tcti": Key("text"),
            "auth_key_index": Key("tpm index"),
            "hierarchy_authorization": Key("hierarchy_authorization"),
        }
    ),
    "hierarchy_authorization": Table(_keys("string", "endorsement", "owner")),
    # The agent ------------------------------------------------------------------------------------------------------
    "agent": Table(
        {
            "name": Key("module name", required=True),
            "type": Key("module type", required=True),
            "imagePullPolicy": Key("pull policy"),
            "config": Key("agent config", required=True),
            "env": Key("agent env"),
        },
        example='Write name = "edgeAgent", type = "docker" and [agent.config] with image = "...".',
    ),
    "agent config": Table(
        {
            "image": Key("text", required=True),
            "createOptions": Key("createOptions"),
            "digest": Key("text"),
            "imageHash": Key("text"),
            "auth": Key("registry auth"),
        },
        example='Write image = "mcr.microsoft.com/azureiotedge-agent:..." with the tag of the wanted version.',
    ),
    # What Docker's API takes here; the daemon hands it on.
    "registry auth": Table(
        _keys("string", "serveraddress", "username", "password", "email", "auth", "identitytoken", "registrytoken"),
        example='Write serveraddress = "registry.example.com", username and password.',
    ),
    "agent env": Names("variable", example='Write NAME = "value" in [agent.env].'),
    "createOptions": Table(
        {
            "Hostname": Key("string"),
            "Env": Key("strings"),
            "Cmd": Key("strings"),
            "Image": Key("string"),
            "Volumes": Key("volumes"),
            "Entrypoint": Key("strings"),
            "Labels": Key("labels"),
            "HostConfig": Key("HostConfig"),
        },
        example="Write a TOML table, [agent.config.createOptions]; only a deployment manifest has a JSON string here.",
        open=True,
    ),
    "volumes": Names("anything", any_name=True),
    "labels": Names("string", any_name=True),
    "HostConfig": Table(
        {"Binds": Key("strings"), "Privileged": Key("bool"), "LogConfig": Key("LogConfig")},
        example="Write a TOML table, [agent.config.createOptions.HostConfig].",
        open=True,
    ),
    "LogConfig": Table({"Type": Key("string"), "Config": Key("log options")}, open=True),
    "log options": Names("string", example='Write Config = { "max-size" = "10m", "max-file" = "3" }.', any_name=True),
    "strings": Array("string", example='Write ["..."].'),
    # The daemon -----------------------------------------------------------------------------------------------------
    "connect": Table(
        {"workload_uri": Key("socket uri", required=True), "management_uri": Key("socket uri", required=True)},
        example="Write both workload_uri and management_uri, or leave the table out.",
    ),
    "listen": Table(
        {
            "workload_uri": Key("socket uri", required=True),
            "management_uri": Key("socket uri", required=True),
            # Not in the vendor's template, but `iotedge config import` writes it.
            "min_tls_version": Key("tls version"),
        },
        example="Write both workload_uri and management_uri, or leave the table out.",
    ),
    "watchdog": Table({"max_retries": Key("retries")}),
    "moby_runtime": Table(
        {
            "uri": Key("url", required=True),
            "network": Key("network", required=True),
            "content_trust": Key("content_trust"),
        },
        example='Write both uri = "unix:///var/run/docker.sock" and network = "azure-iot-edge".',
    ),
    "network": ByType("string", table="network table", example='Write "azure-iot-edge" or a table with name and ipv6.'),
    "network table": Table(
        {"name": Key("text", required=True), "ipv6": Key("bool"), "ipam": Key("ipam")},
        example='Write name = "azure-iot-edge".',
    ),
    "ipam": Table({"config": Key("ipam config")}),
    "ipam config": Array("address range", example='Write [{ subnet = "172.18.0.0/16", gateway = "172.18.0.1" }].'),
    "address range": Table(
        {"gateway": Key("ip"), "subnet": Key("ip network"), "ip_range": Key("ip network")},
        example='Write { subnet = "172.18.0.0/16", gateway = "172.18.0.1" }.',
    ),
    "content_trust": Table({"ca_certs": Key("ca_certs")}),
    "ca_certs": Names("file url", example='Write "registry.example.com" = "file:///...".'),
    "image_garbage_collection": Table(
        {
            "enabled": Key("bool"),
            "cleanup_recurrence": Key("days between"),
            "image_age_cleanup_threshold": Key("duration"),
            "cleanup_time": Key("time of day"),
        }
    ),
    "iotedge_max_requests": Table(
        {"management": Key("requests", required=True), "workload": Key("requests", required=True)},
        example="Write both management = 50 and workload = 10, or leave the table out.",
    ),
    "aziot_max_requests": Table(
        {name: Key("requests", required=True) for name in ("keyd", "certd", "tpmd", "identityd")},
        example="Write all of keyd, certd, tpmd and identityd (the default is 10), or leave the table out.",
    ),
    "localid": Table({"domain": Key("text", required=True)}, example="Write domain, or leave the table out."),
}

_PROXY = (
    'config.toml has no key for the proxy. Write "https_proxy" in [agent.env] for the agent, and give it to the units '
    "aziot-edged, aziot-identityd and docker in their environment."
)
_REPROVISIONING = 'Write auto_reprovisioning_mode = "AlwaysOnStartup" before the first table, and take this out.'

# Keys that are none here, and what to write for them. By their last name, wherever they stand.
INSTEAD: t.Dict[str, str] = {
    "https_proxy": _PROXY,
    "http_proxy": _PROXY,
    "no_proxy": _PROXY,
    "proxy": _PROXY,
    "scope_id": "Write id_scope.",
    # Of IoT Edge 1.1's config.yaml, and of the first releases of 1.2; `iotedge config import` still wrote them.
    "always_reprovision_on_startup": _REPROVISIONING,
    "always_reprovisioning_on_startup": _REPROVISIONING,
    "dynamic_reprovisioning": 'Write auto_reprovisioning_mode = "Dynamic" before the first table, and take this out.',
    "manifest_trust_bundle_cert": "Take it out: it was only ever read by builds with content trust.",
    "endpoints": "Take it out: only the vendor's debug builds read it.",
    "allowElevatedDockerPermissions": "Write allow_elevated_docker_permissions before the first table.",
    # `iotedge config apply` reads it with the rest of [aziot_keys], and writes its own value over it.
    "homedir_path": "Take it out: iotedge config apply sets it itself.",
}

# Keys that end up in the table before them when they are appended to the file: where a table takes any name, they would
# pass for one. The last three are shown without their table's header on the vendor's page.
STRAYS = frozenset(
    {
        *(name for name, key in t.cast(Table, STRUCTURES[""]).keys.items() if key.kind not in STRUCTURES),
        "cleanup_recurrence",
        "image_age_cleanup_threshold",
        "cleanup_time",
    }
)

# What Docker's API takes beside HostConfig to create a container (v1.24 to v1.47). It ignores other names in silence.
CREATE_OPTIONS = (
    "ArgsEscaped",
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "HostConfig",
    "Hostname",
    "Image",
    "Labels",
    "MacAddress",
    "NetworkDisabled",
    "NetworkingConfig",
    "OnBuild",
    "OpenStdin",
    "Shell",
    "StdinOnce",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "User",
    "Volumes",
    "WorkingDir",
)

# Where the daemon listens unless told otherwise; aziot-edged's .socket units have the same.
LISTEN = {
    "workload_uri": "fd://aziot-edged.workload.socket",
    "management_uri": "fd://aziot-edged.mgmt.socket",
}
