# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Reads an X.509 certificate as far as a person needs it: whose it is, who signed it, and when it is valid.

Nothing is verified here; that is the TLS library's part, which shows none of this for a chain that it refuses.
"""

from __future__ import annotations

import calendar
import re
import time
import typing as t

from . import _der

_SET, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x31, 0x17, 0x18, 0xA0
_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}
# Tags of the string types that names are made of; anything else is shown in hexadecimal digits.
_ENCODINGS = {0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_ENCODINGS[0x1C] = "utf-32-be"
_HANDSHAKE, _CERTIFICATE = 22, 11


class Certificate(t.NamedTuple):
    """What one certificate says of itself. Names are shown in the order in which they are encoded."""

    subject: str
    issuer: str
    not_before: int  # seconds since the epoch
    not_after: int
    subject_der: bytes  # to compare names by
    issuer_der: bytes
    rest: bytes  # what follows the subject: the public key, and the extensions

    @property
    def self_issued(self) -> bool:
        return self.subject_der == self.issuer_der


def parse(der: bytes) -> Certificate:
    """Return what a certificate in DER says; raises ValueError for what is none."""
    try:
        return _parse(der)
    except (IndexError, UnicodeDecodeError) as exc:
        raise ValueError("is not a certificate in DER") from exc


def chain_in(records: bytes) -> t.List[bytes]:
    """Return the certificates (DER, the server's first) in what a server sent during a TLS 1.2 handshake.

    [] where there is no Certificate message in the clear, as with TLS 1.3.
    """
    messages = b""
    while len(records) >= 5:
        length = int.from_bytes(records[3:5], "big")
        if records[0] != _HANDSHAKE:
            break
        messages += records[5 : 5 + length]
        records = records[5 + length :]
    while len(messages) >= 4:
        length = int.from_bytes(messages[1:4], "big")
        body = messages[4 : 4 + length]
        if messages[0] == _CERTIFICATE:
            return _listed(body[3:]) if len(body) == length else []
        messages = messages[4 + length :]
    return []


def _listed(body: bytes) -> t.List[bytes]:
    found = []
    while len(body) >= 3:
        length = int.from_bytes(body[:3], "big")
        found.append(body[3 : 3 + length])
        body = body[3 + length :]
    return found


def _parse(der: bytes) -> Certificate:
    outer, _rest = _der.expect(der, _der.SEQUENCE)
    fields, _rest = _der.expect(outer, _der.SEQUENCE)
    if fields[0] == _VERSION:
        fields = _der.element(fields)[2]
    fields = _der.element(fields)[2]  # the serial number
    fields = _der.element(fields)[2]  # the signature's algorithm
    issuer_der, fields = _der.whole(fields)
    validity, fields = _der.expect(fields, _der.SEQUENCE)
    subject_der, fields = _der.whole(fields)
    begin_tag, begin, rest = _der.element(validity)
    end_tag, end, _rest = _der.element(rest)
    return Certificate(
        subject=_name(subject_der),
        issuer=_name(issuer_der),
        not_before=_time(begin_tag, begin),
        not_after=_time(end_tag, end),
        subject_der=subject_der,
        issuer_der=issuer_der,
        rest=fields,
    )


def _name(der: bytes) -> str:
    parts = []
    rest, _after = _der.expect(der, _der.SEQUENCE)
    while rest:
        attributes, rest = _der.expect(rest, _SET)
        joined = []
        while attributes:
            attribute, attributes = _der.expect(attributes, _der.SEQUENCE)
            oid, value = _der.expect(attribute, _der.OID)
            tag, content, _after = _der.element(value)
            joined.append(f"{_NAMES.get(_der.dotted(oid), _der.dotted(oid))}={_string(tag, content)}")
        parts.append("+".join(joined))
    return ", ".join(parts)


def _string(tag: int, content: bytes) -> str:
    """Return a name's text. It comes from a stranger and goes to terminals: what is not printable is escaped."""
    try:
        text = content.decode(_ENCODINGS[tag])
    except (KeyError, UnicodeDecodeError):
        return "#" + content.hex()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _time(tag: int, content: bytes) -> int:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # RFC 5280: two digits from 50 on are of the last century.
        text = ("19" if text >= "5" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"element {tag:#04x} where a time is due")
    if not re.match(r"[0-9]{14}Z\Z", text):
        raise ValueError("a time is not in UTC with seconds")
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))
    except ValueError as exc:
        raise ValueError("a time is none of the calendar") from exc
