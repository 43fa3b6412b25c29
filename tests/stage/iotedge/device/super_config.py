# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's config.toml: the refusals that tests meet, and the five configurations that are made of it."""

from __future__ import annotations

import base64
import binascii
import socket
import typing as t
import urllib.parse

from .layers import Table

DEVICE_KEY = "/var/secrets/aziot/keyd/device-id"


class BadSuperConfig(Exception):
    """The parser's message."""


class Output(t.NamedTuple):
    """Each daemon's configuration by its short name, and the device's key where the file holds it."""

    configs: dict[str, Table]
    device_key: bytes | None


def convert(document: Table) -> Output:
    """What `iotedge config apply` makes of the document. Unknown keys are passed over, as the vendor's parser does."""
    hostname = document.get("hostname", socket.gethostname())
    keyd: Table = {"aziot_keys": {**document.get("aziot_keys", {}), "homedir_path": "/var/lib/aziot/keyd"}}
    preloaded_keys = keyd["preloaded_keys"] = dict(document.get("preloaded_keys", {}))
    preloaded_certs: Table = dict(document.get("preloaded_certs", {}))
    provisioning, device_key = _provisioning(document, preloaded_keys, preloaded_certs)
    identityd: Table = {"hostname": hostname, "homedir": "/var/lib/aziot/identityd", "provisioning": provisioning}
    if "parent_hostname" in document:
        if provisioning["source"] == "dps":
            raise BadSuperConfig("DPS provisioning is not supported in nested mode")
        identityd["local_gateway_hostname"] = document["parent_hostname"]
    edged: Table = {
        "hostname": hostname,
        "homedir": "/var/lib/aziot/edged",
        "trust_bundle_cert": "aziot-edged-trust-bundle",
        "auto_reprovisioning_mode": _choice(
            document, "auto_reprovisioning_mode", ("Dynamic", "AlwaysOnStartup", "OnErrorOnly")
        ),
        "agent": _agent(document),
        "watchdog": {"max_retries": _retries(document)},
    }
    for table, defaults in (
        ("connect", {key: f"unix:///var/run/iotedge/{name}.sock" for key, name in _URIS}),
        ("listen", {key: f"fd://aziot-edged.{name}.socket" for key, name in _URIS}),
        ("moby_runtime", {"uri": "unix:///var/run/docker.sock", "network": "azure-iot-edge"}),
    ):
        edged[table] = {**_whole(document, table, defaults)}
    if "image_garbage_collection" in document:
        edged["image_garbage_collection"] = document["image_garbage_collection"]
    if document.get("cloud_timeout_sec", 70) < 70:
        raise BadSuperConfig("cloud_timeout_sec must be at least 70 seconds")
    bundle = ["aziot-edged-ca"]
    if "edge_ca" in document and "cert" in document["edge_ca"]:
        ca = document["edge_ca"]
        if "pk" not in ca or not _is_url(ca["cert"]):
            raise BadSuperConfig("data did not match any variant of untagged enum EdgeCa for key `edge_ca`")
        preloaded_certs["aziot-edged-ca"], preloaded_keys["aziot-edged-ca"] = ca["cert"], ca["pk"]
        edged["edge_ca_cert"] = edged["edge_ca_key"] = "aziot-edged-ca"
    elif "edge_ca" in document and not {"method", "auto_generated_edge_ca_expiry_days"} & set(document["edge_ca"]):
        raise BadSuperConfig("data did not match any variant of untagged enum EdgeCa for key `edge_ca`")
    if "trust_bundle_cert" in document:
        if not _is_url(document["trust_bundle_cert"]):
            raise BadSuperConfig("expected relative URL without a base for key `trust_bundle_cert`")
        preloaded_certs["trust-bundle-user"] = document["trust_bundle_cert"]
        bundle.append("trust-bundle-user")
    preloaded_certs["aziot-edged-trust-bundle"] = bundle
    certd: Table = {"homedir_path": "/var/lib/aziot/certd", "preloaded_certs": preloaded_certs}
    if "cert_issuance" in document:
        certd["cert_issuance"] = document["cert_issuance"]
    tpmd: Table = {"tpm": document.get("tpm", {})}
    named = {"keyd": keyd, "certd": certd, "identityd": identityd, "tpmd": tpmd, "edged": edged}
    return Output(named, device_key)


_URIS = (("workload_uri", "workload"), ("management_uri", "mgmt"))


def _need(table: Table, key: str, where: str) -> t.Any:
    if key not in table:
        raise BadSuperConfig(f"missing field `{key}` for key `{where}`" if where else f"missing field `{key}`")
    return table[key]


def _is_url(value: t.Any) -> bool:
    return isinstance(value, str) and bool(urllib.parse.urlsplit(value).scheme)


def _choice(document: Table, key: str, allowed: tuple[str, ...]) -> str:
    value = document.get(key, allowed[0])
    if value not in allowed:
        raise BadSuperConfig(f"unknown variant `{value}`, expected one of {allowed} for key `{key}`")
    return str(value)


def _whole(document: Table, table: str, defaults: Table) -> Table:
    """A table that is either absent or has all of its keys."""
    if table not in document:
        return defaults
    for key in defaults:
        _need(document[table], key, table)
    return t.cast(Table, document[table])


def _retries(document: Table) -> t.Any:
    value = document.get("watchdog", {}).get("max_retries", "infinite")
    if isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str) and value.lower() == "infinite":
        return "infinite"
    raise BadSuperConfig("invalid value for key `watchdog.max_retries`")


def _agent(document: Table) -> Table:
    if "agent" not in document:
        image = {"image": "mcr.microsoft.com/azureiotedge-agent:1.5"}
        return {"name": "edgeAgent", "type": "docker", "config": image, "env": {}}
    agent: Table = document["agent"]
    for key in ("name", "type", "config"):
        _need(agent, key, "agent")
    _need(agent["config"], "image", "agent.config")
    if not isinstance(agent["config"].get("createOptions", {}), dict):
        raise BadSuperConfig("expected struct ContainerCreateBody for key `agent.config.createOptions`")
    for name, value in agent.get("env", {}).items():
        if not isinstance(value, str):
            raise BadSuperConfig(f"invalid type: {value!r}, expected a string for key `agent.env.{name}`")
    _choice(agent, "imagePullPolicy", ("on-create", "never"))
    return agent


def _provisioning(document: Table, keys: Table, certs: Table) -> tuple[Table, bytes | None]:
    said = _need(document, "provisioning", "")
    source = _need(said, "source", "provisioning")
    if source == "none":
        return {"source": "none"}, None
    if source == "manual":
        return _manual(said, keys, certs)
    if source != "dps":
        raise BadSuperConfig(f"unknown variant `{source}`, expected one of `dps`, `manual`, `none`")
    endpoint = _need(said, "global_endpoint", "provisioning")
    if not _is_url(endpoint):
        raise BadSuperConfig("relative URL without a base for key `provisioning.global_endpoint`")
    attestation = _need(said, "attestation", "provisioning")
    made: Table = {
        "source": "dps",
        "global_endpoint": endpoint,
        "scope_id": _need(said, "id_scope", "provisioning"),
        "attestation": {key: value for key, value in attestation.items() if key in ("method", "registration_id")},
    }
    method = _need(attestation, "method", "provisioning.attestation")
    device_key = None
    if method == "symmetric_key":
        _need(attestation, "registration_id", "provisioning.attestation")
        device_key = _key(_need(attestation, "symmetric_key", "provisioning.attestation"), keys)
    elif method == "x509":
        _x509(attestation, keys, certs)
    return made, device_key


def _manual(said: Table, keys: Table, certs: Table) -> tuple[Table, bytes | None]:
    mismatch = BadSuperConfig("data did not match any variant of untagged enum ManualProvisioning")
    if "connection_string" in said:
        pairs = dict(part.partition("=")[::2] for part in str(said["connection_string"]).split(";"))
        if not {"HostName", "DeviceId", "SharedAccessKey"} <= set(pairs):
            raise mismatch
        hub, device, device_key = pairs["HostName"], pairs["DeviceId"], _key({"value": pairs["SharedAccessKey"]}, keys)
    else:
        try:
            hub, device, method = said["iothub_hostname"], said["device_id"], said["authentication"]
            if method["method"] == "sas":
                device_key = _key(method["device_id_pk"], keys)
            else:
                device_key = None
                _x509(method, keys, certs)
        except KeyError:
            raise mismatch from None
    authentication = {"method": said.get("authentication", {}).get("method", "sas"), "device_id_pk": "device-id"}
    made = {"source": "manual", "iothub_hostname": hub, "device_id": device, "authentication": authentication}
    return made, device_key


def _key(said: t.Any, keys: Table) -> bytes | None:
    """Note where the device's key is, or that it comes with the file."""
    if "uri" in said:
        keys["device-id"] = said["uri"]
        return None
    keys["device-id"] = f"file://{DEVICE_KEY}"
    text = str(said["value"])
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise BadSuperConfig("the device's key is not base64") from None


def _x509(said: Table, keys: Table, certs: Table) -> None:
    if isinstance(said.get("identity_cert"), dict):
        return
    if not _is_url(said.get("identity_cert")) or not _is_url(said.get("identity_pk")):
        raise BadSuperConfig("data did not match any variant of untagged enum X509Identity")
    certs["device-id"], keys["device-id"] = said["identity_cert"], said["identity_pk"]
