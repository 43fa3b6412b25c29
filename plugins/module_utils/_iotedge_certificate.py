# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""A certificate of an IoT Edge device, and its key: judged before they are written, and readable by those who must."""

from __future__ import annotations

import os
import stat
import time
import typing as t

from . import _account, _host_file
from . import _iotedge_certificate_access as _access
from . import _iotedge_certificate_pem as _pem
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "default": ""},
    "src": {"type": "str", "default": ""},
    "key_path": {"type": "path", "default": "", "no_log": False},
    "key_content": {"type": "str", "default": "", "no_log": True},
    "key_src": {"type": "str", "default": "", "no_log": False},
    "usage": {"type": "str", "choices": list(_pem.USAGES), "required": True},
    "minimum_days": {"type": "int", "default": 7},
    "owner": {"type": "str", "default": "aziotcs"},
    "group": {"type": "str", "default": "aziotcs"},
    # Said since ansible-core takes anything named a key for a secret.
    "key_owner": {"type": "str", "default": "aziotks", "no_log": False},
    "key_group": {"type": "str", "default": "aziotks", "no_log": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# Where the vendor's documentation keeps them, and how.
_FOLDER, _MODE, _FOLDER_MODE = "/var/aziot/certs", 0o644, 0o755
_KEY_FOLDER, _KEY_MODE, _KEY_FOLDER_MODE = "/var/aziot/secrets", 0o600, 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PKCS11 = "pkcs11:"
_SHORTEST_KEY = 16


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the certificate and its key what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    _check_form(params)
    return _remove(params, run) if params["state"] == "absent" else _Pair(params, run).ensure()


def _check_form(params: t.Dict[str, t.Any]) -> None:
    usage, key_path = params["usage"], params["key_path"]
    for option in ("src", "key_src"):
        if params[option]:
            raise Refused(
                "names a file of the controller, and nobody has read it there",
                where=option,
                instead="Run it as a task of this collection, whose action plugin does.",
            )
    if params["key_content"] and not key_path:
        raise Refused("is missing", where="key_path", instead="Say where key_content belongs.")
    if params["key_content"] and key_path.startswith(_PKCS11):
        raise Refused("is no file to write key_content to", where="key_path", instead="Leave key_content out.")
    if key_path and os.path.normpath(key_path) == os.path.normpath(params["path"]):
        raise Refused(
            "is the certificate's path too",
            where="key_path",
            instead="Keep them in files of their own: all may read a certificate.",
        )
    if key_path and not _pem.USAGES[usage].key:
        raise Refused(
            f"has no place with usage {usage}: whom one trusts, one has no key of",
            where="key_path",
            instead="Leave it out.",
        )
    if not key_path and _pem.USAGES[usage].key and params["state"] == "present":
        raise Refused(
            f"is missing, and usage {usage} needs the certificate's private key",
            where="key_path",
            instead="Name the file, or the pkcs11: URI, that config.toml names.",
        )
    if params["minimum_days"] < 0:
        raise Refused("is less than 0", where="minimum_days", instead="Write 0 for no warning.")


class _Pair:
    def __init__(self, params: t.Dict[str, t.Any], run: Run) -> None:
        self.run = run
        self.usage = _pem.USAGES[params["usage"]]
        self.minimum_days: int = params["minimum_days"]
        self.path: str = params["path"]
        self.key_path: str = params["key_path"]
        self.content = _given(params["content"])
        self.key_content = _given(params["key_content"])
        self.service = _access.reader(params["owner"], params["group"], run.root)
        self.has_key_file = bool(self.key_path) and not self.key_path.startswith(_PKCS11)
        if self.has_key_file:
            self.key_service = _access.reader(params["key_owner"], params["key_group"], run.root)

    def ensure(self) -> t.Dict[str, t.Any]:
        now = time.time()
        found = _host_file.read(self.run.root + self.path)
        entries = self.judged(found, now)
        self.check_access(found)
        changed = []
        if self.has_key_file:
            key = _host_file.read(self.run.root + self.key_path)
            self.check_key(entries[0], key)
            self.check_key_access(key)
        if self.content is not None:
            missing = _missing(self.service, _MODE, _FOLDER_MODE)
            changed += _edit(self.path, self.content, missing, self.run)
        if self.key_content is not None:
            missing = _missing(self.key_service, _KEY_MODE, _KEY_FOLDER_MODE)
            changed += _edit_key(self.key_path, self.key_content, missing, self.run)
        listed = [_shown(entry, now) for entry in entries]
        return {"path": self.path, "changed_files": changed, **listed[0], "certificates": listed}

    def judged(self, found: _host_file.Snapshot, now: float) -> t.List[_pem.Entry]:
        content, where = _there(self.content, found, self.path, "content")
        entries = _pem.certificates(content, where)
        self.run.notice(*_pem.judge(entries, self.usage, now=now, minimum_days=self.minimum_days))
        if not self.usage.chain and not content.endswith(b"\n"):
            raise Refused(
                "does not end with a newline, and what IoT Edge puts after it would be lost",
                where=where,
                instead=f"Run echo >> {self.path}, or give its text as content.",
            )
        # Imported here and below: few hosts have certificates, and all of them pay for what is imported above.
        from . import _iotedge_certificate_openssl as _openssl

        _openssl.check_certificates(entries)
        return entries

    def check_key(self, entry: _pem.Entry, found: _host_file.Snapshot) -> None:
        from . import _iotedge_certificate_openssl as _openssl

        key, where = _there(self.key_content, found, self.key_path, "key_content")
        _pem.check_key(key, where)
        _openssl.check_pair(entry, key, where)

    def check_access(self, found: _host_file.Snapshot) -> None:
        root, path = self.run.root, self.path
        folders = _access.folders_above(root + path, found.real, root=root)
        _access.check_folders(self.service, folders, _access.LIST, root=root, home=_FOLDER)
        if self.content is None:
            _access.check_file(self.service, found.real, root=root, instead=f"Run chmod 0644 {path}.")

    def check_key_access(self, found: _host_file.Snapshot) -> None:
        root, path = self.run.root, self.key_path
        folders = _access.folders_above(root + path, found.real, root=root)
        _access.check_folders(self.key_service, folders, _access.ENTER, root=root, home=_KEY_FOLDER)
        if self.key_content is None:
            instead = f"Run chown {self.key_service.name} {path}; chmod 0600 {path}."
            _access.check_file(self.key_service, found.real, root=root, instead=instead)
            if found.status is not None and found.status.st_mode & _OTHERS:
                mode = stat.S_IMODE(found.status.st_mode)
                why = f"others than its owner have access to this key (mode {mode:04o}): chmod 0600 {path}"
                self.run.notice(Notice("aziot-keyd", path, why))


def _remove(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Remove the files whose content is given: those without one are the host's own, a key maybe its only copy."""
    changed = []
    if _given(params["content"]) is not None:
        ours = _is_ours(params["path"], params["owner"], params["group"], _FOLDER_MODE, run)
        changed += _edit(params["path"], None, _host_file.NEW_FILE, run, remove_empty_folder=ours)
    if _given(params["key_content"]) is not None:
        ours = _is_ours(params["key_path"], params["key_owner"], params["key_group"], _KEY_FOLDER_MODE, run)
        changed += _edit_key(params["key_path"], None, _host_file.NEW_FILE, run, remove_empty_folder=ours)
    nothing = dict.fromkeys(("subject", "not_after", "fingerprint", "days_left"))
    return {"path": params["path"], "changed_files": changed, **nothing, "certificates": []}


def _is_ours(path: str, owner: str, group: str, mode: int, run: Run) -> bool:
    """Tell whether a file's folder is as we would have made it."""
    try:
        status = os.stat(run.root + os.path.dirname(path))
        wanted = (mode, _account.user_id(owner), _account.group_id(group))
    except (OSError, Refused):
        return False
    return (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == wanted


def _edit(path: str, wanted: t.Optional[bytes], missing: _host_file.Missing, run: Run, **options: t.Any) -> t.List[str]:
    """Return the path, if there is something to change."""
    edit = run.edit(path, lambda _found: wanted, missing=missing, hold=wanted is not None, **options)
    return [path] if edit.changed else []


def _edit_key(
    path: str, wanted: t.Optional[bytes], missing: _host_file.Missing, run: Run, **options: t.Any
) -> t.List[str]:
    # The shape of a key hides one in the diff. What was there before may be one without that shape.
    found = _host_file.read(run.root + path).content or b""
    if len(found) >= _SHORTEST_KEY:
        run.secrets.append(found.decode("utf-8", "replace").rstrip("\r\n"))
    return _edit(path, wanted, missing, run, **options)


def _missing(service: _access.Reader, mode: int, folder_mode: int) -> _host_file.Missing:
    above = _host_file.Missing(folder_mode=_FOLDER_MODE)
    return _host_file.Missing(mode, folder_mode, service.user, service.group, above)


def _given(text: str) -> t.Optional[bytes]:
    """Return a text's bytes, with the newline at its end that lookups of files take away; None for no text."""
    if not text.strip():
        return None
    # What was binary came as text with surrogates in it.
    return text.encode("utf-8", "surrogateescape") + (b"" if text.endswith("\n") else b"\n")


def _there(given: t.Optional[bytes], found: _host_file.Snapshot, path: str, option: str) -> t.Tuple[bytes, str]:
    """Return what the file will hold, and how to name that to a person."""
    if given is not None:
        return given, f"{path} ({option})"
    if found.content is None:
        raise Refused(
            "is not on this host", where=path, instead=f"Give its text as {option}, or have it put there first."
        )
    return found.content, path


def _shown(entry: _pem.Entry, now: float) -> t.Dict[str, t.Any]:
    return {
        "subject": entry.certificate.subject,
        "not_after": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.certificate.not_after)),
        "fingerprint": entry.fingerprint,
        "days_left": _pem.days_left(entry, now),
    }
