# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Options of one section of an INI file as dnf and yum read it, edited with every other byte kept.

A new option stands behind its section's header, and takes the line end before it along: so what is taken out again
leaves the file as it was, also where its last line has no end.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused

# What we add to a file without the section, so that it can be told from the administrator's own when it goes again.
MADE_SECTION = b"# The section below was added by fleetops.container_hosts."
MADE_FILE = b"# This file was made by fleetops.container_hosts."
_HEADER = re.compile(rb"[ \t]*\[([^\]\n]*)\]")


class _Line(t.NamedTuple):
    name: bytes  # of the option in the section, in lower case; b"" for any other line
    raw: bytes  # with its line end, and with the lines that continue it


def set_options(
    content: t.Optional[bytes], section: str, options: t.Mapping[str, t.Optional[str]]
) -> t.Optional[bytes]:
    """Return `content` with the options set, or taken out where their value is None. No file is None.

    An option that stands there already keeps its place; its doubles go. A value is one line of text. Raises Refused
    for a file that none of its readers could read.
    """
    wanted = {name.encode().lower(): value for name, value in options.items()}
    given = {name: value.encode() for name, value in wanted.items() if value is not None}
    lines, header = _parse(content or b"", section.encode())
    kept: t.List[_Line] = []
    seen: t.Set[bytes] = set()
    for line in lines:
        if line.name in given and line.name not in seen:
            seen.add(line.name)
            kept.append(line._replace(raw=_assigned(line.raw, given[line.name])))
        elif line.name in wanted:
            _drop(kept, line)
        else:
            kept.append(line)
    added = [name + b"=" + value for name, value in given.items() if name not in seen]
    if added and header is None:
        if not _opens_a_section(content or b""):
            raise Refused(
                "has an option before its first section, so that nothing can read it",
                instead=f"Write [{section}] above it, or remove it.",
            )
        marker = MADE_FILE if content is None else MADE_SECTION
        kept[:0] = [_Line(b"", b"\n".join([marker, b"[%s]" % section.encode(), *added]) + b"\n")]
    elif added:
        head = lines[t.cast("int", header)].raw
        text, end = _split(head)
        kept[t.cast("int", header)] = _Line(b"", text + b"".join((end or b"\n") + line for line in added) + end)
    result = b"".join(line.raw for line in kept)
    for name in given:
        _check_alone(result, section, name)
    return result if given else _without_ours(result, section.encode(), content)


def get_options(content: bytes, section: str) -> t.Dict[str, bytes]:
    """Return the options of a section, names in lower case; the last of several of one name counts."""
    lines, _header = _parse(content, section.encode())
    return {line.name.decode("ascii", "replace"): line.raw.partition(b"=")[2].strip() for line in lines if line.name}


def line_of(content: bytes, section: str, name: str) -> t.Optional[int]:
    """Return the line of an option, the last one of its name; None where it isn't there."""
    lines, _header = _parse(content, section.encode())
    number, found = 1, None
    for line in lines:
        found = number if line.name == name.encode().lower() else found
        number += line.raw.count(b"\n")
    return found


def _parse(content: bytes, section: bytes) -> t.Tuple[t.List[_Line], t.Optional[int]]:
    """Return the lines, and the index of the section's first header."""
    lines: t.List[_Line] = []
    header = None
    inside = False
    for raw in re.findall(rb"[^\n]*\n|[^\n]+\Z", content):
        opened = _HEADER.match(raw)
        option = re.match(rb"([^\s=:#;\[][^=:\n]*?)[ \t]*[=:]", raw)
        if opened:
            inside = opened[1] == section
            header = len(lines) if inside and header is None else header
        elif inside and raw[:1] in b" \t" and raw.strip() and lines[-1].name:
            lines[-1] = lines[-1]._replace(raw=lines[-1].raw + raw)
            continue
        lines.append(_Line(option[1].lower() if inside and option and not opened else b"", raw))
    return lines, header


def _split(raw: bytes) -> t.Tuple[bytes, bytes]:
    """Return a line's text and its end."""
    end = b"\r\n" if raw.endswith(b"\r\n") else b"\n" if raw.endswith(b"\n") else b""
    return raw[: len(raw) - len(end)], end


def _assigned(raw: bytes, value: bytes) -> bytes:
    """Return an option's line with another value; its spelling and blanks before the value stay."""
    match = t.cast("t.Match[bytes]", re.match(rb"[^=:\n]*[=:][ \t]*", raw))
    return match[0] + value + _split(raw)[1]


def _drop(kept: t.List[_Line], line: _Line) -> None:
    """Leave a line out. The last line of a file may have no end; then the one before it must have none either."""
    if not _split(line.raw)[1] and kept:
        kept[-1] = kept[-1]._replace(raw=kept[-1].raw[:-1])


def _check_alone(content: bytes, section: str, name: bytes) -> None:
    """Raise Refused if a reader may take a line further down for a part of an option's value."""
    lines, _header = _parse(content, section.encode())
    index = next(index for index, line in enumerate(lines) if line.name == name)
    below = [*lines[index].raw.split(b"\n")[1:], *(line.raw for line in lines[index + 1 :])]
    for raw in below:
        if raw[:1] in (b" ", b"\t") and raw.strip():
            raise Refused(
                f"has an indented line below [{section}] that continues no option, and would continue ours",
                # It may be a password's second half, so it isn't shown.
                instead="Remove it, or its indentation.",
            )
        if raw.strip() and raw[:1] not in (b"#", b";"):
            return


def _without_ours(result: bytes, section: bytes, content: t.Optional[bytes]) -> t.Optional[bytes]:
    """Return the file without the section, or None for the file, that we made, if nothing else came to be in it."""
    if content is None:
        return None
    for marker in (MADE_FILE, MADE_SECTION):
        made = b"\n".join([marker, b"[%s]" % section, b""])
        rest = result[len(made) :]
        if result.startswith(made) and _opens_a_section(rest):
            return None if marker is MADE_FILE and not rest else rest
    return result


def _opens_a_section(rest: bytes) -> bool:
    """Tell whether nothing but comments stands before the next section, so that no option is without its own."""
    for line in rest.split(b"\n"):
        if line.strip() and line[:1] not in b"#;":
            return _HEADER.match(line) is not None
    return True
