# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Keeps credentials out of everything that is shown: diffs, results and messages.

Secrets are replaced where they may stand, by shape, never by a search through whole results: with a search,
the password `docker` would also turn `docker.service` into asterisks, and a role that reads the result would fail.
"""

from __future__ import annotations

import re
import typing as t

PLACEHOLDER = "********"
# What is no secret in a parameter `proxy`, the collection's model of one. Under any other key, as in a slip of the pen
# (`pasword`), stands what will be refused, and may be a secret.
_OPEN_IN_A_PROXY = ("http", "https", "username", "no_proxy", "ca_certificate")
_SHORT = 6
ONLY_SECRETS_DIFFER = "(only a secret changed)"

# The user information of a URL, up to the last `@` that can belong to it: a password that was not
# percent-encoded may itself hold `@` or a quote, which count as part of it while another `@` follows.
_USERINFO = re.compile(r"""(?<=://)(?:[^\s"'@]|["'@](?=[^\s"',}]*@))*@""")
# A proxy's address without a scheme, as Go programs take it.
_BARE_PROXY = re.compile(r"""(\bhttps?_proxy["']?[=:]\s*["']?)(?![a-z]+://)[^\s"']*@""", re.IGNORECASE)
_PROXY_NAMES = ("http_proxy", "https_proxy")

# "auth": "..." of a Docker config.json and its like, and NAME=value by the name's own words.
_JSON_SECRET = re.compile(
    r'("(?:auth|identitytoken|registrytoken|password|[a-z_-]*secret[a-z_-]*)"\s*:\s*")((?:[^"\\]|\\.)+)(?=")',
    re.IGNORECASE,
)
_NAMED_SECRET = re.compile(
    r"""((?:\b|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIALS?)[A-Z0-9_]*["']?[=:]\s*["']?)([^\s"']+)""", re.IGNORECASE
)
# Names that are secrets where their value is text; as an object, `auth` holds a user's name too.
_SECRET_TEXTS = ("auth", "identitytoken", "registrytoken")

# Keys of which only what stands below them says that they are secrets, as Azure IoT Edge has them; and those that are
# a part of a longer text, as in a hub's connection string.
_SECRET_BELOW = {
    "symmetric_key": ("value",),
    "device_id_pk": ("value",),
    "hierarchy_authorization": ("endorsement", "owner"),
}
# A private key in PEM form, to its end, or where that was cut off, to the text's.
_PEM_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.IGNORECASE | re.DOTALL
)
# The options that hold one, whose value may lack that form and then is refused, or a secret of another kind.
_KEY_OPTIONS = ("key_content", "digest_key")
_PART_OF_TEXT = re.compile(r"""\b((?:SharedAccessKey|AccountKey|pin-value)=)([^\s;&"']+)""")


def redact(text: str, secrets: t.Iterable[str] = ()) -> str:
    """Return `text` with every credential replaced by the same placeholder.

    `secrets` are strings known to be secret; the shapes above are found without being told.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) < _SHORT:
            # As a word of its own only, or the password `x` would tear `proxy` apart.
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", PLACEHOLDER, text)
        else:
            text = text.replace(secret, PLACEHOLDER)
    text = _PEM_KEY.sub(PLACEHOLDER, text)
    text = _USERINFO.sub(PLACEHOLDER + "@", text)
    text = _BARE_PROXY.sub(lambda match: match.group(1) + PLACEHOLDER + "@", text)
    text = _JSON_SECRET.sub(lambda match: match.group(1) + PLACEHOLDER, text)
    text = _PART_OF_TEXT.sub(lambda match: match.group(1) + PLACEHOLDER, text)
    return _NAMED_SECRET.sub(lambda match: match.group(1) + PLACEHOLDER, text)


def redact_all(value: t.Any, secrets: t.Sequence[str] = ()) -> t.Any:
    """Return a copy of a structure of dicts, lists and scalars with each of its strings redacted.

    A value under a key named password (or alike) is replaced whole, since its own text has no shape to tell it by.
    """
    if isinstance(value, str):
        return redact(value, secrets) if _is_text(value) else PLACEHOLDER
    if isinstance(value, t.Mapping):
        return {key: _redact_entry(key, inner, secrets) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_all(inner, secrets) for inner in value]
    return value


def _redact_entry(key: t.Any, value: t.Any, secrets: t.Sequence[str]) -> t.Any:
    if _is_secret(key, value):
        return PLACEHOLDER
    if isinstance(key, str) and key.lower() in _PROXY_NAMES:
        return _redact_url(value, secrets)
    if key in _SECRET_BELOW and isinstance(value, t.Mapping):
        shown = {name: PLACEHOLDER for name in _SECRET_BELOW[key] if value.get(name)}
        return {**redact_all(value, secrets), **shown}
    if key != "proxy":
        return redact_all(value, secrets)
    if not isinstance(value, t.Mapping):
        return _redact_url(value, secrets)
    return {
        name: _redact_url(inner, secrets) if name in _OPEN_IN_A_PROXY or not inner else PLACEHOLDER
        for name, inner in value.items()
    }


def _redact_url(value: t.Any, secrets: t.Sequence[str]) -> t.Any:
    """Redact what should be a URL, and may lack the scheme by which its credentials are found."""
    if isinstance(value, str) and "@" in value and "://" not in value:
        value = PLACEHOLDER + value[value.rindex("@") :]
    return redact_all(value, secrets)


def secrets_in(value: t.Any) -> t.List[str]:
    """Return every text in a structure that stands under a key named password (or alike)."""
    return [secret for _path, secret in secret_paths(value)]


def secret_paths(value: t.Any, path: t.Tuple[t.Any, ...] = ()) -> t.Iterator[t.Tuple[t.Tuple[t.Any, ...], str]]:
    """Yield the path (keys, and indexes in lists) and the text of every such secret in a structure."""
    if isinstance(value, t.Mapping):
        below = _SECRET_BELOW.get(path[-1], ()) if path else ()
        for key, inner in value.items():
            if _is_secret(key, inner) or (inner and key in below):
                yield (*path, key), str(inner)
            else:
                yield from secret_paths(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from secret_paths(inner, (*path, index))


def holds_credentials(text: str) -> bool:
    """Tell whether `text` holds something that `redact` would hide."""
    return redact(text) != text


def masked_diff(
    path: str, before: t.Optional[bytes], after: t.Optional[bytes], secrets: t.Sequence[str] = ()
) -> t.Dict[str, str]:
    """Return Ansible's diff dict for a file's bytes (None: no file), with every secret masked.

    Where masking leaves both sides alike although the bytes differ, a marker line on the new side says so.
    """
    shown_before = _shown(before, secrets)
    shown_after = _shown(after, secrets)
    if before != after and shown_before == shown_after:
        shown_after += ("" if shown_after.endswith("\n") or not shown_after else "\n") + ONLY_SECRETS_DIFFER + "\n"
    return {
        "before_header": path if before is not None else f"{path} (absent)",
        "after_header": path if after is not None else f"{path} (absent)",
        "before": shown_before,
        "after": shown_after,
    }


def _is_text(value: str) -> bool:
    """Tell a text from a binary file that was read as one: that can't be written into a result, and may be a key."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_secret(name: t.Any, value: t.Any) -> bool:
    if not isinstance(name, str) or not value:
        return False
    if name.lower() in _SECRET_TEXTS:
        return isinstance(value, str)
    return name in _KEY_OPTIONS or _NAMED_SECRET.search(name + "=x") is not None


def _shown(content: t.Optional[bytes], secrets: t.Sequence[str]) -> str:
    return "" if content is None else redact(content.decode("utf-8", errors="replace"), secrets)
