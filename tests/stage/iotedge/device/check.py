# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`iotedge check`: those of its checks that tests have use for, restated from what the real ones look at."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import socket
import subprocess
import time
import typing as t
import urllib.parse

from . import docker, layers, proxy, wire
from .services import CERTD, EDGED, IDENTITY_SERVICES, IDENTITYD, KEYD, Service

# Besides the daemons' own, what the identity service's command answers for.
IDENTITY, BUILT_IN = "identity service", "module runtime"


class Verdict(t.NamedTuple):
    """`ok`, `warning`, `ignored`, `skipped`, `fatal` or `error`, and why."""

    result: str
    details: tuple[str, ...] = ()


OK = Verdict("ok")


def _warn(*why: str) -> Verdict:
    return Verdict("warning", why)


def _fail(*why: str) -> Verdict:
    return Verdict("error", why)


@dataclasses.dataclass
class Options:
    """What the command line says."""

    engine_config: str = "/etc/docker/daemon.json"
    proxy_uri: str | None = None
    iothub: str | None = None
    edge_version: str | None = None
    version: str = ""

    @functools.cached_property
    def edged(self) -> layers.Table | None:
        try:
            return layers.read(EDGED)
        except layers.BadConfig:
            return None

    @functools.cached_property
    def agent_env(self) -> dict[str, str]:
        return {str(key): str(value) for key, value in (self.edged or {}).get("agent", {}).get("env", {}).items()}

    @functools.cached_property
    def engine(self) -> docker.Engine:
        return docker.Engine((self.edged or {}).get("moby_runtime", {}).get("uri", "unix:///var/run/docker.sock"))

    @functools.cached_property
    def provisioning(self) -> layers.Table:
        try:
            return t.cast(layers.Table, layers.read(IDENTITYD).get("provisioning", {}))
        except layers.BadConfig:
            return {}

    @property
    def hub(self) -> str | None:
        return self.iothub or self.provisioning.get("iothub_hostname")

    @property
    def proxy(self) -> str | None:
        environment = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
        return self.proxy_uri or self.agent_env.get("https_proxy") or environment

    @functools.cached_property
    def upstream_protocol(self) -> str | None:
        ask = ["docker", "exec", "edgeAgent", "sh", "-c", 'echo "$UpstreamProtocol"']
        said = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
        return said if said in ("Amqp", "AmqpWs", "Mqtt", "MqttWs") else None


Probe = t.Callable[[Options], Verdict]


def _well_formed(service: Service) -> Probe:
    def probe(options: Options) -> Verdict:
        try:
            layers.read(service)
        except layers.BadConfig as wrong:
            return Verdict("fatal" if service is EDGED else "error", (str(wrong),))
        return OK

    return probe


def _running(service: Service) -> Probe:
    def probe(options: Options) -> Verdict:
        try:
            wire.ask(service.sockets[0].path, "/")
        except OSError as refused:
            return _fail(f"{service.unit} does not answer: {refused}")
        return OK

    return probe


def _up_to_date(services: t.Sequence[Service]) -> Probe:
    def probe(options: Options) -> Verdict:
        try:
            wanted = os.stat("/etc/aziot/config.toml").st_mtime_ns
        except FileNotFoundError:
            return Verdict("ignored")
        for service in services:
            try:
                made = os.stat(service.super_file).st_mtime_ns
            except FileNotFoundError:
                return _warn(f"{service.super_file} does not exist")
            if wanted > made:
                return _warn(f"/etc/aziot/config.toml is newer than {service.super_file}")
        return OK

    return probe


def _hostname(options: Options) -> Verdict:
    try:
        name, own = str(layers.read(IDENTITYD)["hostname"]), socket.gethostname()
    except (layers.BadConfig, KeyError):
        return Verdict("skipped")
    if re.fullmatch(r"[0-9.]+|.*:.*", name):
        return OK
    if name.lower() != own.lower() and not name.lower().startswith(f"{own.lower()}."):
        return _fail(f"hostname {name} is not this machine's, {own}")
    if len(name) > 64 or not re.fullmatch(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*", name):
        return _warn(f"hostname {name} is not one by RFC 1035")
    return OK


def _parent_hostname(options: Options) -> Verdict:
    try:
        name = layers.read(IDENTITYD).get("local_gateway_hostname")
    except layers.BadConfig:
        return Verdict("skipped")
    if name is None:
        return Verdict("ignored")
    return _fail("parent_hostname is too long") if len(str(name)) > 64 else OK


def _entries(service: Service, table: str) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", layers.read(service).get(table, {}))
    except layers.BadConfig:
        return {}


def _read_by(service: Service, table: str, prefix: str) -> Probe:
    """Whether the daemon itself, as its own user, can read every file that it is told of."""

    def probe(options: Options) -> Verdict:
        for name in _entries(service, table):
            try:
                status, said = wire.ask(service.sockets[0].path, prefix + urllib.parse.quote(name))
            except OSError as refused:
                return _fail(str(refused))
            if status != 200:
                return _fail(f"{name} is not readable by user {service.user}: {said['message']}")
        return OK

    return probe


def _certs_preloaded(options: Options) -> Verdict:
    for name, where in _entries(CERTD, "preloaded_certs").items():
        if not isinstance(where, str) or not where.startswith("file://"):
            continue
        path = urllib.parse.unquote(urllib.parse.urlsplit(where).path)
        as_user = ["setpriv", f"--reuid={CERTD.user}", f"--regid={CERTD.user}", "--init-groups", "cat", path]
        if subprocess.run(as_user, capture_output=True, check=False).returncode != 0:
            return _fail(f"{name}: {path} is not readable by user {CERTD.user}")
        valid = subprocess.run(
            ["openssl", "x509", "-checkend", "0", "-noout", "-in", path], capture_output=True, check=False
        )
        if valid.returncode != 0:
            return _fail(f"{name}: {path} has expired, or is no certificate")
    return OK


def _host_local_time(options: Options) -> Verdict:
    return _warn("no NTP server answers (UDP is never sent through a proxy)")


def _connect(port: int) -> Probe:
    """The host's own attempts: 443 goes through the proxy, the others never do."""

    def probe(options: Options) -> Verdict:
        if options.hub is None:
            return _warn("the hub is not known before provisioning; give --iothub-hostname")
        try:
            if port == 443:
                proxy.reach(options.hub, options.proxy, "iotedge-check")
            else:
                socket.create_connection((options.hub, port), timeout=5).close()
        except (OSError, proxy.BadProxy) as refused:
            return _fail(f"could not connect to {options.hub}:{port}: {refused}")
        return OK

    return probe


def _connect_dps(options: Options) -> Verdict:
    if options.provisioning.get("source") != "dps":
        return Verdict("ignored")
    endpoint = urllib.parse.urlsplit(str(options.provisioning["global_endpoint"])).hostname or ""
    try:
        proxy.reach(endpoint, options.proxy, "iotedge-check")
    except (OSError, proxy.BadProxy) as refused:
        return _fail(f"could not connect to {endpoint}:443: {refused}")
    return OK


def _engine_uri(options: Options) -> Verdict:
    try:
        options.engine.version()
    except docker.EngineError as silent:
        return Verdict("fatal", (str(silent),))
    return OK


def _connect_management(options: Options) -> Verdict:
    return _running(EDGED)(options)


def _edge_version(options: Options) -> Verdict:
    if options.edge_version is None:
        return _warn("the list of the latest versions can't be fetched here")
    if options.edge_version != options.version:
        return _warn(f"installed is {options.version}, expected {options.edge_version}")
    return OK


def _engine_config(judge: t.Callable[[dict[str, t.Any]], Verdict]) -> Probe:
    def probe(options: Options) -> Verdict:
        try:
            with open(options.engine_config, encoding="utf-8") as source:
                said = json.load(source)
        except FileNotFoundError:
            return _warn(f"{options.engine_config} does not exist")
        except ValueError as wrong:
            return _fail(f"{options.engine_config}: {wrong}")
        return judge(said)

    return probe


def _dns(said: dict[str, t.Any]) -> Verdict:
    servers = said.get("dns", [])
    if not isinstance(servers, list) or not all(isinstance(each, str) for each in servers):
        return _fail("dns is not an array of strings")
    return OK if servers else _warn("no DNS server is configured for containers")


def _logrotate(said: dict[str, t.Any]) -> Verdict:
    options = said.get("log-opts", {})
    if any(not isinstance(options.get(name, ""), str) for name in ("max-file", "max-size")):
        return _fail("max-file and max-size have to be strings")
    driver = said.get("log-driver")
    if driver == "journald" or (driver is not None and {"max-file", "max-size"} <= set(options)):
        return OK
    return _warn("the container engine does not rotate the modules' logs")


def _ipv6(options: Options) -> Verdict:
    network = (options.edged or {}).get("moby_runtime", {}).get("network")
    if not isinstance(network, dict) or not network.get("ipv6"):
        return Verdict("ignored")

    def judge(said: dict[str, t.Any]) -> Verdict:
        return OK if said.get("ipv6") is True else _fail("the module network wants IPv6, the engine has it off")

    return _engine_config(judge)(options)


def _storage(module: str) -> Probe:
    def probe(options: Options) -> Verdict:
        try:
            found = options.engine.inspect(module)
        except docker.EngineError as silent:
            return _fail(str(silent))
        if found is None:
            return _fail(f"there is no container {module}")
        folders = [
            each[len("storagefolder=") :]
            for each in found["Config"]["Env"]
            if each.lower().startswith("storagefolder=")
        ]
        wanted = f"{folders[0] if folders else '/tmp'}/{module}"
        mounted = [each["Destination"] for each in found["Mounts"]] + list(found["Config"].get("Volumes") or {})
        if any(f"{wanted}/".startswith(f"{each.rstrip('/')}/") for each in mounted):
            return OK
        return _warn(f"{module} keeps its data inside its container")

    return probe


def _agent_image(options: Options) -> Verdict:
    if options.edged is None:
        return Verdict("skipped")
    try:
        config = options.edged["agent"]["config"]
        options.engine.pull(config["image"], config.get("auth", {}))
    except docker.EngineError as refused:
        return _fail(str(refused))
    return OK


def _unit_proxy(unit: str) -> str:
    shown = subprocess.run(
        ["systemctl", "show", "--property=Environment", unit], capture_output=True, text=True, check=False
    ).stdout
    while shown.startswith("Environment="):
        shown = shown[len("Environment=") :]
    for token in shown.split(" "):
        parts = token.split("=")
        if parts[0] == "https_proxy":
            value = parts[1] if len(parts) > 1 else ""
            return value[:-1] if value.endswith("\n") else value
    return ""


def _proxy_settings(options: Options) -> Verdict:
    """All four are the same byte for byte, or all four empty."""
    if options.edged is None:
        return Verdict("skipped")
    found = {
        "edgeAgent": options.agent_env.get("https_proxy", ""),
        "aziot-edged": _unit_proxy("aziot-edged.service"),
        "aziot-identityd": _unit_proxy("aziot-identityd.service"),
        "moby": _unit_proxy("docker"),
    }
    if len(set(found.values())) == 1:
        return OK
    return _warn("The proxy is not the same everywhere.", *(f"{name}: {value!r}" for name, value in found.items()))


def _container_connect(kind: str) -> Probe:
    """From a container: AMQP and MQTT have no way through a proxy, whatever edgeAgent speaks."""

    def probe(options: Options) -> Verdict:
        protocol = options.upstream_protocol
        https = protocol in (None, "AmqpWs", "MqttWs")
        if (
            (kind == "amqp" and protocol == "Mqtt")
            or (kind == "mqtt" and protocol == "Amqp")
            or (kind == "https" and not https)
        ):
            return Verdict("skipped")
        if kind == "https":
            return _connect(443)(options)
        return _fail(f"a container cannot connect to the hub's {kind.upper()} port")

    return probe


class Check(t.NamedTuple):
    id: str
    section: str
    title: str
    probe: Probe


CHECKS = (
    *(
        Check(
            f"{each.name}-config-well-formed",
            IDENTITY,
            f"{each.name}'s configuration is well-formed",
            _well_formed(each),
        )
        for each in (KEYD, CERTD, *(service for service in IDENTITY_SERVICES if service.name == "tpmd"), IDENTITYD)
    ),
    Check("configs-up-to-date", IDENTITY, "settings are as new as config.toml", _up_to_date(IDENTITY_SERVICES)),
    Check("hostname", IDENTITY, "hostname is this machine's", _hostname),
    Check("host-local-time", IDENTITY, "host's time is right", _host_local_time),
    Check("certs-preloaded", IDENTITY, "preloaded certificates are valid", _certs_preloaded),
    *(Check(f"{each.name}-running", IDENTITY, f"{each.name} is running", _running(each)) for each in IDENTITY_SERVICES),
    Check("certs-read", IDENTITY, "certd reads its certificates", _read_by(CERTD, "preloaded_certs", "/certificates/")),
    Check("key-pairs-read", IDENTITY, "keyd reads its keys", _read_by(KEYD, "preloaded_keys", "/keys/")),
    Check("host-connect-iothub-amqp", IDENTITY, "host reaches the hub by AMQP", _connect(5671)),
    Check("host-connect-iothub-https", IDENTITY, "host reaches the hub by HTTPS", _connect(443)),
    Check("host-connect-iothub-mqtt", IDENTITY, "host reaches the hub by MQTT", _connect(8883)),
    Check("host-connect-dps-endpoint", IDENTITY, "host reaches the provisioning service", _connect_dps),
    Check("aziot-edged-config-well-formed", BUILT_IN, "edged has good settings", _well_formed(EDGED)),
    Check("config-up-to-date", BUILT_IN, "settings are as new as config.toml", _up_to_date((EDGED,))),
    Check("container-engine-uri", BUILT_IN, "container engine answers", _engine_uri),
    Check("parent_hostname", BUILT_IN, "parent's hostname is one", _parent_hostname),
    Check("connect-management-uri", BUILT_IN, "management socket answers", _connect_management),
    Check("aziot-edge-version", BUILT_IN, "version is the latest", _edge_version),
    Check("container-engine-dns", BUILT_IN, "containers have a DNS server", _engine_config(_dns)),
    Check("container-engine-ipv6", BUILT_IN, "container engine's IPv6 is as wanted", _ipv6),
    Check("container-engine-logrotate", BUILT_IN, "container engine rotates logs", _engine_config(_logrotate)),
    Check("edge-agent-storage-mounted-from-host", BUILT_IN, "edgeAgent's data is on the host", _storage("edgeAgent")),
    Check("edge-hub-storage-mounted-from-host", BUILT_IN, "edgeHub's data is on the host", _storage("edgeHub")),
    Check("check-agent-image", BUILT_IN, "the agent's image can be pulled", _agent_image),
    Check("proxy-settings", BUILT_IN, "proxy settings are the same", _proxy_settings),
    *(
        Check(
            f"container-{network}connect-upstream-{kind}",
            BUILT_IN,
            f"container reaches the hub by {kind}",
            _container_connect(kind),
        )
        for network in ("default-", "")
        for kind in ("amqp", "https", "mqtt")
    ),
)


def run(options: Options, left_out: t.Collection[str]) -> dict[str, Verdict]:
    """Each check's verdict by its id; a fatal one ends the round."""
    verdicts: dict[str, Verdict] = {}
    for check in CHECKS:
        if check.id in left_out:
            verdicts[check.id] = Verdict("ignored")
            continue
        verdicts[check.id] = check.probe(options)
        if verdicts[check.id].result == "fatal":
            break
    return verdicts


def as_json(verdicts: dict[str, Verdict], options: Options) -> str:
    """The document of `-o json`."""
    checks = {}
    for name, verdict in verdicts.items():
        result: dict[str, t.Any] = {"result": verdict.result}
        if verdict.details:
            result["details"] = list(verdict.details)
        checks[name] = {"result": result, "additional_info": {}}
    info = {
        "now": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "aziot_edged_version": options.version,
        "stand_in": True,
    }
    return json.dumps({"additional_info": info, "checks": checks})


def as_text(verdicts: dict[str, Verdict]) -> str:
    """The report for people."""
    lines = []
    section = ""
    words = {
        "ok": ("\u221a", "OK"),
        "warning": ("\u203c", "Warning"),
        "error": ("\u00d7", "Error"),
        "fatal": ("\u00d7", "Error"),
    }
    for check in CHECKS:
        if check.id not in verdicts or verdicts[check.id].result not in words:
            continue
        if check.section != section:
            section = check.section
            lines += ["", f"Checks ({section})", "-" * (len(section) + 9)]
        sign, word = words[verdicts[check.id].result]
        lines.append(f"{sign} {check.title} - {word}")
        lines += [f"    {each}" for each in verdicts[check.id].details]
    lines.append("")
    for word, kinds in (
        ("succeeded", ("ok",)),
        ("raised warnings", ("warning",)),
        ("raised errors", ("error", "fatal")),
    ):
        lines.append(f"{sum(each.result in kinds for each in verdicts.values())} check(s) {word}.")
    return "\n".join(lines)
