# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Judges PEM files for IoT Edge's services: certificates by what they are used for, and the form of private keys.

No disk and no clock. What is refused here would be noticed by no daemon before a module or the cloud turns it away.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
import typing as t

from . import _der, _preflight_certificate
from ._errors import Refused
from ._notice import Notice

DAY = 24 * 60 * 60


class Usage(t.NamedTuple):
    """What a use of certificates asks of them."""

    authority: bool  # the first certificate is that of a CA; those after it are in any case
    chain: bool  # each certificate after the first is the issuer of the one before it; without: any CAs
    key: bool  # the first certificate's private key is on the host too


_TRUSTED = Usage(authority=True, chain=False, key=False)
_ISSUING = Usage(authority=True, chain=True, key=True)
_IDENTITY = Usage(authority=False, chain=True, key=True)
USAGES = {
    "trust_bundle": _TRUSTED,
    "est_trusted": _TRUSTED,
    "edge_ca": _ISSUING,
    "local_ca": _ISSUING,
    "device_id": _IDENTITY,
    "est_identity": _IDENTITY,
}


class Entry(t.NamedTuple):
    """One certificate of a file."""

    certificate: _preflight_certificate.Certificate
    where: str  # how to name it to a person
    pem: str  # the one block as it stands in the file, from BEGIN to END
    fingerprint: str  # SHA-256, hexadecimal
    authority: t.Optional[bool]  # what its basicConstraints say; None: it has none
    may_sign: bool  # keyUsage lets it sign certificates, or says nothing
    weakness: str  # why `iotedge check` warns about its key; "" where it doesn't


_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)^-----END \1-----[ \t]*\r?$", re.DOTALL | re.MULTILINE
)
_BEGIN = b"-----BEGIN "
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY", re.IGNORECASE)
_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
_ENCRYPTED = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED", re.MULTILINE)
_BASIC_CONSTRAINTS, _KEY_USAGE = "2.5.29.19", "2.5.29.15"
_RSA, _EC, _P256 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"
_RSA_BITS = 2048
_BOOLEAN, _INTEGER, _BIT_STRING, _OCTET_STRING, _EXTENSIONS = 0x01, 0x02, 0x03, 0x04, 0xA3
_KEY_CERT_SIGN = 0x04
_INSTEAD_OF = {
    "CERTIFICATE REQUEST": "This is what a CA is asked with; name the certificate that the CA gave for it.",
    "NEW CERTIFICATE REQUEST": "This is what a CA is asked with; name the certificate that the CA gave for it.",
    "PKCS7": "Convert it: openssl pkcs7 -in FILE -print_certs -out CERTIFICATE.pem",
    "TRUSTED CERTIFICATE": "Convert it: openssl x509 -in FILE -out CERTIFICATE.pem",
    "X509 CERTIFICATE": "Convert it: openssl x509 -in FILE -out CERTIFICATE.pem",
    "OPENSSH PRIVATE KEY": "Convert it: ssh-keygen -p -m PKCS8 -f FILE",
}


def certificates(content: bytes, where: str) -> t.List[Entry]:
    """Return the certificates of a PEM file, in its order; raises Refused for what IoT Edge's readers can't take."""
    if _PRIVATE_KEY.search(content):
        raise Refused(
            "holds a private key, and is a file that everybody may read",
            where=where,
            instead="Keep the certificate alone in it (openssl x509 -in FILE -out CERTIFICATE.pem), and give the key as"
            " key_content. If others could read it already, have the key replaced.",
        )
    blocks = _blocks(content, where, "certificate", "openssl x509 -inform der -in FILE -out CERTIFICATE.pem")
    entries = []
    for number, (label, body, text) in enumerate(blocks, 1):
        place = where if len(blocks) == 1 else f"{where}, certificate {number} of {len(blocks)}"
        if label != "CERTIFICATE":
            raise Refused(
                f"is a {label}, not a CERTIFICATE",
                where=place,
                instead=_INSTEAD_OF.get(label, "Take this block out."),
            )
        entries.append(_entry(place, body, text))
    return entries


def judge(entries: t.Sequence[Entry], usage: Usage, *, now: float, minimum_days: int) -> t.List[Notice]:
    """Refuse certificates that can't be used so; return what else is to be said. `now`: seconds since the epoch."""
    if usage.chain:
        _check_order(entries)
    for number, entry in enumerate(entries):
        _check_dates(entry, now)
        if number or usage.authority:
            _check_authority(entry)
    return list(_doubts(entries, usage, now, minimum_days))


def check_key(content: bytes, where: str) -> None:
    """Refuse what is not one private key in PEM form that a service can read without being asked for a password."""
    if _ENCRYPTED.search(content):
        raise Refused(
            "is encrypted, and aziot-keyd has nobody to ask for the password",
            where=where,
            instead="Decrypt it (openssl pkey -in FILE -out KEY.pem), and keep it in Ansible Vault.",
        )
    blocks = _blocks(content, where, "private key", "openssl pkey -inform der -in FILE -out KEY.pem")
    labels = [label for label, _body, _text in blocks]
    keys = [label for label in labels if label in _KEY_LABELS]
    if len(keys) > 1:
        raise Refused(
            f"holds {len(keys)} private keys, of which only the first would be read",
            where=where,
            instead="Keep the certificate's own.",
        )
    if not keys:
        swapped = " Are content and key_content mixed up?" if "CERTIFICATE" in labels else ""
        raise Refused(
            f"holds no private key but a {labels[0]}",
            where=where,
            instead=_INSTEAD_OF.get(labels[0], "It begins with -----BEGIN PRIVATE KEY-----.") + swapped,
        )


def days_left(entry: Entry, now: float) -> int:
    """Return the whole days for which a certificate is still valid."""
    return int((entry.certificate.not_after - now) // DAY)


# Form -------------------------------------------------------------------------------------------------------------


def _blocks(content: bytes, where: str, what: str, convert: str) -> t.List[t.Tuple[str, bytes, str]]:
    """Return label, base64 text and whole text of each block."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        raise Refused(
            "begins with a byte order mark, at which PEM's readers stumble",
            where=where,
            instead="Save it as plain UTF-8, without one.",
        )
    if _BEGIN not in content and content.startswith(b"\x30"):
        raise Refused(
            f"is binary (DER), not PEM: no {what} can be read from it", where=where, instead=f"Convert it: {convert}"
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Refused(
            f"is not UTF-8 text (byte {exc.start + 1}), as which IoT Edge hands it to modules",
            where=where,
            instead="Export it again as PEM (Base64), or take the comments out.",
        ) from exc
    blocks = [(match[1].decode("ascii"), match[2], match[0].decode("utf-8")) for match in _BLOCK.finditer(content)]
    if len(blocks) != content.count(_BEGIN):
        ended = content.count(b"-----END ") == content.count(_BEGIN)
        raise Refused(
            f"begins a {what} that can't be read: "
            + ("its lines are joined or indented" if ended else "it is cut off before its -----END line"),
            where=where,
            instead="Each BEGIN and END is a line of its own, without blanks before it; in YAML, write the text"
            " under `|`, not `>`."
            if ended
            else "Export it again.",
        )
    if not blocks:
        raise Refused(
            f"holds no {what} in PEM form",
            where=where,
            instead=f"It begins with -----BEGIN {what.upper()}-----, on a line of its own.",
        )
    return blocks


def _entry(where: str, body: bytes, text: str) -> Entry:
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
        certificate = _preflight_certificate.parse(der)
        algorithm, rest = _der.expect(certificate.rest, _der.SEQUENCE)
        extensions = _extensions(rest)
        return Entry(
            certificate,
            f"{where} ({certificate.subject or 'without a subject'})",
            text,
            hashlib.sha256(der).hexdigest(),
            _authority(extensions.get(_BASIC_CONSTRAINTS)),
            _may_sign(extensions.get(_KEY_USAGE)),
            _weakness(algorithm),
        )
    except (ValueError, IndexError) as exc:
        raise Refused("is damaged, or no X.509 certificate", where=where, instead="Export it again.") from exc


def _extensions(rest: bytes) -> t.Dict[str, bytes]:
    found = {}
    while rest:
        tag, content, rest = _der.element(rest)
        if tag != _EXTENSIONS:
            continue  # an issuer's or subject's unique ID
        listed, _after = _der.expect(content, _der.SEQUENCE)
        while listed:
            extension, listed = _der.expect(listed, _der.SEQUENCE)
            oid, value = _der.expect(extension, _der.OID)
            tag, content, after = _der.element(value)
            if tag == _BOOLEAN:  # whether it is critical
                tag, content, after = _der.element(after)
            if tag == _OCTET_STRING:
                found[_der.dotted(oid)] = content
    return found


def _authority(constraints: t.Optional[bytes]) -> t.Optional[bool]:
    if constraints is None:
        return None
    content, _rest = _der.expect(constraints, _der.SEQUENCE)
    return bool(content) and content[0] == _BOOLEAN and any(_der.element(content)[1])


def _may_sign(usage: t.Optional[bytes]) -> bool:
    if usage is None:
        return True
    bits, _rest = _der.expect(usage, _BIT_STRING)  # the first byte is the number of those unused at the end
    return len(bits) > 1 and bool(bits[1] & _KEY_CERT_SIGN)


def _weakness(key: bytes) -> str:
    """Return what is wrong with a public key, given by what its SubjectPublicKeyInfo holds."""
    algorithm, rest = _der.expect(key, _der.SEQUENCE)
    oid, parameters = _der.expect(algorithm, _der.OID)
    name = _der.dotted(oid)
    if name == _RSA:
        numbers, _rest = _der.expect(_der.expect(rest, _BIT_STRING)[0][1:], _der.SEQUENCE)
        bits = int.from_bytes(_der.expect(numbers, _INTEGER)[0], "big").bit_length()
        return f"is an RSA key of {bits} bits, less than {_RSA_BITS}" if bits < _RSA_BITS else ""
    if name == _EC:
        tag, curve, _rest = _der.element(parameters)
        named = _der.dotted(curve) if tag == _der.OID else "parameters of its own"
        return "" if named == _P256 else f"is an EC key on another curve ({named}) than P-256"
    return f"is neither an RSA nor an EC key ({name})"


# Judgement --------------------------------------------------------------------------------------------------------


def _check_order(entries: t.Sequence[Entry]) -> None:
    for number, issuer in enumerate(entries[1:]):
        entry = entries[number]
        if entry.certificate.issuer_der != issuer.certificate.subject_der:
            raise Refused(
                f"did not issue the certificate before it, whose issuer is {entry.certificate.issuer}",
                where=issuer.where,
                instead="Write the device's own certificate first, then its issuer, and so on up to the root.",
            )


def _check_dates(entry: Entry, now: float) -> None:
    certificate = entry.certificate
    if certificate.not_after < now:
        raise Refused(
            f"expired on {shown_time(certificate.not_after)}, and here it is {shown_time(now)}",
            where=entry.where,
            instead="Name the one that replaced it.",
        )
    if certificate.not_before > now:
        raise Refused(
            f"is not valid before {shown_time(certificate.not_before)}, and here it is {shown_time(now)}",
            where=entry.where,
            instead="Set the device's clock, or name the certificate that is valid now.",
        )


def _check_authority(entry: Entry) -> None:
    if not entry.authority:
        raise Refused(
            f"is no CA's certificate (basicConstraints {'is missing' if entry.authority is None else 'says CA:FALSE'}),"
            " so nothing that it signed would be accepted",
            where=entry.where,
            instead="Have one issued with CA:TRUE, or name that of the CA itself.",
        )
    if not entry.may_sign:
        raise Refused(
            "may not sign certificates (keyUsage lacks keyCertSign)",
            where=entry.where,
            instead="Have one issued with it, or name that of the CA itself.",
        )


def _doubts(entries: t.Sequence[Entry], usage: Usage, now: float, minimum_days: int) -> t.Iterator[Notice]:
    for entry in entries:
        end = entry.certificate.not_after
        if end - now < minimum_days * DAY:
            why = f"expires on {shown_time(end)}, in less than {minimum_days} days; have it renewed now"
            yield Notice("aziot-certd", entry.where, why)
    if usage.key and entries[0].weakness:
        why = f"{entries[0].weakness}; `iotedge check` warns about it (key-pairs-read)"
        yield Notice("aziot-keyd", entries[0].where, why)


def shown_time(seconds: float) -> str:
    """Return a time for a person."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
