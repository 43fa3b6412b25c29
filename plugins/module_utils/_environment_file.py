# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""A file of NAME=value in one of its dialects: what is wanted of it, who may read it, and what stands in the way."""

from __future__ import annotations

import functools
import stat
import typing as t

from . import _host_file, _proxy, _proxy_environment, _systemd_syntax
from ._errors import Refused, did_you_mean
from ._notice import Notice
from ._redaction import holds_credentials, redact
from ._run import Run

DIALECTS = ("pam", "shell", "systemd", "upstart", "options")
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "dialect": {"type": "str", "choices": list(DIALECTS), "required": True},
    "variable": {"type": "str", "default": ""},
    "variables": {"type": "dict"},
    "proxy": {"type": "dict"},
    "proxy_variables": {"type": "list", "elements": "str", "default": []},
    "proxy_readers": {"type": "str", "choices": ["", "go", "shared"], "default": ""},
    "exposure": {"type": "str", "choices": ["", "private", "public"], "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

_Wanted = t.Dict[str, t.Optional[str]]
# Who reads a file of this dialect by default: programs in Go alone, or all sorts of them.
_READERS = {"pam": "shared", "shell": "shared"}
# What Replicated's own installer writes into its options string.
_UPPER = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the file what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    path, dialect = params["path"], params["dialect"]
    wanted = _wanted(params, run)
    given = {name: value for name, value in (wanted or {}).items() if value is not None}
    result: t.Dict[str, t.Any] = {
        "path": path,
        "dialect": dialect,
        "variables": {name: redact(f"{name}={value}").partition("=")[2] for name, value in given.items()},
        "elsewhere": [],
    }
    if wanted is None:
        return result
    secret = any(holds_credentials(f"{name}={value}") for name, value in given.items())
    private = secret and params["exposure"] != "public"
    transform = functools.partial(_edited, dialect, params["variable"], wanted, params["state"] == "absent")
    edit = run.edit(path, functools.partial(_at, path, transform), private=private)
    if given and edit.after is not None:
        run.notice(*_readers_notices(dialect, edit.after, given))
        if dialect == "shell":
            result["elsewhere"] = _elsewhere(path, edit.after, given, run)
    run.notice(*_exposure_notices(path, dialect, edit.after, secret, private, run.root))
    return result


def _wanted(params: t.Dict[str, t.Any], run: Run) -> t.Optional[_Wanted]:
    """Return each variable's value, None for one that is not to be there; None where the file is to be left alone."""
    _check_variable(params["dialect"], params["variable"])
    names = _proxy_names(params)
    wanted: _Wanted = {}
    if params["state"] == "absent":
        if params["proxy"] is not None or params["variables"] is None:
            wanted.update(dict.fromkeys(names))
        wanted.update(dict.fromkeys(params["variables"] or {}))
        return wanted
    if params["proxy"]:
        proxy = _proxy.parse(params["proxy"])
        run.secrets.extend(proxy.secrets)
        readers = params["proxy_readers"] or _READERS.get(params["dialect"], "go")
        rendered = _proxy_environment.environment(proxy, readers=readers)
        run.notice(*rendered.notices)
        wanted.update({name: rendered.value[name] for name in names})
    for name, value in (params["variables"] or {}).items():
        wanted[name] = _text(name, value)
    if not wanted:
        if params["proxy"] is not None:
            return None
        raise Refused(
            "is empty, and so is proxy",
            where="variables",
            instead="Give one of them, or state: absent to take the variables away.",
        )
    for name, text in wanted.items():
        _systemd_syntax.check(name, text or "", where=f"variables.{name}")
    return wanted


def _check_variable(dialect: str, variable: str) -> None:
    if dialect != "options":
        if variable:
            raise Refused(
                f"is only for dialect: options, not {dialect}",
                where="variable",
                instead="Leave it out; the names of the variables stand in variables.",
            )
    elif not _systemd_syntax.NAME.match(variable):
        raise Refused(
            f"{variable!r} is no variable name" if variable else "is not given",
            where="variable",
            instead="Name the variable that holds the options string, such as REPLICATED_OPTS.",
        )


def _proxy_names(params: t.Dict[str, t.Any]) -> t.List[str]:
    names = params["proxy_variables"]
    if not names:
        # Whoever takes the variables away wants no spelling of them to stay.
        upper = params["dialect"] == "options" and params["state"] == "present"
        return list(_UPPER if upper else _proxy_environment.NAMES)
    for name in names:
        if name not in _proxy_environment.NAMES:
            near = did_you_mean(name, list(_proxy_environment.NAMES))
            raise Refused(
                f"{name!r} is none of {', '.join(_proxy_environment.NAMES)}",
                where="proxy_variables",
                instead=f"Set any other variable by variables.{near}",
            )
    return list(names)


def _text(name: str, value: t.Any) -> t.Optional[str]:
    if isinstance(value, (bool, dict, list)):
        raise Refused(
            f"is {'a list or dict' if isinstance(value, (dict, list)) else value}, not text",
            where=f"variables.{name}",
            instead='Quote it ("true"), or write null if the variable is not to be there.',
        )
    return None if value is None else str(value)


def _edited(
    dialect: str, variable: str, wanted: _Wanted, absent: bool, content: t.Optional[bytes]
) -> t.Optional[bytes]:
    # Each dialect is imported where it is needed, since every run compiles what it imports.
    if dialect == "shell":
        from . import _environment_file_shell

        given = {name: value for name, value in wanted.items() if value is not None}
        if absent or not given:
            return _environment_file_shell.remove(content)
        return _environment_file_shell.apply(content, given)
    if dialect == "options":
        from . import _environment_file_options

        return _environment_file_options.edit(content, variable, wanted)
    if dialect == "pam":
        from . import _environment_file_pam

        return _environment_file_pam.edit(content, wanted)
    if dialect == "systemd":
        from . import _environment_file_systemd

        return _environment_file_systemd.edit(content, wanted)
    from . import _environment_file_upstart

    return _environment_file_upstart.edit(content, wanted)


def _at(
    path: str, transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]], content: t.Optional[bytes]
) -> t.Optional[bytes]:
    """Return what `transform` makes of the bytes; what it refuses is said of the file."""
    try:
        return transform(content)
    except Refused as refused:
        where = f"{path}, {refused.where}" if refused.where else path
        raise Refused(refused.what, where=where, instead=refused.instead) from refused


def _readers_notices(dialect: str, content: bytes, given: t.Dict[str, str]) -> t.Tuple[Notice, ...]:
    if dialect == "pam":
        from . import _environment_file_pam

        return _environment_file_pam.notices(content, given)
    if dialect == "systemd":
        from . import _environment_file_systemd

        return _environment_file_systemd.notices(content, given)
    return ()


def _elsewhere(path: str, content: bytes, given: t.Dict[str, str], run: Run) -> t.List[t.Dict[str, t.Any]]:
    from . import _environment_file_shell

    found = _environment_file_shell.elsewhere(content, given)
    for line in found:
        if line.wins:
            why = f"is set or unset again in line {line.line}, behind our block, and that wins; remove it there"
            run.notice(Notice(path, line.variable, why))
    return [line._asdict() for line in found]


def _exposure_notices(
    path: str, dialect: str, content: t.Optional[bytes], secret: bool, private: bool, root: str
) -> t.Iterator[Notice]:
    if secret and not private:
        yield Notice(path, "exposure: public", "whoever may read the file can read the credentials in it")
    if secret and dialect == "options":
        yield Notice(
            path,
            "credentials",
            "become arguments of docker run, which every user of the host can see; use a proxy that asks for none",
        )
    if secret and private and dialect == "pam":
        yield Notice(
            path,
            "credentials",
            "every session gets them from PAM, though root alone may read the file now; where other users' shells "
            "source it too, say exposure: public",
        )
    if not secret and dialect == "pam" and content and not holds_credentials(content.decode("utf-8", "replace")):
        status = _host_file.read(root + path).status
        if status is not None and not stat.S_IMODE(status.st_mode) & 0o004:
            yield Notice(
                path, "mode", "keeps users from reading the file, which holds no credentials; chmod it to 0644"
            )
