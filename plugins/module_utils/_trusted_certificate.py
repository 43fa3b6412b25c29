# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""The host's store of trusted certificates: our files in it, and the bundle that its own tool makes of them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import typing as t

from . import _host_file
from ._errors import Refused
from ._notice import Notice
from ._run import Run
from ._trust_stores import STORES, Store

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "certificates": {"type": "list", "elements": "str", "aliases": ["certificate"]},
    "name": {"type": "str", "default": "container-hosts"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "checkpoint_run": {"type": "str"},
}


# With Java installed, Debian's command rewrites a keystore too, which takes a small device a minute.
_SECONDS = 300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the certificates (PEM texts, checked before) all that the store has under this name; see ARGUMENT_SPEC.

    Each one is a file of its own, named by its fingerprint: Debian's tool leaves a file with several out of
    /etc/ssl/certs, and overlooks that a file of the same name holds another certificate. The update runs if a file
    changed, or if the bundle is not what the files ask for, since an earlier update may have failed.
    """
    wanted = _wanted(params)
    store = _store(run.root)
    if store is None:
        if not wanted:
            return {"store": None, "bundle": None, "files": []}
        raise Refused(
            "no known store of trusted certificates is on this host ("
            + "; ".join(f"{store.family}: {store.marker}" for store in STORES)
            + ")",
            where="host",
            instead="Install the package ca-certificates.",
        )
    files = {f"{store.folder}/{params['name']}.{_fingerprint(body)}.crt": body for body in wanted}
    stale = [path for path in _ours(store, params["name"], run) if path not in files]
    if run.checkpoint:
        run.checkpoint.after_restore("trust_store")
    edits = {path: _edit(path, files.get(path), run) for path in [*files, *stale]}
    changed = [edit for edit in edits.values() if edit.changed]
    if changed or _outdated(store, wanted, run):
        run.changed = True
        program = _program(store)
        if not run.check_mode:
            only_new = changed and all(edit.before is None for edit in changed)
            _update(program, store, run, anew=not only_new)
            _verify(store, files, {path: edits[path].before or b"" for path in stale}, run)
    if run.checkpoint:
        # No daemon has a part in it, so it is proven with that.
        run.checkpoint.prove(params["checkpoint_run"])
    return {"store": store.folder, "bundle": store.bundle, "files": list(files)}


def refresh() -> None:
    """Have the store's tool make its bundle anew of the files that are there; nothing where there is no store."""
    store = _store("")
    if store is not None:
        _update(_program(store), store, Run(), anew=True)


def _store(root: str) -> t.Optional[Store]:
    return next((store for store in STORES if os.path.isdir(root + store.marker)), None)


def _wanted(params: t.Dict[str, t.Any]) -> t.List[bytes]:
    """Return the certificates, each once, as the base64 text of their DER without white space."""
    if not _NAME.match(params["name"]):
        raise Refused(
            f"{params['name']!r} can't begin a file's name in the store",
            where="name",
            instead="Use letters, digits, `_` and `-`.",
        )
    if params["state"] == "absent":
        return []
    texts = [text.encode() for text in params["certificates"] or []]
    for number, text in enumerate(texts):
        if not _bodies(text):
            raise Refused("is no certificate in PEM form", where=f"certificates[{number}]")
    if not texts:
        raise Refused(
            "is empty", where="certificates", instead="Name a certificate, or write state: absent to remove all."
        )
    return list(dict.fromkeys(body for text in texts for body in _bodies(text)))


def _bodies(pem: bytes) -> t.List[bytes]:
    return [b"".join(body.split()) for body in _BLOCK.findall(pem)]


def _fingerprint(body: bytes) -> str:
    try:
        return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()[:16]
    except ValueError as exc:
        raise Refused("a certificate in it is damaged", where="certificates", instead="Export it again.") from exc


def _ours(store: Store, name: str, run: Run) -> t.List[str]:
    try:
        entries = sorted(os.listdir(run.root + store.folder))
    except FileNotFoundError:
        return []
    own = re.compile(re.escape(name) + r"\.[0-9a-f]{16}\.crt\Z")
    return [f"{store.folder}/{entry}" for entry in entries if own.match(entry)]


def _edit(path: str, body: t.Optional[bytes], run: Run) -> _host_file.Edit:
    wanted = None
    if body is not None:
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        wanted = b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])
    return run.edit(path, lambda _found: wanted)


def _outdated(store: Store, wanted: t.List[bytes], run: Run) -> bool:
    """Tell whether the bundle lacks a certificate, or was made before the last change of the store's folder."""
    try:
        if os.stat(run.root + store.folder).st_mtime_ns > os.stat(run.root + store.bundle).st_mtime_ns:
            return True
    except FileNotFoundError:
        pass  # No folder: nothing in it could have changed. No bundle: it lacks whatever is wanted.
    return not set(wanted) <= _trusted(store, run)


def _trusted(store: Store, run: Run) -> t.Set[bytes]:
    try:
        with open(run.root + store.bundle, "rb") as handle:
            return set(_bodies(handle.read()))
    except FileNotFoundError:
        return set()


def _program(store: Store) -> str:
    # A user's PATH, as su and some sudo configurations leave it, lacks the folders for administrators.
    program = shutil.which(store.command[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        raise Refused("is not on this host", where=store.command[0], instead="Install the package ca-certificates.")
    return program


def _update(program: str, store: Store, run: Run, *, anew: bool) -> None:
    name, *arguments = [*store.command, *(store.anew if anew else ())]
    shown = " ".join([name, *arguments])
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments, and no shell is asked
            [program, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as exc:
        raise Refused(f"did not end within {_SECONDS} s", where=shown, instead="Run it by hand to see why.") from exc
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip() or output.strip()
        raise Refused(f"failed: {message}", where=shown, instead="Repair this and run again; the next run repeats it.")
    # Debian's command reports a failed hook (Java's keystore is one) in its output, and succeeds all the same.
    for line in output.splitlines():
        if line.startswith("E: "):
            run.notice(Notice(name, line[3:].strip(), "who relies on this hook does not know the change yet"))


def _verify(store: Store, files: t.Dict[str, bytes], removed: t.Dict[str, bytes], run: Run) -> None:
    trusted = _trusted(store, run)
    lacking = [path for path, body in files.items() if body not in trusted]
    if lacking:
        raise Refused(
            f"does not hold {', '.join(lacking)} although {store.command[0]} has run",
            where=store.bundle,
            instead="Look for the certificate in the store's blocklist (blocklist or blacklist folder).",
        )
    for path, content in removed.items():
        if not trusted.isdisjoint(_bodies(content)):
            run.notice(Notice(store.bundle, path, "is removed, but another file brings the same certificate"))
