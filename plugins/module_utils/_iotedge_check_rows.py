# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The findings of a check of IoT Edge, whoever made them, and what is known of the vendor's checks beforehand."""

from __future__ import annotations

import typing as t

OWN, VENDOR = "own", "vendor"
OK, IGNORED, SKIPPED, WARNING, ERROR, FATAL = "ok", "ignored", "skipped", "warning", "error", "fatal"
# From the best to the worst.
RESULTS = (OK, IGNORED, SKIPPED, WARNING, ERROR, FATAL)


class Row(t.NamedTuple):
    """One finding. Texts may hold secrets until they are masked, which who returns them sees to."""

    id: str  # the vendor's name of the check
    source: str  # OWN or VENDOR
    result: str  # one of RESULTS
    detail: str = ""
    advice: str = ""


def worst(rows: t.Iterable[Row]) -> str:
    """Return the worst result; OK where there is none."""
    return max((row.result for row in rows), key=RESULTS.index, default=OK)


def table(rows: t.Sequence[Row]) -> t.List[str]:
    """Return lines for a person, in the order of the rows: what needs a look in full, of the rest the names.

    What own and vendor say alike is said once.
    """
    said: t.Dict[t.Tuple[str, str], t.List[Row]] = {}
    for row in rows:
        said.setdefault((row.id, row.result), []).append(row)
    lines = []
    quiet: t.Dict[str, t.List[str]] = {IGNORED: [], OK: []}
    for (name, result), alike in said.items():
        if result in quiet:
            quiet[result].append(name)
            continue
        sources = [row.source for row in alike]
        detail = next((row.detail for row in alike if row.detail), "")
        shown = f"{name}: {' / '.join(detail.splitlines())}" if detail else name
        lines.append(f"{result:<8}{'both' if len(set(sources)) > 1 else sources[0]:<7}{shown}")
        advice = next((row.advice for row in alike if row.advice), "")
        lines.extend([f"{'':<15}-> {advice}"] if advice else ())
    return lines + [f"{result:<15}{', '.join(dict.fromkeys(names))}" for result, names in quiet.items() if names]


# Probes of `iotedge check` which can't pass where a proxy is the only way out, by what they do past it.
PAST_THE_PROXY: t.Dict[str, str] = {
    "host-connect-iothub-amqp": "goes to port 5671 directly, whatever UpstreamProtocol is",
    "host-connect-iothub-mqtt": "goes to port 8883 directly, whatever UpstreamProtocol is",
    "container-default-connect-upstream-amqp": "goes to port 5671 directly, also with AmqpWs",
    "container-default-connect-upstream-mqtt": "goes to port 8883 directly, also with AmqpWs",
    "container-connect-upstream-amqp": "goes to port 5671 directly, also with AmqpWs",
    "container-connect-upstream-mqtt": "goes to port 8883 directly, also with AmqpWs",
    "host-local-time": "asks a time server by NTP, which is UDP and knows no proxy",
}

_APPLY = "Run the role iotedge, or: iotedge config apply."
_CERTIFICATES = (
    "Give the files to iotedge_certificates, iotedge_trust_bundle, iotedge_edge_ca_certificate and their like, which "
    "copy them with the right owners; or have certificates readable by aziotcs, keys by aziotks, and their folders too."
)
_RENEW = "Give a new one to iotedge_identity_certificate or iotedge_certificates, and run the role iotedge."
_ENGINE = "Look at systemctl status docker."
_WAY = "Try the way out with the playbook preflight and preflight_endpoints: [{set: iotedge, hub: ...}]."

# What to write, or to do, where a check of this id does not pass.
ADVICE: t.Dict[str, str] = {
    "aziot-edged-config-well-formed": _APPLY,
    "certd-config-well-formed": _APPLY,
    "certs-match-private-keys": "Give the key that belongs to the certificate: iotedge_identity_key, "
    "iotedge_edge_ca_key, iotedge_certificates.",
    "certs-preloaded": _CERTIFICATES,
    "certs-read": _CERTIFICATES,
    "check-agent-image": "The engine can't pull it: look at container_hosts_proxy, at iotedge_agent_image, and at "
    "iotedge_agent_registry for the registry's password.",
    "config-toml-well-formed": "Correct the file; a mistake keeps all of it from being applied, or is ignored.",
    "config-up-to-date": _APPLY,
    "configs-up-to-date": _APPLY,
    "connect-management-uri": "Look at systemctl status aziot-edged.mgmt.socket, and at [connect] of config.toml.",
    "container-engine-dns": "Set moby_dns to the name servers that containers can reach, and run the role moby.",
    "container-engine-ipv6": "Set ipv6: true in moby_daemon_settings, or take ipv6 out of iotedge_moby_runtime.",
    "container-engine-is-moby": "Install moby-engine from packages.microsoft.com; the vendor supports no other.",
    "container-engine-logrotate": "Set moby_log_driver, and for all but journald moby_log_opts with max-size and "
    "max-file as text, and run the role moby.",
    "container-engine-uri": _ENGINE,
    "edge-agent-storage-mounted-from-host": "Set iotedge_storage.agent and run the role iotedge; where a deployment "
    "manifest has taken over, mount the folder and set storageFolder there.",
    "edge-hub-storage-mounted-from-host": "Set iotedge_storage.hub, and in the deployment manifest mount the folder "
    "and set storageFolder.",
    "est-identity-and-bootstrap-certificate-expiry": _RENEW,
    "est-server-https": "Write https:// in [cert_issuance.est.urls] of iotedge_settings.",
    "host-connect-dps-endpoint": _WAY,
    "host-connect-iothub-https": _WAY,
    "host-local-time": "Have a time server on this side of the proxy, and chrony or systemd-timesyncd use it.",
    "hostname": "Leave iotedge_hostname empty, or write the machine's own name, also with its domain.",
    "identity-certificate-expiry": _RENEW,
    "identityd-config-well-formed": _APPLY,
    "key-pairs-read": _CERTIFICATES,
    "keyd-config-well-formed": _APPLY,
    "local-ca-certificate-expiry": _RENEW,
    "parent_hostname": "Set iotedge_parent_hostname to a name of letters, digits, - and dots, or to an address.",
    "proxy-settings": "Set container_hosts_proxy and run the roles moby and iotedge: https_proxy in lower case has to "
    "be the same, byte for byte, in the units of docker, aziot-edged and aziot-identityd and in [agent.env].",
    "tpmd-config-well-formed": _APPLY,
}


def own(name: str, result: str, detail: str = "") -> Row:
    """Return a finding of ours, with the advice for its check where something is wrong."""
    return Row(name, OWN, result, detail, ADVICE.get(name, "") if result in (WARNING, ERROR) else "")
