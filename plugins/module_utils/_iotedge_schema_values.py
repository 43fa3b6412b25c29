# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What single values of IoT Edge's config.toml must look like, by the kinds of _iotedge_schema_keys.

A check returns what is wrong and what to write instead, or None. It repeats a value only where that can hold no secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import typing as t
import urllib.parse

from ._errors import did_you_mean

Verdict = t.Optional[t.Tuple[str, str]]

_U32 = 2**32 - 1
# TOML's own integers end here, whatever the daemon could hold.
_I64 = 2**63 - 1

_QUOTED = 'Write it in quotes: "...".'
_FILE = "Write file:/// and the absolute path."

_CHOICES: t.Dict[str, t.Tuple[str, ...]] = {
    "reprovisioning mode": ("Dynamic", "AlwaysOnStartup", "OnErrorOnly"),
    "pull policy": ("on-create", "never"),
    "module type": ("docker",),
    "module name": ("edgeAgent",),
}
_TLS_VERSIONS = ("tls", "tls1", *(f"tls{major}{minor}" for major in ("1", "1.", "1_", "v1") for minor in "012"))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(r"[^\s/:@\[\]]+\Z")
_POLICY = re.compile(r"\+?([0-9]{1,18})(%|min|day)\Z")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2})\Z")
_DURATION = re.compile(r"\s*([0-9]{1,18})\s*([A-Za-z]+)")

# The units of durations, in nanoseconds, as the crate humantime has them.
_SECOND = 10**9
_DAY = 86400 * _SECOND
_UNITS: t.Dict[str, int] = {
    **dict.fromkeys(("nsec", "ns"), 1),
    **dict.fromkeys(("usec", "us"), 1000),
    **dict.fromkeys(("msec", "ms"), 10**6),
    **dict.fromkeys(("seconds", "second", "sec", "secs", "s"), _SECOND),
    **dict.fromkeys(("minutes", "minute", "min", "mins", "m"), 60 * _SECOND),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), 3600 * _SECOND),
    **dict.fromkeys(("days", "day", "d"), _DAY),
    **dict.fromkeys(("weeks", "week", "wks", "wk", "w"), 7 * _DAY),
    **dict.fromkeys(("months", "month", "M"), 2_630_016 * _SECOND),
    **dict.fromkeys(("years", "year", "yrs", "yr", "y"), 31_557_600 * _SECOND),
}


def type_name(value: t.Any) -> str:
    """Return what a person calls the type of a TOML value."""
    for kind, name in (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number with a fraction"),
        (str, "a string"),
        (list, "an array"),
        (t.Mapping, "a table"),
    ):
        if isinstance(value, kind):
            return name
    return "a date or time"


def judge(kind: str, value: t.Any) -> Verdict:
    """Return what is wrong with a value of `kind` and what to write instead, or None."""
    if kind in _CHOICES:
        return _string(value) or _choice(value, _CHOICES[kind])
    if kind in _NUMBERS:
        return _number(value, *_NUMBERS[kind])
    if kind in _TEXTS:
        return _string(value) or _TEXTS[kind](value)
    return _OTHERS[kind](value)


# Of any type ------------------------------------------------------------------------------------------------------


def _string(value: t.Any) -> Verdict:
    return None if isinstance(value, str) else (f"is {type_name(value)}, not a string", _QUOTED)


def _bool(value: t.Any) -> Verdict:
    if isinstance(value, bool):
        return None
    return f"is {type_name(value)}, not true or false", "Write true or false, without quotes."


def _number(value: t.Any, least: int, most: int) -> Verdict:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"is {type_name(value)}, not a whole number", "Write digits only, without quotes."
    if value < least:
        return f"is {value}, and the least is {least}", f"Write {least} or more."
    return None if value <= most else (f"is {value}, and the most is {most}", f"Write {most} or less.")


def _retries(value: t.Any) -> Verdict:
    if isinstance(value, str):
        if value.lower() == "infinite":
            return None
        return f"is {value[:20]!r}, and the only word it may be is infinite", 'Write "infinite", or a number unquoted.'
    return _number(value, 0, _U32)


def _anything(_value: t.Any) -> Verdict:
    return None


def _variable(value: t.Any) -> Verdict:
    if isinstance(value, str):
        return None
    # Whoever writes true or 1 here means its text.
    text = str(value).lower() if isinstance(value, (bool, int)) else "..."
    return f"is {type_name(value)}, and a variable's value is a string", f'Write it in quotes: "{text}".'


# Strings ----------------------------------------------------------------------------------------------------------


def _choice(value: str, known: t.Tuple[str, ...]) -> Verdict:
    if value in known:
        return None
    wanted = " or ".join(f'"{entry}"' for entry in known)
    return f"is {value[:40]!r}, not {wanted}", did_you_mean(value, list(known)).strip() or f"Write {wanted}."


def _text(value: str) -> Verdict:
    return None if value.strip() else ("is empty", "Write a value, or leave the key out if it is optional.")


def _tls_version(value: str) -> Verdict:
    return None if value.lower() in _TLS_VERSIONS else ("is no TLS version", 'Write "tls1.2".')


def _hostname(value: str) -> Verdict:
    if is_ip(value) or _HOST.match(value):
        return None
    return "is neither a host's name nor its IP address", "Write the name alone: no scheme, port, path or blank."


def is_ip(value: str) -> bool:
    """Tell whether `value` is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _ip(value: str) -> Verdict:
    return None if is_ip(value) else ("is no IP address", "Write an address without prefix length: 172.18.0.1.")


def _network(value: str) -> Verdict:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        value = ""
    return None if "/" in value else ("is no network", "Write it as 172.18.0.0/16.")


def _path(value: str) -> Verdict:
    if value.startswith("/"):
        return None
    return "is no absolute path", "Write the path alone, from the first / on (here it is not a URL)."


def _time(value: str) -> Verdict:
    found = _TIME.match(value)
    if found and int(found.group(1)) < 24 and int(found.group(2)) < 60:
        return None
    return f"is {value[:20]!r}, no time of day", 'Write hours and minutes, from "00:00" to "23:59".'


# URLs -------------------------------------------------------------------------------------------------------------


def _url(value: str) -> Verdict:
    if not _SCHEME.match(value):
        instead = "Write file:// before the path." if value.startswith("/") else "Write scheme://..., as unix:///..."
        return "is no URL: it has no scheme", instead
    try:
        urllib.parse.urlsplit(value)
    except ValueError:
        return "is no URL", "Check its brackets and port."
    return None


def _file_url(value: str) -> Verdict:
    wrong = _url(value)
    if wrong:
        return wrong[0], "Write file:// before the path." if value.startswith("/") else _FILE
    parts = urllib.parse.urlsplit(value)
    if parts.scheme != "file":
        return f"begins with {parts.scheme}:, and the daemon can only read file:", _FILE
    if parts.netloc not in ("", "localhost"):
        return "has a host where the path should begin", "Write three slashes: file:///etc/..."
    return None if parts.path.startswith("/") and parts.path != "/" else ("names no file", _FILE)


def _http_url(value: str) -> Verdict:
    example = "Write https://... in full."
    wrong = _url(value)
    if wrong:
        return wrong[0], example
    parts = urllib.parse.urlsplit(value)
    if parts.scheme not in ("http", "https"):
        return f"begins with {parts.scheme}:, not with https:", example
    try:
        return None if parts.hostname and parts.port != 0 else ("names no host", example)
    except ValueError:
        return "has a port that is no number", example


def _socket_uri(value: str) -> Verdict:
    wrong = _url(value)
    scheme = urllib.parse.urlsplit(value).scheme if not wrong else ""
    if scheme and scheme not in ("unix", "fd", "http"):
        wrong = f"begins with {scheme}:", ""
    return (wrong[0], "Write unix:///... or fd://...") if wrong else None


def _key_uri(value: str) -> Verdict:
    # A PKCS#11 URI may hold the PIN: no message repeats it.
    if value.startswith("pkcs11:"):
        return None if len(value) > len("pkcs11:") else ("names no key", "Write pkcs11:token=...;object=...")
    if value.startswith("file:"):
        return _file_url(value)
    what = "begins with another scheme" if _SCHEME.match(value) else "has no scheme"
    return f"{what}, and a key can only be in a file or a PKCS#11 token", "Write file:///... or pkcs11:..."


# Keys and secrets -------------------------------------------------------------------------------------------------


def _base64(value: str) -> Verdict:
    bare = value.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # The daemon's decoder insists that the bits beyond the last byte are zero, as an encoder leaves them.
    exact = base64.b64encode(raw).decode().rstrip("=") == bare
    if raw and exact and len(value) - len(bare) <= 2:
        return None
    return "is not base64", "Write the key as the portal shows it, whole; padding (=) may be left out."


def _connection_string(value: str) -> Verdict:
    example = 'Write "HostName=...;DeviceId=...;SharedAccessKey=...", as the device\'s page in the portal shows it.'
    parts = dict(part.partition("=")[::2] for part in value.split(";"))
    missing = [name for name in ("HostName", "DeviceId", "SharedAccessKey") if not parts.get(name)]
    if missing:
        if "SharedAccessKeyName" in parts and "DeviceId" in missing:
            return "is the connection string of an IoT hub, not of a device", example
        if missing == ["SharedAccessKey"] and parts.get("x509", "").lower() == "true":
            return (
                "is of a device that signs in with a certificate, and has no SharedAccessKey",
                'Write iothub_hostname, device_id and [provisioning.authentication] with method = "x509" instead.',
            )
        loose = {name.strip().lower() for name in parts}
        if all(name.lower() in loose for name in missing):
            return f"spells {' and '.join(missing)} otherwise; case counts, and there are no blanks", example
        return f"has no {' and no '.join(missing)}", example
    if _base64(parts["SharedAccessKey"]):
        return "has a SharedAccessKey that is not base64", example
    return None


# Durations --------------------------------------------------------------------------------------------------------


def _nanoseconds(value: str) -> t.Optional[int]:
    """Return a duration as the daemon's parser reads it ('1d', '1h 30m', '2 days'), or None where it can't."""
    total, at = 0, 0
    while True:
        found = _DURATION.match(value, at)
        if not found:
            break
        unit = _UNITS.get(found.group(2))
        if unit is None:
            return None
        total += int(found.group(1)) * unit
        at = found.end()
    return total if at and not value[at:].strip() else None


def _duration(value: str) -> Verdict:
    if _nanoseconds(value) is None:
        return f"is {value[:20]!r}, no duration", 'Write a number and d for days, as "7d".'
    return None


def _days_between(value: str) -> Verdict:
    length = _nanoseconds(value)
    if length is None:
        return _duration(value)
    if length % _DAY:
        return f"is {value[:20]!r}, not a whole number of days", 'Write it in days, as "1d".'
    if not length:
        # The daemon takes it, and then cleans up over and over without a pause.
        return "is no time at all, and the daemon would never pause", 'Write "1d" or more, or enabled = false.'
    return None


def _policy(value: str) -> Verdict:
    example = 'Write a percentage as "80%", minutes as "90min" or days as "10day".'
    found = _POLICY.match(value)
    if not found:
        return f"is {value[:20]!r}, no renewal time", example
    number = int(found.group(1))
    if number < 1 or (found.group(2) == "%" and number > 99):
        return f"is {value[:20]!r}, out of range", "Write 1% to 99%, or 1 or more of min or day."
    return None


_NUMBERS: t.Dict[str, t.Tuple[int, int]] = {
    "u32": (0, _U32),
    "days": (1, _U32),
    "requests": (1, _I64),
    "timeout": (70, _I64),
    "tpm index": (0, 0x7FFFFF),
}
_TEXTS: t.Dict[str, t.Callable[[str], Verdict]] = {
    "string": _anything,
    "text": _text,
    "tls version": _tls_version,
    "hostname": _hostname,
    "ip": _ip,
    "ip network": _network,
    "path": _path,
    "time of day": _time,
    "url": _url,
    "file url": _file_url,
    "http url": _http_url,
    "socket uri": _socket_uri,
    "key uri": _key_uri,
    "base64": _base64,
    "connection string": _connection_string,
    "duration": _duration,
    "days between": _days_between,
    "renewal policy": _policy,
}
_OTHERS: t.Dict[str, t.Callable[[t.Any], Verdict]] = {
    "bool": _bool,
    "retries": _retries,
    "variable": _variable,
    "anything": _anything,
}

KINDS = frozenset({*_CHOICES, *_NUMBERS, *_TEXTS, *_OTHERS})
