# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The flags that dockerd is started with: from its running process, or from its unit's ExecStart=."""

from __future__ import annotations

import os
import re
import typing as t

from ._docker_daemon_keys import KEYS, SHORT_FLAGS

_SWITCHES = {name for name, key in KEYS.items() if key.kind == "bool"} | {"help", "restart", "validate", "version"}
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORD = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)\Z")


def parse(arguments: t.Sequence[str]) -> t.Dict[str, t.List[str]]:
    """Return the flags by long name, in the order given; a switch without a value has 'true'.

    `arguments` are those after the program's name. pflag's rules: --a=b, --a b, -a b, -ab, and -ab=c for switches.
    """
    flags: t.Dict[str, t.List[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        elif word.startswith("-") and len(word) > 1:
            name, equals, value = _short(word)
            while name in _SWITCHES and not equals and value:
                flags.setdefault(name, []).append("true")
                name, equals, value = _short("-" + value)
            equals = equals or value  # -Hfd:// has its value without a sign
        else:
            continue
        if not equals and name in _SWITCHES:
            value = "true"
        elif not equals and rest:
            value = rest.pop(0)
        flags.setdefault(name, []).append(value)
    return flags


def _short(word: str) -> t.Tuple[str, str, str]:
    letter, rest = word[1], word[2:]
    return SHORT_FLAGS.get(letter, letter), rest[:1] if rest.startswith("=") else "", rest[rest.startswith("=") :]


def without(arguments: t.Sequence[str], names: t.Container[str]) -> t.List[str]:
    """Return the arguments without the flags of these long names, and without what is no flag."""
    return [f"--{name}={value}" for name, values in parse(arguments).items() if name not in names for value in values]


def from_exec_start(text: str, environment: t.Mapping[str, str]) -> t.List[str]:
    """Return the argv in what `systemctl show --property=ExecStart` prints, or in an ExecStart= line's value.

    Variables are replaced from `environment` as systemd does: ${NAME} anywhere, $NAME where it is a word of its own,
    split into words, and nothing is left of it where it isn't set.
    """
    # Imported here: only a unit that isn't running is asked for its ExecStart.
    import shlex

    shown = re.search(r"argv\[\]=(.*?) ; ignore_errors=", text)
    words = _split(shlex, shown.group(1) if shown else text.lstrip("@-:+!"))
    argv: t.List[str] = []
    for word in words:
        whole = _WORD.match(word)
        if whole:
            argv += _split(shlex, environment.get(whole.group(1), ""))
        else:
            argv.append(_BRACED.sub(lambda found: environment.get(found.group(1), ""), word))
    return argv


def _split(shlex: t.Any, text: str) -> t.List[str]:
    try:
        return t.cast("t.List[str]", shlex.split(text))
    except ValueError:  # systemctl prints words without their quotes, and a lone one may be left
        return text.split()


def of_process(pid: int, proc: str = "/proc") -> t.Optional[t.List[str]]:
    """Return a process's argv, or None where it is gone."""
    try:
        with open(f"{proc}/{pid}/cmdline", "rb") as handle:
            return [os.fsdecode(word) for word in handle.read().split(b"\0")[:-1]] or None
    except OSError:
        return None
