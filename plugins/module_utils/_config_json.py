# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Keys of a JSON file on the host, and for daemon.json whether the running daemon has them."""

from __future__ import annotations

import os
import typing as t

from . import (
    _account,
    _docker_daemon,
    _docker_loaded,
    _docker_unit,
    _host_file,
    _json_document,
    _key_paths,
    _proxy,
    _proxy_docker,
)
from ._docker_daemon_keys import KEYS, PROXY_KEYS
from ._docker_info import in_effect, swarm_active
from ._errors import Refused
from ._notice import Notice
from ._redaction import holds_credentials
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path"},
    "settings": {"type": "dict"},
    "remove": {"type": "list", "elements": "raw", "default": []},
    "schema": {"type": "str", "choices": ["docker", "docker_client"]},
    "proxy": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "create": {"type": "bool", "default": True},
    "backup": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "unit": {"type": "str", "default": "docker.service"},
    "expected_engine": {"type": "str", "choices": ["", "moby-engine"], "default": ""},
}

Path = t.Tuple[str, ...]

_DAEMON_JSON = "/etc/docker/daemon.json"


class _ProxyPlace(t.NamedTuple):
    """Where a schema's file has the proxy."""

    path: Path
    keys: t.Sequence[str]
    render: t.Callable[[_proxy.Proxy], t.Any]


_PROXY_PLACES = {
    "docker": _ProxyPlace(("proxies",), PROXY_KEYS, _proxy_docker.daemon),
    "docker_client": _ProxyPlace(("proxies", "default"), _proxy_docker.CLI_KEYS, _proxy_docker.cli),
}


class _Asked(t.NamedTuple):
    """What one call asks of its file."""

    path: str
    settings: t.Dict[str, t.Any]
    remove: t.List[Path]
    absent: bool


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the file's keys what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    if params["schema"] == "docker_client":
        from . import _config_json_client  # few hosts have users with such a file

        return _config_json_client.ClientFile(params, run).ensure()
    return (_DaemonFile if params["schema"] == "docker" else File)(params, run).ensure()


# What is asked for ------------------------------------------------------------------------------------------------


def asked_of(params: t.Dict[str, t.Any], run: Run) -> _Asked:
    """Return what `params` ask of the file, whatever stands there; raises Refused for what no file could hold."""
    schema = params["schema"]
    path = params["path"] or (_DAEMON_JSON if schema == "docker" else None)
    if path is None:
        raise Refused("is missing", where="path", instead="Only schema: docker has a default for it.")
    absent = params["state"] == "absent"
    remove = [_key_paths.from_option(entry) for entry in params["remove"]]
    settings = params["settings"] or {}
    if schema == "docker":
        settings = _docker_daemon.canonical(settings)
    if params["proxy"]:
        if schema not in _PROXY_PLACES:
            raise Refused(
                "can only be written where the file's schema is known",
                where="proxy",
                instead="Add schema: docker or schema: docker_client, or write the keys in settings.",
            )
        settings, unset = _with_proxy(settings, params["proxy"], _PROXY_PLACES[schema], absent, run)
        remove += unset
    if absent:
        remove = _key_paths.leaf_paths(settings) + remove
        settings = {}
    if not settings and not remove and params["settings"] is None and params["proxy"] is None:
        raise Refused("is empty, and so are remove and proxy", where="settings", instead="Say which keys are meant.")
    return _Asked(path, settings, remove, absent)


def _with_proxy(
    settings: t.Dict[str, t.Any], model: t.Dict[str, t.Any], place: _ProxyPlace, absent: bool, run: Run
) -> t.Tuple[t.Dict[str, t.Any], t.List[Path]]:
    """Return the settings with the proxy under them, and the paths of the proxy's keys that are to go."""
    if absent:
        return settings, [(*place.path, key) for key in place.keys]
    proxy = _proxy.parse(model)
    run.secrets.extend(proxy.secrets)
    rendered = place.render(proxy)
    run.notice(*rendered.notices)
    # An empty value isn't written: dockerd takes it for none, and would go on with what its environment says.
    values: t.Dict[str, t.Any] = {key: value for key, value in rendered.value.items() if value}
    nested: t.Dict[str, t.Any] = values
    for key in reversed(place.path):
        nested = {key: nested}
    merged = _merged(nested, settings)
    asked = set(_key_paths.leaf_paths(merged))
    return merged, [path for path in ((*place.path, key) for key in place.keys) if path not in asked]


def _merged(under: t.Any, over: t.Any) -> t.Any:
    if not (isinstance(under, t.Mapping) and isinstance(over, t.Mapping)):
        return over
    return {**under, **{key: _merged(under[key], value) if key in under else value for key, value in over.items()}}


# The files --------------------------------------------------------------------------------------------------------


class File:
    """A JSON file that nothing more is known of; the schemas below add what they know."""

    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.params = params
        self.run = run
        self.asked = asked_of(params, run)

    def ensure(self) -> t.Dict[str, t.Any]:
        edit = self.run.edit(
            self.asked.path,
            self.transform,
            private=lambda content: holds_credentials(content.decode("utf-8", "replace")),
            missing=self.missing(),
            backup=self.params["backup"],
            validate=self.validate,
            remove_empty_folder=self.folder_is_ours,
        )
        if not self.asked.absent:
            self.run.notice(*self.check(edit.after))
        return {
            "path": self.asked.path,
            "backup_file": edit.backup_file and edit.backup_file[len(self.run.root) :],
            "restart_required": [],
            "reload_required": [],
        }

    folder_is_ours = False

    def transform(self, found: t.Optional[bytes]) -> t.Optional[bytes]:
        if found is None and not self.params["create"]:
            return None
        after = _json_document.edit(found, self.asked.settings, self.asked.remove, name=self.asked.path)
        if not self.asked.absent:
            self.check(after)
        return after

    def check(self, content: t.Optional[bytes]) -> t.Sequence[Notice]:
        """Refuse what the file's reader would not take, or would ignore; return what else is to be said."""
        return []

    def validate(self, candidate: bytes) -> None:
        """Have the reader itself judge the file as it would be."""

    def missing(self) -> _host_file.Missing:
        return _host_file.Missing(
            owner=_account.user_id(self.params["owner"]), group=_account.group_id(self.params["group"])
        )

    def document(self, content: t.Optional[bytes]) -> t.Dict[str, t.Any]:
        if content is None or _json_document.is_blank(content):
            return {}
        return _json_document.load(content, name=self.asked.path)

    def locator(self, content: t.Optional[bytes]) -> t.Callable[[t.Sequence[str]], str]:
        """Return what makes a message's `where` of a key path: with the line, where the key is not one asked for."""

        def locate(keys: t.Sequence[str]) -> str:
            node: t.Any = self.asked.settings
            for key in keys:
                if not isinstance(node, t.Mapping):
                    break  # inside a list that was asked for
                node = node.get(key)
            lines = (_json_document.line_of(content or b"", keys[:end]) for end in range(len(keys), 0, -1))
            line = None if node is not None else next(filter(None, lines), None)
            return f"{self.asked.path}{f', line {line}' if line else ''}: {'.'.join(keys)}"

        return locate


class _DaemonFile(File):
    """daemon.json: judged by our table and by the engine, and against the running daemon."""

    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        super().__init__(params, run)
        self.daemon = _docker_unit.find(params["unit"], run.root)
        self.info, notices = _docker_unit.info(self.daemon, run.root)
        run.notice(*notices)
        other = self.daemon.flags.get("config-file", [self.asked.path])[-1]
        if os.path.normpath(other) != os.path.normpath(self.asked.path):
            raise Refused(
                f"is not what {params['unit']} reads: its flag --config-file names {other}",
                where=self.asked.path,
                instead="Give that path.",
            )
        self.version = self._version()
        expected = params["expected_engine"] and not self.asked.absent
        if expected and self.info and not _docker_unit.is_moby_engine(self.info, run.root):
            run.notice(
                Notice(
                    params["unit"],
                    f"engine {self.info.get('ServerVersion')}",
                    "is not the package moby-engine, the only engine that Azure IoT Edge supports in production",
                )
            )

    def ensure(self) -> t.Dict[str, t.Any]:
        found = _host_file.read(self.run.root + self.asked.path)
        known = self._known(found)
        if known is not None and not self.run.check_mode and self.transform(found.content) != found.content:
            self._stamp(known)
        result = super().ensure()
        after = self.document(self.transform(found.content))
        keys = {path[0] for path in (*_key_paths.leaf_paths(self.asked.settings), *self.asked.remove)}
        before = self.document(found.content)
        owed = "none" if known is None else _docker_loaded.owed(keys, before, after, known, self.info)
        return {
            **result,
            "restart_required": [self.params["unit"]] if owed == _docker_daemon.RESTART else [],
            "reload_required": [self.params["unit"]] if owed == _docker_daemon.RELOAD else [],
            "engine_version": ".".join(map(str, self.version)) if self.version else None,
            "in_effect": in_effect(self.asked.settings, self.info) if self.info else {},
            "foreign_proxies": [] if "proxies" in self.asked.settings else list(after.get("proxies") or ()),
        }

    def check(self, content: t.Optional[bytes]) -> t.Sequence[Notice]:
        return _docker_daemon.check(
            self.document(content),
            wanted=self.asked.settings,
            version=self.version,
            flags=self.daemon.flags,
            swarm_active=swarm_active(self.info),
            locate=self.locator(content),
        )

    def validate(self, candidate: bytes) -> None:
        if self.daemon.program is None:
            return
        try:
            self._ask_engine(candidate)
        except Refused:
            # What is to be taken back must not stay because of a mistake that was there without us.
            present = _host_file.read(self.run.root + self.asked.path).content
            if not self.asked.absent or present is None or self._takes(present):
                raise

    def _takes(self, content: bytes) -> bool:
        try:
            self._ask_engine(content)
        except Refused:
            return False
        return True

    def _ask_engine(self, candidate: bytes) -> None:
        # Imported here and below, as all of it is compiled in each run: only a file that changes is validated.
        from . import _docker_validate

        _docker_validate.validate(
            candidate,
            dockerd=t.cast(str, self.daemon.program),
            flags=self.daemon.arguments,
            version=self.version,
            where=self.asked.path,
            secrets=self.run.secrets,
        )

    def _version(self) -> t.Optional[t.Tuple[int, ...]]:
        text = self.info.get("ServerVersion")
        gated = any(key in KEYS and (KEYS[key].since or KEYS[key].until) for key in self.asked.settings)
        if not text and gated and self.daemon.program:
            from . import _docker_validate

            text = _docker_validate.version_text(self.daemon.program)
        return _docker_daemon.version_of(text or "")

    def _known(self, found: _host_file.Snapshot) -> t.Optional[_docker_loaded.Loaded]:
        """Return what the running daemon has read; None where none runs, which then is owed nothing."""
        if not self.daemon.pid:
            return None
        times = _docker_loaded.Times(
            None if found.status is None else found.status.st_mtime, self.daemon.started, self.daemon.state_changed
        )
        stamped = _host_file.read(self.run.root + _docker_loaded.stamp_path(self.asked.path)).content
        return _docker_loaded.loaded(self.document(found.content), times, self.daemon.pid, stamped)

    def _stamp(self, known: _docker_loaded.Loaded) -> None:
        content = _docker_loaded.stamp(known, self.daemon.pid)
        _host_file.edit(
            self.run.root + _docker_loaded.stamp_path(self.asked.path),
            lambda _found: content,
            private=True,
            missing=_host_file.Missing(mode=0o600, folder_mode=0o700),
        )
