# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes certificates for tests, sound ones and bad ones. No key is ever committed."""

from __future__ import annotations

import datetime
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2030, 6, 1, 12, 0, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
CA = x509.BasicConstraints(ca=True, path_length=None)
LEAF = x509.BasicConstraints(ca=False, path_length=None)


class Made(t.NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: t.Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()[:16]


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        key_cert_sign=sign,
        crl_sign=sign,
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make(
    name: str = "Proxy Root",
    *,
    issuer: Made | None = None,
    now: datetime.datetime = NOW,
    days: tuple[float, float] = (-1, 365),
    constraints: x509.BasicConstraints | None = CA,
    constraints_critical: bool = True,
    signs: bool | None = True,
    identifier: bool = True,
    purposes: t.Sequence[x509.ObjectIdentifier] = (),
    hosts: t.Sequence[str] = (),
    rsa_bits: int = 0,
) -> Made:
    """Return a certificate valid from and to `days` around `now`, self-signed unless an issuer is given.

    `signs` is what its keyUsage says of certificates, None for no keyUsage; `identifier` for a subjectKeyIdentifier.
    """
    key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
    )
    if signs is not None:
        builder = builder.add_extension(_usage(sign=signs and constraints is not LEAF), critical=True)
    if constraints:
        builder = builder.add_extension(constraints, critical=constraints_critical)
    if identifier:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(authority, critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Made(builder.sign((issuer or Made(None, key)).key, hashes.SHA256()), key)
