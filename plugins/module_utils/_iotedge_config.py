# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""IoT Edge's config.toml on the host, and whether its daemons and the container edgeAgent have come to run with it."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
import urllib.parse

from . import (
    _config_toml,
    _host_file,
    _host_file_write,
    _iotedge_agent,
    _iotedge_applied,
    _iotedge_earlier,
    _iotedge_install,
    _iotedge_settings,
    _key_paths,
    _proxy,
    _toml_document,
    _toml_library,
    _unit_jobs,
    _units,
)
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "default": "/etc/aziot/config.toml"},
    "settings": {"type": "dict", "default": {}},
    "remove": {"type": "list", "elements": "raw", "default": []},
    "proxy": {"type": "dict"},
    "upstream_protocol": {"type": "str", "default": ""},
    "agent_image": {"type": "str", "default": ""},
    "storage": {"type": "dict", "default": {}},
    "read_at_apply": {"type": "list", "elements": "path", "default": []},
    "agent_seconds": {"type": "float", "default": 300.0},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
# The name by which the transaction knows what has to be done for the files to count.
APPLY = "iotedge"
SOCKET = "unix:///var/run/docker.sock"

# Here, and not beside config.toml: what lies there, support bundles take along.
_NOTE = "/var/lib/container_hosts/iotedge_config.json"
# Whom the agent and the hub are in their containers, unless their images were built otherwise.
_USERS = {"agent": 13622, "hub": 13623}
_VERSION = re.compile(r"\b([0-9]+\.[0-9]+\.[0-9]+)")
_SECONDS = 30.0

_TAKEN_OVER = (
    "a deployment manifest has taken over, and its settings win over config.toml: set https_proxy and UpstreamProtocol "
    "in the manifest too"
)
_NOT_PROVISIONED = (
    "has no [provisioning] any more, and iotedge config apply would refuse it: the daemons go on with what was last "
    "applied"
)


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the file what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    _toml_library.receive(params.get("library"))
    installed = _iotedge_install.find(run.root)
    refused = _iotedge_install.unsupported(installed)
    if refused:
        raise refused
    if params["agent_seconds"] < 0:
        raise Refused("is less than 0", where="agent_seconds", instead="Write 0 to wait for no new edgeAgent.")
    absent = params["state"] == "absent"
    if installed.generation == _iotedge_install.NONE and not absent:
        raise Refused(
            "is not installed on this host",
            where="IoT Edge",
            instead="Install the packages aziot-identity-service and aziot-edge first (role iotedge: iotedge_install).",
        )
    file = _File(params, run, lambda: _version(installed, run.root))
    storage = Storage(params["storage"], run)
    edited = file.ensure()
    if absent:
        storage.take_back(file.note)
    else:
        storage.make()
    document = file.document()
    due = file.changed or _iotedge_applied.outdated([params["path"], *params["read_at_apply"]], run.root)
    booted = _units.booted(run.root)
    agent = None
    if document is not None and "provisioning" in document:
        agent = _agent(document) if booted else None
    elif due:
        # Nothing of it can be applied, so an agent that runs with something else isn't stale either.
        due = False
        if not _iotedge_applied.missing(run.root):
            run.notice(Notice("iotedge config apply", params["path"], _NOT_PROVISIONED))
    if agent == _iotedge_agent.MANIFEST and not absent:
        run.notice(Notice("edgeAgent", "config.toml", _TAKEN_OVER))
    return {
        **edited,
        "systemd_running": booted,
        "agent": agent,
        "apply_required": [APPLY] if booted and (due or agent == _iotedge_agent.STALE) else [],
    }


def socket_of(document: t.Mapping[str, t.Any]) -> str:
    """Return the path of the socket on which the container engine of a config.toml listens."""
    return urllib.parse.urlsplit(str(_iotedge_settings.table(document, "moby_runtime").get("uri", SOCKET))).path


def _agent(document: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """Return what edgeAgent is; None where its daemon is down, since the question alone could start the engine."""
    if not _unit_jobs.states([_iotedge_applied.EDGED])[_iotedge_applied.EDGED].running:
        return None
    return _iotedge_agent.judge(_iotedge_agent.find(socket_of(document)), _iotedge_settings.table(document, "agent"))


def _version(installed: _iotedge_install.Installed, root: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the vendor's own program, found where its package puts it
            [f"{root}{installed.cli}", "--version"], check=True, capture_output=True, timeout=_SECONDS
        )
        return _VERSION.findall(done.stdout.decode(errors="replace"))[0]
    except (OSError, subprocess.SubprocessError, IndexError) as exc:
        raise Refused(
            f"is needed, as iotedge --version doesn't tell which one would fit ({type(exc).__name__})",
            where="agent_image",
            instead="Name one with a specific tag: mcr.microsoft.com/azureiotedge-agent:1.5.21.",
        ) from exc


class _File(_config_toml.File):
    """config.toml, with a note beside it of what stood there before we first changed it."""

    def __init__(self, params: t.Dict[str, t.Any], run: Run, version: t.Callable[[], str]) -> None:
        proxy = _proxy.parse(params["proxy"]) if params["proxy"] else None
        if proxy:
            run.secrets.extend(proxy.secrets)
        self.version = version
        self.options = _iotedge_settings.Options(
            params["settings"],
            proxy.https if proxy else "",
            params["upstream_protocol"],
            params["agent_image"],
            params["storage"].get("agent") or "",
        )
        self.also_remove = [_key_paths.from_option(entry) for entry in params["remove"]]
        self.changed = False
        self.note: t.Optional[bytes] = None
        super().__init__(
            {
                "path": params["path"],
                "settings": {},
                "remove": [],
                "schema": "iotedge",
                "state": params["state"],
                "create": True,
                "backup": False,
                "owner": None,
                "group": None,
                # It holds the device's key, or will.
                "mode": "0600",
            },
            run,
        )

    def ensure(self) -> t.Dict[str, t.Any]:
        note = _host_file.read(self.run.root + _NOTE).content
        self.note = note
        found = _host_file.read(self.run.root + self.path, limit=_config_toml.MAX_BYTES).content
        # The note first: without it, what is ours could not be told any more.
        if not self.absent:
            after = self.noted(found)
            self.run.keep_note(_NOTE, lambda _found: after)
        result = super().ensure()
        if self.absent and note is not None:
            self.run.changed = True  # also where a run that died has left nothing but the note
            self.run.keep_note(_NOTE, lambda _found: None)
        self.changed = self.transform(found) != found
        return result

    def document(self) -> t.Optional[t.Dict[str, t.Any]]:
        """Return the file as it is, or in check mode would be; None for none."""
        found = _host_file.read(self.run.root + self.path, limit=_config_toml.MAX_BYTES).content
        content = self.transform(found) if self.run.check_mode else found
        return None if content is None else _toml_document.load(content, name=self.path)

    def noted(self, found: t.Optional[bytes]) -> t.Optional[bytes]:
        after = self.transform(found)
        before = self.load(found)
        wanted = self.wanted(before)
        return _iotedge_earlier.noted(self.note, found, after, before, wanted.settings, wanted.remove)

    def edited(self, found: t.Optional[bytes]) -> t.Optional[bytes]:
        if self.absent:
            return _iotedge_earlier.taken_back(self.note, found, name=self.path)
        wanted = self.wanted(self.load(found))
        # For a message's line: what is asked for has none yet.
        self.settings = wanted.settings
        after = _toml_document.edit(found, wanted.settings, wanted.remove, name=self.path)
        self.check(after, found)
        return after

    def wanted(self, before: t.Mapping[str, t.Any]) -> _iotedge_settings.Wanted:
        wanted = _iotedge_settings.compose(before, self.options, self.version)
        return wanted._replace(remove=[*wanted.remove, *self.also_remove])

    def load(self, content: t.Optional[bytes]) -> t.Dict[str, t.Any]:
        return {} if content is None else _toml_document.load(content, name=self.path)

    def is_private(self, content: bytes) -> bool:
        return not self.absent  # a mode is no key that we would take back


class Storage:
    """Folders of the host for what the agent and the hub have to keep; their users must own them."""

    def __init__(self, folders: t.Mapping[str, t.Any], run: Run) -> None:
        unknown = sorted(set(folders) - set(_USERS))
        if unknown:
            raise Refused(f"knows no {unknown[0]}", where="storage", instead="Its keys are agent and hub.")
        self.folders = {str(path): _USERS[name] for name, path in folders.items() if path}
        if len(self.folders) < len(list(filter(None, folders.values()))):
            raise Refused(
                "is the same for agent and hub, and has one owner", where="storage", instead="Name two folders."
            )
        for path in self.folders:
            if not os.path.isabs(path) or ":" in path:
                raise Refused(
                    "has a colon, so Docker can't mount it" if os.path.isabs(path) else "is not an absolute path",
                    where=f"storage: {path}",
                    instead="Name a folder such as /srv/edgeAgent.",
                )
            if path != os.path.normpath(path):
                # The same folder, spelled otherwise, would get two owners in turn.
                raise Refused(
                    "is not how the folder is named",
                    where=f"storage: {path}",
                    instead=f"Write {os.path.normpath(path)}.",
                )
        self.run = run

    def make(self) -> None:
        """Make the folders, or give them to their users; what they were before is noted."""
        for path, user in self.folders.items():
            self._make(path, self.run.root + path, user)

    def _make(self, path: str, real: str, user: int) -> None:
        if os.path.islink(real) or (os.path.exists(real) and not os.path.isdir(real)):
            raise Refused("is not a folder", where=path, instead="Move it away, or name another one in storage.")
        found = os.stat(real) if os.path.isdir(real) else None
        if found and found.st_uid == user and found.st_mode & 0o700 == 0o700:
            return
        strange = [name for name in (os.listdir(real) if found else []) if os.lstat(f"{real}/{name}").st_uid != user]
        if strange:
            # /var, named by mistake, would end the host.
            raise Refused(
                f"holds what is not user {user}'s ({sorted(strange)[0]}), so it is not to become that user's",
                where=f"storage: {path}",
                instead="Name a folder of its own, or give it and all that is in it to that user by hand.",
            )
        self.run.changed = True
        self.run.diffs.append(
            {
                "before_header": path,
                "after_header": path,
                "before": f"owner {found.st_uid}, mode {found.st_mode & 0o7777:04o}\n" if found else "",
                "after": f"owner {user}, mode 0700\n",
            }
        )
        before: _iotedge_earlier.Folders = {}
        if found:
            before[path] = [found.st_uid, found.st_gid, found.st_mode & 0o7777]
        lacking = path
        while not os.path.isdir(self.run.root + lacking):
            before[lacking] = None
            lacking = os.path.dirname(lacking)
        self.run.keep_note(_NOTE, lambda note: _iotedge_earlier.with_folders(note, before))
        if not self.run.check_mode:
            _host_file_write.make_folder(real, _host_file.Missing())
            os.chown(real, user, user)
            os.chmod(real, 0o700)

    def take_back(self, note: t.Optional[bytes]) -> None:
        """Remove the folders that we made and that hold nothing: what a module has stored is never ours to remove.

        One that was there before, and holds nothing either, gets its owner back.
        """
        for path, was in _iotedge_earlier.folders_of(note).items():
            real = self.run.root + path
            if os.path.islink(real) or not os.path.isdir(real) or os.listdir(real):
                continue
            self.run.changed = True
            if self.run.check_mode:
                continue
            if was is None:
                os.rmdir(real)
            else:
                os.chown(real, was[0], was[1])
                os.chmod(real, was[2])
