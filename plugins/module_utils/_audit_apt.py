# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""apt's configuration as apt reads it, as far as its proxies go, and the credentials that stand in other files."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from . import _audit_values as values

NAMES = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}
_SETTINGS = {name.lower(): setting for setting, name in NAMES.items()}
_TOKEN = re.compile(
    r'(?P<blank>\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)|(?P<mark>[{};])|"(?P<quoted>[^"]*)"|(?P<word>[^\s{};"]+)', re.DOTALL
)
_MACHINE = re.compile(r"\bmachine\s+(\S+)\s+login\s+(\S+)\s+password\s+(\S+)")


def proxies(text: str) -> t.List[t.Tuple[str, str, int]]:
    """Return (setting, value, line) of each proxy that is set, in order; the last one of each counts.

    Blocks may be nested (`Acquire { http { Proxy "..."; }; };`), and names are in any letter case.
    """
    found: t.List[t.Tuple[str, str, int]] = []
    scope: t.List[str] = []
    words: t.List[str] = []
    for token in _TOKEN.finditer(text):
        if token["mark"] == "{":
            scope.append(words[0] if words else "")
            words = []
        elif token["mark"]:
            if token["mark"] == "}" and scope:
                scope.pop()
            setting = _SETTINGS.get("::".join([*filter(None, scope), *words[:1]]).lower()) if words else None
            if setting and len(words) > 1 and words[1]:
                found.append((setting, words[1], text.count("\n", 0, token.start()) + 1))
            words = []
        elif token["blank"] is None:
            words.append(token["quoted"] if token["quoted"] is not None else token["word"])
    return found


def machines(text: str) -> t.List[t.Tuple[str, str, str]]:
    """Return (machine, login, password) of each entry of an auth.conf."""
    return [(found[1], found[2], found[3]) for found in _MACHINE.finditer(text)]


def with_credentials(value: str, known: t.Sequence[t.Tuple[str, str, str]]) -> str:
    """Return a proxy's URL with the credentials that apt finds for it; the first entry that fits counts."""
    url = values.url_of(value)
    if url is None or url.username:
        return value
    for machine, login, password in known:
        other = values.url_of(machine)
        scheme, separator, _rest = machine.partition("://")
        if other and (other.host, other.port) == (url.host, url.port) and (not separator or scheme == url.scheme):
            return joined(value, login, password)
    return value


def joined(value: str, username: str, password: str) -> str:
    """Return a URL with credentials put into it, as they are and not encoded."""
    scheme, separator, rest = value.rpartition("://")
    quoted = f"{urllib.parse.quote(username, safe='')}:{urllib.parse.quote(password, safe='')}"
    return f"{scheme}{separator}{quoted}@{rest}"
