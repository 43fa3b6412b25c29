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

_SEQUENCE, _SET, _OID, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x31, 0x06, 0x17, 0x18, 0xA0
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
    outer, _rest = _expect(der, _SEQUENCE)
    fields, _rest = _expect(outer, _SEQUENCE)
    if fields[0] == _VERSION:
        fields = _element(fields)[2]
    fields = _element(fields)[2]  # the serial number
    fields = _element(fields)[2]  # the signature's algorithm
    issuer_der, fields = _whole(fields)
    validity, fields = _expect(fields, _SEQUENCE)
    subject_der, _rest = _whole(fields)
    begin_tag, begin, rest = _element(validity)
    end_tag, end, _rest = _element(rest)
    return Certificate(
        subject=_name(subject_der),
        issuer=_name(issuer_der),
        not_before=_time(begin_tag, begin),
        not_after=_time(end_tag, end),
        subject_der=subject_der,
        issuer_der=issuer_der,
    )


def _element(data: bytes) -> t.Tuple[int, bytes, bytes]:
    """Return the tag and content of the first element, and what follows it."""
    length, begin = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        begin += size
        if not 1 <= size <= 4 or begin > len(data):
            raise ValueError("an element has no proper length")
        length = int.from_bytes(data[2:begin], "big")
    if begin + length > len(data):
        raise ValueError("an element ends after its data")
    return data[0], data[begin : begin + length], data[begin + length :]


def _expect(data: bytes, tag: int) -> t.Tuple[bytes, bytes]:
    found, content, rest = _element(data)
    if found != tag:
        raise ValueError(f"element {found:#04x} where {tag:#04x} is due")
    return content, rest


def _whole(data: bytes) -> t.Tuple[bytes, bytes]:
    """Return the first element with its tag and length, and what follows it."""
    rest = _element(data)[2]
    return data[: len(data) - len(rest)], rest


def _name(der: bytes) -> str:
    parts = []
    rest, _after = _expect(der, _SEQUENCE)
    while rest:
        attributes, rest = _expect(rest, _SET)
        joined = []
        while attributes:
            attribute, attributes = _expect(attributes, _SEQUENCE)
            oid, value = _expect(attribute, _OID)
            tag, content, _after = _element(value)
            joined.append(f"{_NAMES.get(_dotted(oid), _dotted(oid))}={_string(tag, content)}")
        parts.append("+".join(joined))
    return ", ".join(parts)


def _string(tag: int, content: bytes) -> str:
    """Return a name's text. It comes from a stranger and goes to terminals: what is not printable is escaped."""
    try:
        text = content.decode(_ENCODINGS[tag])
    except (KeyError, UnicodeDecodeError):
        return "#" + content.hex()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _dotted(oid: bytes) -> str:
    numbers: t.List[int] = []
    number = 0
    for byte in oid:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


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
