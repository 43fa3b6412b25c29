# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Brings a service's environment, or the machine's variables, to what is asked for, and reads back what was written."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _proxy, _proxy_ecs, _proxy_environment
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused, did_you_mean
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import (
    holds_credentials,
    masked_diff,
    redact_all,
    secrets_in,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_environment as core
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint import Place, Write
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_registry import Key, Registry

SERVICES = r"HKLM:\SYSTEM\CurrentControlSet\Services"
MACHINE = r"HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"

ARGUMENT_SPEC: dict[str, t.Any] = {
    "service": {"type": "str"},
    "scope": {"type": "str", "choices": ["machine"]},
    "environment": {"type": "dict"},
    "proxy": {"type": "dict"},
    "proxy_readers": {"type": "str", "choices": ["go", "shared", "ecs"], "default": "go"},
    "ipv6_metadata": {"type": "bool", "default": False},
    "remove": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
CONSTRAINTS: dict[str, t.Any] = {
    "mutually_exclusive": [["service", "scope"]],
    "required_one_of": [["service", "scope"]],
}

# Why a service may be missing, where its name says it.
_MISSING = {
    "IOTEDGE": "IoT Edge 1.2 and later runs in a Linux VM (EFLOW) instead, which is a host of its own.",
    "AMAZONECS": "Initialize-ECSAgent makes it; give ecs_cluster to have that run.",
}
_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_VALUE = "Environment"


def ensure(params: t.Mapping[str, t.Any], run: Run, registry: Registry) -> dict[str, t.Any]:
    """Make the environment what `params` (see ARGUMENT_SPEC) say; return a dict for the result.

    `run` gets whether that was a change, its diff and the notices. Raises Refused; as long as it is no
    change, nothing was written then.
    """
    wanted = _wanted(params, run)
    if wanted is None:
        return {"configured": {}, "removed": []}
    if params["service"] is None:
        core.check_not_of_windows([*wanted.environment, *wanted.remove], "scope: machine")
        removed = _ensure_machine(wanted, run, registry)
    else:
        removed = _ensure_service(params["service"], wanted, run, registry)
    return {"configured": redact_all(wanted.environment, run.secrets), "removed": removed}


def _wanted(params: t.Mapping[str, t.Any], run: Run) -> core.Wanted | None:
    """Return what is asked for; None where it is that the environment be left alone."""
    given = params["environment"] or {}
    for name in given:
        core.check_name(name, "environment")
    core.check_unique(given, "environment")
    remove = [core.check_name(name, "remove") for name in params["remove"]]
    if params["state"] == "absent":
        # Without any variable named, those of a proxy are meant.
        proxied = _PROXY_NAMES if params["proxy"] is not None or not (given or remove) else ()
        return core.Wanted({}, _distinct([*proxied, *given, *remove]))
    environment = {}
    if params["proxy"]:
        ecs = params["proxy_readers"] == "ecs"
        proxy = _proxy.parse(_proxy_ecs.with_scheme(params["proxy"]) if ecs else params["proxy"])
        run.secrets.extend(proxy.secrets)
        if ecs:
            rendered = _proxy_ecs.environment(proxy, ipv6=params["ipv6_metadata"], windows=True)
        else:
            # Windows has one variable where Linux has two.
            rendered = _proxy_environment.environment(proxy, readers=params["proxy_readers"], cases=("upper",))
        run.notice(*rendered.notices)
        overridden = set(map(core.fold, given))
        environment = {name: text for name, text in rendered.value.items() if core.fold(name) not in overridden}
    for name, value in {**environment, **given}.items():
        environment[name] = core.check_value(name, value, f"environment.{name}")
    run.secrets.extend(secrets_in(environment))
    for name in remove:
        if core.fold(name) in map(core.fold, environment):
            raise Refused(f"{name} is to be set as well", where="remove", instead="Leave one of them out.")
    if not environment and not remove:
        if params["proxy"] is not None:
            return None
        raise Refused(
            "is empty, and so are proxy and remove",
            where="environment",
            instead="Give one of them, or state: absent to take the variables away.",
        )
    return core.Wanted(environment, _distinct(remove))


def _distinct(names: t.Iterable[str]) -> tuple[str, ...]:
    return tuple({core.fold(name): name for name in names}.values())


def service_key(service: str, registry: Registry) -> Key | None:
    """Return the key of a service; None where there is no such service."""
    key = registry.key(f"{SERVICES}\\{_checked_service(service)}")
    return key if key is not None and image_path(key) else None


def image_path(key: Key) -> str:
    """Return the command line that a service is started with."""
    value = find(key.values, "ImagePath")
    return str(value.data) if value else ""


def _ensure_service(service: str, wanted: core.Wanted, run: Run, registry: Registry) -> list[str]:
    path = f"{SERVICES}\\{_checked_service(service)}"
    where = f"{path}\\{_VALUE}"
    key = service_key(service, registry)
    # To write there would make such a key, and no service.
    if key is None:
        services = registry.key(SERVICES)
        raise Refused(
            "does not exist on this host." + did_you_mean(service, services.keys if services else []),
            where=f"service {service}",
            instead=_MISSING.get(
                core.fold(service),
                "Install what brings it first, or correct the name (Get-Service shows it, not the display name).",
            ),
        )
    found = find(key.values, _VALUE)
    before = core.entries_of(found, where)
    after = core.merge(before, wanted)
    repaired = found is not None and found.kind != core.MULTI and bool(wanted.environment)
    _notice_service(service, found, before, repaired, run)
    if after == before and not repaired:
        return []
    core.check_lossless(after, where)
    run.changed = True
    kinds = [[f"({found.kind})"], [f"({core.MULTI})"]] if repaired and found else [[], []]
    keep_diff(
        where,
        None if found is None else [*kinds[0], *before],
        [*kinds[1], *after] if after else None,
        run,
    )
    wanted_value = core.Value(core.MULTI, after) if after else None
    registry.foreseen.append(Write(Place(path, _VALUE), found, wanted_value))
    if not run.check_mode:
        again = next((entry for entry in after if entry not in before), None)
        registry.write_list(path, _VALUE, after, again)
        written = find((registry.key(path) or key).values, _VALUE)
        if (written and core.Value(written.kind, core.entries_of(written, where))) != wanted_value:
            _differs(where)
    return [name for name in wanted.remove if name in _names(before, wanted.remove)]


def _checked_service(service: str) -> str:
    if not service or len(service) > 256 or not service.isprintable() or any(char in service for char in "\\/"):
        raise Refused(
            f"{service!r} is no name of a service", where="service", instead="Write it as Get-Service shows it: docker."
        )
    return service


def _notice_service(service: str, found: core.Value | None, before: list[str], repaired: bool, run: Run) -> None:
    if repaired and found is not None:
        why = f"was {found.kind}, which is not what Windows keeps a service's variables in; it becomes {core.MULTI}"
        run.notice(Notice(service, _VALUE, why))
    for number, entry in enumerate(before, 1):
        if core.split(entry) is None:
            # Not shown: nothing tells whether it is a secret.
            run.notice(Notice(service, f"{_VALUE}, entry {number}", "is no NAME=value, and is left as it is"))


def _names(entries: t.Iterable[str], names: t.Iterable[str]) -> set[str]:
    present = {core.fold(pair[0]) for pair in map(core.split, entries) if pair}
    return {name for name in names if core.fold(name) in present}


def _ensure_machine(wanted: core.Wanted, run: Run, registry: Registry) -> list[str]:
    for name, value in wanted.environment.items():
        if holds_credentials(f"{name}={value}"):
            why = "every process and every local user of the host gets the credentials; a service's own environment "
            run.notice(Notice("scope: machine", name, why + "(service: NAME) gives them to that service"))
    key = registry.key(MACHINE)
    if key is None:
        raise Refused("does not exist, as it does on every Windows", where=MACHINE, instead="Look what the host is.")
    changes = core.changes(key.values, wanted, MACHINE)
    if not changes:
        return []
    run.changed = True
    keep_diff(
        MACHINE,
        [f"{change.name}={change.before}" for change in changes if change.before is not None],
        [f"{change.name}={change.after}" for change in changes if change.after is not None],
        run,
    )
    registry.foreseen += [
        Write(Place(MACHINE, change.name), _text(change.kind, change.before), _text(change.kind, change.after))
        for change in changes
    ]
    if not run.check_mode:
        _write_machine(changes, registry)
        found = (registry.key(MACHINE) or key).values
        for change in changes:
            if find(found, change.name) != _text(change.kind, change.after):
                _differs(f"{MACHINE}\\{change.name}")
    return [change.name for change in changes if change.after is None]


def _text(kind: str, text: str | None) -> core.Value | None:
    return None if text is None else core.Value(kind, text)


def _write_machine(changes: t.Sequence[core.Change], registry: Registry) -> None:
    plain = {change.name: change.after for change in changes if change.kind == core.PLAIN or change.after is None}
    left = registry.write_variables(plain) if plain else []
    for change in changes:
        # win_environment would make a REG_SZ of a REG_EXPAND_SZ.
        if change.after is not None and (change.name not in plain or change.name in left):
            registry.write_text(MACHINE, change.name, change.kind, change.after)


def find(values: t.Mapping[str, core.Value], name: str) -> core.Value | None:
    """Return a value by its name, whatever its case."""
    return next((value for spelled, value in values.items() if core.fold(spelled) == core.fold(name)), None)


def keep_diff(where: str, before: list[str] | None, after: list[str] | None, run: Run) -> None:
    """Keep the masked difference of lists of NAME=value; None: there is none."""
    pairs = filter(None, map(core.split, [*(before or ()), *(after or ())]))
    secrets = [secret for name, value in pairs for secret in secrets_in({name: value})]
    run.diffs.append(masked_diff(where, _lines(before), _lines(after), [*run.secrets, *secrets]))


def _lines(side: list[str] | None) -> bytes | None:
    return None if side is None else "".join(f"{line}\n" for line in side).encode(errors="replace")


def _differs(where: str) -> t.NoReturn:
    raise Refused(
        "holds something else than what was just written",
        where=where,
        instead="Look for another program that sets it, and run this again.",
    )
