# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be trusted, and what is refused or doubted, for certificates that each lack one thing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate import authorities
from ansible_collections.fleetops.container_hosts.tests.support.certificates import DAY, LEAF, NOW, make
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

ROOT = make()


def judge(*texts, now=NOW):
    sources = [
        (f"{number}.pem", text if isinstance(text, bytes) else text.encode()) for number, text in enumerate(texts)
    ]
    return authorities(sources, now)


@pytest.mark.parametrize(
    "text",
    [
        ROOT.pem,
        "Bag Attributes: ä\r\n" + ROOT.pem.replace("\n", "\r\n"),
        "\ufeff" + ROOT.pem,
        " ".join(ROOT.pem.split("\n")),  # as a YAML block with `>` folds it
        ROOT.pem + ROOT.pem,
    ],
    ids=["plain", "windows", "byte-order-mark", "folded", "twice"],
)
def test_a_sound_root_is_taken_as_it_is(text):
    assert judge(text) == ([ROOT.pem], [])


def test_every_certificate_of_every_source_is_taken_in_order():
    middle = make("Issuing CA", issuer=ROOT)
    other = make("Other Root")
    assert judge(middle.pem + ROOT.pem, other.pem) == ([middle.pem, ROOT.pem, other.pem], [])


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_a_private_key_is_refused_and_not_shown(kind):
    key = ROOT.key_pem.replace("PRIVATE KEY", kind)
    with pytest.raises(Refused, match=r"^0\.pem: holds a private key; nothing was sent") as refused:
        judge(ROOT.pem + key)
    assert ROOT.key_pem.splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0.pem: holds no certificate in PEM form. It begins with -----BEGIN CERTIFICATE-----"),
        (b"hello\n", "holds no certificate in PEM form"),
        (ROOT.der, "openssl x509 -inform der"),
        (ROOT.pem.encode("utf-16"), "plain ASCII text"),
        (ROOT.pem[:-30].encode(), "begins a certificate but does not end it"),
        (ROOT.pem[:-30].encode() + ROOT.pem.encode(), "is cut off"),
        (ROOT.pem.replace("MII", "M*I").encode(), "is damaged"),
        (ROOT.pem.replace("MII", "MIJ").encode(), "is damaged"),
        (ROOT.pem.replace("CERTIFICATE", "CERTIFICATE REQUEST").encode(), "0.pem: is a CERTIFICATE REQUEST, not"),
        (ROOT.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").encode(), "Convert it: openssl x509 -in"),
        (ROOT.pem.replace("CERTIFICATE", "PKCS7").encode(), "openssl pkcs7"),
        ((ROOT.pem + ROOT.pem.replace("CERTIFICATE", "X509 CRL")).encode(), "certificate 2 of 2: is a X509 CRL"),
    ],
)
def test_what_is_no_certificate_is_refused(content, message):
    with pytest.raises(Refused) as refused:
        judge(content)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": (-9, -1)}, "0.pem (CN=Proxy Root): expired on 2030-05-31 12:00 UTC. Name the one that replaced it."),
        ({"days": (1, 9)}, "is not valid before 2030-06-02 12:00 UTC, and here it is 2030-06-01 12:00"),
        ({"constraints": LEAF}, "is no CA's certificate (basicConstraints says CA:FALSE)"),
        ({"constraints": None}, "is no CA's certificate (basicConstraints is missing)"),
        ({"signs": False}, "keyUsage lacks keyCertSign"),
        ({"purposes": [ExtendedKeyUsageOID.CODE_SIGNING]}, "extendedKeyUsage lacks serverAuth"),
    ],
)
def test_a_certificate_that_no_client_would_use_is_refused(options, message):
    with pytest.raises(Refused) as refused:
        judge(make(**options).pem)
    assert message in str(refused.value)


def test_a_refusal_names_the_certificate_among_several():
    server = make("proxy.example.com", issuer=ROOT, constraints=LEAF)
    with pytest.raises(Refused, match=r"^0\.pem, certificate 2 of 2 \(CN=proxy\.example\.com\): is no CA's") as refused:
        judge(ROOT.pem + server.pem)
    assert "Name the root certificate" in str(refused.value)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"days": (-1, 29)}, "expires on 2030-06-30 12:00 UTC"),
        ({"rsa_bits": 1024}, "has an RSA key of 1024 bits"),
        ({"issuer": ROOT}, "is no root (its issuer is CN=Proxy Root)"),
        ({"constraints_critical": False}, "Python 3.13"),
        ({"signs": None}, "Python 3.13"),
        ({"identifier": False}, "Python 3.13"),
    ],
)
def test_a_doubt_is_a_notice_and_the_certificate_is_taken(options, why):
    made = make("Doubtful CA", **options)
    texts, notices = judge(made.pem)
    assert texts == [made.pem]
    assert [(notice.reader, notice.entry) for notice in notices] == [("TLS clients", "0.pem (CN=Doubtful CA)")]
    assert why in notices[0].why


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_an_old_digest_is_doubted(tmp_path, digest):
    # cryptography does not sign with these any more.
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {tmp_path}/key -{digest} -subj /CN=Old -days 99"
    usage = ["-addext", "keyUsage=critical,keyCertSign"]
    made = subprocess.run([*command.split(), *usage], check=True, capture_output=True)
    begin = x509.load_pem_x509_certificate(made.stdout).not_valid_before_utc
    _texts, notices = judge(made.stdout, now=begin + DAY)
    assert [notice.why.split(";")[0] for notice in notices] == [f"is signed with {digest}"]


@pytest.mark.parametrize("purpose", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
def test_a_root_for_servers_among_other_uses_is_taken(purpose):
    made = make(purposes=[ExtendedKeyUsageOID.CODE_SIGNING, purpose])
    assert judge(made.pem) == ([made.pem], [])


def test_a_controller_without_the_library_is_told_so():
    code = (
        "import sys, datetime; sys.modules['cryptography'] = None\n"
        "from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._certificate import authorities\n"
        "authorities([('0.pem', b'')], datetime.datetime.now(datetime.UTC))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "Refused: certificates: the controller's Python can't load the library cryptography" in ran.stderr
