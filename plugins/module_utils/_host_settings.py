# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Several kinds of settings of one host in one round trip, each by the part that its own module uses."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import _config_json, _systemd_environment
from ._errors import Refused
from ._notice import Notice
from ._run import Run


class _Kind(t.NamedTuple):
    argument_spec: t.Dict[str, t.Any]
    ensure: t.Callable[[t.Dict[str, t.Any], Run], t.Dict[str, t.Any]]


# In the order in which they are held true: a file that the engine refuses is noticed before a drop-in is written.
KINDS: t.Dict[str, _Kind] = {
    "config_json": _Kind(_config_json.ARGUMENT_SPEC, _config_json.ensure),
    "systemd_environment": _Kind(_systemd_environment.ARGUMENT_SPEC, _systemd_environment.ensure),
}
ARGUMENT_SPEC: t.Dict[str, t.Any] = {kind: {"type": "list", "elements": "raw", "default": []} for kind in KINDS}


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Hold every entry of every kind true; return each kind's results, and the units that need something, once each.

    All entries are checked for form before the first is acted on.
    """
    checked = {
        kind: [_checked(kind, number, entry) for number, entry in enumerate(_flat(params[kind]))]
        for kind in KINDS
        if params[kind]
    }
    results = {kind: [KINDS[kind].ensure(entry, run) for entry in entries] for kind, entries in checked.items()}
    run.notice(*_shadows(checked, results))
    everything = [result for kind in results.values() for result in kind]
    restart = _once(everything, "restart_required")
    return {
        **{kind: results.get(kind, []) for kind in KINDS},
        "restart_required": restart,
        "reload_required": [unit for unit in _once(everything, "reload_required") if unit not in restart],
    }


def _shadows(
    checked: t.Dict[str, t.List[t.Dict[str, t.Any]]], results: t.Dict[str, t.List[t.Dict[str, t.Any]]]
) -> t.List[Notice]:
    """Return a notice for each daemon.json whose own proxies win over those that we put into its unit's environment."""
    proxied = {
        unit["unit"]
        for entry, result in zip(checked.get("systemd_environment", []), results.get("systemd_environment", []))
        for unit in result["units"]
        if entry["proxy"] and entry["state"] == "present"
    }
    return [
        Notice(
            entry["unit"],
            "proxies." + ", proxies.".join(result["foreign_proxies"]),
            f"stands in {result['path']} and wins over the unit's environment; remove it there",
        )
        for entry, result in zip(checked.get("config_json", []), results.get("config_json", []))
        if result.get("foreign_proxies") and _systemd_environment.unit_name(entry["unit"]) in proxied
    ]


def _flat(entries: t.List[t.Any]) -> t.List[t.Any]:
    return [inner for entry in entries for inner in (entry if isinstance(entry, list) else [entry])]


def _checked(kind: str, number: int, entry: t.Any) -> t.Dict[str, t.Any]:
    if not isinstance(entry, dict):
        raise Refused("is not a dictionary", where=f"{kind}[{number}]", instead="Write the module's options.")
    validated = ArgumentSpecValidator(KINDS[kind].argument_spec).validate(entry)
    if validated.error_messages:
        raise Refused(
            "; ".join(validated.error_messages),
            where=f"{kind}[{number}]",
            instead=f"Its options are those of the module fleetops.container_hosts.{kind}.",
        )
    return t.cast("t.Dict[str, t.Any]", validated.validated_parameters)


def _once(results: t.Iterable[t.Dict[str, t.Any]], key: str) -> t.List[str]:
    return list(dict.fromkeys(unit for result in results for unit in result.get(key, ())))
