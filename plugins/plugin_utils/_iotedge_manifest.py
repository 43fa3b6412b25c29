# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Brings a deployment manifest on the controller to what is asked for, and judges what comes out."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _host_file, _proxy, _proxy_environment
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Failed, Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import holds_credentials
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

from ._manifest import AGENT, HUB
from ._manifest_lint import at_least, lint, table
from ._manifest_rules import ERROR, WARNING
from ._manifest_settings import Options, apply

PROTOCOLS = ["AmqpWs", "MqttWs", "Amqp", "Mqtt"]
ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "str", "required": True},
    "dest": {"type": "str"},
    "proxy": {"type": "dict"},
    "modules": {"type": "list", "elements": "str", "default": []},
    "upstream_protocol": {"type": "str", "choices": PROTOCOLS},
    "module_update_mode": {"type": "str", "choices": ["NonBlocking", "WaitForAllPulls"]},
    "log_limits": {
        "type": "dict",
        "options": {
            "driver": {"type": "str", "choices": ["json-file", "local"], "default": "json-file"},
            "max_size": {"type": "str", "default": "10m"},
            "max_file": {"type": "int", "default": 3},
        },
    },
    "resource_limits": {"type": "dict"},
    "host_storage": {"type": "dict", "options": {"agent": {"type": "str"}, "hub": {"type": "str"}}},
    "edge_hub": {
        "type": "dict",
        "options": {
            "optimize_for_performance": {"type": "bool"},
            "amqp": {"type": "bool"},
            "mqtt": {"type": "bool"},
            "http": {"type": "bool"},
            "time_to_live": {"type": "int"},
        },
    },
    "images": {"type": "dict", "default": {}},
    "registry": {
        "type": "dict",
        "options": {
            "address": {"type": "str", "required": True},
            "name": {"type": "str"},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "move": {"type": "bool", "default": True},
            "sources": {"type": "list", "elements": "str", "default": ["mcr.microsoft.com"]},
        },
        "required_together": [["username", "password"]],
    },
    "behind_proxy": {"type": "bool", "default": False},
    "fail_on": {"type": "str", "choices": [ERROR, WARNING, "never"], "default": ERROR},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

_SIZE = re.compile(r"([0-9]+)([bkmg]?)b?\Z", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LIMITS = ("memory", "cpus", "pids")
_LEAST_MEMORY = 6 << 20  # dockerd refuses less
_HEADS = {"amqp": "amqpSettings__enabled", "mqtt": "mqttSettings__enabled", "http": "httpSettings__enabled"}


def ensure(params: dict[str, t.Any], run: Run) -> dict[str, t.Any]:
    """Make the manifest what `params` (see ARGUMENT_SPEC) say; return a dict for the result.

    Raises Refused; Failed where what comes out is bad by `fail_on`, and then nothing was written.
    """
    path, dest = params["path"], params["dest"] or params["path"]
    options = _options(params, run)
    absent = params["state"] == "absent"
    source = _host_file.read(path).content
    if source is None:
        raise Refused("is not there", where=path, instead="Name a deployment manifest on the controller.")
    if source.startswith(b"$ANSIBLE_VAULT"):
        raise Refused(
            "is encrypted with Ansible Vault",
            where=path,
            instead="Keep the secrets in the vault, and the manifest as it is.",
        )
    after = apply(source, options, absent=absent, name=path)
    findings = lint(after, behind_proxy=not absent and bool(params["behind_proxy"] or options.https_proxy), name=dest)
    told = {"path": dest, "findings": findings, "table": table(findings)}
    bad = at_least(findings, params["fail_on"]) if params["fail_on"] != "never" else []
    if bad:
        places = "; ".join(f"line {each['line']}: {each['place']} {each['what']}" for each in bad[:3])
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise Failed(
            f"would be a manifest with {len(bad)} finding(s) at {params['fail_on']} or worse, so nothing was written:"
            f" {places}{more}",
            where=dest,
            instead="Mend them, or set fail_on to never.",
            result=told,
        )

    def transform(found: bytes | None) -> bytes:
        # Once more, if somebody else changed the very file in between.
        return apply(found, options, absent=absent, name=path) if dest == path and found is not None else after

    run.edit(dest, transform, private=lambda content: holds_credentials(content.decode("utf-8", "replace")))
    return told


def _options(params: dict[str, t.Any], run: Run) -> Options:
    url = names = ""
    if params["proxy"]:
        proxy = _proxy.parse(params["proxy"])
        run.secrets.extend(proxy.secrets)
        rendered = _proxy_environment.environment(proxy, readers="iotedge")
        url = rendered.value["https_proxy"]
        # What the daemons don't know is said where they are set; here it is the runtime's modules that read it.
        run.notice(*(notice for notice in rendered.notices if notice.reader == "edgeAgent and edgeHub"))
        if proxy.no_proxy and params["modules"]:
            listed = _proxy_environment.no_proxy(proxy.no_proxy, readers="shared")
            names = listed.value
            run.notice(*listed.notices)
    elif params["modules"]:
        raise Refused("says who gets a proxy, and there is none", where="modules", instead="Write proxy as well.")
    storage = params["host_storage"] or {}
    hub = params["edge_hub"] or {}
    switches = {"OptimizeForPerformance": hub.get("optimize_for_performance")}
    switches.update({variable: hub.get(head) for head, variable in _HEADS.items()})
    logs = params["log_limits"]
    mode = params["module_update_mode"]
    registry = _registry(params["registry"] or {})
    run.secrets.extend(filter(None, [registry.get("password")]))
    return Options(
        https_proxy=url,
        no_proxy=names,
        modules=tuple(params["modules"]),
        upstream_protocol=params["upstream_protocol"] or "",
        log_limits=_logs(logs) if logs else {},
        resource_limits=_limits(params["resource_limits"] or {}),
        host_storage={
            name: _folder(storage[key], f"host_storage.{key}")
            for name, key in ((AGENT, "agent"), (HUB, "hub"))
            if storage.get(key)
        },
        agent_env={"ModuleUpdateMode": mode} if mode else {},
        hub_env={name: "true" if on else "false" for name, on in switches.items() if on is not None},
        time_to_live=hub.get("time_to_live"),
        images=_images(params["images"]),
        registry=registry,
        registry_sources=tuple((params["registry"] or {}).get("sources", ())),
    )


def _logs(limits: dict[str, t.Any]) -> dict[str, str]:
    size, files = limits["max_size"], limits["max_file"]
    if not re.fullmatch(r"[1-9][0-9]*[kmg]", size):
        raise Refused(f"{size!r} is no size", where="log_limits.max_size", instead="Write 10m, with k, m or g.")
    if files < 1:
        raise Refused(f"{files} is no number of files", where="log_limits.max_file", instead="Write 1 or more.")
    return {"driver": limits["driver"], "max-size": size, "max-file": str(files)}


def _limits(given: dict[str, t.Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for module, limits in given.items():
        where = f"resource_limits.{module}"
        if not isinstance(limits, dict) or not limits or set(limits) - set(_LIMITS):
            raise Refused(
                "is no dictionary of limits",
                where=where,
                instead=f"Write some of {', '.join(_LIMITS)}: {{memory: 256m}}.",
            )
        found[module] = {}
        if limits.get("memory") is not None:
            found[module]["Memory"] = _memory(str(limits["memory"]), f"{where}.memory")
        for key, name, factor in (("cpus", "NanoCpus", 1e9), ("pids", "PidsLimit", 1)):
            if limits.get(key) is None:
                continue
            try:
                number = round(float(limits[key]) * factor)
            except (TypeError, ValueError, OverflowError):
                number = 0
            if number < 1:
                raise Refused(f"{limits[key]!r} is no number above 0", where=f"{where}.{key}", instead="Write 1.")
            found[module][name] = number
    return found


def _memory(text: str, where: str) -> int:
    match = _SIZE.match(text)
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if size < _LEAST_MEMORY:
        raise Refused(f"{text!r} is no size of 6m or more", where=where, instead="Write 256m, with k, m or g.")
    return size


def _folder(path: str, where: str) -> str:
    if not path.startswith("/") or path.rstrip("/") == "" or ":" in path:
        raise Refused(
            f"{path!r} is no folder of a device", where=where, instead="Write its path from / on, as /srv/edgeHub."
        )
    return path.rstrip("/")


def _images(given: dict[str, t.Any]) -> dict[str, str]:
    for module, image in given.items():
        if not isinstance(image, str) or not image.strip() or any(char.isspace() for char in image):
            raise Refused("is no image's name", where=f"images.{module}", instead="Write registry/repository:tag.")
    return dict(given)


def _registry(given: dict[str, t.Any]) -> dict[str, str]:
    if not given:
        return {}
    target = given["address"].rstrip("/")
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?", target):
        raise Refused(
            "is no registry",
            where="registry.address",
            instead="Write registry.example.com, or registry.example.com:5000/iot.",
        )
    host = target.partition("/")[0]
    # A twin's name can have no dot.
    name = given["name"] or re.sub(r"[^A-Za-z0-9_-]", "-", host)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise Refused(
            f"{name!r} can't be a name in a twin", where="registry.name", instead="Use letters, digits, - and _."
        )
    return {
        "target": target if given["move"] else "",
        "name": name,
        "address": host,
        "username": given["username"] or "",
        "password": given["password"] or "",
    }
