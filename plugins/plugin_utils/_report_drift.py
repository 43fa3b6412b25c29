# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What has changed in a fleet since an earlier report."""

from __future__ import annotations

import json
import typing as t

from ..module_utils._errors import Refused
from ._report_model import FORMAT, OF_HOSTS, PROBLEMS, VERDICTS, Data

# In which order they are told.
CHANGES = ("worse", "new", "changed", "gone", "better")
_COMPARED = ("wanted", "configured", "running")


def parse(content: bytes, where: str) -> Data:
    """Return an earlier report from its JSON. Raises Refused for anything else."""
    instead = "Name an audit.json of an earlier run, or none."
    try:
        report = json.loads(content)
    except ValueError as exc:
        raise Refused(f"is not JSON: {exc}", where=where, instead=instead) from exc
    if not isinstance(report, dict) or report.get("format") != FORMAT or not isinstance(report.get("hosts"), list):
        raise Refused(f"is not a report of the format {FORMAT}", where=where, instead=instead)
    try:
        _by_host(report)
    except (AttributeError, KeyError, TypeError) as exc:
        raise Refused("has the format's name, and not its form", where=where, instead=instead) from exc
    return report


def drift(before: Data, after: Data, left_out: t.Container[str] = ()) -> Data:
    """Return what differs from the report `before`: its time, entries (the worst first), and how many of each change.

    An entry is about a consumer of a host, or about the whole host (`consumer` and `name` are empty) where it is
    `new`, `gone`, was or is unreachable, or failed. Digests count where both reports' were made with the same key.
    Hosts that are `left_out` of this audit, though still in the inventory, are not gone, and no entry is about them.
    """
    digests = bool(after["digest_key_id"]) and before.get("digest_key_id") == after["digest_key_id"]
    had, has = _by_host(before), _by_host(after)
    entries: list[Data] = []
    for host in sorted({*has, *(name for name in had if name not in left_out)}):
        entries += _of_host(host, had.get(host), has.get(host), digests)
    entries.sort(key=lambda entry: (CHANGES.index(entry["change"]), _rank(entry["after"] or "absent")))
    counts = {change: sum(entry["change"] == change for entry in entries) for change in CHANGES}
    return {"since": str(before.get("made", "")), "counts": counts, "entries": entries}


class _Host(t.NamedTuple):
    verdict: str
    judged: bool
    consumers: dict[tuple[str, str], _Consumer]


class _Consumer(t.NamedTuple):
    verdict: str
    # By setting and side, the value and its digest.
    values: dict[str, dict[str, tuple[t.Any, t.Any]]]


def _by_host(report: Data) -> dict[str, _Host]:
    found = {}
    for host in report["hosts"]:
        consumers = {(entry["consumer"], entry["name"]): _consumer(entry) for entry in host["consumers"]}
        verdicts = [host["verdict"], *(entry.verdict for entry in consumers.values())]
        if any(verdict not in VERDICTS for verdict in verdicts):
            raise KeyError("verdict")
        found[str(host["host"])] = _Host(host["verdict"], host["verdict"] not in OF_HOSTS, consumers)
    return found


def _consumer(entry: Data) -> _Consumer:
    return _Consumer(
        entry["verdict"],
        {
            setting["setting"]: {side: (setting[side], setting["digests"][side]) for side in _COMPARED}
            for setting in entry["settings"]
        },
    )


def _of_host(name: str, had: _Host | None, has: _Host | None, digests: bool) -> t.Iterator[Data]:
    if had is None or has is None:
        change = "new" if had is None else "gone"
        yield _entry(name, ("", ""), had and had.verdict, has and has.verdict, change)
        return
    if not (had.judged and has.judged):
        if had.verdict != has.verdict:
            yield _entry(name, ("", ""), had.verdict, has.verdict, _direction(had.verdict, has.verdict))
        return
    for key in {**had.consumers, **has.consumers}:
        old, new = had.consumers.get(key), has.consumers.get(key)
        before, after = (entry.verdict if entry else "absent" for entry in (old, new))
        if before != after:
            yield _entry(name, key, before, after, _direction(before, after))
        elif old and new:
            what = _other_values(old, new, digests)
            if what:
                yield _entry(name, key, before, after, "changed", what)


def _entry(host: str, key: tuple[str, str], before: str | None, after: str | None, change: str, what: str = "") -> Data:
    return {
        "host": host,
        "consumer": key[0],
        "name": key[1],
        "before": before,
        "after": after,
        "change": change,
        "what": what,
    }


def _rank(verdict: str) -> int:
    """Return the place among what somebody has to look at; all that is well has the same."""
    return PROBLEMS.index(verdict) if verdict in PROBLEMS else len(PROBLEMS)


def _direction(before: str, after: str) -> str:
    was, is_now = _rank(before), _rank(after)
    return "changed" if was == is_now else "worse" if is_now < was else "better"


def _other_values(old: _Consumer, new: _Consumer, digests: bool) -> str:
    """Say which settings of a consumer with the same verdict have another value, as `https_proxy (wanted, running)`."""
    told = []
    for setting in {**new.values, **old.values}:
        had, has = (consumer.values.get(setting, {}) for consumer in (old, new))
        none = (None, None)
        sides = [side for side in _COMPARED if had.get(side, none)[: 1 + digests] != has.get(side, none)[: 1 + digests]]
        if sides:
            told.append(f"{setting} ({', '.join(sides)})")
    return ", ".join(told)
