# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Several kinds of settings of one host in one round trip, each by the part that its own module uses."""

from __future__ import annotations

import importlib
import typing as t

from . import _config_json, _systemd_environment, _verified_restart_options
from ._errors import Refused
from ._notice import Notice
from ._run import Run


class _Kind(t.NamedTuple):
    argument_spec: t.Dict[str, t.Any]
    ensure_all: t.Callable[[t.Sequence[t.Dict[str, t.Any]], Run], t.List[t.Dict[str, t.Any]]]


def _one_by_one(
    ensure_one: t.Callable[[t.Dict[str, t.Any], Run], t.Dict[str, t.Any]],
) -> t.Callable[[t.Sequence[t.Dict[str, t.Any]], Run], t.List[t.Dict[str, t.Any]]]:
    return lambda entries, run: [ensure_one(entry, run) for entry in entries]


def _rare(name: str) -> t.Callable[[], _Kind]:
    """Return how to get a kind that few hosts have.

    Not by an import statement: with that, Ansible would send the kind and all that it needs with every task, and a
    steady state would pay for it. Modules that are to have them import _host_settings_rare.
    """

    def load() -> _Kind:
        part = importlib.import_module(f"{__package__}._{name}")
        return _Kind(part.ARGUMENT_SPEC, _one_by_one(part.ensure))

    return load


# In the order in which they are held true: a file that the engine refuses is noticed before a drop-in is written.
KINDS: t.Dict[str, t.Callable[[], _Kind]] = {
    "config_json": lambda: _Kind(_config_json.ARGUMENT_SPEC, _one_by_one(_config_json.ensure)),
    "iotedge_certificate": _rare("iotedge_certificate"),  # before the files that name certificates
    "config_toml": _rare("config_toml"),
    "ecs_config": _rare("ecs_config"),
    "iotedge_config": _rare("iotedge_config"),
    "environment_file": _rare("environment_file"),  # before the units' environments, of which it may be a part
    "ecs_instance": _rare("ecs_instance"),
    "circleci_nomad": _rare("circleci_nomad"),
    "circleci_services": _rare("circleci_services"),
    "systemd_environment": lambda: _Kind(_systemd_environment.ARGUMENT_SPEC, _systemd_environment.ensure_all),
}
# How what was changed is brought into effect and proven, in the same round trip; see _proven_settings.
PROOF_SPEC: t.Dict[str, t.Any] = {
    "verified_restart": {
        "type": "dict",
        "options": {
            **_verified_restart_options.ARGUMENT_SPEC,
            "config_json": {"type": "list", "elements": "raw", "default": []},
        },
    }
}
# What the action plugins add where an entry of config_toml needs it.
LIBRARY_SPEC: t.Dict[str, t.Any] = {"toml_library": {"type": "str", "no_log": True}}
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **{kind: {"type": "list", "elements": "raw", "default": []} for kind in KINDS},
    **PROOF_SPEC,
    **LIBRARY_SPEC,
}


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Hold every entry of every kind true; return each kind's results, and the units that need something, once each.

    All entries are checked for form before the first is acted on.
    """
    receive_library(params)
    return hold(checked(params), run)


def receive_library(params: t.Dict[str, t.Any]) -> None:
    """Have config_toml use the libraries that the action plugin sent; nothing where it sent none."""
    if params.get("toml_library"):
        importlib.import_module(f"{__package__}._toml_library").receive(params["toml_library"])


def checked(params: t.Dict[str, t.Any]) -> t.Dict[str, t.List[t.Dict[str, t.Any]]]:
    """Return the entries by kind, each with its module's defaults; raises Refused for one its module would not take."""
    return {
        kind: [_checked(kind, number, entry) for number, entry in enumerate(_flat(params.get(kind) or []))]
        for kind in KINDS
        if params.get(kind)
    }


def hold(entries: t.Dict[str, t.List[t.Dict[str, t.Any]]], run: Run) -> t.Dict[str, t.Any]:
    """Do what `ensure` does for entries that are checked."""
    results = {kind: KINDS[kind]().ensure_all(entries[kind], run) for kind in KINDS if kind in entries}
    run.notice(*_shadows(entries, results))
    everything = [result for kind in results.values() for result in kind]
    restart = _once(everything, "restart_required")
    return {
        **{kind: results.get(kind, []) for kind in KINDS},
        "apply_required": _once(everything, "apply_required"),
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
    instead = f"Its options are those of the module fleetops.container_hosts.{kind}."
    return checked_options(KINDS[kind]().argument_spec, entry, f"{kind}[{number}]", instead)


def checked_options(spec: t.Dict[str, t.Any], options: t.Any, where: str, instead: str = "") -> t.Dict[str, t.Any]:
    """Return a module's options with its defaults; raises Refused for what the argument spec doesn't take."""
    # Imported here as the guard, which gets checked entries, runs without Ansible.
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    if not isinstance(options, dict):
        raise Refused("is not a dictionary", where=where, instead="Write the module's options.")
    validated = ArgumentSpecValidator(spec).validate(options)
    if validated.error_messages:
        raise Refused("; ".join(validated.error_messages), where=where, instead=instead)
    return t.cast("t.Dict[str, t.Any]", validated.validated_parameters)


def _once(results: t.Iterable[t.Dict[str, t.Any]], key: str) -> t.List[str]:
    return list(dict.fromkeys(unit for result in results for unit in result.get(key, ())))
