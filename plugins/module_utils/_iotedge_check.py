# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Whether a host would pass, and passes, Azure IoT Edge's own checks: the vendor's program and our own statement of it.

This part reads the host, and changes nothing; what is judged is in the other modules of this name.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import time
import typing as t
import urllib.parse

from . import _docker_api, _docker_unit, _host_file, _iotedge_install, _toml_document, _toml_library, _units
from . import _iotedge_check_engine as engine
from . import _iotedge_check_settings as settings
from . import _iotedge_check_vendor as vendor
from ._errors import Refused
from ._iotedge_check_rows import (
    ERROR,
    FATAL,
    IGNORED,
    OK,
    OWN,
    PAST_THE_PROXY,
    RESULTS,
    SKIPPED,
    VENDOR,
    WARNING,
    Row,
    own,
    table,
    worst,
)
from ._redaction import redact, secret_paths
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "engine": {"type": "str", "choices": ["both", OWN, VENDOR], "default": "both"},
    "all_probes": {"type": "bool", "default": False},
    "dont_run": {"type": "list", "elements": "str", "default": []},
    "iothub_hostname": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 300},
    "library": {"type": "str", "no_log": True},
}

_CONFIG = "/etc/aziot/config.toml"
_DAEMON_JSON = "/etc/docker/daemon.json"
_EDGED = "/etc/aziot/edged"
_IDENTITY_DAEMONS = ("keyd", "certd", "identityd", "tpmd")
_CERTIFICATE_BYTES = 1024 * 1024
_INSTALLATION, _EDGED_CONFIG, _CONFIG_TOML = "installation", "aziot-edged-config-well-formed", "config-toml-well-formed"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_USERINFO = re.compile(r"://([^/\s\"']+)@")


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Judge this host as `params` (see ARGUMENT_SPEC) ask; return a dict for the module's result."""
    for entry in params["dont_run"]:
        if not _ID.match(entry):
            raise Refused(f"{entry!r} is no check", where="dont_run", instead="iotedge check-list shows their names.")
    if params["iothub_hostname"] and not re.match(r"[A-Za-z0-9][A-Za-z0-9.-]*\Z", params["iothub_hostname"]):
        raise Refused("is no host name", where="iothub_hostname", instead="Write it as example.azure-devices.net.")
    if params["timeout"] <= 0:
        raise Refused("is no number of seconds above 0", where="timeout", instead="Write one, such as 300.")
    _toml_library.receive(params.get("library"))
    installed = _iotedge_install.find(run.root)
    unsupported = _iotedge_install.unsupported(installed)
    engines = [] if unsupported else _engines(params["engine"], installed)
    left_out = [] if params["all_probes"] else list(PAST_THE_PROXY)
    left_out = list(dict.fromkeys([*left_out, *params["dont_run"]])) if VENDOR in engines else []
    rows = [_installation(installed, unsupported)]
    if OWN in engines:
        rows += _Host(installed, run).rows()
    if VENDOR in engines and installed.cli:
        command = vendor.command(run.root + installed.cli, left_out, params["iothub_hostname"])
        reported = vendor.rows(vendor.run(command, params["timeout"]), params["timeout"])
        rows += [_left_out(row) if row.id in left_out else row for row in reported]
    elif params["engine"] == VENDOR and not unsupported:
        rows.append(Row(vendor.ITSELF, VENDOR, ERROR, "the program iotedge is not here", "Install aziot-edge."))
    rows = [row._replace(detail=redact(row.detail, run.secrets)) for row in rows]
    rows.sort(key=lambda row: (-RESULTS.index(row.result), row.id, row.source))
    return {
        "checks": [row._asdict() for row in rows],
        "table": table(rows),
        "worst": worst(rows),
        "ok": worst(rows) not in (ERROR, FATAL),
        "supported": unsupported is None,
        "generation": installed.generation,
        "engines": engines,
        "left_out": left_out,
    }


def _engines(asked: str, installed: _iotedge_install.Installed) -> t.List[str]:
    wanted = [OWN, VENDOR] if asked == "both" else [asked]
    # The program can judge nothing before the daemons are there.
    can = installed.cli and installed.generation == _iotedge_install.CURRENT
    return [each for each in wanted if each == OWN or can]


def _installation(installed: _iotedge_install.Installed, unsupported: t.Optional[Refused]) -> Row:
    if unsupported:
        return Row(_INSTALLATION, OWN, ERROR, f"{unsupported.where}: {unsupported.what}", unsupported.instead)
    if installed.generation == _iotedge_install.NONE:
        return own(_INSTALLATION, SKIPPED, "IoT Edge is not installed; what can be said before is said")
    program = installed.cli or "no program iotedge, so its own check can't be run"
    return own(_INSTALLATION, OK, f"{installed.evidence}; {program}")


def _left_out(row: Row) -> Row:
    return row._replace(detail=f"left out: {PAST_THE_PROXY.get(row.id, 'named in dont_run')}")


class _Host:
    """What is on this host, and our judgement of it."""

    def __init__(self, installed: _iotedge_install.Installed, run: Run) -> None:
        self.root = run.root
        self.secrets = run.secrets
        self.there = installed.generation == _iotedge_install.CURRENT
        self.problems: t.List[Row] = []
        # Whether there is a TOML reader at all is no finding: without one, this raises.
        _toml_library.tomllib()
        self.config = self.load_config()
        self.edged = self.load_edged()
        for document in filter(None, (self.config, self.edged)):
            self.secrets.extend(secret for _path, secret in secret_paths(document))

    def rows(self) -> t.List[Row]:
        return [
            *self.problems,
            self.proxy_settings(),
            self.hostname(),
            settings.parent_hostname(self.text("parent_hostname", "local_gateway_hostname")),
            *self.up_to_date(),
            *self.engine(),
            *self.certificates(),
        ]

    # Configuration

    def load_config(self) -> t.Optional[t.Dict[str, t.Any]]:
        """Return config.toml; None where it isn't there or is no TOML. What is wrong with it is kept as a row."""
        try:
            content = _host_file.read(self.root + _CONFIG).content
            if content is None:
                self.say(_CONFIG_TOML, IGNORED, f"there is no {_CONFIG}")
                return None
            document = _toml_document.load(content, name=_CONFIG)
        except Refused as refused:
            self.say(_CONFIG_TOML, ERROR, str(refused))
            return None
        self.judge_schema(document)
        return document

    def judge_schema(self, document: t.Mapping[str, t.Any]) -> None:
        # Imported here as not every host has such a file, and the table of its keys is large.
        from . import _iotedge_schema

        try:
            notices = _iotedge_schema.check(document, locate=lambda keys: f"{_CONFIG}: {'.'.join(keys)}")
        except Refused as refused:
            self.say(_CONFIG_TOML, ERROR, str(refused))
            return
        said = "; ".join(f"{each.entry}: {each.why}" for each in notices)
        row = Row(_CONFIG_TOML, OWN, WARNING, said, "It is taken as it is; look whether it is so meant.")
        self.problems.append(row if notices else own(_CONFIG_TOML, OK))

    def load_edged(self) -> t.Optional[t.Dict[str, t.Any]]:
        """Return what aziot-edged reads: its file and its drop-ins, merged; None where there is none, or a bad one."""
        merged: t.Optional[t.Dict[str, t.Any]] = None
        try:
            for path in [f"{_EDGED}/config.toml", *self.dropins(f"{_EDGED}/config.d")]:
                content = _host_file.read(self.root + path).content
                if content is not None:
                    merged = settings.merge(merged or {}, _toml_document.load(content, name=path))
        except Refused as refused:
            self.say(_EDGED_CONFIG, ERROR, str(refused))
            return None
        if merged is None:
            self.say(_EDGED_CONFIG, *((ERROR, "nothing is applied yet") if self.there else (SKIPPED, _NOT_INSTALLED)))
        else:
            self.say(_EDGED_CONFIG, OK)
        return merged

    def dropins(self, folder: str) -> t.List[str]:
        try:
            entries = sorted(os.scandir(self.root + folder), key=lambda entry: entry.name)
        except OSError:
            return []
        # The daemon passes over links.
        regular = (entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        return [f"{folder}/{name}" for name in regular if name.endswith(".toml")]

    def say(self, name: str, result: str, detail: str = "") -> None:
        self.problems.append(own(name, result, detail))

    def text(self, *names: str) -> t.Optional[str]:
        """Return the first text under one of these keys, as the daemon has it, or else as config.toml does."""
        for document in (self.edged, self.config):
            for name in names if document else ():
                value = settings.inner(document, name)
                if isinstance(value, str):
                    return value
        return None

    def hostname(self) -> Row:
        return settings.hostname(self.text("hostname"), socket.gethostname())

    def up_to_date(self) -> t.List[Row]:
        if not self.there:
            return [own(name, SKIPPED, _NOT_INSTALLED) for name in ("config-up-to-date", "configs-up-to-date")]
        config = self.changed(_CONFIG)
        paths = {name: f"/etc/aziot/{name}/config.d/00-super.toml" for name in ("edged", *_IDENTITY_DAEMONS)}
        applied = {path: self.changed(path) for path in paths.values()}
        edged = paths["edged"]
        return [
            settings.up_to_date("config-up-to-date", config, {edged: applied[edged]}),
            settings.up_to_date(
                "configs-up-to-date", config, {path: time_ for path, time_ in applied.items() if path != edged}
            ),
        ]

    def changed(self, path: str) -> t.Optional[int]:
        try:
            return os.stat(self.root + path).st_mtime_ns
        except OSError:
            return None

    # The proxies

    def proxy_settings(self) -> Row:
        applied = self.edged is not None
        document, place = (self.edged, f"{_EDGED}") if applied else (self.config, _CONFIG)
        agent: t.Optional[str] = None
        if document is not None:
            value = settings.inner(document, "agent", "env", "https_proxy")
            agent = value if isinstance(value, str) else ""
        if not _units.booted(self.root):
            return own("proxy-settings", SKIPPED, "systemd does not run here")
        names = (settings.EDGED, settings.IDENTITYD, settings.DOCKER)
        units: t.Dict[str, t.Optional[settings.Unit]] = {}
        for name, shown in zip(names, _units.properties(names)):
            there = shown["LoadState"] != ["not-found"]
            line = "Environment=" + "".join(shown["Environment"])
            units[name] = settings.Unit(line, bool(shown["EnvironmentFiles"])) if there else None
        for text in [agent or "", *(unit.shown for unit in units.values() if unit)]:
            self.secrets.extend(_passwords(text))
        return settings.proxy_settings(agent, place, units)

    # The engine

    def engine(self) -> t.List[Row]:
        network = settings.inner(self.edged if self.edged is not None else self.config, "moby_runtime", "network")
        known = self.edged is not None or self.config is not None
        ipv6 = settings.inner(network, "ipv6") is True if known else None
        try:
            rows = engine.daemon_json(_host_file.read(self.root + _DAEMON_JSON).content, ipv6)
        except Refused as refused:
            rows = [own("container-engine-logrotate", ERROR, str(refused))]
        daemon = _docker_unit.find(settings.DOCKER, self.root)
        info, notices = _docker_unit.info(daemon, self.root)
        version = str(info.get("ServerVersion", ""))
        rows.append(engine.is_moby(bool(info), version, _docker_unit.is_moby_engine(info, self.root)))
        return rows + self.storage(bool(info), "; ".join(notice.why for notice in notices))

    def storage(self, running: bool, why: str) -> t.List[Row]:
        if not self.there:
            return [own(name, SKIPPED, _NOT_INSTALLED) for name in engine.STORAGE.values()]
        if not running:
            return [own(name, ERROR, why or "the engine does not run") for name in engine.STORAGE.values()]
        uri = settings.inner(self.edged, "moby_runtime", "uri")
        path = uri[len("unix://") :] if isinstance(uri, str) and uri.startswith("unix:///") else _docker_api.SOCKET
        try:
            return [
                engine.storage(name, container)
                for name, container in _containers(list(engine.STORAGE), self.root + path).items()
            ]
        except Refused as refused:
            return [own(name, ERROR, str(refused)) for name in engine.STORAGE.values()]

    # Certificates

    def certificates(self) -> t.List[Row]:
        # Imported here as many devices name none, and it brings a reader of certificates along.
        from . import _iotedge_check_access as access
        from . import _iotedge_check_certificates as certificates

        named = certificates.references(self.config or {})
        files: t.Dict[str, certificates.File] = {}
        unknown = []
        for user, entries in (("aziotcs", named.certificates), ("aziotks", named.keys)):
            paths = list(dict.fromkeys(entry.path for entry in entries))
            denied = access.denials(user, paths, self.root) if paths else {}
            if denied is None:
                unknown.append(user)
            for path in paths:
                why = (denied or {}).get(path, "")
                # One file may be both: then either may be denied it.
                former = files[path].denied if path in files else ""
                files[path] = certificates.File(_content(self.root + path), former or why)
        return certificates.judge(
            named,
            files,
            time.time(),
            lambda certificate, key: certificates.mismatch(self.root + certificate, self.root + key),
            unknown,
        )


_NOT_INSTALLED = "IoT Edge is not installed"


def _passwords(text: str) -> t.Iterator[str]:
    """Yield the passwords of URLs in a text, as they are written and as they read."""
    for found in _USERINFO.findall(text):
        password = found.partition(":")[2]
        if password:
            yield from {password, urllib.parse.unquote(password)}


def _content(path: str) -> t.Optional[bytes]:
    """Return a certificate's bytes, at most so many that it could be one; None where there is no such file.

    Not through _host_file, which refuses a file reached by a link of another user: no one writes here.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(_CERTIFICATE_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _containers(names: t.Sequence[str], socket_path: str) -> t.Dict[str, t.Optional[t.Dict[str, t.Any]]]:
    """Return the engine's description of each named container, None for one that doesn't exist."""
    listed = _docker_api.get("/containers/json?all=1", socket_path) or []
    ids = {name: each["Id"] for each in listed for name in each.get("Names") or ()}
    return {
        name: _docker_api.get(f"/containers/{ids['/' + name]}/json", socket_path) if "/" + name in ids else None
        for name in names
    }
