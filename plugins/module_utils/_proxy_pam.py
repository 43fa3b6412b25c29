# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Variables for /etc/environment, in the subset that pam_env, shells and systemd's EnvironmentFile= read alike.

Source: linux-pam modules/pam_env/pam_env.c, _parse_env_file.
"""

from __future__ import annotations

import typing as t

from . import _proxy_shell
from ._errors import Refused
from ._rendered import Notices, Rendered

# Bytes of a line without its newline. A longer one ends the parse: every later line is lost as well.
MAX_LINE = 8190
_MAX_LINE_OLD = 1022

_POISON = {
    "'": "ends the quotes; pam_env knows no escape",
    "#": "begins a comment for pam_env, inside quotes too",
    "\t": "is read differently by the readers of this file",
}


def lines(variables: t.Mapping[str, str]) -> Rendered:
    """Return one NAME='value' line for each variable. Raises Refused as `assignment` does."""
    notices = Notices()
    text = ""
    for name, value in variables.items():
        line = assignment(name, value)
        if len(line.encode("utf-8")) > _MAX_LINE_OLD:
            notices.add(
                "pam_env before 1.5",
                name,
                f"reads no line of more than {_MAX_LINE_OLD} bytes, and then none of the lines after it",
            )
        text += line + "\n"
    return Rendered(text, notices.all())


def assignment(name: str, value: str) -> str:
    """Return NAME='value'. Raises Refused, naming the character, for what the readers of this file read differently."""
    _proxy_shell.check(name, value)
    for char, why in _POISON.items():
        if char in value:
            raise Refused(
                f"holds {char!r}, which {why}",
                where=name,
                instead="Leave it out, or set it elsewhere (a unit's drop-in).",
            )
    line = f"{name}='{value}'"
    size = len(line.encode("utf-8"))
    if size > MAX_LINE:
        raise Refused(
            f"becomes a line of {size} bytes; pam_env reads none of more than {MAX_LINE}, and then nothing after it",
            where=name,
            instead="Replace hosts by their domain, and addresses by their network.",
        )
    return line
