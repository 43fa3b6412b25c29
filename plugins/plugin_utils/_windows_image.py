# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What an image that is still being made gets: a .reg file, and the installer of IoT Edge 1.1, for Windows hosts.

A .reg file writes a value as a whole. So it is for images in which nobody else has set a service's variables.
"""

from __future__ import annotations

import re
import typing as t

from ..module_utils import _ecs_config, _proxy, _proxy_ecs, _proxy_environment
from ..module_utils._errors import Refused
from ..module_utils._notice import Notice
from ..module_utils._redaction import holds_credentials
from ..module_utils._rendered import Rendered
from . import _windows_environment as core

CONTROL_SETS = r"CurrentControlSet|ControlSet00[1-9]"

_HEAD = "Windows Registry Editor Version 5.00"
_SYSTEM = "HKEY_LOCAL_MACHINE\\SYSTEM\\{}"
_KINDS = {core.PLAIN: 1, core.MULTI: 7}
_READABLE = "whoever has the image can read the credentials in it, and so can every user of its hosts"


def registry_file(
    model: t.Mapping[str, t.Any],
    services: t.Sequence[str],
    *,
    machine: bool,
    settings: t.Mapping[str, t.Any],
    readers: str,
    control_set: str,
) -> Rendered:
    """Return the text of a .reg file for the proxy's model, {} for none.

    `services` get it as their own environment, and with `machine` all of the host does; `settings` are variables of the
    ECS agent, which are the machine's. An offline image has no CurrentControlSet, but a ControlSet001.
    """
    if not re.match(rf"(?:{CONTROL_SETS})\Z", control_set):
        raise Refused(f"is {control_set!r}", where="control_set", instead="Write CurrentControlSet, or ControlSet001.")
    environment, notices = _environment(model, readers)
    variables = {**(environment if machine else {}), **_ecs_config.canonical(settings)}
    if not variables and not (services and environment):
        raise Refused(
            "asks for nothing", where=".reg", instead="Give the proxy and services (or machine), or settings."
        )
    for name, value in {**environment, **variables}.items():
        core.check_value(name, value, name)
    core.check_not_of_windows(variables, "settings")
    if any(holds_credentials(f"{name}={value}") for name, value in {**environment, **variables}.items()):
        notices.append(Notice(".reg", "credentials", _READABLE))
    root = _SYSTEM.format(control_set)
    keys: dict[str, dict[str, core.Value]] = {}
    for service in services if environment else ():
        if not re.match(r"[^\\/\[\]\x00-\x1f]+\Z", service):
            raise Refused(
                f"{service!r} is no name of a service", where="services", instead="Write docker, for example."
            )
        entries = [f"{name}={value}" for name, value in environment.items()]
        keys[rf"{root}\Services\{service}"] = {"Environment": core.Value(core.MULTI, entries)}
    if variables:
        values = {name: core.Value(core.PLAIN, value) for name, value in variables.items()}
        keys[rf"{root}\Control\Session Manager\Environment"] = values
    return Rendered(text(keys), tuple(notices))


def _environment(model: t.Mapping[str, t.Any], readers: str) -> tuple[dict[str, str], list[Notice]]:
    if not model:
        return {}, []
    if readers == "ecs":
        rendered = _proxy_ecs.environment(_proxy.parse(_proxy_ecs.with_scheme(model)), windows=True)
    else:
        rendered = _proxy_environment.environment(_proxy.parse(model), readers=readers, cases=("upper",))
    return dict(rendered.value), list(rendered.notices)


def text(keys: t.Mapping[str, t.Mapping[str, core.Value]]) -> str:
    """Return the .reg file of keys (by their full path) and their values, to be written in UTF-16.

    Data are written as bytes, so it is ASCII; but programs tell by a file's encoding in which one its data are.
    """
    lines = [_HEAD, ""]
    for key, values in keys.items():
        lines.append(f"[{key}]")
        for name, value in values.items():
            texts = value.data if value.kind == core.MULTI else [value.data]
            data = "".join(f"{each}\0" for each in texts) + ("\0" if value.kind == core.MULTI else "")
            pairs = [f"{byte:02x}" for byte in data.encode("utf-16-le")]
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'"{quoted}"=hex({_KINDS[value.kind]:x}):' + _folded(pairs))
        lines.append("")
    return "\r\n".join([*lines, ""])


def _folded(pairs: t.Sequence[str]) -> str:
    """Return bytes as regedit writes them, 25 on a line."""
    rows = [",".join(pairs[start : start + 25]) for start in range(0, len(pairs), 25)]
    return ",\\\r\n  ".join(rows)


def installer(model: t.Mapping[str, t.Any]) -> str:
    """Return the vendor's install step of IoT Edge 1.1 as a script. It asks for credentials; none are in it."""
    from ._user_data import quoted
    from ._windows_iotedge import deploy_parameters

    parameters = deploy_parameters(model)
    proxy = quoted(parameters["Proxy"])
    credential = f"$credential = Get-Credential -UserName {quoted(parameters['User'])} -Message 'The proxy'\r\n"
    asked = bool(parameters["User"])
    web = " -Proxy $proxy" + (" -ProxyCredential $credential" if asked else "") if model else ""
    deploy = "@{ '-Proxy' = $proxy" + ("; '-ProxyCredential' = $credential" if asked else "") + " }" if model else ""
    return (
        "# Rendered by fleetops.container_hosts. IoT Edge 1.1 is past its end of life: move to EFLOW.\r\n"
        "$ErrorActionPreference = 'Stop'\r\n"
        + (f"$proxy = {proxy}\r\n" if model else "")
        + (credential if asked else "")
        + f". {{ Invoke-WebRequest{web} -UseBasicParsing -Uri https://aka.ms/iotedge-win }} | Invoke-Expression\r\n"
        + f"Deploy-IoTEdge{' -InvokeWebRequestParameters ' + deploy if deploy else ''}\r\n"
    )
