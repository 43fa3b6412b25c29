# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as the user says it, once: parsed, checked and made canonical. No reader's dialect is in here.

No message quotes a URL or a credential: a URL that can't be parsed may hold its password anywhere.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from . import _no_proxy
from ._errors import Refused, did_you_mean

WHERE = "container_hosts_proxy"
KEYS = ("http", "https", "username", "password", "no_proxy", "ca_certificate")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_USE_KEYS = "Write credentials as username and password beside it, as they are, without encoding."
_HOST = re.compile(rf"(?:{_no_proxy.LABEL}\.)*{_no_proxy.LABEL}\.?")
_SCHEMELESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/?")
# What RFC 3986 lets user information hold unencoded; `%` begins an encoded byte.
_USERINFO = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")


class Endpoint(t.NamedTuple):
    """A proxy URL in its parts, decoded."""

    scheme: str  # http or https: how the proxy itself is spoken to
    host: str  # lower case, IPv6 without brackets
    port: int
    username: str  # '': no credentials
    password: str

    @property
    def authority(self) -> str:
        """host:port, with brackets round IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """scheme://host:port: the URL without its credentials."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The whole URL, each credential percent-encoded down to RFC 3986's unreserved characters."""
        if not self.username:
            return self.origin
        return f"{self.scheme}://{_encoded(self.username)}:{_encoded(self.password)}@{self.authority}"


class Proxy(t.NamedTuple):
    """The model. `http` and `https` say which proxy carries http:// and https:// requests; each is always set."""

    http: str  # a complete URL: scheme, credentials, host in lower case, port; no trailing slash
    https: str
    no_proxy: t.Tuple[_no_proxy.Entry, ...]
    ca_certificate: t.Optional[str]
    secrets: t.Tuple[str, ...]  # every spelling of a credential that must never be shown


def parse(model: t.Mapping[str, t.Any]) -> Proxy:
    """Return the checked model. None and '' count as not given.

    Raises Refused with where='container_hosts_proxy.<key>'.
    """
    if not isinstance(model, t.Mapping):
        raise Refused(
            f"is not a dictionary, but {type(model).__name__}",
            where=WHERE,
            instead="Write at least {http: http://10.0.0.131:3128}.",
        )
    for key in model:
        if key not in KEYS:
            raise Refused(
                "is not a key of it." + did_you_mean(str(key), list(KEYS)),
                where=f"{WHERE}.{key}",
                instead=f"The keys are {', '.join(KEYS)}.",
            )
    given = {key: _text(model, key) for key in KEYS if key != "no_proxy"}
    if given["password"] and not given["username"]:
        raise Refused("has no username beside it", where=f"{WHERE}.username", instead="Write the username as well.")
    http, https = (_endpoint(given, key) for key in ("http", "https"))
    http, https = http or https, https or http
    if http is None or https is None:
        raise Refused("names no proxy", where=WHERE, instead="Write http: http://10.0.0.131:3128 (or https:).")
    return Proxy(
        http=http.url,
        https=https.url,
        no_proxy=_no_proxy.parse(model.get("no_proxy"), f"{WHERE}.no_proxy"),
        ca_certificate=given["ca_certificate"] or None,
        secrets=tuple(dict.fromkeys(secret for end in (http, https) for secret in _secrets(end))),
    )


def endpoint(url: str) -> Endpoint:
    """Return the parts of a URL of a Proxy."""
    parts = urllib.parse.urlsplit(url)
    return Endpoint(
        parts.scheme,
        parts.hostname or "",
        parts.port or 0,
        urllib.parse.unquote(parts.username or ""),
        urllib.parse.unquote(parts.password or ""),
    )


def endpoints(proxy: Proxy) -> t.Tuple[Endpoint, ...]:
    """Return the parts of both URLs, once where they are alike."""
    return tuple(dict.fromkeys(map(endpoint, (proxy.http, proxy.https))))


def _encoded(credential: str) -> str:
    return urllib.parse.quote(credential, safe="")


def _secrets(end: Endpoint) -> t.Iterator[str]:
    if end.password:
        yield end.password
        yield _encoded(end.password)
        yield f"{_encoded(end.username)}:{_encoded(end.password)}"


def _text(model: t.Mapping[str, t.Any], key: str) -> str:
    value = model.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"is not text, but {type(value).__name__}", where=f"{WHERE}.{key}", instead="Put it in quotes.")
    if key in ("username", "password"):
        return _credential(value, key, f"{WHERE}.{key}")
    if any(char.isspace() or not char.isprintable() for char in value) and key != "ca_certificate":
        raise Refused(
            "holds a blank or a control character",
            where=f"{WHERE}.{key}",
            instead="Remove it; a newline at the end often comes from a file.",
        )
    if key == "ca_certificate":
        _certificate(value, f"{WHERE}.{key}")
    return value


def _certificate(value: str, where: str) -> None:
    """Let pass a path, or the certificate itself, as a credential of AWX has it."""
    if "PRIVATE KEY" in value:
        raise Refused(
            "holds a private key", where=where, instead="Write the certificate alone, and have the key replaced."
        )
    if "\0" in value or ("\n" in value and "-----BEGIN" not in value):
        raise Refused(
            "holds a newline or NUL", where=where, instead="Write the path of a PEM file, or the PEM text itself."
        )


def _credential(value: str, part: str, where: str) -> str:
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value):
        raise Refused(
            "holds a control character, which no reader's file can carry",
            where=where,
            instead="Remove it; a newline at the end often comes from a file.",
        )
    if part == "username" and ":" in value:
        raise Refused(
            "holds a colon, which ends a user name in Basic authentication",
            where=where,
            instead="Write what comes after it as password.",
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # `from None`: the chained error would show the value.
        raise Refused("is not valid Unicode", where=where, instead="Write it as UTF-8.") from None
    return value


def _endpoint(given: t.Mapping[str, str], key: str) -> t.Optional[Endpoint]:
    url, where = given[key], f"{WHERE}.{key}"
    if not url:
        return None
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator:
        example = f"http://{url.rstrip('/')}" if _SCHEMELESS.fullmatch(url) else "http:// before it"
        raise Refused("has no scheme, which some readers need", where=where, instead=f"Write {example}.")
    if scheme not in _DEFAULT_PORTS:
        raise Refused(
            "is neither an http:// nor an https:// URL", where=where, instead="Write http://host:port of an HTTP proxy."
        )
    userinfo, at, hostport = rest.rpartition("@")
    if not at:
        hostport, _slash, tail = hostport.partition("/")
        if tail or "?" in hostport or "#" in hostport:
            raise Refused(
                "has a path, query or fragment, which a proxy has not",
                where=where,
                instead="End it after the port. " + _USE_KEYS,
            )
        username, password = given["username"], given["password"]
    else:
        if given["username"]:
            raise Refused(
                "holds credentials, and username is given too", where=where, instead="Take them out of the URL."
            )
        username, password = _from_userinfo(userinfo, where)
        hostport = hostport[:-1] if hostport.endswith("/") else hostport
    host, port = _host_and_port(hostport, scheme, where)
    return Endpoint(scheme, host, port, username, password)


def _from_userinfo(userinfo: str, where: str) -> t.Tuple[str, str]:
    if not _USERINFO.fullmatch(userinfo):
        raise Refused(
            "holds credentials that are not percent-encoded (an @, %, /, #, ? or another special character)",
            where=where,
            instead=_USE_KEYS,
        )
    username, _colon, password = userinfo.partition(":")
    if not username:
        raise Refused("has an @ but no user name before it", where=where, instead=_USE_KEYS)
    try:
        decoded = [urllib.parse.unquote_to_bytes(part).decode("utf-8") for part in (username, password)]
    except UnicodeDecodeError:
        # `from None`: the chained error would show the bytes.
        raise Refused("holds credentials that are not UTF-8", where=where, instead=_USE_KEYS) from None
    return _credential(decoded[0], "username", where), _credential(decoded[1], "password", where)


def _host_and_port(hostport: str, scheme: str, where: str) -> t.Tuple[str, int]:
    if hostport.startswith("["):
        inner, bracket, tail = hostport[1:].partition("]")
        address = _no_proxy.ip6_or_none(inner)
        if not bracket or address is None or "%" in inner or (tail and not tail.startswith(":")):
            raise Refused(
                "has no IPv6 address between its brackets", where=where, instead="Write http://[fd00::1]:3128."
            )
        host, colon, digits = address, tail[:1], tail[1:]
    else:
        host, colon, digits = hostport.lower().partition(":")
        if ":" in digits:
            raise Refused(
                "has more than one colon after its scheme",
                where=where,
                instead="Put brackets round an IPv6 address: http://[fd00::1]:3128.",
            )
        if not _no_proxy.ip4_or_none(host) and (not _HOST.fullmatch(host) or _no_proxy.name_problem(host)):
            raise Refused(
                "has no host name or IP address",
                where=where,
                instead="Write http://host:port; an international name in its ASCII form (xn--...).",
            )
    port = _no_proxy.port_or_none(digits) if colon else _DEFAULT_PORTS[scheme]
    if port is None:
        raise Refused(
            "has an impossible port", where=where, instead="Write one from 1 to 65535, as in http://host:3128."
        )
    return host, port
