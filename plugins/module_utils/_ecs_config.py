# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The configuration file of the Amazon ECS agent on the host, and whether ecs-init runs with it."""

from __future__ import annotations

import os
import typing as t

from . import (
    _ecs_config_document,
    _ecs_config_earlier,
    _ecs_config_notices,
    _ecs_config_values,
    _host_file,
    _units,
)
from ._ecs_config_keys import KEYS, SDK_NAMES
from ._errors import Refused, did_you_mean
from ._redaction import holds_credentials
from ._run import Run
from ._systemd_syntax import parse_file

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "default": "/etc/ecs/ecs.config"},
    "settings": {"type": "dict"},
    "remove": {"type": "list", "elements": "str", "default": []},
    "allow_unknown": {"type": "bool", "default": False},
    "proxy": {"type": "dict"},
    "ipv6_metadata": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "backup": {"type": "bool", "default": False},
}

# The unit of Amazon's packages, and that of SUSE's.
_UNITS = ("ecs.service", "amazon-ecs.service")
_CREDENTIALS = ("ECS_ENGINE_AUTH_TYPE", "ECS_ENGINE_AUTH_DATA")


class _Asked(t.NamedTuple):
    """What one call asks of the file."""

    settings: t.Dict[str, str]
    remove: t.List[str]
    absent: bool

    @property
    def names(self) -> t.Set[str]:
        return {*self.settings, *self.remove}


def ensure(params: t.Dict[str, t.Any], run: Run, *, note: str = "") -> t.Dict[str, t.Any]:
    """Make the file's variables what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result.

    With a path of a `note`, what stood in the file before is kept there, and comes back with state absent. Where there
    is none, nothing in the file is ours, unless all of it is.
    """
    path = params["path"]
    try:
        asked = asked_of(params, run)
    except Refused as refused:
        raise _at(path, refused) from refused
    noted = _host_file.read(run.root + note).content if note else None
    if asked.absent and note:
        asked = asked._replace(remove=_ecs_config_earlier.names(noted) if noted is not None else asked.remove)

    def transform(found: t.Optional[bytes]) -> t.Optional[bytes]:
        try:
            after = _edited(asked, found, noted, bool(note))
            if any(name in asked.settings for name in _CREDENTIALS):
                _ecs_config_values.check_credentials(_ecs_config_document.environment(after))
        except Refused as refused:
            raise _at(path, refused) from refused
        run.secrets.extend(secret for content in (found, after) for secret in _secrets(content))
        return after

    if note and not asked.absent:
        found = _host_file.read(run.root + path).content
        after = transform(found)
        # First: without it, what is ours could not be told any more.
        run.keep_note(note, lambda _found: _ecs_config_earlier.noted(noted, found, after))
    edit = run.edit(
        path,
        transform,
        private=lambda content: holds_credentials(content.decode("utf-8", "replace")) or bool(_secrets(content)),
        backup=params["backup"],
    )
    if asked.absent and noted is not None:
        run.changed = True  # also where a run that died has left nothing but the note
        run.keep_note(note, lambda _found: None)
    if edit.after is not None and not asked.absent:
        run.notice(*_ecs_config_notices.notices(edit.after, asked.names))
    gone = asked.absent and bool(note)  # all that is ours
    if gone:
        run.notice(*_ecs_config_notices.left(edit.after))
    return {
        "path": path,
        "backup_file": edit.backup_file and edit.backup_file[len(run.root) :],
        "foreign_proxies": _ecs_config_notices.foreign_proxies(edit.after, () if gone else asked.names),
        "restart_required": [
            unit.name for unit in _running(run.root) if _outdated(run.root + path, edit, unit, asked.names)
        ],
    }


# What is asked for ------------------------------------------------------------------------------------------------


def asked_of(params: t.Dict[str, t.Any], run: Run) -> _Asked:
    """Return what `params` ask of the file, whatever stands there; raises Refused for what no file could hold."""
    absent = params["state"] == "absent"
    given: t.Dict[str, t.Any] = params["settings"] or {}
    remove = list(params["remove"])
    for name in remove:
        if not _ecs_config_document.is_name(name):
            raise Refused(f"{name!r} is no variable's name", where="remove", instead="Write names such as ECS_CLUSTER.")
    if not given and not remove and params["settings"] is None and params["proxy"] is None:
        raise Refused("is empty, and so are remove and proxy", where="settings", instead="Say what is meant.")
    if absent:
        proxy = _ecs_config_notices.PROXY_NAMES[:3] if params["proxy"] else ()
        return _Asked({}, [*given, *remove, *proxy], absent)
    settings = _proxy(params["proxy"], params["ipv6_metadata"], run) if params["proxy"] else {}
    settings.update(canonical(given, params["allow_unknown"]))
    for name in remove:
        if name in settings:
            raise Refused("is both set and removed", where=name, instead="Name it once.")
    return _Asked(settings, remove, absent)


def canonical(given: t.Mapping[str, t.Any], allow_unknown: bool = False) -> t.Dict[str, str]:
    """Return the variables as they are written; raises Refused for what no reader takes as it is meant."""
    settings = {name: _text(name, value, allow_unknown) for name, value in given.items()}
    for name, text in settings.items():
        _ecs_config_document.check(name, text)
    return settings


def _proxy(model: t.Dict[str, t.Any], ipv6: bool, run: Run) -> t.Dict[str, str]:
    # Imported here, as many a file has none.
    from . import _proxy, _proxy_ecs

    proxy = _proxy.parse(_proxy_ecs.with_scheme(model))
    run.secrets.extend(proxy.secrets)
    rendered = _proxy_ecs.environment(proxy, ipv6=ipv6)
    run.notice(*rendered.notices)
    return dict(rendered.value)


def _text(name: str, value: t.Any, allow_unknown: bool) -> str:
    known = name in KEYS and not KEYS[name].internal
    if known:
        return _ecs_config_values.canonical(name, value)
    if name not in SDK_NAMES and not allow_unknown:
        if name in KEYS:
            what, hint = "is no setting: ecs-init gives it to the agent by itself, or only the agent's own tests do", ""
        else:
            what = "is no variable that the agent or ecs-init reads, and neither would say so"
            hint = did_you_mean(name, [known for known in KEYS if not KEYS[known].internal])
        raise Refused(what, where=name, instead=f"{hint} If it is meant, set allow_unknown: true.".strip())
    return _ecs_config_values.text_of(name, value)


def _at(path: str, refused: Refused) -> Refused:
    """Return the refusal with the file before its place, unless the place is not in it."""
    where = refused.where
    if where.startswith("line "):
        where = f"{path}, {where}"
    elif where not in ("settings", "remove") and not where.startswith("container_hosts_proxy"):
        where = f"{path}: {where}"
    return Refused(refused.what, where=where, instead=refused.instead)


def _edited(asked: _Asked, found: t.Optional[bytes], noted: t.Optional[bytes], with_note: bool) -> t.Optional[bytes]:
    if asked.absent and noted is not None:
        return _ecs_config_earlier.taken_back(noted, found)
    if asked.absent and with_note and not _ecs_config_document.is_made(found):
        return found
    return _ecs_config_document.edit(found, asked.settings, asked.remove)


# What is in the file ----------------------------------------------------------------------------------------------


def _secrets(content: t.Optional[bytes]) -> t.List[str]:
    """Return values that are secret as a whole, as nothing in them tells what is."""
    return [
        line.value
        for line in _ecs_config_document.lines(content or b"")
        for name in [line.meant.lstrip("#; ")]
        if name in KEYS and KEYS[name].secret and line.value and not holds_credentials(line.value)
    ]


# What runs --------------------------------------------------------------------------------------------------------


def _running(root: str) -> t.List[_units.Unit]:
    """Return ecs-init's unit, if its process runs; without systemd nothing can be said."""
    units = _units.show(_UNITS) if _units.booted(root) else []
    return [unit for unit in units if unit is not None and unit.main_pid]


def _outdated(path: str, edit: _host_file.Edit, unit: _units.Unit, names: t.Set[str]) -> bool:
    """Tell whether ecs-init runs with other values of `names` than its next start would get from the file.

    systemd gives it every variable in the file, so its environment also tells with what it made the agent's container.
    A process that is younger than the file has all of it, whatever else its environment holds.
    """
    place = path if os.path.exists(path) else os.path.dirname(path)
    newer = unit.started is not None and os.path.exists(place) and os.stat(place).st_mtime > unit.started
    running = _units.process_environment(unit.main_pid) if newer or edit.changed else None
    if running is None:
        return False
    content = (edit.after or b"").decode("utf-8", "surrogateescape")
    configured = {name: value for name, value, _line in parse_file(content)}
    return any(not _ecs_config_values.same(name, running.get(name), configured.get(name)) for name in names)
