# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Judges a daemon.json: what dockerd would refuse, what it would ignore in silence, and what a change of it takes.

Keys that stand in the file and are not asked for are someone else's: only their types are looked at, since the engine
would not start with a wrong one; whether it knows them is left to its own validation.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from . import _docker_daemon_values as values
from ._docker_daemon_keys import (
    FLAG_KEYS,
    KEYS,
    LOG_DRIVERS,
    LOG_OPTS,
    LOG_OPTS_OF_ALL,
    NOT_FLATTENED,
    RESET,
    Version,
)
from ._errors import Refused, did_you_mean
from ._json_document import same
from ._notice import Notice

Document = t.Mapping[str, t.Any]
Flags = t.Mapping[str, t.Sequence[str]]

NONE, RELOAD, RESTART = "none", "reload", "restart"

_READER = "dockerd"
_LIVE_FEATURES = ("features.buildkit",)  # the other features are looked at when the daemon starts


def version_of(text: str) -> t.Optional[Version]:
    """Return the engine's version in what it says of itself ('26.1.5+dfsg1', '20.10.25+azure-2'), or None."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(number or 0) for number in found.groups()) if found else None


# Before the edit --------------------------------------------------------------------------------------------------


def canonical(settings: Document) -> t.Dict[str, t.Any]:
    """Return the user's settings with values as dockerd wants them spelled, where there is but one way to mean them.

    YAML writes `max-file: 3` where log-opts takes only strings, and a template makes the string "true" of a boolean.
    """
    return {key: _spelled(KEYS[key].kind, value) if key in KEYS else value for key, value in settings.items()}


def _spelled(kind: str, value: t.Any) -> t.Any:
    if kind == "bool" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind in ("integer", "count"):
        if isinstance(value, str) and re.match(r"-?[0-9]{1,18}\Z", value):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
    if isinstance(value, t.Mapping) and kind in ("texts", "bools"):
        return {name: _text(inner) if kind == "texts" else _spelled("bool", inner) for name, inner in value.items()}
    return value


def _text(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


# The file as it would be ------------------------------------------------------------------------------------------


def check(
    document: Document,
    *,
    wanted: Document,
    version: t.Optional[Version] = None,
    flags: t.Optional[Flags] = None,
    swarm_active: bool = False,
    locate: t.Callable[[t.Sequence[str]], str] = ".".join,
) -> t.List[Notice]:
    """Refuse what dockerd would not start with, or would ignore; return what it will do otherwise than expected.

    `document` is the file as it would be, `wanted` the part of it that the user asks for (see `canonical`), `version`
    the engine's, `flags` those that the daemon is started with (see _docker_flags), and `locate` makes a message's
    `where` of a key path.
    """
    for key in wanted:
        if key not in KEYS:
            from . import _docker_daemon_unknown  # few files have one

            raise _docker_daemon_unknown.refusal(key, wanted[key], locate((key,)))
        _refuse_version(key, version, locate)
    for key, value in document.items():
        if key in KEYS:
            _refuse_value(key, value, key in wanted, version, locate)
    _refuse_flags(document, flags or {}, locate)
    _refuse_labels(document, locate)
    _refuse_runtime(document, wanted, flags or {}, locate)
    if document.get("live-restore") is True and swarm_active:
        raise Refused(
            "does not go together with swarm mode, which this host is in: dockerd would not start",
            where=locate(("live-restore",)),
            instead="Leave it false, or leave the swarm (docker swarm leave).",
        )
    notices = _log_opts(document, wanted, flags or {}, locate)
    for entry in wanted.get("insecure-registries") or ():
        if "://" in entry:
            notices.append(
                Notice(_READER, "insecure-registries", f"the scheme of {entry} is not looked at; leave it out")
            )
    return notices


def _refuse_version(key: str, version: t.Optional[Version], locate: t.Callable[[t.Sequence[str]], str]) -> None:
    since, until = KEYS[key].since, KEYS[key].until
    if version is None:
        return
    running = ".".join(map(str, version))
    if since and version < since:
        instead = "Update the engine, or leave the key out."
        if key == "proxies":
            instead = "Give the proxy to the daemon's environment instead (module systemd_environment)."
        raise Refused(
            f"needs Docker Engine {since[0]}.{since[1]} or later; {running} would not start",
            where=locate((key,)),
            instead=instead,
        )
    if until and version >= until:
        raise Refused(
            f"is no longer known to Docker Engine {running}, which would not start",
            where=locate((key,)),
            instead="Leave it out." if key != "graph" else "Write data-root.",
        )


def _refuse_value(
    key: str, value: t.Any, asked: bool, version: t.Optional[Version], locate: t.Callable[[t.Sequence[str]], str]
) -> None:
    kind = KEYS[key].kind
    problem = values.shape(kind, value)
    if problem is None and asked and (value is None or kind not in values.SHAPE_IS_ALL):
        from . import _docker_daemon_meanings  # no key that a role sets by itself has more to it than a shape

        problem = next(_docker_daemon_meanings.meaning(kind, value, version), None)
    if problem:
        raise Refused(problem.what, where=locate((key, *problem.path)), instead=problem.instead)


def _refuse_flags(document: Document, flags: Flags, locate: t.Callable[[t.Sequence[str]], str]) -> None:
    """Refuse a key that the daemon is given as a flag too: it would not start, whatever the values."""
    present: t.Dict[str, t.Tuple[str, ...]] = {}
    for key, value in document.items():
        if isinstance(value, dict) and key not in NOT_FLATTENED:
            present.update({inner: (key, inner) for inner in value})
        else:
            present[key] = (key,)
    for flag in flags:
        key = FLAG_KEYS.get(flag, flag)
        if key in present and key != "runtimes":
            raise Refused(
                f"is also given to dockerd as the flag --{flag}, and it does not start with both",
                where=locate(present[key]),
                instead="Take it out of the one or the other; a drop-in of the unit can set ExecStart= anew.",
            )


def _refuse_labels(document: Document, locate: t.Callable[[t.Sequence[str]], str]) -> None:
    found: t.Dict[str, str] = {}
    for index, label in enumerate(document.get("labels") or ()):
        name, _equals, value = label.partition("=")
        if found.setdefault(name, value) != value:
            raise Refused(
                f"gives {name} a second value, and dockerd would not start",
                where=locate(("labels", str(index))),
                instead="Leave one of them.",
            )


def _refuse_runtime(
    document: Document, wanted: Document, flags: Flags, locate: t.Callable[[t.Sequence[str]], str]
) -> None:
    name = wanted.get("default-runtime")
    known = {
        "runc",
        *(document.get("runtimes") or ()),
        *(flag.partition("=")[0] for flag in flags.get("add-runtime", ())),
    }
    if name and name not in known and not name.startswith("io.containerd."):
        raise Refused(
            f"is {name}, which is not among runtimes, and dockerd would not start",
            where=locate(("default-runtime",)),
            instead=f'Add {{"runtimes": {{"{name}": {{"path": "/usr/bin/{name}"}}}}}}.',
        )


def _log_opts(
    document: Document, wanted: Document, flags: Flags, locate: t.Callable[[t.Sequence[str]], str]
) -> t.List[Notice]:
    if "log-driver" not in wanted and "log-opts" not in wanted:
        return []
    driver = document.get("log-driver") or (flags.get("log-driver") or ("",))[-1] or "json-file"
    options = {name: value for name, value in (document.get("log-opts") or {}).items() if value is not None}
    if driver not in LOG_DRIVERS:
        # A plugin's name: dockerd starts without it as long as there are no options to hand it.
        return [
            Notice(
                _READER,
                f"log-driver {driver}",
                "is none of Docker's own; containers fail to start unless a plugin of this name is installed",
            )
        ]
    for name, value in options.items():
        where = locate(("log-opts", name))
        known = LOG_OPTS.get(driver)
        if known and name not in known + LOG_OPTS_OF_ALL:
            raise Refused(
                f"is no option of the log driver {driver}, and dockerd would not start",
                where=where,
                instead=f"{did_you_mean(name, list(known + LOG_OPTS_OF_ALL))} They are {', '.join(known)}.".lstrip(),
            )
        if name in ("max-size", "max-buffer-size") and not values.is_size(value):
            raise Refused(f"is {value!r}, no size", where=where, instead="Write a number and k, m or g, as 10m.")
        # Not isdigit(), which is true of a superscript, nor more digits than int() takes.
        if name == "max-file" and not re.fullmatch(r"0{0,9}[1-9][0-9]{0,8}", value):
            raise Refused(f"is {value!r}, no number of files", where=where, instead='Write "1" or more.')
        if name == "compress" and value.lower() not in ("true", "false", "1", "0", "t", "f"):
            raise Refused(f"is {value!r}, neither true nor false", where=where, instead='Write "true" or "false".')
    if "max-buffer-size" in options and options.get("mode") != "non-blocking":
        raise Refused(
            "has no effect without mode, and dockerd would not start",
            where=locate(("log-opts", "max-buffer-size")),
            instead='Add "mode": "non-blocking".',
        )
    compresses = options.get("compress", "false").lower() in ("true", "1", "t")
    if driver == "json-file" and compresses and ("max-size" not in options or int(options.get("max-file", "1")) < 2):
        raise Refused(
            "needs max-size, and max-file of at least 2: no container would start without",
            where=locate(("log-opts", "compress")),
            instead='Add "max-size": "10m", "max-file": "3".',
        )
    if (
        driver == "local"
        and options.get("max-file") == "1"
        and options.get("compress", "true").lower() in ("true", "1")
    ):
        raise Refused(
            "is 1, and the driver local compresses what it rotates: no container would start",
            where=locate(("log-opts", "max-file")),
            instead='Write "2" or more, or add "compress": "false".',
        )
    return []


# What a change takes ----------------------------------------------------------------------------------------------


def change(before: Document, after: Document) -> str:
    """Return what makes a daemon that read `before` run with `after`: 'none', 'reload' or 'restart'.

    Both may also be fingerprints.
    """
    old, new = _flat(before), _flat(after)
    needs = {key_change(key, key in new) for key in {*old, *new} if key not in old or not same(old[key], new.get(key))}
    return RESTART if RESTART in needs else RELOAD if RELOAD in needs else NONE


def key_change(key: str, present: bool) -> str:
    """Return what a changed key of a fingerprint takes: 'reload' or 'restart'. `present`: it is in the file now."""
    top = key.partition(".")[0]
    if top == "features" and key not in _LIVE_FEATURES:
        return RESTART
    on_reload = KEYS[top].on_reload if top in KEYS else ""
    return RELOAD if on_reload == RESET or (on_reload and present) else RESTART


def fingerprint(document: Document) -> t.Dict[str, str]:
    """Return a digest for each key, by which two documents can be compared and neither of them is told."""
    try:
        return {key: _digest(value) for key, value in _flat(document).items()}
    except RecursionError as exc:
        raise Refused("is nested too deeply", where="daemon.json", instead="Check what wrote the file.") from exc


def _flat(document: Document) -> t.Dict[str, t.Any]:
    """Return the keys with their values; each feature is one, since some are taken by a reload and some are not."""
    flat = {key: value for key, value in document.items() if key != "features" or not isinstance(value, dict)}
    features = document.get("features")
    if isinstance(features, dict):
        flat.update({f"features.{name}": value for name, value in features.items()})
    return flat


def _digest(value: t.Any) -> str:
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def _plain(value: t.Any) -> t.Any:
    """Return `value` with equal numbers made alike (3.0 is 3)."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
