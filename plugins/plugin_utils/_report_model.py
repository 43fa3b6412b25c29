# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""An audit of a fleet as one structure: what each host said, the totals, and what that means for the exit status.

What a host says is input from that host, which may be anyone's by now: it is checked for its form, and a host whose
answer has another one counts as failed.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from ..module_utils._errors import Refused, did_you_mean

FORMAT = "fleetops.container_hosts.audit/1"

# The worst first. A host has the verdict of its worst consumer. What needs no proxy and has none (`unmanaged`) says
# less of a host than what runs as wanted.
VERDICTS = (
    "failed",
    "unreachable",
    "drifted",
    "shadowed",
    "restart_needed",
    "legacy",
    "in_sync",
    "unmanaged",
    "absent",
)
# Somebody has to look at these.
PROBLEMS = VERDICTS[:6]
# What only a whole host can be.
OF_HOSTS = VERDICTS[:2]

_TEXT = (str,)
_MAYBE_TEXT = (str, type(None))
_MAYBE_BOOL = (bool, type(None))
_MAYBE_LINE = (int, type(None))
_SETTING = {
    "setting": _TEXT,
    "wanted": _MAYBE_TEXT,
    "configured": _MAYBE_TEXT,
    "running": _MAYBE_TEXT,
    "same": _MAYBE_BOOL,
    "difference": _TEXT,
    "variable": _MAYBE_TEXT,
    "path": _MAYBE_TEXT,
    "line": _MAYBE_LINE,
}
_DIGESTS = {"wanted": _MAYBE_TEXT, "configured": _MAYBE_TEXT, "running": _MAYBE_TEXT}
_CONSUMER = {
    "consumer": _TEXT,
    "name": _TEXT,
    "kind": _TEXT,
    "verdict": _TEXT,
    "uses_wanted": _MAYBE_BOOL,
    "active": _MAYBE_BOOL,
    "why": _TEXT,
    "mend": _TEXT,
}
_SHADOW = {"variable": _TEXT, "path": _MAYBE_TEXT, "line": _MAYBE_LINE}
_LEFTOVER = {"tool": _TEXT, "path": _TEXT, "line": _MAYBE_LINE, "read": _MAYBE_BOOL, "why": _TEXT}
_NOTICE = {"reader": _TEXT, "entry": _TEXT, "why": _TEXT}

# The commands that proxy_audit names for mending. Others may be right, too, but a host that is somebody else's by now
# could name any, for an administrator to carry out on the controller.
_OUR_COMMAND = re.compile(
    r"ansible-playbook fleetops\.container_hosts\.(?:site|remove) --limit (.+?)"
    r"""(?: --extra-vars (?:[a-z_]+=true|'\{"(?:moby|circleci_nomad)_client_users": \["[A-Za-z0-9_.-]+"\]\}'))?"""
)

Data = dict[str, t.Any]


def build(
    results: t.Mapping[str, t.Any],
    *,
    made: str,
    title: str = "",
    groups: t.Mapping[str, t.Sequence[str]] | None = None,
    fail_on: t.Sequence[str] = (),
    digest_key_id: str = "",
) -> Data:
    """Return the report over each host's registered result of proxy_audit.

    `made` is the time as ISO 8601 text; `groups` are the inventory's, each with its hosts. By `digest_key_id` it is
    known whether two reports' digests can be compared. Raises Refused for an unknown verdict in `fail_on`.
    """
    unknown = [verdict for verdict in fail_on if verdict not in VERDICTS]
    if unknown:
        raise Refused(
            f"{unknown[0]} is not a verdict",
            where="fail_on",
            instead=f"Known are {', '.join(VERDICTS)}.{did_you_mean(unknown[0], list(VERDICTS))}",
        )
    member_of: dict[str, list[str]] = {}
    for group, members in sorted((groups or {}).items()):
        for name in members if group not in ("all", "ungrouped") else ():
            member_of.setdefault(name, []).append(group)
    hosts = [_host(str(name), result, member_of.get(name, [])) for name, result in results.items()]
    hosts.sort(key=lambda entry: entry["host"])
    totals = _totals(hosts)
    return {
        "format": FORMAT,
        "made": made,
        "title": title,
        "digest_key_id": digest_key_id,
        "totals": totals,
        "fail_on": list(fail_on),
        "failing": {
            verdict: totals["having"][verdict]
            for verdict in VERDICTS
            if verdict in fail_on and totals["having"][verdict]
        },
        "drift": None,
        "hosts": hosts,
    }


def worst(verdicts: t.Iterable[str]) -> str:
    """Return the worst of some verdicts; of none, `absent`."""
    return min(verdicts, key=VERDICTS.index, default="absent")


def _totals(hosts: t.Sequence[Data]) -> Data:
    """Return how many hosts have each verdict as their own, or anywhere; and how many consumers of a kind have it."""
    by_host = dict.fromkeys(VERDICTS, 0)
    having = dict.fromkeys(VERDICTS, 0)
    by_consumer: dict[str, dict[str, int]] = {}
    for host in hosts:
        by_host[host["verdict"]] += 1
        for verdict in {host["verdict"], *(entry["verdict"] for entry in host["consumers"])}:
            having[verdict] += 1
        for entry in host["consumers"]:
            counts = by_consumer.setdefault(entry["consumer"], dict.fromkeys(VERDICTS[len(OF_HOSTS) :], 0))
            counts[entry["verdict"]] += 1
    return {"hosts": len(hosts), "verdicts": by_host, "having": having, "consumers": by_consumer}


def _host(name: str, result: t.Any, groups: list[str]) -> Data:
    host: Data = {"host": name, "groups": groups, "verdict": "failed", "why": "", "consumers": [], "notices": []}
    if not isinstance(result, t.Mapping) or not result:
        return {**host, "why": "There is no result of this host."}
    message = str(result.get("msg") or "")
    if result.get("unreachable"):
        return {**host, "verdict": "unreachable", "why": message or "The host could not be reached."}
    if "consumers" not in result:
        return {**host, "why": message or "The module did not answer."}
    try:
        consumers = [_consumer(entry, name) for entry in _entries(result, "consumers")]
        notices = [_shaped(entry, _NOTICE, "notices") for entry in _entries(result, "notices")]
    except Refused as refused:
        return {**host, "why": f"The host's answer does not have the form of proxy_audit's: {refused}"}
    verdict = worst(entry["verdict"] for entry in consumers)
    return {**host, "verdict": verdict, "consumers": consumers, "notices": notices}


def _consumer(entry: t.Any, host: str) -> Data:
    consumer = _shaped(entry, _CONSUMER, "consumers")
    if consumer["verdict"] not in VERDICTS or consumer["verdict"] in OF_HOSTS:
        raise Refused(f"{consumer['verdict']!r} is not a verdict", where="consumers")
    settings = []
    for given in _entries(entry, "settings"):
        digests = _shaped(given.get("digests") or {}, _DIGESTS, "digests")
        settings.append({**_shaped(given, _SETTING, "settings"), "digests": digests})
    command = _OUR_COMMAND.fullmatch(consumer["mend"])
    return {
        **consumer,
        "mend_is_ours": bool(command and command[1] == shlex.quote(host)),
        "settings": settings,
        "seen_in": _texts(entry, "seen_in"),
        "shadowed_by": [_shaped(given, _SHADOW, "shadowed_by") for given in _entries(entry, "shadowed_by")],
        "leftovers": [
            {**_shaped(given, _LEFTOVER, "leftovers"), "variables": _texts(given, "variables")}
            for given in _entries(entry, "leftovers")
        ],
    }


def _shaped(entry: t.Any, shape: t.Mapping[str, tuple[type, ...]], where: str) -> Data:
    """Return the fields of `shape`; one that is missing is empty text where null is not allowed."""
    if not isinstance(entry, t.Mapping):
        raise Refused("an entry is not a dictionary", where=where)
    shaped = {}
    for key, types in shape.items():
        value = entry.get(key)
        if value is None and type(None) not in types:
            value = ""
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise Refused(f"{key} is a {type(value).__name__}", where=where)
        # Ansible's own kinds of text know where they come from, and are slower to write.
        shaped[key] = str(value) if isinstance(value, str) else value
    return shaped


def _entries(holder: t.Mapping[str, t.Any], key: str) -> list[t.Mapping[str, t.Any]]:
    entries = holder.get(key) or []
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, t.Mapping) for entry in entries):
        raise Refused("is not a list of dictionaries", where=key)
    return list(entries)


def _texts(holder: t.Mapping[str, t.Any], key: str) -> list[str]:
    texts = holder.get(key) or []
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise Refused("is not a list of texts", where=key)
    return [str(text) for text in texts]
