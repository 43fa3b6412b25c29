# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our reading of certificates against the library for it, and of a handshake against a real server's."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _preflight_certificate
from ansible_collections.fleetops.container_hosts.plugins.module_utils._preflight_stream import Limit, Plain, Tls
from ansible_collections.fleetops.container_hosts.tests.support import certificates, loopback
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

KEY = ec.generate_private_key(ec.SECP256R1())
SHORT = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.LOCALITY_NAME: "L",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.TITLE: "2.5.4.12",
}
# Printable in every one of the encodings, so that what is shown is what was written.
TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=60)
WIDE = st.text(st.characters(categories=["L", "N"], max_codepoint=0xFFFF), min_size=1, max_size=20)
ATTRIBUTES = st.one_of(
    st.tuples(st.sampled_from(list(SHORT)), TEXTS, st.sampled_from([_ASN1Type.PrintableString, _ASN1Type.IA5String])),
    st.tuples(st.sampled_from(list(SHORT)), WIDE, st.sampled_from([_ASN1Type.UTF8String, _ASN1Type.BMPString])),
)
NAMES = st.lists(ATTRIBUTES, max_size=5)
TIMES = st.datetimes(datetime.datetime(1951, 1, 1), datetime.datetime(2149, 12, 31))


def build(subject: x509.Name, issuer: x509.Name, begin: datetime.datetime, end: datetime.datetime) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(KEY.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    return builder.sign(KEY, hashes.SHA256())


def name(attributes: list[tuple[x509.ObjectIdentifier, str, _ASN1Type]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text, kind, _validate=False) for oid, text, kind in attributes])


@given(NAMES, NAMES, TIMES, TIMES)
def test_reads_what_the_library_wrote(subject, issuer, one, other):
    begin, end = sorted((one.replace(microsecond=0), other.replace(microsecond=0)))
    made = build(name(subject), name(issuer), begin, end)
    read = _preflight_certificate.parse(made.public_bytes(certificates.serialization.Encoding.DER))
    assert read.subject == ", ".join(f"{SHORT[oid]}={text}" for oid, text, _kind in subject)
    assert read.issuer == ", ".join(f"{SHORT[oid]}={text}" for oid, text, _kind in issuer)
    assert read.not_before == made.not_valid_before_utc.timestamp()
    assert read.not_after == made.not_valid_after_utc.timestamp()
    assert (read.subject_der, read.issuer_der) == (made.subject.public_bytes(), made.issuer.public_bytes())


def test_what_a_terminal_would_act_on_is_escaped():
    made = build(
        x509.Name([]), name([(NameOID.COMMON_NAME, "a\x1b[2Jb\nc", _ASN1Type.UTF8String)]), *[certificates.NOW] * 2
    )
    read = _preflight_certificate.parse(made.public_bytes(certificates.serialization.Encoding.DER))
    assert read.issuer == r"CN=a\x1b[2Jb\nc"


@given(st.binary(max_size=200))
def test_anything_else_is_refused_in_one_way(data):
    with pytest.raises(ValueError, match=r".") as raised:
        _preflight_certificate.parse(data)
    assert raised.type is ValueError


@given(st.data())
def test_a_damaged_certificate_is_read_or_refused(data):
    """No bytes of a stranger's end in anything but a result or a ValueError."""
    der = bytearray(ROOT.der)
    for _each in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        _preflight_certificate.parse(bytes(der[: data.draw(st.integers(0, len(der)))]))


ROOT = certificates.make("Root", now=datetime.datetime.now(datetime.timezone.utc))
MIDDLE = certificates.make("Middle", issuer=ROOT, now=datetime.datetime.now(datetime.timezone.utc))
LEAF = certificates.make(
    "localhost",
    issuer=MIDDLE,
    now=datetime.datetime.now(datetime.timezone.utc),
    constraints=certificates.LEAF,
    hosts=["localhost"],
)


@pytest.mark.parametrize(
    ("version", "seen"),
    [(ssl.TLSVersion.TLSv1_2, [LEAF.der, MIDDLE.der]), (ssl.TLSVersion.TLSv1_3, [])],
    ids=["1.2, in the clear", "1.3, encrypted"],
)
def test_the_chain_out_of_a_real_handshake(version, seen):
    """What a server of Python's own ssl put on the wire."""
    here, there = socket.socketpair()
    server = loopback.server_context([LEAF, MIDDLE])

    def serve() -> None:
        server.wrap_socket(there, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cadata=ROOT.pem)
    client.maximum_version = version
    stream = Tls(Plain(here, Limit(5, 5)), client, "localhost")
    stream.handshake()
    here.close()
    thread.join()
    assert _preflight_certificate.chain_in(stream.seen) == seen
    assert _preflight_certificate.chain_in(stream.seen[: len(stream.seen) // 8]) == []
