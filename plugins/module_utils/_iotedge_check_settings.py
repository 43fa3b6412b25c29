# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Our own statement of the vendor's checks of configuration: proxies, names, and whether what is written is applied.

The rules are those of `iotedge check` 1.2 to 1.6, its oddities included: what counts is whether its check will pass.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ._iotedge_check_rows import ERROR, IGNORED, OK, SKIPPED, WARNING, Row, own
from ._redaction import redact

EDGED, IDENTITYD, DOCKER = "aziot-edged.service", "aziot-identityd.service", "docker.service"

_PROXY = "https_proxy"
_LABEL = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_RFC_1035 = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_LONGEST = 64  # of a certificate's common name, which the name becomes

Document = t.Mapping[str, t.Any]


def merge(base: Document, later: Document) -> t.Dict[str, t.Any]:
    """Return a daemon's configuration with a drop-in's: tables merge, arrays are joined, of all else the later wins."""
    merged = dict(base)
    for key, value in later.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = [*old, *value]
        else:
            merged[key] = value
    return merged


def inner(document: t.Any, *path: str) -> t.Any:
    """Return what is at a path of keys; None where it isn't."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


# proxy-settings ---------------------------------------------------------------------------------------------------


class Unit(t.NamedTuple):
    """A unit as systemd shows it: `systemctl show --property=Environment`, and whether it has EnvironmentFile= too."""

    shown: str
    files: bool = False


def unit_value(shown: str) -> str:
    """Return the https_proxy that the vendor's check finds in systemctl's answer, "" for none.

    It knows no quotes: a token is what is between two blanks, and a value ends at its next `=`.
    """
    while shown.startswith("Environment="):
        shown = shown[len("Environment=") :]
    for token in shown.split(" "):
        parts = token.split("=")
        if parts[0] == _PROXY:
            value = parts[1] if len(parts) > 1 else ""
            return value[:-1] if value.endswith("\n") else value
    return ""


def proxy_settings(agent: t.Optional[str], place: str, units: t.Mapping[str, t.Optional[Unit]]) -> Row:
    """Judge the proxies. `agent` is that of [agent.env], "" for none, found in `place`; None: nothing could be read.

    `units` has EDGED, IDENTITYD and DOCKER; None for a unit that does not exist.
    """
    found: t.Dict[str, str] = {} if agent is None else {f"[agent.env] of {place}": agent}
    found.update({name: unit_value(unit.shown) for name, unit in units.items() if unit})
    lacking = [name for name, unit in units.items() if not unit]
    if agent is None:
        lacking.append(place)
    if len(set(found.values())) > 1:
        told = "; ".join(f"{name}: {_shown(value)}" for name, value in found.items())
        if len({redact(value) for value in found.values() if value}) < len({v for v in found.values() if v}):
            told += "; where they look alike here, their credentials differ"
        reasons = [f"{name} {why}" for name, unit in units.items() if unit for why in _unseen(unit)]
        return own("proxy-settings", WARNING, ". ".join([told, *reasons]))
    if lacking:
        return own("proxy-settings", SKIPPED, f"not there yet: {', '.join(lacking)}. The others agree")
    return own("proxy-settings", OK, _shown(next(iter(found.values()))))


def _shown(value: str) -> str:
    return redact(value) if value else "none"


def _unseen(unit: Unit) -> t.Iterator[str]:
    """Yield why the check does not see a value, or sees another one, where the unit has one all the same."""
    value = unit_value(unit.shown)
    if f'"{_PROXY}=' in unit.shown:
        yield (
            "has a character in https_proxy for which systemctl puts quotes around it, so the check does not see it: "
            "percent-encode it; an IPv6 address in brackets can't pass, so give the proxy a name"
        )
    elif re.search(rf"(?:^|[ =]){_PROXY}={re.escape(value)}=", unit.shown):
        yield "has a = in https_proxy, at which the check ends the value: write it as %3D"
    elif not value and "HTTPS_PROXY=" in unit.shown:
        yield "has HTTPS_PROXY, and the check knows https_proxy alone"
    elif not value and unit.files:
        yield "has an EnvironmentFile=, which the check does not look into"


# Names ------------------------------------------------------------------------------------------------------------


def hostname(configured: t.Optional[str], machine: str) -> Row:
    """Judge the device's name against the machine's own; None: not set, and then it is the machine's."""
    name = machine if configured is None else configured
    if _is_ip(name):
        return own("hostname", OK, name)
    if name.lower() != machine.lower() and not name.lower().startswith(machine.lower() + "."):
        return own("hostname", ERROR, f"{name} is neither this machine's name {machine} nor that with a domain")
    if not _is_rfc_1035(name):
        return own("hostname", WARNING, f"{name} {_NO_NAME}")
    if len(name) > _LONGEST:
        return own("hostname", WARNING, f"{name} is longer than {_LONGEST} characters, and clients refuse it")
    return own("hostname", OK, name)


def parent_hostname(configured: t.Optional[str]) -> Row:
    """Judge the name of the device above; None: not set."""
    if configured is None:
        return own("parent_hostname", IGNORED, "is not set")
    if not _is_ip(configured) and not _is_rfc_1035(configured):
        return own("parent_hostname", WARNING, f"{configured} {_NO_NAME}")
    if len(configured) > _LONGEST:
        return own("parent_hostname", ERROR, f"{configured} is longer than {_LONGEST} characters")
    return own("parent_hostname", OK, configured)


_NO_NAME = (
    "is no name by RFC 1035: labels of at most 63 letters, digits and -, which begin with a letter and end with a "
    "letter or digit"
)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_rfc_1035(name: str) -> bool:
    return len(name) <= 255 and bool(_RFC_1035.match(name))


# What is applied --------------------------------------------------------------------------------------------------


def up_to_date(name: str, config: t.Optional[int], applied: t.Mapping[str, t.Optional[int]]) -> Row:
    """Judge by times of change (nanoseconds; None: no such file) whether config.toml is applied to some daemons.

    `applied` has the path of what `iotedge config apply` wrote for each.
    """
    if config is None:
        return own(name, IGNORED, "there is no /etc/aziot/config.toml")
    missing = [path for path, changed in applied.items() if changed is None]
    older = [path for path, changed in applied.items() if changed is not None and changed < config]
    said = ([f"not there: {', '.join(missing)}"] if missing else []) + (
        [f"older than /etc/aziot/config.toml: {', '.join(older)}"] if older else []
    )
    return own(name, WARNING, "; ".join(said)) if said else own(name, OK)
