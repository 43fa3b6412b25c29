# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Has OpenSSL itself read certificates and match a private key, as IoT Edge's daemons do. Nothing reaches the disk."""

from __future__ import annotations

import contextlib
import os
import ssl
import typing as t

from ._errors import Refused
from ._iotedge_certificate_pem import Entry

# What OpenSSL says of another key of the same kind, and of one of another kind.
_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


def check_certificates(entries: t.Sequence[Entry]) -> None:
    """Refuse certificates that OpenSSL can't load."""
    for entry in entries:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=entry.pem.replace("\r", ""))
        except (ssl.SSLError, ValueError) as exc:
            raise Refused(
                f"can't be read by OpenSSL ({_reason(exc)})", where=entry.where, instead="Export it again."
            ) from None


def check_pair(entry: Entry, key: bytes, where: str) -> None:
    """Refuse a private key that OpenSSL can't load, or that is not the certificate's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whether the key is strong enough is not the question here, and how its cipher would be called is nobody's.
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with _in_memory(entry.pem.encode("ascii") + b"\n") as certificate_path, _in_memory(key) as key_path:
            context.load_cert_chain(certificate_path, key_path, password=_no_password)
    except ssl.SSLError as exc:
        if _reason(exc) in _OTHER_KEY:
            raise Refused(
                f"is not the private key of the certificate {entry.where}",
                where=where,
                instead="Give the key that the certificate was requested with, and its own certificate as the first.",
            ) from None
        raise Refused(
            f"is damaged, or no key that OpenSSL can read ({_reason(exc)})", where=where, instead="Export it again."
        ) from None


@contextlib.contextmanager
def _in_memory(content: bytes) -> t.Iterator[str]:
    """Yield the path of a file that is in memory only, and only this process's."""
    descriptor = os.memfd_create("pem")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as handle:
            handle.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    # Without this, OpenSSL would ask for one at the terminal, and wait.
    raise ssl.SSLError("it asks for a password")


def _reason(exc: Exception) -> str:
    """Return OpenSSL's own word for what is wrong: its messages may name more than they should."""
    return getattr(exc, "reason", None) or "no reason given"
