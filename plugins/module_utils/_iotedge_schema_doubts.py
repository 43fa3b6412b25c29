# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What no single key of IoT Edge's config.toml shows: settings that contradict each other, and settings to think over.

All of it asks for a document whose keys and values are right by themselves (see _iotedge_schema).
"""

from __future__ import annotations

import re
import typing as t

from ._errors import did_you_mean
from ._iotedge_schema_keys import CREATE_OPTIONS, LISTEN
from ._iotedge_schema_problem import Path, Problem
from ._iotedge_schema_values import is_ip
from ._notice import Notice

_Mapping = t.Mapping[str, t.Any]

_EDGED, _AGENT, _CHECK, _CERTD = "aziot-edged", "edgeAgent", "iotedge check", "aziot-certd"

_PROTOCOLS = ("Amqp", "AmqpWs", "Mqtt", "MqttWs")
_UPDATE_MODES = ("NonBlocking", "WaitForAllPulls")
# A tag that the vendor moves to newer images: none at all, latest, 1, 1.5, or those with a platform behind.
_ROLLING = re.compile(r"(|latest|[0-9]+(\.[0-9]+)?)(-[a-z][\w.-]*)?\Z")
_LABELS = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?)*\Z")
_LONGEST_NAME = 64


# Contradictions ---------------------------------------------------------------------------------------------------


def conflicts(document: _Mapping) -> t.Iterator[Problem]:
    """Yield what can not work, though each key for itself is right."""
    parent = _parent(document)
    if document["provisioning"]["source"] == "dps" and parent:
        yield Problem((parent,), "does not go together with DPS: iotedge config apply refuses the two", _NESTED)
    subject = document["provisioning"].get("attestation", {}).get("registration_id", "")
    if isinstance(subject, t.Mapping) and "cn" not in [name.lower() for name in subject]:
        where = ("provisioning", "attestation", "registration_id")
        yield Problem(
            where, "lacks CN, the name that the device registers with", 'Write { CN = "..." } or the name alone.'
        )
    agent = document.get("agent", {})
    image = agent.get("config", {}).get("image", "")
    if image.startswith("$upstream") and not parent:
        yield Problem(
            ("agent", "config", "image"),
            "begins with $upstream, which stands for parent_hostname, and there is none",
            "Write parent_hostname before the first table, or the registry's name in the image.",
        )
    yield from _agent_env(agent.get("env", {}))
    issuance = document.get("cert_issuance", {})
    for path, table in _issued(document):
        if table["method"] == "est" and "url" not in table and not issuance.get("est", {}).get("urls"):
            yield Problem(
                path,
                'has method = "est", and nothing says where the EST server is',
                'Write url = "https://..." in it, or default = "https://..." in [cert_issuance.est.urls].',
            )
        if table["method"] == "local_ca" and "local_ca" not in issuance:
            yield Problem(
                path,
                'has method = "local_ca", and there is no such CA',
                "Write [cert_issuance.local_ca] with cert and pk.",
            )


_NESTED = 'Write source = "manual": a device below another one can not be provisioned by DPS.'


def _agent_env(env: _Mapping) -> t.Iterator[Problem]:
    here = ("agent", "env")
    for name, value in env.items():
        lowered = name.lower()
        if lowered == "https_proxy" and value and not re.match(r"https?://.", value, re.IGNORECASE):
            # No message repeats the URL: it may hold a password.
            yield Problem((*here, name), "has no scheme, and edgeAgent would not start", "Write http://host:port.")
        if lowered == "upstreamprotocol":
            yield from _choice((*here, name), value, _PROTOCOLS, "edgeAgent would ignore it")
        if lowered == "moduleupdatemode":
            yield from _choice((*here, name), value, _UPDATE_MODES, "edgeAgent would not start")


def _choice(path: Path, value: str, known: t.Tuple[str, ...], effect: str) -> t.Iterator[Problem]:
    # The agent (.NET) doesn't look at case here.
    if value.lower() not in [entry.lower() for entry in known]:
        wanted = ", ".join(known)
        instead = did_you_mean(value, list(known)).strip() or f"Write one of {wanted}."
        yield Problem(path, f"is {value[:40]!r}, none of {wanted}; {effect}", instead)


# What to think over -----------------------------------------------------------------------------------------------


def notices(document: _Mapping) -> t.Iterator[Notice]:
    """Yield what IoT Edge accepts and may not be what is wanted."""
    yield from _names(document)
    yield from _agent(document.get("agent", {}))
    yield from _certificates(document)
    uri = document.get("moby_runtime", {}).get("uri", "unix:")
    if not uri.startswith("unix:"):
        yield Notice(_CHECK, "moby_runtime.uri", "container-engine-uri fails with any other scheme than unix:")
    for key, value in document.get("listen", {}).items():
        if key in LISTEN and value != LISTEN[key]:
            yield Notice(_EDGED, f"listen.{key}", f"is not {LISTEN[key]}; keep aziot-edged's .socket units in step")
    for name in document.get("aziot_keys", {}):
        if name not in ("pkcs11_lib_path", "pkcs11_base_slot"):
            yield Notice("aziot-keyd", f"aziot_keys.{name}", "is neither pkcs11_lib_path nor pkcs11_base_slot")


def _names(document: _Mapping) -> t.Iterator[Notice]:
    if "hostname" not in document:
        yield Notice("iotedge config apply", "hostname", "is not set; the machine's name at the time of apply counts")
    if "local_gateway_hostname" in document:
        yield Notice("iotedge config apply", "local_gateway_hostname", "is the old spelling of parent_hostname")
    for key in ("hostname", "parent_hostname", "local_gateway_hostname"):
        name = document.get(key, "")
        if not name or is_ip(name):
            continue
        if len(name) > _LONGEST_NAME:
            yield Notice(_CHECK, key, f"is longer than {_LONGEST_NAME} characters, too long for a certificate's name")
        elif not _LABELS.match(name):
            yield Notice(_CHECK, key, "is no host name by RFC 1035; modules may fail to connect to it")


def _agent(agent: _Mapping) -> t.Iterator[Notice]:
    if not agent:
        return
    image = agent["config"]["image"]
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@" not in image and _ROLLING.match(tag):
        shown = f"tag {tag}" if tag else "no tag"
        yield Notice(_EDGED, "agent.config.image", f"has {shown}, which moves to newer images; name a whole version")
    for key in agent["config"].get("createOptions", {}):
        if key not in CREATE_OPTIONS:
            near = did_you_mean(key, list(CREATE_OPTIONS))
            yield Notice(
                _EDGED, f"agent.config.createOptions.{key}", f"may be unknown to Docker, which is silent.{near}"
            )
    yield from _agent_proxy(agent.get("env", {}))


def _agent_proxy(env: _Mapping) -> t.Iterator[Notice]:
    lowered = {name.lower(): (name, value) for name, value in env.items()}
    protocol = lowered.get("upstreamprotocol", ("", ""))[1]
    for setting, known in (("upstreamprotocol", _PROTOCOLS), ("moduleupdatemode", _UPDATE_MODES)):
        name, value = lowered.get(setting, ("", ""))
        exact = next((entry for entry in known if entry.lower() == value.lower()), value)
        if value != exact:
            yield Notice(
                _CHECK, f"agent.env.{name}", f"is {value}; write {exact}, the only spelling that all readers take"
            )
    proxies = [name for name in env if name.lower() == "https_proxy"]
    if len(proxies) > 1:
        yield Notice(
            _AGENT, f"agent.env {' and '.join(proxies)}", "are one variable to it; which counts is not defined"
        )
    if proxies and "https_proxy" not in proxies:
        yield Notice(_CHECK, f"agent.env.{proxies[0]}", "is not seen by proxy-settings; write https_proxy")
    for name in proxies:
        if not env[name]:
            yield Notice(_AGENT, f"agent.env.{name}", "is empty; take it out where no proxy is wanted")
        elif env[name].lower().startswith("https:"):
            yield Notice(_AGENT, f"agent.env.{name}", "is an https:// proxy, which fails with AmqpWs; write http://")
        elif protocol.lower() not in ("amqpws", "mqttws"):
            why = 'takes effect only with UpstreamProtocol = "AmqpWs" or "MqttWs"'
            yield Notice(_AGENT, f"agent.env.{name}", why)


def _certificates(document: _Mapping) -> t.Iterator[Notice]:
    if "method" not in document.get("edge_ca", {}) and "cert" not in document.get("edge_ca", {}):
        yield Notice(_CERTD, "edge_ca", "is a self-signed certificate for trials; production asks for one of your own")
    urls = document.get("cert_issuance", {}).get("est", {}).get("urls", {})
    found = [(f"cert_issuance.est.urls.{name}", url) for name, url in urls.items()]
    for path, table in _issued(document):
        found.append((".".join((*path, "url")), table.get("url", "")))
        if table["method"] == "est" and "expiry_days" in table:
            yield Notice(_CERTD, ".".join((*path, "expiry_days")), 'has no effect with method = "est"')
    for entry, url in found:
        if url.lower().startswith("http:"):
            yield Notice(_CERTD, entry, "is http://, and the EST server's answer can be forged; write https://")


# ------------------------------------------------------------------------------------------------------------------


def _parent(document: _Mapping) -> str:
    """Return the key that names the parent, or ''."""
    return next((key for key in ("parent_hostname", "local_gateway_hostname") if key in document), "")


def _issued(document: _Mapping) -> t.Iterator[t.Tuple[Path, _Mapping]]:
    """Yield the tables that have a certificate issued, with their paths."""
    for path in (
        ("provisioning", "authentication", "identity_cert"),
        ("provisioning", "attestation", "identity_cert"),
        ("cert_issuance", "local_ca", "cert"),
        ("edge_ca",),
    ):
        table: t.Any = document
        for key in path:
            table = table.get(key) if isinstance(table, t.Mapping) else None
        if isinstance(table, t.Mapping) and "method" in table:
            yield path, table
