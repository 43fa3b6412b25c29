# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and keys that a config.toml names: real ones, and OpenSSL judges what belongs together."""

from __future__ import annotations

import os
import pathlib
import tempfile
import tomllib

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_access as access
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_certificates as certs
from ansible_collections.fleetops.container_hosts.tests.support import certificates as made
from cryptography.hazmat.primitives import serialization

NOW = made.NOW.timestamp()
DAY = 86400

FULL = """
trust_bundle_cert = "file:///certs/bundle.pem"
[provisioning]
source = "dps"
[provisioning.attestation]
method = "x509"
identity_cert = "file:///certs/device%20id.pem"
identity_pk = "file:///secrets/device.key.pem"
[edge_ca]
cert = "file:///certs/edge-ca.pem"
pk = "pkcs11:token=t;object=o"
[cert_issuance.local_ca]
cert = "file:///certs/local-ca.pem"
pk = "file:///secrets/local-ca.key.pem"
[cert_issuance.est]
trusted_certs = ["file:///certs/est-root.pem"]
[cert_issuance.est.auth]
bootstrap_identity_cert = "file:///certs/boot.pem"
bootstrap_identity_pk = "file:///secrets/boot.key.pem"
[cert_issuance.est.urls]
default = "http://est.example.com/.well-known/est"
[preloaded_certs]
other = "file:///certs/other.pem"
several = ["other"]
"""


def test_what_a_config_names():
    named = certs.references(tomllib.loads(FULL))
    assert {(entry.key, entry.path, entry.expiry) for entry in named.certificates} == {
        ("trust_bundle_cert", "/certs/bundle.pem", ""),
        ("provisioning.attestation.identity_cert", "/certs/device id.pem", "identity-certificate-expiry"),
        ("edge_ca.cert", "/certs/edge-ca.pem", ""),
        ("cert_issuance.local_ca.cert", "/certs/local-ca.pem", "local-ca-certificate-expiry"),
        ("cert_issuance.est.trusted_certs", "/certs/est-root.pem", ""),
        (
            "cert_issuance.est.auth.bootstrap_identity_cert",
            "/certs/boot.pem",
            "est-identity-and-bootstrap-certificate-expiry",
        ),
        ("preloaded_certs.other", "/certs/other.pem", ""),
    }
    assert [entry.path for entry in named.keys].count("/secrets/boot.key.pem") == 1
    assert {certificate.key for certificate, _key in named.couples} == {
        "provisioning.attestation.identity_cert",
        "cert_issuance.local_ca.cert",
        "cert_issuance.est.auth.bootstrap_identity_cert",
    }
    assert named.est_urls == [("cert_issuance.est.urls.default", "http://est.example.com/.well-known/est")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            'provisioning.attestation.identity_cert = {method = "est", url = "https://x", identity_cert = "file:///c",'
            ' identity_pk = "file:///k"}',
            "provisioning.attestation.identity_cert.identity_cert",
        ),
        ('edge_ca = {method = "est", identity_cert = "file:///c", identity_pk = "file:///k"}', "edge_ca.identity_cert"),
    ],
)
def test_an_identity_for_est_in_an_issuance_table(text, key):
    [entry] = certs.references(tomllib.loads(text)).certificates
    assert (entry.key, entry.expiry) == (key, "est-identity-and-bootstrap-certificate-expiry")


def test_a_config_without_any():
    rows = certs.judge(certs.references({"provisioning": {"source": "none"}}), {}, NOW, lambda _c, _k: "no")
    assert {row.result for row in rows} == {"ignored"}
    assert {row.id for row in rows} >= {"certs-preloaded", "key-pairs-read", "certs-match-private-keys"}


IDENTITY = {
    "provisioning": {"attestation": {"identity_cert": "file:///c.pem", "identity_pk": "file:///k.pem"}},
}
BUNDLE = {"trust_bundle_cert": "file:///c.pem"}


def judged(document, content, denied="", differ="", unknown=()):
    files = {"/c.pem": certs.File(content, denied), "/k.pem": certs.File(b"")}
    rows = certs.judge(certs.references(document), files, NOW, lambda _c, _k: differ, unknown)
    return {row.id: row for row in rows}


def dated(first, last):
    return made.make("Device", days=(first, last)).pem.encode()


@pytest.mark.parametrize(
    ("first", "last", "result", "said"),
    [
        (-1, 365, "ok", ""),
        (-1, 7.1, "ok", ""),
        (-1, 6.9, "warning", "expires in 6 days"),
        (-1, 0.1, "warning", "expires in 0 days"),
        (-9, -0.1, "error", "has expired"),
        (0.1, 365, "error", "not valid yet"),
    ],
)
@pytest.mark.parametrize(
    ("document", "check"), [(IDENTITY, "identity-certificate-expiry"), (BUNDLE, "certs-preloaded")]
)
def test_dates(document, check, first, last, result, said):
    row = judged(document, dated(first, last))[check]
    assert (row.result, bool(row.advice)) == (result, result != "ok")
    assert said in row.detail


def test_any_certificate_of_a_bundle_can_be_too_old():
    assert judged(BUNDLE, dated(-1, 365) + dated(-9, -1))["certs-preloaded"].result == "error"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        (b"", "no certificate in PEM"),
        (made.make("Device").der, "no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "damaged"),
    ],
)
def test_a_file_of_no_use(content, said):
    rows = judged(IDENTITY, content)
    assert rows["certs-preloaded"].result == "error"
    assert said in rows["certs-preloaded"].detail
    assert "/c.pem" in rows["certs-preloaded"].detail
    assert rows["identity-certificate-expiry"].result == "error"
    assert rows["certs-match-private-keys"].result == "skipped"


def test_a_bundle_without_its_last_line_end_would_be_joined_to_the_next():
    assert judged(BUNDLE, dated(-1, 365).rstrip())["certs-preloaded"].result == "warning"
    assert judged(IDENTITY, dated(-1, 365).rstrip())["certs-preloaded"].result == "ok"


def test_one_that_its_daemon_may_not_read():
    row = judged(IDENTITY, dated(-1, 365), denied="aziotcs may not look into /root")["certs-preloaded"]
    assert row.result == "error"
    assert "aziotcs may not look into /root" in row.detail


def test_where_the_users_do_not_exist_yet():
    rows = judged(IDENTITY, dated(-1, 365), unknown=["aziotcs"])
    assert rows["certs-preloaded"].result == "skipped"
    assert rows["identity-certificate-expiry"].result == "ok"
    assert judged(IDENTITY, None, unknown=["aziotcs"])["certs-preloaded"].result == "error"


def test_a_key_that_differs():
    row = judged(IDENTITY, dated(-1, 365), differ="the key is another certificate's")["certs-match-private-keys"]
    assert row.result == "error"
    assert "/k.pem" in row.detail


@pytest.mark.parametrize(("url", "result"), [("http://est.example.com", "warning"), ("https://est.example.com", "ok")])
def test_est_over_http(url, result):
    document = {"cert_issuance": {"est": {"urls": {"default": url}}}}
    assert judged(document, None)["est-server-https"].result == result


# By the real judges


@pytest.mark.parametrize("bits", [0, 1024, 2048])
def test_what_belongs_together(tmp_path, bits):
    mine, other = made.make("A", rsa_bits=bits), made.make("B", rsa_bits=bits)
    (tmp_path / "c").write_text(mine.pem, encoding="ascii")
    (tmp_path / "k").write_text(mine.key_pem, encoding="ascii")
    (tmp_path / "other").write_text(other.key_pem, encoding="ascii")
    certificate = str(tmp_path / "c")
    assert certs.mismatch(certificate, str(tmp_path / "k")) == ""
    assert "another certificate's" in certs.mismatch(certificate, str(tmp_path / "other"))


def test_a_key_of_another_kind(tmp_path):
    (tmp_path / "c").write_text(made.make("A").pem, encoding="ascii")
    (tmp_path / "k").write_text(made.make("B", rsa_bits=2048).key_pem, encoding="ascii")
    assert "another certificate's" in certs.mismatch(str(tmp_path / "c"), str(tmp_path / "k"))


def test_keys_that_nobody_can_load(tmp_path):
    mine = made.make("A")
    (tmp_path / "c").write_text(mine.pem, encoding="ascii")
    encrypted = mine.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "encrypted").write_bytes(encrypted)
    (tmp_path / "text").write_text("no key", encoding="ascii")
    assert "encrypted" in certs.mismatch(str(tmp_path / "c"), str(tmp_path / "encrypted"))
    assert "can't be loaded" in certs.mismatch(str(tmp_path / "c"), str(tmp_path / "text"))
    assert "can't be read" in certs.mismatch(str(tmp_path / "c"), str(tmp_path / "missing"))


@pytest.fixture
def open_folder():
    """A folder that any user can look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "said"),
    [
        (0o755, 0o644, ""),
        (0o755, 0o600, "nobody may not read it"),
        (0o700, 0o644, "nobody may not look into"),
        (0o711, 0o644, "nobody may not look into"),  # enough to read it, and not to the vendor's check
        (0o755, 0o604, ""),
    ],
)
def test_what_a_user_may_read_by_the_kernel(open_folder, folder_mode, file_mode, said):
    inner = open_folder / "certs"
    inner.mkdir()
    path = inner / "c.pem"
    path.write_text("x", encoding="ascii")
    path.chmod(file_mode)
    inner.chmod(folder_mode)
    denied = access.denials("nobody", ["/certs/c.pem", "/missing"], str(open_folder))
    assert denied is not None
    assert denied["/missing"]
    assert denied["/certs/c.pem"].startswith(said)
    assert bool(denied["/certs/c.pem"]) == bool(said)


def test_a_user_that_does_not_exist():
    assert access.denials("no-such-user-here", ["/etc/passwd"]) is None


def test_who_can_not_ask_says_so(monkeypatch):
    monkeypatch.setattr(access.os, "geteuid", lambda: 1000)
    assert "become" in access.denials("nobody", ["/etc/passwd"])["/etc/passwd"]
    assert access.denials("nobody", []) == {}
