# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the guard is asked to prove; all of it is checked here, since nobody can be asked later."""

from __future__ import annotations

import typing as t
import uuid

from . import _due, _host_settings, _preflight_options, _proxy, _proxy_ecs, _verified_restart_options
from ._errors import Refused
from ._redaction import secrets_in
from ._run import Run
from ._systemd_environment import unit_name


def request(options: t.Dict[str, t.Any], settings: t.Dict[str, t.List[t.Dict[str, t.Any]]], run: Run) -> _due.Request:
    """Return what the guard has to know.

    `options` as _verified_restart_options has them; `settings` as _host_settings.checked returns them.
    """
    units = [_unit(number, entry) for number, entry in enumerate(options["units"])]
    preflight = options["preflight"] or None
    if preflight:
        preflight = _host_settings.checked_options(_preflight_options.ARGUMENT_SPEC, preflight, "preflight")
        # Only settings that take an address without a scheme have got so far with one.
        preflight["proxy"] = preflight["proxy"] and _proxy_ecs.with_scheme(preflight["proxy"])
    for model in proxies([settings, preflight]):
        run.secrets.extend(_proxy.parse(_proxy_ecs.with_scheme(model)).secrets)
    return {
        "id": uuid.uuid4().hex,
        "run": options["run"],
        "units": units,
        "settings": settings,
        "preflight": preflight,
        "verify": [[str(word) for word in command] for command in options["verify"]],
        "drain": _drain(options["drain"]) if options["drain"] else None,
        "stable": options["stable"],
        "seconds": options["seconds"],
        "secrets": [*run.secrets, *secrets_in({**options, "settings": settings})],
        "was": {},
        "pending": False,
    }


def proxies(value: t.Any) -> t.Iterator[t.Dict[str, t.Any]]:
    """Return each proxy that options are given, as the model says it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "proxy" and inner:
                yield inner
            else:
                yield from proxies(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from proxies(inner)


def _unit(number: int, entry: t.Any) -> t.Dict[str, t.Any]:
    options = entry if isinstance(entry, dict) else {"name": entry}
    unit = _host_settings.checked_options(_verified_restart_options.UNIT_SPEC, options, f"units[{number}]")
    return {**unit, "name": unit_name(unit["name"])}


def _drain(options: t.Any) -> t.Dict[str, t.Any]:
    drain = _host_settings.checked_options(_verified_restart_options.DRAIN_SPEC, options, "drain")
    for key in ("before", "after"):
        for step in drain[key]:
            url = isinstance(step, str) and step.startswith(("http://", "https://"))
            if not url and not (step and isinstance(step, list)):
                raise Refused(
                    "is neither a command nor a URL",
                    where=f"drain.{key}",
                    instead="Write each step as a list of words, or as http://... or https://...",
                )
        drain[key] = [step if isinstance(step, str) else [str(word) for word in step] for step in drain[key]]
    drain["nomad"] = unit_name(drain["nomad"]) if drain["nomad"] else None
    if not drain["before"] and not drain["nomad"]:
        raise Refused("is empty", where="drain.before", instead="Name a command or a URL, or leave drain out.")
    return drain
