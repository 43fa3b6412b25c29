# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Judges certificates on the controller, before a host is asked to trust them."""

from __future__ import annotations

import base64
import contextlib
import datetime
import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError as exc:
    _MISSING: ImportError | None = exc
else:
    _MISSING = None

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY", re.IGNORECASE)
_NEAR = datetime.timedelta(days=30)
_RSA_BITS = 2048
_CONVERT = "Convert it: openssl x509 -in FILE -out CERTIFICATE.pem"
_INSTEAD_OF = {
    "CERTIFICATE REQUEST": "This is what a CA is asked with; name the CA's own certificate.",
    "NEW CERTIFICATE REQUEST": "This is what a CA is asked with; name the CA's own certificate.",
    "PKCS7": "Convert it: openssl pkcs7 -in FILE -print_certs -out CERTIFICATE.pem",
    "TRUSTED CERTIFICATE": _CONVERT,
    "X509 CERTIFICATE": _CONVERT,
}
_THE_ROOT = "Name the root certificate of the CA that signs for the proxy's servers."


class _Entry(t.NamedTuple):
    """One certificate, and how to name it to a person."""

    certificate: x509.Certificate
    extensions: x509.Extensions
    where: str


def authorities(sources: t.Sequence[tuple[str, bytes]], now: datetime.datetime) -> tuple[list[str], list[Notice]]:
    """Return every certificate in the sources as a PEM text of its own, and the warnings.

    A source is its name for a person and its bytes; `now` has a time zone. Raises Refused for what is no sound
    certificate of a CA that is valid now, and for a source that holds a private key.
    """
    if _MISSING:
        raise Refused(
            f"the controller's Python can't load the library cryptography ({_MISSING})",
            where="certificates",
            instead="ansible-core requires it; install it for the Python that runs Ansible.",
        )
    entries = [entry for source, content in sources for entry in _parse(source, content)]
    for entry in entries:
        _check(entry, now)
    subjects = {entry.certificate.subject for entry in entries}
    notices = [Notice("TLS clients", entry.where, why) for entry in entries for why in _doubts(entry, subjects, now)]
    texts = [entry.certificate.public_bytes(Encoding.PEM).decode() for entry in entries]
    return list(dict.fromkeys(texts)), list(dict.fromkeys(notices))


def _parse(source: str, content: bytes) -> list[_Entry]:
    if _PRIVATE_KEY.search(content):
        raise Refused(
            "holds a private key; nothing was sent to any host",
            where=source,
            instead="Keep the certificate alone in a file: openssl x509 -in FILE -out CERTIFICATE.pem."
            " If others could read this file, have the key replaced.",
        )
    blocks = _BLOCK.findall(content)
    if not blocks:
        cut = b"-----BEGIN " in content
        binary = content.startswith(b"\x30")
        raise Refused(
            "begins a certificate but does not end it" if cut else "holds no certificate in PEM form",
            where=source,
            instead="Export it again."
            if cut
            else "Convert it from DER: openssl x509 -inform der -in FILE -out CERTIFICATE.pem"
            if binary
            else "It begins with -----BEGIN CERTIFICATE----- and is plain ASCII text.",
        )
    if len(blocks) != content.count(b"-----BEGIN "):
        raise Refused("a certificate in it is cut off", where=source, instead="Export it again.")
    entries = []
    for number, (label, body) in enumerate(blocks, 1):
        where = source if len(blocks) == 1 else f"{source}, certificate {number} of {len(blocks)}"
        if label != b"CERTIFICATE":
            kind = label.decode()
            raise Refused(
                f"is a {kind}, not a CERTIFICATE", where=where, instead=_INSTEAD_OF.get(kind, "Take this block out.")
            )
        entries.append(_load(where, body))
    return entries


def _load(where: str, body: bytes) -> _Entry:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(b"".join(body.split()), validate=True))
        return _Entry(certificate, certificate.extensions, f"{where} ({certificate.subject.rfc4514_string()})")
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as exc:
        raise Refused(
            f"is damaged, or no X.509 certificate: {exc}", where=where, instead="Export it again, as Base64 (PEM)."
        ) from exc


def _check(entry: _Entry, now: datetime.datetime) -> None:
    certificate, extensions, where = entry
    begin, end = _validity(certificate)
    if end < now:
        raise Refused(f"expired on {end:%Y-%m-%d %H:%M} UTC", where=where, instead="Name the one that replaced it.")
    if begin > now:
        raise Refused(
            f"is not valid before {begin:%Y-%m-%d %H:%M} UTC, and here it is {now:%Y-%m-%d %H:%M}",
            where=where,
            instead="Set the controller's clock, or name the certificate that is valid now.",
        )
    constraints = _extension(extensions, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise Refused(
            "is no CA's certificate (basicConstraints "
            + ("is missing" if constraints is None else "says CA:FALSE")
            + "), so no TLS client would accept what it signed",
            where=where,
            instead=_THE_ROOT,
        )
    usage = _extension(extensions, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Refused("may not sign certificates (keyUsage lacks keyCertSign)", where=where, instead=_THE_ROOT)
    purposes = _extension(extensions, x509.ExtendedKeyUsage)
    fitting = {x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, x509.ExtendedKeyUsageOID.SERVER_AUTH}
    if purposes is not None and not fitting & set(purposes):
        raise Refused(
            "may not sign for TLS servers (extendedKeyUsage lacks serverAuth)", where=where, instead=_THE_ROOT
        )


def _doubts(entry: _Entry, subjects: t.Collection[x509.Name], now: datetime.datetime) -> t.Iterator[str]:
    certificate, extensions, _where = entry
    end = _validity(certificate)[1]
    if end - now < _NEAR:
        yield f"expires on {end:%Y-%m-%d %H:%M} UTC; add the one that will replace it now"
    with contextlib.suppress(UnsupportedAlgorithm):
        digest = certificate.signature_hash_algorithm
        if digest is not None and digest.name in ("md5", "sha1"):
            yield (
                f"is signed with {digest.name}; what such an old CA signs is refused by current TLS clients if it "
                "is signed so too; have it renewed with SHA-256"
            )
    with contextlib.suppress(UnsupportedAlgorithm, ValueError):
        key = certificate.public_key()
        if isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS:
            yield f"has an RSA key of {key.key_size} bits; current TLS clients refuse less than {_RSA_BITS}"
    if certificate.issuer not in {certificate.subject, *subjects}:
        yield (
            f"is no root (its issuer is {certificate.issuer.rfc4514_string()}); OpenSSL, and with it curl, accepts it "
            "only together with its root; add that"
        )
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    missing = [kind for kind in (x509.KeyUsage, x509.SubjectKeyIdentifier) if _extension(extensions, kind) is None]
    if missing or not constraints.critical:
        yield (
            "lacks a critical basicConstraints, keyUsage or subjectKeyIdentifier; Python 3.13 and later refuse it; "
            "have it renewed with them"
        )


_Kind = t.TypeVar("_Kind", bound="x509.ExtensionType")


def _extension(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _validity(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # cryptography before 42, as enterprise distributions package it, has them in UTC too, but does not say so.
    zone = datetime.UTC
    return certificate.not_valid_before.replace(tzinfo=zone), certificate.not_valid_after.replace(tzinfo=zone)
