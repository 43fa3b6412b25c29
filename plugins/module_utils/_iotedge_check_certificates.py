# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Our own statement of the vendor's checks of certificates and keys that config.toml names.

Nothing of trust is verified here: files are there, their daemons can read them, they are PEM, in date, and belong
together.
"""

from __future__ import annotations

import base64
import re
import typing as t
import urllib.parse

from . import _preflight_certificate
from ._iotedge_check_rows import ERROR, IGNORED, OK, RESULTS, SKIPPED, WARNING, Row, own

_PRELOADED, _KEYS, _PAIRS, _HTTPS = "certs-preloaded", "key-pairs-read", "certs-match-private-keys", "est-server-https"
_IDENTITY, _EST, _LOCAL_CA = (
    "identity-certificate-expiry",
    "est-identity-and-bootstrap-certificate-expiry",
    "local-ca-certificate-expiry",
)
_COUPLES = (
    ("cert", "pk"),
    ("identity_cert", "identity_pk"),
    ("bootstrap_identity_cert", "bootstrap_identity_pk"),
)
_DAY = 86400
_SOON = 7 * _DAY
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)

# How OpenSSL says that a key is another's; the last where it is of another kind (RSA and EC).
_OTHERS = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")

Path = t.Tuple[str, ...]


class Named(t.NamedTuple):
    """A file that config.toml names."""

    key: str  # the key path, 'edge_ca.cert'
    path: str
    expiry: str = ""  # the id of the check that looks at its dates; "" for certs-preloaded


class References(t.NamedTuple):
    """All the files and EST servers that a config.toml names."""

    certificates: t.List[Named]
    keys: t.List[Named]
    couples: t.List[t.Tuple[Named, Named]]
    est_urls: t.List[t.Tuple[str, str]]  # key path and URL


class File(t.NamedTuple):
    """What a file is. `content` is None where there is none; `denied` is what its daemon's user may not read, or ''.

    `content` of a key is not looked at, and may be empty.
    """

    content: t.Optional[bytes]
    denied: str = ""


def references(document: t.Mapping[str, t.Any]) -> References:
    """Return what a config.toml names; what is no file: URL, such as a PKCS#11 token's, is left out."""
    found = References([], [], [], [])
    _walk(document, (), found)
    return found


def judge(
    named: References,
    files: t.Mapping[str, File],
    now: float,
    mismatch: t.Callable[[str, str], str],
    unknown_users: t.Sequence[str] = (),
) -> t.List[Row]:
    """Return a row for each check. `files` has every path that is named; `now` is in seconds since the epoch.

    `mismatch(certificate, key)` tells why these two files do not belong together, "" where they do. `unknown_users`
    are those of the daemons' users that do not exist yet, so that nothing can be said of what they may read.
    """
    readings = {entry: list(_reading(entry, files[entry.path])) for entry in named.certificates}
    dates = {
        entry: list(_dates(entry, files[entry.path], now)) if not readings[entry] else []
        for entry in named.certificates
    }
    rows = [
        _row(
            _PRELOADED,
            [
                finding
                for entry in named.certificates
                for finding in (*readings[entry], *(dates[entry] if not entry.expiry else ()))
            ],
            len(named.certificates),
        )
    ]
    for check in (_IDENTITY, _EST, _LOCAL_CA):
        mine = [entry for entry in named.certificates if entry.expiry == check]
        unread = [f"{entry.key}: {entry.path} can't be read" for entry in mine if readings[entry]]
        findings = [finding for entry in mine for finding in dates[entry]]
        rows.append(_row(check, findings + [(ERROR, text) for text in unread], len(mine)))
    rows.append(_row(_KEYS, [found for key in named.keys for found in _access(key, files[key.path])], len(named.keys)))
    rows.append(_row(_PAIRS, list(_couples(named, files, readings, mismatch)), len(named.couples)))
    plain = [(WARNING, f"{key} begins with http:") for key, url in named.est_urls if url.lower().startswith("http:")]
    rows.append(_row(_HTTPS, plain, len(named.est_urls)))
    return [_modest(row, unknown_users) for row in rows]


def certificates_in(pem: bytes) -> t.List[_preflight_certificate.Certificate]:
    """Return the certificates of a PEM file; raises ValueError for a damaged one."""
    return [
        _preflight_certificate.parse(base64.b64decode(b"".join(body.split()), validate=True))
        for body in _BLOCK.findall(pem)
    ]


def mismatch(certificate: str, key: str) -> str:
    """Return why the key of one file is not that of the first certificate of another, "" where it is. By OpenSSL."""
    # Imported here as most devices name neither certificates nor keys.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    encrypted = False

    def password() -> str:
        nonlocal encrypted
        encrypted = True
        return ""

    try:
        # Whether a key is long enough is another matter.
        context.set_ciphers("ALL:@SECLEVEL=0")
        # Without a function that answers, OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, key, password=password)
    except ssl.SSLError as exc:
        if encrypted:
            return "the key is encrypted, and nobody could enter its password"
        if exc.reason in _OTHERS:
            return "the key is another certificate's"
        return f"they can't be loaded ({exc.reason or 'no PEM'})"
    except OSError as exc:
        return f"they can't be read ({exc.strerror})"
    return ""


# What is named ----------------------------------------------------------------------------------------------------


def _walk(node: t.Any, path: Path, found: References) -> None:
    if not isinstance(node, dict):
        return
    for certificate_key, private_key in _COUPLES:
        certificate = _named(node.get(certificate_key), (*path, certificate_key))
        key = _named(node.get(private_key), (*path, private_key))
        found.certificates.extend([certificate] if certificate else ())
        found.keys.extend([key] if key else ())
        if certificate and key:
            found.couples.append((certificate, key))
    if path[-1:] == ("preloaded_certs",):
        found.certificates.extend(filter(None, (_named(value, (*path, name)) for name, value in node.items())))
    if path[-1:] == ("preloaded_keys",):
        found.keys.extend(filter(None, (_named(value, (*path, name)) for name, value in node.items())))
    for key_name, value in node.items():
        here = (*path, key_name)
        if key_name == "trust_bundle_cert":
            found.certificates.extend(filter(None, [_named(value, here)]))
        elif key_name == "trusted_certs" and isinstance(value, list):
            found.certificates.extend(filter(None, (_named(url, here) for url in value)))
        elif here == ("cert_issuance", "est", "urls") and isinstance(value, dict):
            found.est_urls.extend((".".join((*here, name)), str(url)) for name, url in value.items())
        elif key_name == "url" and node.get("method") == "est":
            found.est_urls.append((".".join(here), str(value)))
        _walk(value, here, found)


def _named(url: t.Any, path: Path) -> t.Optional[Named]:
    if not isinstance(url, str) or not url.startswith("file:"):
        return None
    try:
        file = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
    except ValueError:
        return None
    return Named(".".join(path), file, _expiry(path)) if file.startswith("/") else None


def _expiry(path: Path) -> str:
    if path[:2] == ("cert_issuance", "local_ca"):
        return _LOCAL_CA
    if path[-1].startswith(("bootstrap_identity_", "identity_")) and path[0] in ("cert_issuance", "edge_ca"):
        return _EST
    if path[-1].startswith("bootstrap_identity_") or path[-2:-1] == ("identity_cert",):
        return _EST
    return _IDENTITY if path[0] == "provisioning" else ""


# What is wrong with it --------------------------------------------------------------------------------------------

_Finding = t.Tuple[str, str]  # a result, and a sentence's part


def _access(entry: Named, file: File) -> t.Iterator[_Finding]:
    if file.content is None:
        yield ERROR, f"{entry.key}: {entry.path} is not there"
    elif file.denied:
        yield ERROR, f"{entry.key}: {entry.path}: {file.denied}"


def _reading(entry: Named, file: File) -> t.Iterator[_Finding]:
    """Yield why a certificate's file is of no use, whatever its dates."""
    yield from _access(entry, file)
    if file.content is None:
        return
    try:
        certificates = certificates_in(file.content)
    except ValueError:
        yield ERROR, f"{entry.key}: {entry.path} has a damaged certificate"
        return
    if not certificates:
        yield ERROR, f"{entry.key}: {entry.path} has no certificate in PEM form"
    elif entry.key == "trust_bundle_cert" and not file.content.endswith(b"\n"):
        yield WARNING, f"{entry.key}: {entry.path} lacks its last line's end, and is joined to the next certificate"


def _dates(entry: Named, file: File, now: float) -> t.Iterator[_Finding]:
    for certificate in certificates_in(file.content or b""):
        left = certificate.not_after - now
        where = f"{entry.key}: {entry.path}: {certificate.subject}"
        if certificate.not_before > now:
            yield ERROR, f"{where} is not valid yet"
        elif left <= 0:
            yield ERROR, f"{where} has expired"
        elif left <= _SOON:
            yield WARNING, f"{where} expires in {int(left // _DAY)} days"


def _couples(
    named: References,
    files: t.Mapping[str, File],
    readings: t.Mapping[Named, t.List[_Finding]],
    mismatch: t.Callable[[str, str], str],
) -> t.Iterator[_Finding]:
    for certificate, key in named.couples:
        if any(result == ERROR for result, _text in readings[certificate]) or files[key.path].content is None:
            yield SKIPPED, f"{certificate.key} and {key.key}: not both are there to be read"
            continue
        why = mismatch(certificate.path, key.path)
        if why:
            yield ERROR, f"{certificate.path} and {key.path}: {why}"


def _row(name: str, findings: t.Sequence[_Finding], considered: int) -> Row:
    if not considered:
        return own(name, IGNORED, "none is configured")
    result = max((result for result, _text in findings), key=RESULTS.index, default=OK)
    return own(name, result, "; ".join(text for _result, text in findings))


def _modest(row: Row, unknown_users: t.Sequence[str]) -> Row:
    """Have a row that found nothing say that it could not look at all there is."""
    if row.result != OK or row.id not in (_PRELOADED, _KEYS) or not unknown_users:
        return row
    unknown = " and ".join(unknown_users)
    return row._replace(result=SKIPPED, detail=f"whether {unknown} may read them is unknown: no such user yet")
