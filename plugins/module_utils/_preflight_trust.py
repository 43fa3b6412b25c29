# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which certificate authorities this host trusts, and which of them its administrator added."""

from __future__ import annotations

import os
import re
import ssl
import typing as t

from . import _preflight_certificate

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----")


class Trust:
    """The host's store, as the system's TLS libraries and dockerd read it.

    `bundle` is a file of certificates ('': what Python's ssl takes for the system's), `added` the folder where the
    administrator's come from ('': unknown), and `extra` PEM texts that count as if they were in the store already.
    """

    def __init__(self, bundle: str, added: str, extra: t.Sequence[str] = ()) -> None:
        self._bundle = bundle
        self._added = added
        self._extra = "\n".join(extra)
        self._contexts: t.Dict[t.Tuple[bool, bool], ssl.SSLContext] = {}

    def context(self, *, verify: bool = True, at_most_tls12: bool = False) -> ssl.SSLContext:
        """Return a context that trusts what the host trusts, or one that takes any certificate, to look at it."""
        # To read a store of some 150 authorities takes longer than a handshake, and many are to come.
        wanted = (verify, at_most_tls12)
        if wanted not in self._contexts:
            self._contexts[wanted] = self._context(verify, at_most_tls12)
        return self._contexts[wanted]

    def _context(self, verify: bool, at_most_tls12: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if at_most_tls12:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        if self._bundle and os.path.isfile(self._bundle):
            context.load_verify_locations(cafile=self._bundle)
        else:
            context.load_default_certs()
        if self._extra:
            context.load_verify_locations(cadata=self._extra)
        return context

    def is_added(self, name: bytes) -> bool:
        """Tell whether only the administrator's certificates have an authority of this name (its DER)."""
        added = {der for text in [self._extra, *_texts(self._added)] for der in _certificates(text)}
        if name not in set(_subjects(added)):
            return False
        bundled = {der for text in _texts(self._bundle) for der in _certificates(text)}
        return name not in set(_subjects(bundled - added))


def _texts(path: str) -> t.Iterator[str]:
    """Yield the text of a file, or of each file in and under a folder; what can't be read is left out."""
    paths = [path]
    if os.path.isdir(path):
        paths = [os.path.join(folder, name) for folder, _folders, names in os.walk(path) for name in names]
    for each in paths:
        try:
            with open(each, encoding="ascii", errors="replace") as handle:
                yield handle.read()
        except OSError:
            continue


def _certificates(text: str) -> t.Iterator[bytes]:
    for block in _BLOCK.findall(text):
        try:
            yield ssl.PEM_cert_to_DER_cert(block)
        except ValueError:
            continue


def _subjects(certificates: t.Iterable[bytes]) -> t.Iterator[bytes]:
    for der in certificates:
        try:
            yield _preflight_certificate.parse(der).subject_der
        except ValueError:
            continue
