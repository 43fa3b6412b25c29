# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What is to be said of an ecs.config as a whole: what others wrote there and its readers will not take as meant.

The agent says nothing of an unknown variable, and ecs-init nothing of any line.
"""

from __future__ import annotations

import typing as t

from . import _ecs_config_document, _ecs_config_values
from ._ecs_config_document import Line
from ._ecs_config_keys import KEYS, LOWER_CASE_PROXIES, SDK_NAMES
from ._errors import Refused, did_you_mean
from ._notice import Notice
from ._redaction import holds_credentials

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", *LOWER_CASE_PROXIES)

_AGENT = "ECS agent"
_INIT = "ecs-init"
_BOM = "\ufeff"


def notices(content: bytes, ours: t.Container[str]) -> t.Iterator[Notice]:
    """Yield what is to be said; `ours` are the names that this run has set or taken out."""
    lines = _ecs_config_document.lines(content)
    counts = {line.name: line.number for line in lines}
    for line in lines:
        said = _of_line(line, ours)
        # Of several lines of one name, only the last is read; a secret leaks from any of them.
        if said and (counts[line.name] == line.number or _is_commented(line)):
            yield said._replace(why=f"line {line.number} {said.why}")
    yield from (
        Notice(_AGENT, name, "is read by no version since July 2025; leave it out")
        for name, key in KEYS.items()
        if key.unread and name in counts
    )
    yield from _of_proxies(_ecs_config_document.environment(content), counts, ours)


def foreign_proxies(content: t.Optional[bytes], ours: t.Container[str]) -> t.List[str]:
    """Return the proxy's variables in the file that are not ours."""
    environment = _ecs_config_document.environment(content)
    return [name for name in PROXY_NAMES if environment.get(name) and name not in ours]


def left(content: t.Optional[bytes]) -> t.Iterator[Notice]:
    """Yield what is to be said of a file out of which all that is ours has gone."""
    for name in foreign_proxies(content, ()):
        why = "is still in it, as it was not written by this collection; to have it gone, name it in remove"
        yield Notice(_INIT, name, why)


def _of_line(line: Line, ours: t.Container[str]) -> t.Optional[Notice]:
    name = line.name
    if name is None or name in ours:
        return None
    if name.startswith(_BOM):
        return Notice(_INIT, name.strip(_BOM), "begins with a byte order mark, which becomes a part of the name")
    if _is_commented(line):
        meant = name.lstrip("#; ")
        if not holds_credentials(f"{meant}={line.value}"):
            return None
        why = "is no comment to it: the credentials there become a variable of the agent's container, for everyone "
        return Notice(_INIT, meant[:40], why + "who may run docker inspect; remove the line")
    if not name:
        return Notice("dockerd", "=", "has no name before its =, and with it no agent's container can be made")
    if not _ecs_config_document.is_name(name):
        why = "names a variable that nothing reads, blanks and `export` included; write NAME=value"
        return Notice(_INIT, name[:40], why)
    if name in KEYS:
        return _of_value(name, line.value)
    if name in SDK_NAMES or name in LOWER_CASE_PROXIES:
        return None
    return Notice(_AGENT, name, "sets a variable that it does not know." + did_you_mean(name, list(KEYS)))


def _of_value(name: str, value: str) -> t.Optional[Notice]:
    try:
        _ecs_config_values.canonical(name, value)
        _ecs_config_document.check(name, value)
    except Refused as refused:
        return Notice(_AGENT, name, f"sets it, and it {refused.what}. {refused.instead}")
    return None


def _of_proxies(
    environment: t.Mapping[str, str], counts: t.Mapping[t.Optional[str], int], ours: t.Container[str]
) -> t.Iterator[Notice]:
    for name in LOWER_CASE_PROXIES:
        if environment.get(name) and environment.get(name.upper()) and name not in ours:
            why = f"line {counts[name]} is without effect beside {name.upper()}, and will be read once that is gone"
            yield Notice(_AGENT, name, f"{why}; remove it")
    for name in PROXY_NAMES[:3]:
        if environment.get(name) and name not in ours:
            why = f"line {counts[name]} sets it, and wins over what a drop-in of ecs.service says"
            yield Notice(_INIT, name, f"{why}; give proxy, or name it in remove")
    if not (environment.get("HTTP_PROXY") or environment.get("http_proxy")):
        return
    # Imported here, as a file without a proxy needs none of them.
    from . import _no_proxy, _no_proxy_go, _proxy_ecs

    try:
        entries = _no_proxy.parse(environment.get("NO_PROXY") or environment.get("no_proxy"))
    except Refused:
        return  # said above, or refused
    if _no_proxy_go.covered_by(entries, _proxy_ecs.METADATA, 80) is None:
        why = "is not in it, so that the instance's credentials and region are asked of the proxy, which has others"
        yield Notice(f"{_AGENT} and {_INIT}", "NO_PROXY", f"{_proxy_ecs.METADATA} {why}")


def _is_commented(line: Line) -> bool:
    return (line.name or "").startswith(("#", ";"))
