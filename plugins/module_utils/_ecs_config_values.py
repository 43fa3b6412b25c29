# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the values of the agent's variables must look like, by the kinds of _ecs_config_keys.

The agent warns of what it can't read, somewhere in its log, and goes on with its default, or ends and is started again
for ever. Here both are errors. Shapes are those of Go's strconv, time and encoding/json, with which the agent reads.
"""

from __future__ import annotations

import json
import re
import typing as t

from ._ecs_config_keys import KEYS, Bound, Key
from ._errors import Refused, did_you_mean

# strconv.ParseBool's. ecs-init takes some variables for set only where they say `true`.
_SWITCHES = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), "true"),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), "false"),
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,300}")  # Python's int() takes no more than 4300
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_SIZE = re.compile(r"[0-9]+[bkmg]?")
_PORTS = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_PREFIX = re.compile(r"[0-9]|[1-9][0-9]{1,2}")
_PART = re.compile(r"(?P<whole>[0-9]{0,300})(?:\.(?P<fraction>[0-9]{0,300}))?(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_NANOSECONDS["h"] = 60 * _NANOSECONDS["m"]
_LARGEST = 2**63 - 1  # of Go's int64
_FATAL = "; the agent would end with it, and be started again for ever"
# The two forms of ECS_ENGINE_AUTH_DATA: what each registry's entry needs, and what it may have.
_AUTH_FORMS = {"docker": ({"username", "password"}, {"email"}), "dockercfg": ({"auth"}, {"email"})}


def canonical(name: str, value: t.Any, *, platform: str = "linux") -> str:
    """Return the text to write for a variable of KEYS: switches as true or false, JSON compact.

    `platform`: linux or windows. Raises Refused, with the variable as `where`, for what its reader would not take.
    """
    key = KEYS[name]
    if not getattr(key, platform):
        other = "Windows" if platform == "linux" else "Linux"
        raise Refused(f"is read on {other} only", where=name, instead="Leave it out.")
    if value is None:
        raise Refused("is null", where=name, instead="Name it in remove to take it out of the file.")
    if value == "":
        raise Refused("is empty, and so as if it were not there", where=name, instead="Name it in remove.")
    try:
        return _RENDER[key.kind](key, value, platform)
    except Refused as refused:
        fatal = _FATAL if key.fatal else ""
        raise Refused(refused.what + fatal, where=name, instead=refused.instead) from None


def text_of(name: str, value: t.Any) -> str:
    """Return the text to write for a variable that nothing is known of."""
    if isinstance(value, (dict, list)):
        return _dumped(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        raise Refused("is null", where=name, instead="Name it in remove to take it out of the file.")
    return str(value)


def same(name: str, one: t.Optional[str], other: t.Optional[str]) -> bool:
    """Tell whether two texts of a variable come to the same for its reader."""
    if one == other or one is None or other is None:
        return one == other
    if name not in KEYS:
        return False
    if KEYS[name].kind == "no proxy":
        from . import _proxy_environment

        return _proxy_environment.same(name, one, other)
    try:
        return one[:1] in ("{", "[") and json.loads(one) == json.loads(other)
    except (ValueError, RecursionError):
        return False


def check_credentials(environment: t.Mapping[str, str]) -> None:
    """Raise Refused where the registries' credentials and their kind don't fit, so that the agent would use none."""
    form, data = (environment.get(f"ECS_ENGINE_AUTH_{part}") for part in ("TYPE", "DATA"))
    if data is None or form is None:
        missing = "ECS_ENGINE_AUTH_DATA" if data is None else "ECS_ENGINE_AUTH_TYPE"
        raise Refused("is missing beside its other half", where=missing, instead="Write both, or none.")
    needs, allows = _AUTH_FORMS.get(form.strip(), (set(), set()))
    for registry, entry in _loaded(data).items():
        members = set(entry) if isinstance(entry, dict) else set()
        if not needs <= members <= needs | allows:
            raise Refused(
                f"has other members at {registry} than {' and '.join(sorted(needs))}, which ECS_ENGINE_AUTH_TYPE: "
                f"{form} wants, so that the agent would use no credentials at all",
                where="ECS_ENGINE_AUTH_DATA",
                instead="With docker, each registry has a username and a password; with dockercfg, an auth.",
            )


# One function a kind ----------------------------------------------------------------------------------------------


def _text(key: Key, value: t.Any, platform: str) -> str:
    if isinstance(value, (bool, dict, list)):
        raise Refused(f"is {_type(value)}, not text", instead="Put it in quotes.")
    text = str(value)
    if platform == "linux" and not text.startswith(key.prefix):
        raise Refused(f"does not begin with {key.prefix}, and is ignored for that", instead=f"Write {key.prefix}/...")
    return text


def _path(key: Key, value: t.Any, platform: str) -> str:
    text = _text(key, value, platform)
    absolute = text.startswith("/") if platform == "linux" else re.match(r"/|[A-Za-z]:[\\/]", text)
    if not absolute:
        raise Refused("is not an absolute path", instead="Begin it with /, or on Windows with a drive (C:\\).")
    return text


def _switch(_key: Key, value: t.Any, _platform: str) -> str:
    text = str(value)
    if text not in _SWITCHES or isinstance(value, float):
        raise Refused(f"is {_shown(value)}, which the agent takes for no answer", instead="Write true or false.")
    return _SWITCHES[text]


def _integer(key: Key, value: t.Any, _platform: str) -> str:
    text = str(value)
    if isinstance(value, bool) or not _INTEGER.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise Refused(f"is {_shown(value)}, not a whole number", instead="Write digits only.")
    _within(int(text), key.minimum, key.maximum, text)
    return str(int(text))


def _number(_key: Key, value: t.Any, _platform: str) -> str:
    text = str(value)
    if not _NUMBER.fullmatch(text):
        raise Refused(f"is {_shown(value)}, not a number", instead="Write digits, and at most one decimal point.")
    return text


def _size(_key: Key, value: t.Any, _platform: str) -> str:
    text = str(value)
    if not _SIZE.fullmatch(text):
        raise Refused(f"is {_shown(value)}, not a size of Docker's", instead="Write it as 16m (b, k, m or g).")
    return text


def _choice(key: Key, value: t.Any, _platform: str) -> str:
    text = value if isinstance(value, str) else ""
    if key.any_case and text.lower() in key.choices:
        return text.lower()
    if text not in key.choices:
        raise Refused(
            f"is {_shown(value)}, which its reader does not know",
            instead=f"{did_you_mean(text, list(key.choices))} It knows {', '.join(key.choices)}.".strip(),
        )
    return text


def _duration(key: Key, value: t.Any, platform: str) -> str:
    text = str(value)
    length = _nanoseconds(text) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if length is None:
        example = f"{text}s, {text}m or {text}h" if _NUMBER.fullmatch(text) else "90s or 1h30m"
        raise Refused(f"is {_shown(value)}, not a duration of Go's with its unit", instead=f"Write {example}.")
    minimum = key.minimum if platform == "linux" else key.minimum_windows or key.minimum
    low, high = (None if bound is None else _nanoseconds(str(bound)) for bound in (minimum or "0", key.maximum))
    _within(length, low, high, text, shown=(minimum or "0s", key.maximum))
    return text


def _port_range(_key: Key, value: t.Any, _platform: str) -> str:
    match = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if not match or not 0 < int(match[1]) <= int(match[2]) < 65536:
        raise Refused(f"is {_shown(value)}, not a range of ports", instead="Write it as 49153-65535.")
    return match[0]


def _pair(key: Key, value: t.Any, _platform: str) -> str:
    members = value.split(",") if isinstance(value, str) else value
    texts = [str(member).strip() for member in members] if isinstance(members, list) else []
    if len(texts) != 2 or not all(_INTEGER.fullmatch(text) for text in texts):
        raise Refused(f"is {_shown(value)}, not two whole numbers", instead='Write it as "40,60".')
    for text in texts:
        _within(int(text), key.minimum, _LARGEST, text)
    return ",".join(str(int(text)) for text in texts)


def _csv(_key: Key, value: t.Any, _platform: str) -> str:
    members = value.split(",") if isinstance(value, str) else value
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise Refused(f"is {_type(value)}, not a list of texts", instead="Write a list such as [a, b].")
    # The agent keeps blanks beside a comma as a part of the name, which then fits nothing.
    texts = [member.strip() for member in members]
    if not all(texts) or any("," in text for text in texts):
        raise Refused("has an empty member, or one with a comma", instead="Write one name a member.")
    return ",".join(texts)


def _ports(_key: Key, value: t.Any, _platform: str) -> str:
    ports = _json(value, list, "[22, 2376]")
    for port in ports:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 65536:
            raise Refused(f"has {_shown(port)}, which is no port", instead="Write numbers from 0 to 65535, unquoted.")
    return _dumped(ports)


def _texts(_key: Key, value: t.Any, _platform: str) -> str:
    texts = _json(value, list, '["efsAuth"]')
    for text in texts:
        if not isinstance(text, str):
            raise Refused(f"has {_type(text)}, not only strings", instead='Write each in double quotes: ["efsAuth"].')
    return _dumped(texts)


def _names(key: Key, value: t.Any, _platform: str) -> str:
    names = _json(value, list, '["json-file", "awslogs"]')
    for name in names:
        if not isinstance(name, str) or name not in key.choices:
            hint = did_you_mean(name, list(key.choices)) if isinstance(name, str) else ""
            raise Refused(
                f"has {_shown(name)}, a logging driver that the agent does not know{_FATAL}",
                instead=f"{hint} It knows {', '.join(key.choices)}.".strip(),
            )
    return _dumped(names)


def _map(key: Key, value: t.Any, _platform: str) -> str:
    entries = _json(value, dict, '{"name": "value"}')
    for name, entry in entries.items():
        if not isinstance(entry, str):
            raise Refused(f"is {_type(entry)} at {name}, not a string", instead='Put it in quotes: "...".')
        if key.longest and (len(name) > key.longest[0] or len(entry) > key.longest[1]):
            raise Refused(
                f"has a name or a value of too many characters at {name[:20]}",
                instead=f"A name has at most {key.longest[0]}, a value {key.longest[1]}.",
            )
    return _dumped(entries)


def _networks(_key: Key, value: t.Any, _platform: str) -> str:
    networks = _json(value, list, '["10.0.0.0/16"]')
    for network in networks:
        if not isinstance(network, str) or not _is_network(network):
            raise Refused(f"has {_shown(network)}, which is no network", instead='Write ["10.0.0.0/16"].')
    return _dumped(networks)


def _credentials(_key: Key, value: t.Any, _platform: str) -> str:
    registries = _json(value, dict, '{"registry.example.com": {...}}')
    for registry, entry in registries.items():
        if not isinstance(entry, dict) or not all(isinstance(member, str) for member in entry.values()):
            raise Refused(f"has something else than an object of strings at {registry}", instead="Write {...} there.")
    return _dumped(registries)


def _proxy_url(_key: Key, value: t.Any, _platform: str) -> str:
    # Imported here and below, as most files that are edited set no proxy this way.
    from . import _proxy_ecs

    return _proxy_ecs.url(value)


def _no_proxy_list(_key: Key, value: t.Any, _platform: str) -> str:
    from . import _proxy_ecs

    return _proxy_ecs.no_proxy(value)


_RENDER: t.Dict[str, t.Callable[[Key, t.Any, str], str]] = {
    "choice": _choice,
    "credentials": _credentials,
    "csv": _csv,
    "duration": _duration,
    "integer": _integer,
    "map": _map,
    "names": _names,
    "networks": _networks,
    "no proxy": _no_proxy_list,
    "number": _number,
    "pair": _pair,
    "path": _path,
    "port range": _port_range,
    "ports": _ports,
    "proxy": _proxy_url,
    "size": _size,
    "switch": _switch,
    "text": _text,
    "texts": _texts,
}


# What they share --------------------------------------------------------------------------------------------------


def _within(value: int, low: Bound, high: Bound, text: str, *, shown: t.Tuple[Bound, Bound] = (None, None)) -> None:
    if (isinstance(low, int) and value < low) or (isinstance(high, int) and value > high):
        least, most = (low, high) if shown == (None, None) else shown
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise Refused(f"is {text}, which its reader does not take", instead=f"Write {bounds}.")


def _nanoseconds(text: str) -> t.Optional[int]:
    """Return the length of what time.ParseDuration reads, None for what it doesn't."""
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        fraction = part["fraction"] or "" if part else ""
        if not part or not (part["whole"] or fraction):
            return None
        unit = _NANOSECONDS[part["unit"]]
        total += int(part["whole"] or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        position = part.end()
    return sign * total if position and total <= _LARGEST else None


def _json(value: t.Any, kind: type, example: str) -> t.Any:
    """Return a value of this JSON type, given as it is or as JSON text."""
    loaded = _loaded(value) if isinstance(value, str) else value
    if not isinstance(loaded, kind):
        raise Refused(f"is {_type(loaded)}, not {_TYPES[kind]}", instead=f"Write {example}.")
    if isinstance(loaded, dict) and not all(isinstance(name, str) for name in loaded):
        raise Refused("has a name that is not text", instead=f"Put it in quotes, as in {example}.")
    return loaded


def _loaded(text: str) -> t.Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        place = f" at character {exc.pos + 1}" if isinstance(exc, json.JSONDecodeError) else ""
        # `from None`: the chained error holds the text.
        raise Refused(f"is not JSON{place}", instead="Write a list or a dictionary, or one as JSON.") from None


def _once(pairs: t.List[t.Tuple[str, t.Any]]) -> t.Dict[str, t.Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(name: str) -> t.NoReturn:
    raise ValueError(name)


def _dumped(value: t.Any) -> str:
    # Characters as they are: an escape would be a backslash, which the file can't carry.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_network(text: str) -> bool:
    from . import _no_proxy

    address, _slash, length = text.partition("/")
    bits = 32 if _no_proxy.ip4_or_none(address) else 128 if _no_proxy.ip6_or_none(address) else -1
    return _PREFIX.fullmatch(length) is not None and int(length) <= bits


_TYPES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a dictionary",
    type(None): "null",
}


def _type(value: t.Any) -> str:
    return _TYPES.get(type(value), type(value).__name__)


def _shown(value: t.Any) -> str:
    """Return a value for a message; only for kinds that hold no secret."""
    return repr(value)[:60] if isinstance(value, (str, int, float)) else _type(value)
