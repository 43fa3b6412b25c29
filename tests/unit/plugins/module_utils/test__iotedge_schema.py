# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of IoT Edge's config.toml: what is refused and with which reason, and what is merely said.

The verdicts that are not marked as stricter are those of the vendor's own parser, which read the same text.
"""

from __future__ import annotations

import base64
import copy
import datetime
import re
import tomllib

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_config, _toml_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema import check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema_keys import (
    STRAYS,
    STRUCTURES,
    Array,
    ByType,
    Names,
    Table,
    Tagged,
    Untagged,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema_values import KINDS, judge
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from hypothesis import assume, given, settings
from hypothesis import strategies as st

KEY = base64.b64encode(b"sixteen bytes ok").decode()
CONNECTION = f"HostName=hub.example.com;DeviceId=device;SharedAccessKey={KEY}"
AGENT = """
[agent]
name = "edgeAgent"
type = "docker"
[agent.config]
image = "mcr.microsoft.com/azureiotedge-agent:1.5.21"
"""
MANUAL = '[provisioning]\nsource = "manual"\niothub_hostname = "hub.example.com"\ndevice_id = "device"\n'
DPS = '[provisioning]\nsource = "dps"\nglobal_endpoint = "https://global.example.com"\nid_scope = "0ne1"\n'
SAS = f'[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = {{ value = "{KEY}" }}\n'
SYMMETRIC = (
    '[provisioning.attestation]\nmethod = "symmetric_key"\nregistration_id = "device"\n'
    f'symmetric_key = {{ value = "{KEY}" }}\n'
)
X509 = '[provisioning.attestation]\nmethod = "x509"\n'
RENEW = 'auto_renew = { rotate_key = true, threshold = "80%", retry = "4%" }\n'
EST = '[cert_issuance.est.urls]\ndefault = "https://est.example.com/.well-known/est"\n'


def judged(text):
    """Check a vector; where it says nothing of provisioning, with the least that is valid."""
    document = tomllib.loads(text)
    document.setdefault("provisioning", {"source": "none"})
    return check(document, locate=".".join)


# What IoT Edge takes ----------------------------------------------------------------------------------------------

GOOD = {
    "the least": '[provisioning]\nsource = "none"\n',
    # Top level
    "hostname": 'hostname = "device.example.com"\n',
    "hostname as an address": 'hostname = "192.0.2.7"\n',
    "parent": f'parent_hostname = "gateway"\n{MANUAL}{SAS}',
    "parent, old spelling": f'local_gateway_hostname = "gateway"\n{MANUAL}{SAS}',
    "trust bundle": 'trust_bundle_cert = "file:///var/aziot/certs/ca.pem"\n',
    "trust bundle, one slash": 'trust_bundle_cert = "file:/var/aziot/certs/ca.pem"\n',
    "elevated": "allow_elevated_docker_permissions = false\n",
    "Dynamic": 'auto_reprovisioning_mode = "Dynamic"\n',
    "AlwaysOnStartup": 'auto_reprovisioning_mode = "AlwaysOnStartup"\n',
    "OnErrorOnly": 'auto_reprovisioning_mode = "OnErrorOnly"\n',
    "imported key": 'imported_master_encryption_key = "/var/lib/iotedge/hsm/enc_keys/k.key.pem"\n',
    "additional info": 'additional_info = "file:///etc/aziot/info.toml"\n',
    "timeout": "cloud_timeout_sec = 70\n",
    "retries": "cloud_retries = 0\n",
    "cache": "prefer_module_identity_cache = true\n",
    # Provisioning
    "connection string": f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION}"\n',
    "connection string, no padding": f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION[:-1]}"\n',
    "connection string, more parts": f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION};Other=1"\n',
    "explicit key": MANUAL + SAS,
    "key in a file": MANUAL
    + '[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = { uri = "file:///var/secrets/k" }\n',
    "key in a token": MANUAL
    + '[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk.uri = "pkcs11:slot-id=0;object=k?pin-value=1"\n',
    "X.509 files": MANUAL
    + '[provisioning.authentication]\nmethod = "x509"\nidentity_cert = "file:///c"\nidentity_pk = "file:///k"\n',
    "X.509 by EST": MANUAL
    + '[provisioning.authentication]\nmethod = "x509"\n[provisioning.authentication.identity_cert]\n'
    'method = "est"\nurl = "https://est.example.com"\nsubject = { L = "x", CN = "device" }\n'
    'username = "u"\npassword = "p"\n'
    'bootstrap_identity_cert = "file:///c"\nbootstrap_identity_pk = "pkcs11:object=k"\n',
    "X.509 self-signed": MANUAL + '[provisioning.authentication]\nmethod = "x509"\n'
    'identity_cert = { method = "self_signed", common_name = "device", expiry_days = 1 }\n',
    "DPS symmetric": DPS + SYMMETRIC,
    "DPS payload": DPS + 'payload = { uri = "file:///etc/payload.json" }\n' + SYMMETRIC,
    "DPS X.509": DPS + X509 + 'registration_id = "d"\nidentity_cert = "file:///c"\nidentity_pk = "file:///k"\n',
    "DPS X.509 by its certificate's name": DPS + X509 + 'identity_cert = "file:///c"\nidentity_pk = "file:///k"\n',
    "DPS X.509 by EST": DPS + X509 + f'[provisioning.attestation.identity_cert]\nmethod = "est"\n{RENEW}{EST}',
    "DPS X.509 by a local CA": DPS + X509 + 'identity_cert = { method = "local_ca" }\n'
    '[cert_issuance.local_ca]\ncert = "file:///c"\npk = "file:///k"\n',
    "DPS X.509 by a whole subject": DPS
    + X509
    + 'registration_id = { cn = "d", O = "x" }\nidentity_cert = "file:///c"\nidentity_pk = "file:///k"\n',
    "DPS TPM": DPS + '[provisioning.attestation]\nmethod = "tpm"\nregistration_id = "d"\n',
    # Certificates
    "EST": '[cert_issuance.est]\ntrusted_certs = ["file:///c"]\n'
    '[cert_issuance.est.auth]\nusername = "u"\npassword = "p"\n'
    f'identity_cert = "file:///c"\nidentity_pk = "file:///k"\n{EST}[cert_issuance.est.identity_auto_renew]\n'
    'rotate_key = false\nthreshold = "90min"\nretry = "1day"\n',
    "EST, empty": "[cert_issuance.est]\nauth = {}\nurls = {}\n",
    "local CA issued": '[cert_issuance.local_ca]\ncert = { method = "self_signed", common_name = "ca" }\n',
    "edge_ca cert and pk": '[edge_ca]\ncert = "file:///c"\npk = "file:///k"\n',
    "edge_ca pk in a token": '[edge_ca]\ncert = "file:///c"\npk = "pkcs11:object=k"\n',
    "edge_ca quickstart": "[edge_ca]\nauto_generated_edge_ca_expiry_days = 90\n",
    "edge_ca quickstart, all": f'[edge_ca]\nauto_generated_edge_ca_expiry_days = 90\ncommon_name = "ca"\n{RENEW}',
    "edge_ca self-signed": '[edge_ca]\nmethod = "self_signed"\n',
    "edge_ca by EST": '[edge_ca]\nmethod = "est"\nurl = "https://est.example.com"\n' + RENEW,
    "edge_ca by a local CA": '[edge_ca]\nmethod = "local_ca"\nexpiry_days = 30\n'
    '[cert_issuance.local_ca]\ncert = "file:///c"\npk = "file:///k"\n',
    "preloaded certs": '[preloaded_certs]\nroot = "file:///c"\nall = ["root", "other"]\n',
    "preloaded keys": '[preloaded_keys]\na = "file:///k"\nb = "pkcs11:object=k"\n',
    "aziot_keys": '[aziot_keys]\npkcs11_lib_path = "/usr/p.so"\npkcs11_base_slot = "pkcs11:slot-id=0?pin-value=1"\n',
    "tpm": '[tpm]\ntcti = "swtpm:port=2321"\nauth_key_index = 0x01_00_00\n'
    '[tpm.hierarchy_authorization]\nendorsement = "a"\nowner = ""\n',
    "tpm, highest index": "[tpm]\nauth_key_index = 0x7F_FF_FF\n",
    # The agent, in every spelling
    "agent": AGENT,
    "agent inline": 'agent = { name = "edgeAgent", type = "docker", config = { image = "a:1" }, env = { a = "b" } }\n',
    "agent dotted": '[agent]\nname = "edgeAgent"\ntype = "docker"\nconfig.image = "a:1.5.1"\nenv."https_proxy" = ""\n',
    "agent literal strings": AGENT + "[agent.env]\n'RuntimeLogLevel' = 'debug'\n",
    "agent with CRLF": (AGENT + "[agent.env]\nRuntimeLogLevel = 'debug'\n").replace("\n", "\r\n"),
    "agent pull policy": AGENT.replace("[agent.config]", 'imagePullPolicy = "never"\n[agent.config]'),
    "agent, all": AGENT + 'digest = "sha256:00"\n[agent.config.auth]\nserveraddress = "registry.example.com"\n'
    'username = "u"\npassword = "p"\nemail = "a@example.com"\n',
    "createOptions": AGENT + '[agent.config.createOptions]\nEnv = ["a=b"]\nStopTimeout = 10\n'
    '[agent.config.createOptions.HostConfig]\nBinds = ["/a:/b"]\nMemory = 1\n'
    'LogConfig = { Type = "json-file", Config = { max-size = "10m", max-file = "3" } }\n',
    "createOptions, empty": AGENT + "createOptions = {}\n",
    "agent behind a proxy": AGENT + '[agent.env]\nhttps_proxy = "http://u:p%40@192.0.2.1:3128"\n'
    'UpstreamProtocol = "AmqpWs"\nModuleUpdateMode = "WaitForAllPulls"\nstorageFolder = "/iotedge/storage"\n',
    "agent from the parent": f'parent_hostname = "gateway"\n{MANUAL}{SAS}'
    + AGENT.replace("mcr.microsoft.com", "$upstream:443"),
    # The daemon
    "connect": '[connect]\nworkload_uri = "unix:///var/run/iotedge/workload.sock"\nmanagement_uri = "unix:///m"\n',
    "listen": '[listen]\nworkload_uri = "fd://aziot-edged.workload.socket"\nmanagement_uri = "fd://aziot-edged.mgmt.socket"\n',
    "listen, TLS": '[listen]\nworkload_uri = "fd://aziot-edged.workload.socket"\n'
    'management_uri = "fd://aziot-edged.mgmt.socket"\nmin_tls_version = "TLS1_2"\n',
    "watchdog 0": "[watchdog]\nmax_retries = 0\n",
    "watchdog infinite": '[watchdog]\nmax_retries = "Infinite"\n',
    "moby": '[moby_runtime]\nuri = "unix:///var/run/docker.sock"\nnetwork = "azure-iot-edge"\n',
    "moby content trust": '[moby_runtime]\nuri = "unix:///var/run/docker.sock"\nnetwork = "azure-iot-edge"\n'
    '[moby_runtime.content_trust.ca_certs]\n"registry.example.com" = "file:///c"\n',
    "moby network": '[moby_runtime]\nuri = "unix:///var/run/docker.sock"\n'
    '[moby_runtime.network]\nname = "n"\nipv6 = true\n[[moby_runtime.network.ipam.config]]\n'
    'gateway = "2001:db8::1"\nsubnet = "2001:db8::/64"\nip_range = "2001:db8::/80"\n',
    "iotedge requests": "[iotedge_max_requests]\nmanagement = 50\nworkload = 10\n",
    "aziot requests": "[aziot_max_requests]\nkeyd = 20\ncertd = 30\ntpmd = 40\nidentityd = 50\n",
    "localid": '[localid]\ndomain = "example.com"\n',
    "collection": '[image_garbage_collection]\nenabled = false\ncleanup_recurrence = "2d"\n'
    'image_age_cleanup_threshold = "7d"\ncleanup_time = "23:59"\n',
    **{
        f"recurrence {text}": f'[image_garbage_collection]\ncleanup_recurrence = "{text}"\n'
        for text in ("1d", "24h", "2d", "1w", "1 day", "86400s", "1day", "2 days")
    },
    **{
        f"threshold {text}": f'[image_garbage_collection]\nimage_age_cleanup_threshold = "{text}"\n'
        for text in ("0d", "0s", "1h", "1h30m", "3w")
    },
    **{
        f"time {text}": f'[image_garbage_collection]\ncleanup_time = "{text}"\n'
        for text in ("23:59", "00:00", "7:30", "1:5")
    },
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_is_right_passes(text):
    judged(text)


# What the vendor's parser refuses ---------------------------------------------------------------------------------

_NO_FILE = "is no URL: it has no scheme. Write file:// before the path."

BAD = {
    "comments only": ("# [agent]\n", None, "provisioning: is missing."),
    # Top level
    "trust bundle, bare path": ('trust_bundle_cert = "/a/b.pem"\n', "trust_bundle_cert", _NO_FILE),
    "elevated as text": (
        'allow_elevated_docker_permissions = "false"\n',
        "allow_elevated_docker_permissions",
        "is a string, not true or false. Write true or false, without quotes.",
    ),
    "mode, lower case": (
        'auto_reprovisioning_mode = "dynamic"\n',
        "auto_reprovisioning_mode",
        "is 'dynamic', not \"Dynamic\" or",
    ),
    "mode, typo": (
        'auto_reprovisioning_mode = "OnErorOnly"\n',
        "auto_reprovisioning_mode",
        "Did you mean OnErrorOnly?",
    ),
    "timeout too short": ("cloud_timeout_sec = 10\n", "cloud_timeout_sec", "is 10, and the least is 70"),
    "timeout as text": ('cloud_timeout_sec = "70"\n', "cloud_timeout_sec", "is a string, not a whole number"),
    "retries negative": ("cloud_retries = -1\n", "cloud_retries", "is -1, and the least is 0"),
    "retries beyond 32 bits": ("cloud_retries = 4294967296\n", "cloud_retries", "the most is 4294967295"),
    "cache as number": ("prefer_module_identity_cache = 1\n", "prefer_module_identity_cache", "is a whole number, not"),
    "hostname as number": ("hostname = 1\n", "hostname", "is a whole number, not a string. Write it in quotes"),
    "both parents": (
        f'parent_hostname = "g"\nlocal_gateway_hostname = "g"\n{MANUAL}{SAS}',
        "local_gateway_hostname",
        "does not go together with parent_hostname",
    ),
    "parent with DPS": (f'parent_hostname = "g"\n{DPS}{SYMMETRIC}', "parent_hostname", "does not go together with DPS"),
    "additional info, https": ('additional_info = "https://h/i"\n', "additional_info", "can only read file:"),
    # Provisioning
    "provisioning without source": ("[provisioning]\n", "provisioning", 'lacks source. Write source = "manual"'),
    "source Manual": (
        f'[provisioning]\nsource = "Manual"\nconnection_string = "{CONNECTION}"\n',
        "provisioning.source",
        "case counts. Did you mean manual?",
    ),
    "source as a table": ("[provisioning]\nsource = {}\n", "provisioning.source", "is a table, not a string"),
    "source forgotten": (
        f'[provisioning]\nconnection_string = "{CONNECTION}"\n',
        "provisioning",
        'lacks source; its keys are those of source = "manual"',
    ),
    "manual and nothing else": (
        '[provisioning]\nsource = "manual"\n',
        "provisioning",
        "is neither manual provisioning with a connection string nor manual provisioning with a key or certificate",
    ),
    "connection string without a key": (
        '[provisioning]\nsource = "manual"\nconnection_string = "HostName=h;DeviceId=d"\n',
        "provisioning.connection_string",
        "has no SharedAccessKey",
    ),
    "connection string, other case": (
        f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION.replace("DeviceId", "deviceid")}"\n',
        "provisioning.connection_string",
        "spells DeviceId otherwise",
    ),
    "connection string with blanks": (
        f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION.replace(";", "; ")}"\n',
        "provisioning.connection_string",
        "spells DeviceId and SharedAccessKey otherwise; case counts, and there are no blanks",
    ),
    "connection string, key not base64": (
        '[provisioning]\nsource = "manual"\nconnection_string = "HostName=h;DeviceId=d;SharedAccessKey=a!b"\n',
        "provisioning.connection_string",
        "has a SharedAccessKey that is not base64",
    ),
    "connection string of the hub": (
        '[provisioning]\nsource = "manual"\n'
        f'connection_string = "HostName=h;SharedAccessKeyName=owner;SharedAccessKey={KEY}"\n',
        "provisioning.connection_string",
        "is the connection string of an IoT hub, not of a device",
    ),
    "connection string of X.509": (
        '[provisioning]\nsource = "manual"\nconnection_string = "HostName=h;DeviceId=d;x509=true"\n',
        "provisioning.connection_string",
        'with method = "x509" instead',
    ),
    "explicit, half": (
        '[provisioning]\nsource = "manual"\ndevice_id = "d"\n',
        "provisioning",
        "means manual provisioning with a key or certificate of its own and lacks iothub_hostname and authentication",
    ),
    "authentication without method": (
        MANUAL + "[provisioning.authentication]\n",
        "provisioning.authentication",
        "lacks method",
    ),
    "authentication, unknown method": (
        MANUAL + '[provisioning.authentication]\nmethod = "X509"\n',
        "provisioning.authentication.method",
        "Did you mean x509?",
    ),
    "sas without a key": (
        MANUAL + '[provisioning.authentication]\nmethod = "sas"\n',
        "provisioning.authentication",
        "lacks device_id_pk",
    ),
    "key as text": (
        MANUAL + f'[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = "{KEY}"\n',
        "provisioning.authentication.device_id_pk",
        'is a string, not a table. Write { value = "..." } with the base64 key',
    ),
    "key empty": (
        MANUAL + '[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = {}\n',
        "provisioning.authentication.device_id_pk",
        "is neither a key in the file nor a key that is elsewhere",
    ),
    "key not base64": (
        MANUAL + '[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = { value = "<the key>" }\n',
        "provisioning.authentication.device_id_pk.value",
        "is not base64",
    ),
    "key in a bare path": (
        MANUAL + '[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = { uri = "/k" }\n',
        "provisioning.authentication.device_id_pk.uri",
        "has no scheme, and a key can only be in a file or a PKCS#11 token",
    ),
    "X.509, no certificate": (
        MANUAL + '[provisioning.authentication]\nmethod = "x509"\nidentity_pk = "file:///k"\n',
        "provisioning.authentication",
        "lacks identity_cert",
    ),
    "X.509, no key": (
        DPS + X509 + 'identity_cert = "file:///c"\n',
        "provisioning.attestation",
        "lacks identity_pk, and identity_cert is a file",
    ),
    "X.509, bare path": (
        DPS + X509 + 'identity_cert = "/x.pem"\nidentity_pk = "file:///k"\n',
        "provisioning.attestation.identity_cert",
        _NO_FILE,
    ),
    "X.509, certificate as array": (
        DPS + X509 + "identity_cert = []\n",
        "provisioning.attestation.identity_cert",
        "is an array, not a string or a table",
    ),
    "issued without method": (
        DPS + X509 + 'identity_cert = { common_name = "d" }\n',
        "provisioning.attestation.identity_cert",
        'lacks method. Write method = "est" or "local_ca" or "self_signed"',
    ),
    "DPS without scheme": (
        '[provisioning]\nsource = "dps"\nglobal_endpoint = "global.example.com"\nid_scope = "x"\n' + SYMMETRIC,
        "provisioning.global_endpoint",
        "is no URL: it has no scheme. Write https://",
    ),
    "DPS scope_id": (DPS.replace("id_scope", "scope_id") + SYMMETRIC, "provisioning.scope_id", "Write id_scope."),
    "DPS without attestation": (DPS, "provisioning", "lacks attestation"),
    "DPS attestation sas": (
        DPS + '[provisioning.attestation]\nmethod = "sas"\n',
        "provisioning.attestation.method",
        'is \'sas\', not "symmetric_key" or "x509" or "tpm"',
    ),
    "DPS without a registration": (
        DPS + '[provisioning.attestation]\nmethod = "tpm"\n',
        "provisioning.attestation",
        "lacks registration_id",
    ),
    "DPS subject without a name": (
        DPS + X509 + 'registration_id = { O = "x" }\nidentity_cert = "file:///c"\nidentity_pk = "file:///k"\n',
        "provisioning.attestation.registration_id",
        "lacks CN",
    ),
    "DPS payload as text": (
        DPS + 'payload = "file:///p"\n' + SYMMETRIC,
        "provisioning.payload",
        'is a string, not a table. Write payload = { uri = "file:///..." }',
    ),
    # Certificates
    "edge_ca empty": (
        "[edge_ca]\n",
        "edge_ca",
        "is neither an issued certificate nor a certificate of your own nor a self-signed certificate for trials",
    ),
    "edge_ca auto_renew only": ("[edge_ca]\n" + RENEW, "edge_ca", "auto_generated_edge_ca_expiry_days = 90"),
    "edge_ca cert only": (
        '[edge_ca]\ncert = "file:///c"\n',
        "edge_ca",
        "means a certificate of your own and lacks pk",
    ),
    "edge_ca pk only": ('[edge_ca]\npk = "file:///k"\n', "edge_ca", "means a certificate of your own and lacks cert"),
    "edge_ca bare paths": ('[edge_ca]\ncert = "/c"\npk = "/k"\n', "edge_ca.cert", _NO_FILE),
    "edge_ca partial auto_renew": (
        '[edge_ca]\nauto_generated_edge_ca_expiry_days = 90\nauto_renew = { rotate_key = true, threshold = "80%" }\n',
        "edge_ca.auto_renew",
        "lacks retry",
    ),
    "edge_ca method": ('[edge_ca]\nmethod = "selfsigned"\n', "edge_ca.method", "Did you mean self_signed?"),
    "edge_ca expiry 0": (
        '[edge_ca]\nmethod = "self_signed"\nexpiry_days = 0\n',
        "edge_ca.expiry_days",
        "the least is 1",
    ),
    "edge_ca expiry as text": (
        '[edge_ca]\nauto_generated_edge_ca_expiry_days = "90"\n',
        "edge_ca.auto_generated_edge_ca_expiry_days",
        "is a string, not a whole number",
    ),
    **{
        f"renewal {text!r}": (
            '[edge_ca]\nmethod = "self_signed"\n'
            f'auto_renew = {{ rotate_key = true, threshold = "{text}", retry = "4%" }}\n',
            "edge_ca.auto_renew.threshold",
            fragment,
        )
        for text, fragment in {
            "": "no renewal time",
            "80": "no renewal time",
            "80 %": "no renewal time",
            "1year": "no renewal time",
            "10days": "no renewal time",
            "0%": "out of range",
            "100%": "out of range",
            "0min": "out of range",
        }.items()
    },
    "local CA without a key": (
        '[cert_issuance.local_ca]\ncert = "file:///c"\n',
        "cert_issuance.local_ca",
        "lacks pk, and cert is a file",
    ),
    "EST URL without scheme": (
        '[cert_issuance.est.urls]\ndefault = "est"\n',
        "cert_issuance.est.urls.default",
        "no scheme",
    ),
    "EST certificate as text": (
        '[cert_issuance.est]\ntrusted_certs = "file:///c"\n',
        "cert_issuance.est.trusted_certs",
        'is a string, not an array. Write ["file:///..."].',
    ),
    "preloaded certificate": ('[preloaded_certs]\na = "/c"\n', "preloaded_certs.a", _NO_FILE),
    "preloaded certificate id": (
        "[preloaded_certs]\na = [1]\n",
        "preloaded_certs.a.0",
        "is a whole number, not a string",
    ),
    "preloaded certificate as table": ("[preloaded_certs]\na = {}\n", "preloaded_certs.a", "not a string or an array"),
    "preloaded key http": ('[preloaded_keys]\na = "http://h/k"\n', "preloaded_keys.a", "begins with another scheme"),
    "aziot_keys integer": ("[aziot_keys]\npkcs11_base_slot = 0\n", "aziot_keys.pkcs11_base_slot", "not a string"),
    "tpm index as text": ('[tpm]\nauth_key_index = "0x00_01_00"\n', "tpm.auth_key_index", "without quotes"),
    "tpm index too high": ("[tpm]\nauth_key_index = 0x80_00_00\n", "tpm.auth_key_index", "the most is 8388607"),
    # The agent
    "agent.env alone": ('[agent.env]\nhttps_proxy = "http://h:1"\n', "agent", "lacks name, type and config"),
    "agent without config": (
        '[agent]\nname = "edgeAgent"\ntype = "docker"\n[agent.env]\na = "b"\n',
        "agent",
        "lacks config",
    ),
    "agent.config without image": (
        '[agent]\nname = "edgeAgent"\ntype = "docker"\n[agent.config]\n',
        "agent.config",
        "lacks image",
    ),
    "env bool": (
        AGENT + "[agent.env]\na = true\n",
        "agent.env.a",
        'a variable\'s value is a string. Write it in quotes: "true"',
    ),
    "env int": (AGENT + "[agent.env]\na = 1\n", "agent.env.a", 'Write it in quotes: "1"'),
    "env as text": (
        AGENT.replace("[agent.config]", 'env = "a=b"\n[agent.config]'),
        "agent.env",
        "is a string, not a table",
    ),
    "createOptions as JSON": (
        AGENT + 'createOptions = "{}"\n',
        "agent.config.createOptions",
        "is a string, not a table. Write a TOML table",
    ),
    "createOptions, text for a list": (
        AGENT + 'createOptions = { Cmd = "run" }\n',
        "agent.config.createOptions.Cmd",
        "is a string, not an array",
    ),
    "createOptions, number for a label": (
        AGENT + "createOptions = { Labels = { a = 1 } }\n",
        "agent.config.createOptions.Labels.a",
        "is a whole number, not a string",
    ),
    "pull policy Never": (
        AGENT.replace("[agent.config]", 'imagePullPolicy = "Never"\n[agent.config]'),
        "agent.imagePullPolicy",
        "Did you mean never?",
    ),
    "pull policy of the template": (
        AGENT.replace("[agent.config]", 'imagePullPolicy = "..."\n[agent.config]'),
        "agent.imagePullPolicy",
        'Write "on-create" or "never".',
    ),
    # The daemon
    "connect, one": ('[connect]\nworkload_uri = "unix:///w"\n', "connect", "lacks management_uri"),
    "listen, one": ('[listen]\nmanagement_uri = "unix:///w"\n', "listen", "lacks workload_uri"),
    "listen, bare path": (
        '[listen]\nmanagement_uri = "/m"\nworkload_uri = "fd://w"\n',
        "listen.management_uri",
        "is no URL: it has no scheme. Write unix:///... or fd://...",
    ),
    "listen, TLS 1.3": (
        '[listen]\nworkload_uri = "fd://w"\nmanagement_uri = "fd://m"\nmin_tls_version = "tls1.3"\n',
        "listen.min_tls_version",
        "is no TLS version",
    ),
    "watchdog as text": ('[watchdog]\nmax_retries = "5"\n', "watchdog.max_retries", "or a number unquoted"),
    "watchdog negative": ("[watchdog]\nmax_retries = -1\n", "watchdog.max_retries", "the least is 0"),
    "watchdog bool": (
        "[watchdog]\nmax_retries = true\n",
        "watchdog.max_retries",
        "is true or false, not a whole number",
    ),
    "moby, only uri": ('[moby_runtime]\nuri = "unix:///s"\n', "moby_runtime", "lacks network"),
    "moby, only network": ('[moby_runtime]\nnetwork = "n"\n', "moby_runtime", "lacks uri"),
    "moby, bare path": ('[moby_runtime]\nuri = "/s"\nnetwork = "n"\n', "moby_runtime.uri", "it has no scheme"),
    "network without name": (
        '[moby_runtime]\nuri = "unix:///s"\nnetwork = { ipv6 = true }\n',
        "moby_runtime.network",
        "lacks name",
    ),
    "iotedge requests, one": ("[iotedge_max_requests]\nworkload = 1\n", "iotedge_max_requests", "lacks management"),
    "aziot requests, three": (
        "[aziot_max_requests]\nkeyd = 1\ncertd = 1\ntpmd = 1\n",
        "aziot_max_requests",
        "lacks identityd",
    ),
    "localid, empty": ("[localid]\n", "localid", "lacks domain"),
    "collection, enabled as text": (
        '[image_garbage_collection]\nenabled = "true"\n',
        "image_garbage_collection.enabled",
        "is a string, not true or false",
    ),
    **{
        f"recurrence {text!r}": (
            f'[image_garbage_collection]\ncleanup_recurrence = "{text}"\n',
            "image_garbage_collection.cleanup_recurrence",
            fragment,
        )
        for text, fragment in {
            "12h": "not a whole number of days",
            "36h": "not a whole number of days",
            "90m": "not a whole number of days",
            "1d1h": "not a whole number of days",
            "1month": "not a whole number of days",
            "1": "no duration",
            "": "no duration",
            "-1d": "no duration",
            "1 fortnight": "no duration",
        }.items()
    },
    "recurrence as number": (
        "[image_garbage_collection]\ncleanup_recurrence = 1\n",
        "image_garbage_collection.cleanup_recurrence",
        "is a whole number, not a string",
    ),
    "threshold 0": (
        '[image_garbage_collection]\nimage_age_cleanup_threshold = "0"\n',
        "image_garbage_collection.image_age_cleanup_threshold",
        "no duration",
    ),
    **{
        f"time {text!r}": (
            f'[image_garbage_collection]\ncleanup_time = "{text}"\n',
            "image_garbage_collection.cleanup_time",
            "no time of day",
        )
        for text in ("24:00", "12", "1200", "12:00:00", "00:60", "12:00 ")
    },
    "time unquoted": (
        "[image_garbage_collection]\ncleanup_time = 07:30:00\n",
        "image_garbage_collection.cleanup_time",
        "is a date or time, not a string",
    ),
}

# What the vendor's parser takes, and then ignores or can't work with. -----------------------------------------------

STRICTER = {
    "unknown top-level key": ('trust_bundle = "file:///c"\n', "trust_bundle", "Did you mean trust_bundle_cert?"),
    "unknown table": ("[agents]\n", "agents", "Did you mean agent?"),
    "unknown key of [agent]": (
        AGENT.replace("[agent.config]", "evn.a = 1\n[agent.config]"),
        "agent.evn",
        "Did you mean env?",
    ),
    "unknown key of collection": (
        "[image_garbage_collection]\ncleanup_treshold = 1\n",
        "image_garbage_collection.cleanup_treshold",
        "Did you mean image_age_cleanup_threshold?",
    ),
    "unknown key, nothing near": ("[localid]\ndomain = 'd'\nzzz = 1\n", "localid.zzz", "The keys here are domain."),
    "hostname after a table": (
        '[provisioning]\nsource = "none"\nhostname = "h"\n',
        "provisioning.hostname",
        "before the first table of the file, and what stands below the header [provisioning] is that table's.",
    ),
    "trust bundle after a table": (
        '[watchdog]\ntrust_bundle_cert = "file:///c"\n',
        "watchdog.trust_bundle_cert",
        "It belongs before the first table of the file",
    ),
    "hostname after [agent.env]": (
        AGENT + '[agent.env]\nhostname = "h"\n',
        "agent.env.hostname",
        "IoT Edge would take it for an entry of [agent.env]. It belongs before the first table",
    ),
    "trust bundle after [preloaded_certs]": (
        '[preloaded_certs]\ntrust_bundle_cert = "file:///c"\n',
        "preloaded_certs.trust_bundle_cert",
        "It belongs before the first table",
    ),
    "collection after [agent.env]": (
        AGENT + '[agent.env]\ncleanup_time = "00:00"\n',
        "agent.env.cleanup_time",
        "It is a key of [image_garbage_collection].",
    ),
    "collection after another table": (
        "[watchdog]\nenabled = true\n",
        "watchdog.enabled",
        "It is a key of [image_garbage_collection].",
    ),
    "hostname after createOptions": (
        AGENT + '[agent.config.createOptions]\nhostname = "h"\n',
        "agent.config.createOptions.hostname",
        "It belongs before the first table",
    ),
    "a table inside another": (
        "[watchdog.localid]\ndomain = 'd'\n",
        "watchdog.localid",
        "[localid] is a table of its own.",
    ),
    "create_options": (AGENT + "create_options = {}\n", "agent.config.create_options", "Did you mean createOptions?"),
    "create_options one level up": (
        AGENT.replace("[agent.config]", "create_options = {}\n[agent.config]"),
        "agent.create_options",
        "It is a key of [agent.config].",
    ),
    "image one level up": (
        AGENT.replace("[agent.config]", 'image = "a:1"\n[agent.config]'),
        "agent.image",
        "It is a key of [agent.config].",
    ),
    "EST credentials one level up": (
        '[cert_issuance.est]\nusername = "u"\npassword = "p"\n',
        "cert_issuance.est.username",
        "[cert_issuance.est.auth]",
    ),
    "https_proxy at top level": ('https_proxy = "http://h:1"\n', "https_proxy", 'Write "https_proxy" in [agent.env]'),
    "proxy in [agent]": (
        AGENT.replace("[agent.config]", 'https_proxy = "x"\n[agent.config]'),
        "agent.https_proxy",
        "[agent.env]",
    ),
    "a key of 1.1": (
        '[provisioning]\nsource = "none"\nalways_reprovision_on_startup = true\n',
        "provisioning.always_reprovision_on_startup",
        'Write auto_reprovisioning_mode = "AlwaysOnStartup" before the first table',
    ),
    "manifest trust": ('manifest_trust_bundle_cert = "file:///c"\n', "manifest_trust_bundle_cert", "Take it out"),
    "endpoints": ("[endpoints]\n", "endpoints", "debug builds"),
    "homedir_path": ('[aziot_keys]\nhomedir_path = "/h"\n', "aziot_keys.homedir_path", "has no effect. Take it out"),
    "trust bundle https": ('trust_bundle_cert = "https://h/c"\n', "trust_bundle_cert", "can only read file:"),
    "trust bundle, two slashes": ('trust_bundle_cert = "file://etc/c"\n', "trust_bundle_cert", "three slashes"),
    "trust bundle, no file": ('trust_bundle_cert = "file:///"\n', "trust_bundle_cert", "names no file"),
    "hostname as URL": ('hostname = "https://h"\n', "hostname", "is neither a host's name nor its IP address"),
    "imported key as URL": (
        'imported_master_encryption_key = "file:///k"\n',
        "imported_master_encryption_key",
        "absolute path",
    ),
    "none with a connection string": (
        f'[provisioning]\nsource = "none"\nconnection_string = "{CONNECTION}"\n',
        "provisioning.connection_string",
        'has no effect with source = "none". It goes with source = "manual".',
    ),
    "DPS keys in manual": (
        f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION}"\nid_scope = "x"\n',
        "provisioning.id_scope",
        'It goes with source = "dps".',
    ),
    "two ways of manual": (
        f'[provisioning]\nsource = "manual"\nconnection_string = "{CONNECTION}"\ndevice_id = "d"\n',
        "provisioning.device_id",
        "does not go together with connection_string",
    ),
    "two keys": (
        MANUAL
        + f'[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = {{ value = "{KEY}", uri = "file:///k" }}\n',
        "provisioning.authentication.device_id_pk.uri",
        "does not go together with value",
    ),
    "key beside an issued certificate": (
        DPS + X509 + 'identity_cert = { method = "self_signed" }\nidentity_pk = "file:///k"\n',
        "provisioning.attestation.identity_pk",
        "has no effect, since identity_cert is a table",
    ),
    "empty id_scope": (DPS.replace("0ne1", "") + SYMMETRIC, "provisioning.id_scope", "is empty"),
    "edge_ca, two kinds": (
        '[edge_ca]\ncert = "file:///c"\npk = "file:///k"\nauto_generated_edge_ca_expiry_days = 90\n',
        "edge_ca.auto_generated_edge_ca_expiry_days",
        "does not go together with cert",
    ),
    "edge_ca, renewal of your own": (
        '[edge_ca]\ncert = "file:///c"\npk = "file:///k"\n' + RENEW,
        "edge_ca.auto_renew",
        "has no effect with a certificate of your own",
    ),
    "edge_ca quickstart 0": (
        "[edge_ca]\nauto_generated_edge_ca_expiry_days = 0\n",
        "edge_ca.auto_generated_edge_ca_expiry_days",
        "the least is 1",
    ),
    "edge_ca EST key, self-signed": (
        '[edge_ca]\nmethod = "self_signed"\nurl = "https://h"\n',
        "edge_ca.url",
        'has no effect with method = "self_signed". It goes with method = "est".',
    ),
    "edge_ca, two names": (
        '[edge_ca]\nmethod = "self_signed"\ncommon_name = "a"\nsubject = { CN = "a" }\n',
        "edge_ca.subject",
        "does not go together with common_name",
    ),
    "EST nowhere": ('[edge_ca]\nmethod = "est"\n', "edge_ca", "nothing says where the EST server is"),
    "local CA nowhere": ('[edge_ca]\nmethod = "local_ca"\n', "edge_ca", "there is no such CA"),
    "EST, half a login": (
        '[cert_issuance.est.auth]\nusername = "u"\n',
        "cert_issuance.est.auth.username",
        "has no effect without password",
    ),
    "EST, certificate alone": (
        '[cert_issuance.est.auth]\nidentity_cert = "file:///c"\n',
        "cert_issuance.est.auth.identity_cert",
        "has no effect without identity_pk",
    ),
    "EST, two certificates": (
        '[cert_issuance.est.auth]\nidentity_cert = "file:///c"\nidentity_pk = "file:///k"\n'
        'bootstrap_identity_cert = "file:///c"\nbootstrap_identity_pk = "file:///k"\n',
        "cert_issuance.est.auth.identity_cert",
        "does not go together with bootstrap_identity_cert",
    ),
    "agent's name": (AGENT.replace('"edgeAgent"', '"edgeagent"'), "agent.name", "Did you mean edgeAgent?"),
    "agent's type": (AGENT.replace('"docker"', '"podman"'), "agent.type", 'not "docker"'),
    "agent's image empty": (
        AGENT.replace("mcr.microsoft.com/azureiotedge-agent:1.5.21", ""),
        "agent.config.image",
        "is empty",
    ),
    "agent from no parent": (
        AGENT.replace("mcr.microsoft.com", "$upstream:443"),
        "agent.config.image",
        "stands for parent_hostname, and there is none",
    ),
    "registry login": (
        AGENT + '[agent.config.auth]\nserver = "h"\n',
        "agent.config.auth.server",
        "Did you mean serveraddress?",
    ),
    "log option as number": (
        AGENT + "createOptions = { HostConfig = { LogConfig = { Config = { max-file = 3 } } } }\n",
        "agent.config.createOptions.HostConfig.LogConfig.Config.max-file",
        "is a whole number, not a string",
    ),
    "proxy without scheme": (
        AGENT + '[agent.env]\nhttps_proxy = "proxy.example.com:3128"\n',
        "agent.env.https_proxy",
        "has no scheme, and edgeAgent would not start",
    ),
    "protocol": (
        AGENT + '[agent.env]\nUpstreamProtocol = "AmqpWss"\n',
        "agent.env.UpstreamProtocol",
        "edgeAgent would ignore it. Did you mean AmqpWs?",
    ),
    "update mode": (
        AGENT + '[agent.env]\nModuleUpdateMode = "x"\n',
        "agent.env.ModuleUpdateMode",
        "edgeAgent would not start. Write one of NonBlocking, WaitForAllPulls.",
    ),
    "listen, npipe": (
        '[listen]\nworkload_uri = "npipe://./w"\nmanagement_uri = "fd://m"\n',
        "listen.workload_uri",
        "begins with npipe:",
    ),
    "gateway with a prefix": (
        '[moby_runtime]\nuri = "unix:///s"\n'
        '[moby_runtime.network]\nname = "n"\nipam.config = [{ gateway = "192.0.2.1/24" }]\n',
        "moby_runtime.network.ipam.config.0.gateway",
        "is no IP address",
    ),
    "subnet without a prefix": (
        '[moby_runtime]\nuri = "unix:///s"\n'
        '[moby_runtime.network]\nname = "n"\nipam.config = [{ subnet = "192.0.2.0" }]\n',
        "moby_runtime.network.ipam.config.0.subnet",
        "is no network",
    ),
    "no requests": (
        "[iotedge_max_requests]\nmanagement = 0\nworkload = 1\n",
        "iotedge_max_requests.management",
        "least is 1",
    ),
    "recurrence 0d": (
        '[image_garbage_collection]\ncleanup_recurrence = "0d"\n',
        "image_garbage_collection.cleanup_recurrence",
        "the daemon would never pause",
    ),
}


@pytest.mark.parametrize(("text", "where", "fragment"), [*BAD.values(), *STRICTER.values()], ids=[*BAD, *STRICTER])
def test_what_is_wrong_is_refused_with_its_reason(text, where, fragment):
    with pytest.raises(Refused) as caught:
        judged(text) if where else check(tomllib.loads(text), locate=".".join)
    assert fragment in str(caught.value)
    assert where is None or str(caught.value).startswith(f"{where}: ")


@pytest.mark.parametrize(("text", "where", "fragment"), [*BAD.values(), *STRICTER.values()], ids=[*BAD, *STRICTER])
def test_in_a_file_it_is_named_with_its_line_and_nothing_is_written(tmp_path, text, where, fragment):
    if where and "[provisioning]" not in text:
        text += '[provisioning]\nsource = "none"\n'
    path = tmp_path / "etc/aziot/config.toml"
    for file, content in ((path, text), (tmp_path / "usr/lib/systemd/system/aziot-edged.service", "[Service]\n")):
        file.parent.mkdir(parents=True)
        file.write_text(content)
    before = path.stat()
    params = {name: option.get("default") for name, option in _iotedge_config.ARGUMENT_SPEC.items()}
    # A key that no vector has, so that there is something to write.
    params["settings"] = {"tpm": {"tcti": "device"}}
    with pytest.raises(Refused) as caught:
        carry_out(_iotedge_config.ensure, params, check_mode=False, root=str(tmp_path))
    message = str(caught.value)
    assert fragment in message
    after = path.stat()
    assert (path.read_text(), after.st_ino, after.st_mtime_ns) == (text, before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "var").exists()
    if where is None:
        assert message.startswith("/etc/aziot/config.toml: provisioning: ")
        return
    told = re.match(rf"/etc/aziot/config\.toml, line ([0-9]+): {re.escape(where)}: ", message)
    assert told, message
    line = text.splitlines()[int(told[1]) - 1]
    # The key's own, or the header or key that the table begins with.
    keys = [key for key in where.split(".") if not key.isdigit()]
    assert any(key in line for key in keys), line


def test_a_byte_order_mark_is_no_mistake():
    source = b"\xef\xbb\xbf" + GOOD["agent with CRLF"].encode()
    document = _toml_document.load(source)
    assert document["agent"]["name"] == "edgeAgent"
    check({"provisioning": {"source": "none"}, **document}, locate=".".join)


def test_a_bare_word_is_no_toml_at_all():
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads("auto_reprovisioning_mode = Dynamic\n")


def test_the_first_problem_is_raised_and_the_next_ones_are_told():
    with pytest.raises(Refused) as caught:
        judged("a1 = 1\nb1 = 1\nc1 = 1\nd1 = 1\ne1 = 1\nf1 = 1\ng1 = 1\n")
    message = str(caught.value)
    assert message.startswith("a1: is no key here")
    for name in ("b1", "c1", "d1", "e1"):
        assert f"{name}: is no key here" in message
    assert message.endswith("; and 2 more.")


def test_every_place_is_named_by_the_caller():
    with pytest.raises(Refused) as caught:
        check({"provisioning": {"source": "none"}, "a1": 1, "agent": {}}, locate=lambda path: f"<{'/'.join(path)}>")
    assert caught.value.where == "<a1>"
    assert "<agent>: lacks" in str(caught.value)


SECRETS = {
    "connection string": f'[provisioning]\nsource = "manual"\nconnection_string = "HostName=h;SharedAccessKey={KEY}"\n',
    "key as text": MANUAL + f'[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk = "{KEY}"\n',
    "broken key": MANUAL + f'[provisioning.authentication]\nmethod = "sas"\ndevice_id_pk.value = "{KEY}!"\n',
    "PIN": f'[preloaded_keys]\na = "pkcs12:pin-value={KEY}"\n',
    "proxy password": AGENT + f'[agent.env]\nhttps_proxy = "u:{KEY}@h:1"\n',
    "proxy at top level": f'https_proxy = "http://u:{KEY}@h:1"\n',
    "URL with a password": f'[cert_issuance.est.urls]\ndefault = "ftp://u:{KEY}@h"\n',
    "registry password": AGENT + f'[agent.config.auth]\nusername = 1\npassword = "{KEY}"\n',
    "EST password alone": f'[cert_issuance.est.auth]\npassword = "{KEY}"\n',
    "hostname": f'hostname = "u:{KEY}@h"\n',
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_no_message_tells_a_secret(text):
    with pytest.raises(Refused) as caught:
        judged(text)
    assert KEY.rstrip("=") not in str(caught.value)


# What is taken and merely said ------------------------------------------------------------------------------------

QUIET = f'hostname = "device"\n[edge_ca]\ncert = "file:///c"\npk = "file:///k"\n{AGENT}'
PROXY = '[agent.env]\nhttps_proxy = "http://h:1"\n'

NOTICES = {
    "nothing": (QUIET, []),
    "all left out": ("", ["hostname: is not set", "edge_ca: is a self-signed certificate for trials"]),
    "quickstart": (
        'hostname = "d"\n[edge_ca]\nauto_generated_edge_ca_expiry_days = 90\n',
        ["edge_ca: is a self-signed certificate for trials"],
    ),
    "old spelling": (
        f'local_gateway_hostname = "g"\n{QUIET}{MANUAL}{SAS}',
        ["local_gateway_hostname: is the old spelling of parent_hostname"],
    ),
    "underscore in the name": (QUIET.replace('"device"', '"my_device"'), ["hostname: is no host name by RFC 1035"]),
    "long name": (QUIET.replace('"device"', f'"{"d" * 65}"'), ["hostname: is longer than 64"]),
    "address": (QUIET.replace('"device"', '"2001:db8::1"'), []),
    **{
        f"image {image}": (QUIET.replace("azureiotedge-agent:1.5.21", image), said)
        for image, said in {
            "agent": ["agent.config.image: has no tag, which moves"],
            "agent:latest": ["agent.config.image: has tag latest, which moves"],
            "agent:1.5": ["agent.config.image: has tag 1.5, which moves"],
            "agent:1.5-linux-amd64": ["agent.config.image: has tag 1.5-linux-amd64"],
            "agent:1.5.21-linux-amd64": [],
            "agent@sha256:00": [],
            "agent:1.5@sha256:00": [],
        }.items()
    },
    "registry with a port": (
        QUIET.replace("mcr.microsoft.com/azureiotedge-agent:1.5.21", "registry.example.com:5000/agent"),
        ["agent.config.image: has no tag"],
    ),
    "EST over http": (
        QUIET + EST.replace("https", "http"),
        ["cert_issuance.est.urls.default: is http://, and the EST server's answer can be forged"],
    ),
    "EST over http for one": (
        f'hostname = "d"\n[edge_ca]\nmethod = "est"\nurl = "http://h"\n{AGENT}',
        ["edge_ca.url: is http://"],
    ),
    "EST with an expiry": (
        f'hostname = "d"\n[edge_ca]\nmethod = "est"\nurl = "https://h"\nexpiry_days = 30\n{AGENT}',
        ['edge_ca.expiry_days: has no effect with method = "est"'],
    ),
    "proxy": (QUIET + PROXY + 'UpstreamProtocol = "MqttWs"\n', []),
    "proxy without a protocol": (QUIET + PROXY, ["agent.env.https_proxy: takes effect only with UpstreamProtocol"]),
    "proxy with AMQP": (QUIET + PROXY + 'UpstreamProtocol = "Amqp"\n', ["agent.env.https_proxy: takes effect only"]),
    "proxy over TLS": (
        QUIET + PROXY.replace("http:", "https:") + 'UpstreamProtocol = "AmqpWs"\n',
        ["agent.env.https_proxy: is an https:// proxy, which fails with AmqpWs"],
    ),
    "proxy empty": (QUIET + '[agent.env]\nhttps_proxy = ""\n', ["agent.env.https_proxy: is empty; take it out"]),
    "proxy in capitals": (
        QUIET + PROXY.replace("https_proxy", "HTTPS_PROXY") + 'UpstreamProtocol = "AmqpWs"\n',
        ["agent.env.HTTPS_PROXY: is not seen by proxy-settings; write https_proxy"],
    ),
    "proxy twice": (
        QUIET + PROXY + 'HTTPS_PROXY = "http://g:1"\nUpstreamProtocol = "AmqpWs"\n',
        ["agent.env https_proxy and HTTPS_PROXY: are one variable to it"],
    ),
    "protocol in capitals": (
        QUIET + PROXY + 'UpstreamProtocol = "AMQPWS"\n',
        ["agent.env.UpstreamProtocol: is AMQPWS; write AmqpWs, the only spelling"],
    ),
    "update mode in lower case": (
        QUIET + '[agent.env]\nModuleUpdateMode = "nonblocking"\n',
        ["agent.env.ModuleUpdateMode: is nonblocking; write NonBlocking"],
    ),
    "createOptions, unknown": (
        QUIET + "createOptions = { Hostconfig = {} }\n",
        ["agent.config.createOptions.Hostconfig: may be unknown to Docker, which is silent. Did you mean HostConfig?"],
    ),
    "engine over TCP": (
        QUIET + '[moby_runtime]\nuri = "http://h:1"\nnetwork = "n"\n',
        ["moby_runtime.uri: container-engine-uri fails"],
    ),
    "listen elsewhere": (
        QUIET + '[listen]\nworkload_uri = "unix:///w"\nmanagement_uri = "fd://aziot-edged.mgmt.socket"\n',
        ["listen.workload_uri: is not fd://aziot-edged.workload.socket"],
    ),
    "aziot_keys": (QUIET + '[aziot_keys]\npkcs11_lib = "/l"\n', ["aziot_keys.pkcs11_lib: is neither pkcs11_lib_path"]),
}


@pytest.mark.parametrize(("text", "said"), NOTICES.values(), ids=NOTICES)
def test_what_is_doubtful_is_said(text, said):
    found = judged(text)
    assert len(found) == len(said), found
    for notice, fragment in zip(found, said):
        assert fragment in str(notice)


# Laws -------------------------------------------------------------------------------------------------------------

_words = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
_files = _words.map(lambda name: f"file:///var/{name}.pem")
_https = _words.map(lambda name: f"https://{name}.example.com/x")

SCALARS = {
    "reprovisioning mode": st.sampled_from(["Dynamic", "AlwaysOnStartup", "OnErrorOnly"]),
    "pull policy": st.sampled_from(["on-create", "never"]),
    "module type": st.just("docker"),
    "module name": st.just("edgeAgent"),
    "u32": st.integers(0, 2**32 - 1),
    "days": st.integers(1, 2**32 - 1),
    "requests": st.integers(1, 1000),
    "timeout": st.integers(70, 10**6),
    "tpm index": st.integers(0, 0x7FFFFF),
    "string": st.text(),
    "text": _words,
    "tls version": st.sampled_from(["tls1.0", "tls11", "TLSv12", "tls1_2"]),
    "hostname": st.one_of(_words, st.ip_addresses().map(str)),
    "ip": st.ip_addresses().map(str),
    "ip network": st.ip_addresses().map(lambda address: f"{address}/24"),
    "path": _words.map(lambda name: f"/var/{name}"),
    "time of day": st.times().map(lambda time: time.strftime("%H:%M")),
    "url": st.one_of(_files, _https, st.just("unix:///var/run/docker.sock")),
    "file url": _files,
    "http url": _https,
    "socket uri": st.sampled_from(["unix:///var/run/x.sock", "fd://aziot-edged.mgmt.socket"]),
    "key uri": st.one_of(_files, _words.map(lambda name: f"pkcs11:object={name}")),
    "base64": st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode()),
    "connection string": st.binary(min_size=1).map(
        lambda raw: f"HostName=h;DeviceId=d;SharedAccessKey={base64.b64encode(raw).decode()}"
    ),
    "duration": st.integers(0, 99).map(lambda days: f"{days}d"),
    "days between": st.integers(1, 99).map(lambda days: f"{days}d"),
    "renewal policy": st.one_of(
        st.integers(1, 99).map(lambda number: f"{number}%"), st.integers(1, 999).map(lambda number: f"{number}min")
    ),
    "bool": st.booleans(),
    "retries": st.one_of(st.just("infinite"), st.integers(0, 100)),
    "variable": st.text(),
    "anything": st.dictionaries(_words, st.integers(), max_size=1),
}
# Names that mean nothing to anyone, so that no reader of a variable minds its value.
_names = _words.map(lambda name: f"x-{name}")


def documents(kind):
    """Return a strategy for values of a kind of the table."""
    if kind in SCALARS:
        return SCALARS[kind]
    structure = STRUCTURES[kind]
    if isinstance(structure, Names):
        return st.dictionaries(_names, documents(structure.kind), max_size=2)
    if isinstance(structure, Array):
        return st.lists(documents(structure.kind), max_size=2)
    if isinstance(structure, ByType):
        kinds = [kind for kind in (structure.string, structure.table, structure.array) if kind]
        return st.one_of([st.deferred(lambda kind=kind: documents(kind)) for kind in kinds])
    if isinstance(structure, Tagged):
        return st.one_of(
            [
                documents(name).map(lambda rest, tag=tag: {structure.tag: tag, **rest})
                for tag, name in structure.variants.items()
            ]
        )
    if isinstance(structure, Untagged):
        return st.one_of([documents(name) for name in structure.variants])
    assert isinstance(structure, Table)
    required = {name: documents(key.kind) for name, key in structure.keys.items() if key.required}
    optional = {name: documents(key.kind) for name, key in structure.keys.items() if not key.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda value: _consistent(structure, value))


def _consistent(table, value):
    """Take out what the rest of a table's rules do not allow."""
    value = dict(value)
    for groups in table.apart:
        found = [group for group in groups if any(name in value for name in group)]
        for group in found[1:]:
            for name in group:
                value.pop(name, None)
    for group in table.together:
        if any(name not in value for name in group):
            for name in group:
                value.pop(name, None)
    for certificate, key in table.key_of:
        if isinstance(value.get(certificate), dict):
            value.pop(key, None)
        elif certificate in value:
            value.setdefault(key, "file:///k")
    return value


def _without_conflicts(document):
    registration = document["provisioning"].get("attestation", {}).get("registration_id")
    if isinstance(registration, dict):
        registration["CN"] = "device"
    if document["provisioning"]["source"] == "dps":
        document.pop("parent_hostname", None)
        document.pop("local_gateway_hostname", None)
    issuance = document.setdefault("cert_issuance", {})
    issuance.setdefault("local_ca", {"cert": "file:///c", "pk": "file:///k"})
    issuance.setdefault("est", {}).setdefault("urls", {})["default"] = "https://est.example.com"
    return document


whole = documents("").map(_without_conflicts)


def _places(kind, value, path=()):
    """Yield (path, structure, key) for every key of a table with known keys, all the way down."""
    structure = STRUCTURES.get(kind)
    if isinstance(structure, Names):
        for name, entry in value.items():
            yield from _places(structure.kind, entry, (*path, name))
    elif isinstance(structure, Array):
        for index, entry in enumerate(value):
            yield from _places(structure.kind, entry, (*path, index))
    elif isinstance(structure, ByType):
        chosen = structure.table if isinstance(value, dict) else structure.string
        if not isinstance(value, list):
            yield from _places(chosen, value, path)
    elif isinstance(structure, Tagged):
        yield path, structure, structure.tag
        yield from _places(structure.variants[value[structure.tag]], value, path)
    elif isinstance(structure, Untagged):
        fits = [name for name in structure.variants if _fits(STRUCTURES[name], value)]
        yield from _places(fits[0], value, path)
    elif isinstance(structure, Table):
        for name, entry in value.items():
            if name in structure.keys:
                yield path, structure, name
                yield from _places(structure.keys[name].kind, entry, (*path, name))


def _fits(structure, value):
    if isinstance(structure, Tagged):
        return structure.tag in value
    return all(name in value for name, key in structure.keys.items() if key.required)


def _at(document, path):
    for step in path:
        document = document[step]
    return document


def _dotted(path):
    return ".".join(map(str, path))


laws = settings(max_examples=150, deadline=None)


@laws
@given(whole)
def test_whatever_the_table_allows_is_accepted(document):
    check(document, locate=".".join)


@laws
@given(whole, st.data())
def test_a_renamed_key_is_refused_by_name(document, data):
    path, structure, name = data.draw(st.sampled_from(list(_places("", document))))
    assume(not getattr(structure, "open", False))  # what it does not know it hands on
    document = copy.deepcopy(document)
    table = _at(document, path)
    renamed = data.draw(st.sampled_from([f"{name}x", name.upper(), f"x_{name}", name[:-1]]))
    assume(renamed not in STRAYS and renamed not in table)
    table[renamed] = table.pop(name)
    with pytest.raises(Refused) as caught:
        check(document, locate=_dotted)
    assert f"{_dotted((*path, renamed))}: is no key here" in str(caught.value)


@laws
@given(whole, st.data())
def test_a_value_of_another_type_is_refused_by_name(document, data):
    path, _structure, name = data.draw(st.sampled_from(list(_places("", document))))
    document = copy.deepcopy(document)
    _at(document, path)[name] = datetime.date(2020, 2, 2)  # what no key takes
    with pytest.raises(Refused) as caught:
        check(document, locate=_dotted)
    assert f"{_dotted((*path, name))}: is a date or time, not " in str(caught.value)


@laws
@given(whole, st.data())
def test_a_required_key_that_is_missing_is_named(document, data):
    places = [
        (path, name)
        for path, structure, name in _places("", document)
        if isinstance(structure, Tagged) or structure.keys[name].required
    ]
    path, name = data.draw(st.sampled_from(places))
    document = copy.deepcopy(document)
    del _at(document, path)[name]
    with pytest.raises(Refused) as caught:
        check(document, locate=_dotted)
    message = str(caught.value)
    assert message.startswith(f"{_dotted(path)}: " if path else "provisioning: is missing")
    assert name in message


# The table itself -------------------------------------------------------------------------------------------------


def _kinds(structure):
    if isinstance(structure, Table):
        return {key.kind for key in structure.keys.values()}
    if isinstance(structure, (Tagged, Untagged)):
        return set(structure.variants.values() if isinstance(structure, Tagged) else structure.variants)
    if isinstance(structure, ByType):
        return {structure.string, structure.table, structure.array} - {""}
    return {structure.kind}


def test_the_table_is_whole():
    used = set().union(*map(_kinds, STRUCTURES.values()))
    assert used <= {*STRUCTURES, *KINDS}
    assert {*STRUCTURES, *KINDS} - used == {""}
    assert not {*STRUCTURES} & KINDS
    assert set(SCALARS) == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS - {"anything"}))
def test_every_kind_refuses_other_types(kind):
    for value in (datetime.date(2020, 2, 2), 1.5, {}, []):
        assert judge(kind, value) is not None


def test_stray_keys_are_not_names_of_tables():
    assert "hostname" in STRAYS
    assert not STRAYS & {"agent", "provisioning"}
