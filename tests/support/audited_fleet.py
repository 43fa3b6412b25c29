# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A made-up fleet of any size, as proxy_audit would tell of it: for what a report does, not for what an audit finds."""

from __future__ import annotations

import random
import typing as t

PROXY = "http://********@192.0.2.10:3128"
OLD = "http://192.0.2.7:8080"
NO_PROXY = "localhost,127.0.0.1,10.0.0.0/8,.corp.example.com"
KINDS = (
    "docker",
    "docker_cli",
    "iotedge",
    "edge_agent",
    "ecs",
    "ecs_agent",
    "nomad",
    "replicated",
    "containers",
    "package_manager",
    "environment",
)
# Of each group: what is on its hosts, by kind and name.
GROUPS = {
    "moby": [("docker", "docker.service"), ("docker_cli", "/root/.docker/config.json"), ("package_manager", "apt")],
    "iotedge": [
        ("docker", "docker.service"),
        ("iotedge", "aziot-edged.service"),
        ("iotedge", "aziot-identityd.service"),
        ("edge_agent", "edgeAgent"),
        ("containers", "edgeHub"),
        ("package_manager", "apt"),
    ],
    "ecs": [
        ("docker", "docker.service"),
        ("ecs", "ecs.service"),
        ("ecs_agent", "ecs-agent"),
        ("package_manager", "dnf"),
    ],
    "circleci_nomad": [("docker", "docker.service"), ("nomad", "nomad.service"), ("environment", "/etc/environment")],
}
NAMES = {"moby": "build", "iotedge": "edge", "ecs": "ecs", "circleci_nomad": "nomad"}


def fleet(count: int, seed: int = 1, well: float = 0.95) -> tuple[dict[str, t.Any], dict[str, list[str]]]:
    """Return the results by host, and the inventory's groups. The share `well` of all consumers is in sync."""
    dice = random.Random(seed)  # noqa: S311  # the same fleet each time, not a secret
    results: dict[str, t.Any] = {}
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    for place in range(count):
        group = list(GROUPS)[place % len(GROUPS)]
        name = f"{NAMES[group]}-{place // len(GROUPS) + 1}.example.com"
        groups[group].append(name)
        results[name] = _result(name, group, dice, well)
    return results, groups


def consumer(of: str, name: str, verdict: str, **more: t.Any) -> dict[str, t.Any]:
    """Return one consumer as the module tells of it, with what `more` says of it."""
    return {
        "consumer": of,
        "name": name,
        "kind": "container" if of in ("edge_agent", "ecs_agent", "containers") else "file" if "/" in name else "unit",
        "verdict": verdict,
        "uses_wanted": verdict in ("in_sync", "legacy") if verdict not in ("absent", "unmanaged") else None,
        "active": None if verdict == "absent" or "/" in name else True,
        "why": "",
        "mend": "",
        "settings": [],
        "seen_in": [],
        "shadowed_by": [],
        "leftovers": [],
        **more,
    }


def setting(name: str, wanted: str | None, **more: t.Any) -> dict[str, t.Any]:
    """Return one setting of a consumer which is as wanted, but for what `more` says."""
    return {
        "setting": name,
        "wanted": wanted,
        "configured": wanted,
        "running": wanted,
        "same": True,
        "difference": "",
        "variable": name.upper(),
        "path": "/etc/systemd/system/docker.service.d/zz-container-hosts.conf",
        "line": 3,
        "digests": {"wanted": "1f2e", "configured": "1f2e", "running": "1f2e"},
        **more,
    }


def _result(host: str, group: str, dice: random.Random, well: float) -> dict[str, t.Any]:
    chance = dice.random()
    if chance < 0.008:
        return {"unreachable": True, "msg": f"Failed to connect to the host via ssh: connect to host {host} port 22"}
    if chance < 0.010:
        return {"failed": True, "msg": "The module interpreter '/usr/bin/python3' was not found."}
    found = [_consumer(host, kind, name, dice, well) for kind, name in GROUPS[group]]
    away = [consumer(kind, kind, "absent") for kind in KINDS if kind not in {entry["consumer"] for entry in found}]
    found = sorted(found + away, key=lambda entry: KINDS.index(entry["consumer"]))
    return {"consumers": found, "notices": [], "verdict": "in_sync", "changed": False}


def _consumer(host: str, kind: str, name: str, dice: random.Random, well: float) -> dict[str, t.Any]:
    mend = f"ansible-playbook fleetops.container_hosts.site --limit {host}"
    pid = dice.randrange(300, 40000)
    of_unit = name.endswith(".service")
    folder = f"/etc/systemd/system/{name}.d" if of_unit else "/etc/example"
    ours = name if name.startswith("/") else f"{folder}/zz-container-hosts.conf"
    settings = [
        setting("http_proxy", PROXY, path=ours, line=3),
        setting("https_proxy", PROXY, path=ours, line=4),
        setting("no_proxy", NO_PROXY, path=ours, line=5),
    ]
    more: dict[str, t.Any] = {"settings": settings, "seen_in": [f"/proc/{pid}/environ"]}
    if name.startswith("/"):
        more["seen_in"] = []
        for entry in settings:
            entry.update(running=None)
    if kind in ("package_manager", "docker_cli") and dice.random() < 0.3:
        return consumer(kind, name, "unmanaged", why="It has no proxy, and needs none.")
    chance = dice.random()
    if chance < well:
        return consumer(kind, name, "in_sync", **more)
    weights = (5 if of_unit else 0, 3, 2, 2)
    verdict = dice.choices(("restart_needed", "drifted", "shadowed", "legacy"), weights)[0]
    if verdict == "restart_needed":
        for entry in settings[:2]:
            entry.update(running=OLD, same=False, difference=f"runs with {OLD}")
        more["why"] = f"The process has run since before https_proxy was set in {ours}."
    elif verdict == "drifted":
        settings[2].update(configured="localhost", same=False, difference="is configured without 10.0.0.0/8")
        more["why"] = "no_proxy is configured without 10.0.0.0/8."
    elif verdict == "shadowed":
        settings[1].update(
            configured=OLD, same=False, difference=f"is configured as {OLD}", path=f"{folder}/zzz-site.conf", line=2
        )
        more["shadowed_by"] = [{"variable": "HTTPS_PROXY", "path": f"{folder}/zzz-site.conf", "line": 2}]
        more["why"] = f"{folder}/zzz-site.conf sorts after ours."
        mend = f"Take {folder}/zzz-site.conf:2 away; then {mend}"
    else:
        left = {"tool": "kubespray", "path": f"{folder}/http-proxy.conf", "line": 2, "variables": ["HTTP_PROXY"]}
        more["leftovers"] = [{**left, "read": False, "why": "Ours sorts after it."}]
        more["why"] = "kubespray's http-proxy.conf lies beside ours without effect."
    if of_unit and verdict in ("drifted", "shadowed"):
        for entry in settings:
            entry.update(running=entry["configured"])
    return consumer(kind, name, verdict, **{**more, "mend": mend})
