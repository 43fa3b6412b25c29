# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""/etc/ecs/ecs.config as bytes, within what its readers understand alike.

ecs-init cuts each line at its first `=` and passes the two parts on to the agent's container: it knows no comment, no
quote and no escape. systemd reads the same file for the environment of ecs-init itself, and knows all of them.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused
from ._systemd_syntax import parse_file

# The first line of a file that we make, by which it is told from one that was there. It has no `=`: see above.
MADE = b"# This file was made by fleetops.container_hosts."
# What Go's strings.TrimSpace takes away.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Bytes. `docker run --env-file`, by which an agent is started by hand, reads no longer line, and no line after it.
MAX_LINE = 65534

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Line(t.NamedTuple):
    """A line as ecs-init reads it. `name` is None for one without `=`, which it skips."""

    number: int
    name: t.Optional[str]
    value: str
    raw: bytes  # with its line end

    @property
    def meant(self) -> str:
        """The name without the blanks round it: systemd takes them away, and ecs-init takes them for a part of it."""
        return (self.name or "").strip(" \t")


def lines(content: bytes) -> t.List[Line]:
    """Return the lines of a file."""
    found = []
    for number, raw in enumerate(re.findall(rb"[^\n]*\n|[^\n]+\Z", content), 1):
        name, equals, value = raw.decode("utf-8", "surrogateescape").strip(BLANKS).partition("=")
        found.append(Line(number, name if equals else None, value, raw))
    return found


def environment(content: t.Optional[bytes]) -> t.Dict[str, str]:
    """Return name -> value as the agent's container gets them; the last line of a name counts."""
    return {line.name: line.value for line in lines(content or b"") if line.name is not None}


def is_made(content: t.Optional[bytes]) -> bool:
    """Tell whether a file is one that we made, and not one that was there."""
    return content is not None and content.startswith(MADE + b"\n")


def is_name(name: str) -> bool:
    """Tell whether both readers take `name` for a variable's."""
    return _NAME.fullmatch(name) is not None


def check(name: str, value: str) -> None:
    """Raise Refused for a name or a value that the readers understand differently. No value is shown."""
    if not is_name(name):
        raise Refused("is no variable's name", where=name, instead="Use letters, digits and _, no digit first.")
    for char in value:
        if ord(char) < 32 or 127 <= ord(char) < 160:
            raise Refused(f"holds the control character {char!r}", where=name, instead="Remove it.")
        if _is_no_character(ord(char)):
            raise Refused("is not valid Unicode", where=name, instead="Write it as UTF-8.")
    if value != value.strip():
        raise Refused(
            "begins or ends with a blank, which one reader keeps and the other does not",
            where=name,
            instead="Remove it; a newline at the end often comes from a file.",
        )
    if value[:1] in ("'", '"'):
        raise Refused(
            "begins with a quotation mark, which the agent takes for a part of the value and systemd does not",
            where=name,
            instead="Leave the quotes out: a value may hold blanks as it is.",
        )
    if "\\" in value:
        raise Refused(
            "holds a backslash, which systemd takes away and the agent does not",
            where=name,
            instead='Leave it out; in JSON, also what needs one: ", \\ and control characters within a text.',
        )
    size = len(name) + 1 + len(value.encode("utf-8"))
    if size > MAX_LINE:
        raise Refused(
            f"becomes a line of {size} bytes; docker run --env-file reads none of more than {MAX_LINE}",
            where=name,
            instead="Shorten it.",
        )


def edit(
    content: t.Optional[bytes], settings: t.Mapping[str, str], remove: t.Collection[str] = ()
) -> t.Optional[bytes]:
    """Return the file with `settings` set and the names of `remove` taken out; no file is None.

    Of several lines of one name the last one stays, which is the one that counts. Raises Refused for a value that
    `check` refuses, and where what others wrote above it would make one reader miss a setting.
    """
    for name, value in settings.items():
        check(name, value)
    after = put(content, settings, remove)
    _verify(after or b"", settings)
    return after


def put(content: t.Optional[bytes], settings: t.Mapping[str, str], remove: t.Collection[str] = ()) -> t.Optional[bytes]:
    """Do what `edit` does, with values that may be anything: such as others wrote, and are to have back."""
    found = lines(content or b"")
    counts = {line.meant: line.number for line in found}
    kept: t.List[bytes] = []
    for line in found:
        if line.meant in settings and counts[line.meant] == line.number:
            kept.append(_assigned(line, settings[line.meant]))
        elif line.meant in settings or line.meant in remove:
            _drop(kept, line.raw)
        else:
            kept.append(line.raw)
    new = [_encoded(name, value) for name, value in settings.items() if name not in counts]
    return _with(content, b"".join(kept), new)


def _assigned(line: Line, value: str) -> bytes:
    if (line.name, line.value) == (line.meant, value):
        return line.raw
    end = line.raw[len(line.raw.rstrip(b"\r\n")) :]
    return _encoded(line.meant, value) + end


def _encoded(name: str, value: str) -> bytes:
    return f"{name}={value}".encode("utf-8", "surrogateescape")


def _drop(kept: t.List[bytes], raw: bytes) -> None:
    """Leave a line out. The last line of a file may have no end; then the one before it must have none either."""
    if kept and not raw.endswith(b"\n"):
        kept[-1] = kept[-1][:-1]


def _with(content: t.Optional[bytes], kept: bytes, new: t.List[bytes]) -> t.Optional[bytes]:
    """Return `kept` with new lines at its end, so that taking them out again leaves each byte as it was."""
    if content is None:
        return b"\n".join([MADE, *new, b""]) if new else None
    if kept == MADE + b"\n" != content and not new:
        return None
    if kept and not kept.endswith(b"\n"):
        return kept + b"".join(b"\n" + line for line in new)
    end = b"\r\n" if kept.endswith(b"\r\n") else b"\n"
    return kept + b"".join(line + end for line in new)


def _verify(after: bytes, settings: t.Mapping[str, str]) -> None:
    """Raise Refused if systemd does not read every setting in the file."""
    read = parse_file(after.decode("utf-8", "surrogateescape"))
    by_name = {name: value for name, value, _number in read}
    for line in lines(after):
        if line.name is None or line.name not in settings or by_name.get(line.name) == line.value:
            continue
        above = max((number for _name, _value, number in read if number < line.number), default=1)
        raise Refused(
            "would be missed by systemd, for which something above it goes on there: a quotation mark that is never "
            "closed, or a backslash at the end of a line",
            where=f"line {line.number}: {line.name}",
            instead=f"Look at line {above} and those below it.",
        )


def _is_no_character(code: int) -> bool:
    # Surrogates, and what Unicode promises never to be a character; systemd drops a variable that holds one.
    return 0xD800 <= code < 0xE000 or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
