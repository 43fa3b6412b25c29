# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""One TLS handshake, looked at: does the host trust who answers, and which chain did he show."""

from __future__ import annotations

import ssl
import typing as t

from . import _preflight_certificate
from ._preflight_certificate import Certificate
from ._preflight_stream import Stream, Tls, Trouble, outcome_of, reason_of
from ._preflight_trust import Trust

# Numbers of OpenSSL (x509_vfy.h), which Python passes on without names.
_NOT_YET_VALID, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64
_OUTCOMES = {
    _NOT_YET_VALID: "tls_not_yet_valid",
    _EXPIRED: "tls_expired",
    _OTHER_HOST: "tls_other_name",
    _OTHER_ADDRESS: "tls_other_name",
}


class Seen(t.NamedTuple):
    """A handshake's result. `stream` is for going on: verified if `trouble` is None, otherwise with nothing proved."""

    stream: t.Optional[Tls]
    chain: t.List[Certificate]  # as the server sent it; with TLS 1.3 alone, only the server's own
    added: bool  # trusted because of an authority that the host's administrator added
    trouble: t.Optional[Trouble]


def inspect(dial: t.Callable[[], Stream], name: str, trust: Trust, at: str) -> Seen:
    """Shake hands with `name` over a stream that `dial` opens, and once more where the first shows too little.

    The first offers TLS 1.2 at most, where the server's certificates are in the clear: they can be read even when the
    library refuses them, which then gives nothing away. Raises Trouble where no handshake comes about at all.
    """
    stream = Tls(dial(), trust.context(at_most_tls12=True), name)
    failure = _failure(stream, at)
    if failure is not None and not isinstance(failure, ssl.SSLCertVerificationError):
        return _newer(dial, name, trust, at, failure, stream.seen)
    chain = _parsed(_preflight_certificate.chain_in(stream.seen))
    if failure is None:
        return Seen(stream, chain, bool(chain) and trust.is_added(_root_name(chain)), None)
    return Seen(_unverified(dial, name, trust, at)[0], chain, False, _refusal(failure, at))


def root(chain: t.Sequence[Certificate]) -> str:
    """Return the name of who signed the last of a chain: the root, which servers usually leave out of what they send.

    Where only the server's own certificate could be had, that may still be an authority under the root.
    """
    return chain[-1].issuer if chain else ""


def _root_name(chain: t.Sequence[Certificate]) -> bytes:
    return chain[-1].issuer_der


def _newer(dial: t.Callable[[], Stream], name: str, trust: Trust, at: str, first: ssl.SSLError, said: bytes) -> Seen:
    """Try again with TLS 1.3, where the server has nothing older."""
    stream = Tls(dial(), trust.context(), name)
    failure = _failure(stream, at)
    if failure is None:
        chain = _parsed(_leaf(stream))
        return Seen(stream, chain, bool(chain) and trust.is_added(_root_name(chain)), None)
    if not isinstance(failure, ssl.SSLCertVerificationError):
        raise _no_handshake(first, said or stream.seen, at)
    unverified, chain = _unverified(dial, name, trust, at)
    return Seen(unverified, chain, False, _refusal(failure, at))


def _unverified(
    dial: t.Callable[[], Stream], name: str, trust: Trust, at: str
) -> t.Tuple[t.Optional[Tls], t.List[Certificate]]:
    """Return a stream that proves nothing, to read the server's clock by, and the certificate it shows."""
    try:
        stream = Tls(dial(), trust.context(verify=False), name)
        return (None, []) if _failure(stream, at) else (stream, _parsed(_leaf(stream)))
    except Trouble:
        return None, []  # What the first handshake said is the result.


def _failure(stream: Tls, at: str) -> t.Optional[ssl.SSLError]:
    """Shake hands; return TLS's own complaint, and raise Trouble for others."""
    try:
        stream.handshake()
    except ssl.SSLError as exc:
        return exc
    except OSError as exc:
        raise Trouble(outcome_of(exc), at, f"{reason_of(exc)} during the TLS handshake") from exc
    return None


def _leaf(stream: Tls) -> t.List[bytes]:
    # Public from Python 3.13 on; before, only the server's own certificate can be had.
    whole = getattr(stream.tls, "get_unverified_chain", None)
    if whole is not None:
        return list(whole())
    der = stream.tls.getpeercert(binary_form=True)
    return [der] if der else []


def _parsed(chain: t.Iterable[bytes]) -> t.List[Certificate]:
    found = []
    for der in chain:
        try:
            found.append(_preflight_certificate.parse(der))
        except ValueError:
            break
    return found


def _refusal(failure: ssl.SSLCertVerificationError, at: str) -> Trouble:
    return Trouble(_OUTCOMES.get(failure.verify_code, "tls_untrusted"), at, str(failure.verify_message).rstrip("."))


def _no_handshake(failure: ssl.SSLError, said: bytes, at: str) -> Trouble:
    if said.startswith(b"HTTP/"):
        return Trouble("speaks_http", at, "answers TLS with plain HTTP")
    if isinstance(failure, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or not said:
        return Trouble("tls_failed", at, "closed the connection during the TLS handshake")
    return Trouble("tls_failed", at, (failure.reason or "TLS handshake failed").replace("_", " ").lower())
