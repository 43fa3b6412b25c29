# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every editor and every document, and the search for the smallest document for which it doesn't."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

from .editors import SECRET, Editor

# A name is told, whatever it is; a damaged document may have a password in such a place.
_NAMED = re.compile(re.escape(SECRET.encode()) + rb"[^\"\n]*[\"']?\s*[:=.\]]")


class Broken(AssertionError):
    """A law doesn't hold. `law` tells failures of one kind from others."""

    def __init__(self, law: str, detail: str = "") -> None:
        self.law = law
        super().__init__(f"{law} {detail}".rstrip())


Source = bytes | None


def check(editor: Editor, source: Source) -> None:
    """Raise Broken for a law that doesn't hold for this document."""
    for read in editor.readers if source is not None else ():
        _called("reader", read, source)
    clean, refused_absent = _called("absent", editor.absent, source)
    if not refused_absent:
        _same("absent(absent(x)) == absent(x)", editor.absent, clean, clean)
        if not _is_within(clean or b"", source or b""):
            raise Broken("absent(x) only takes bytes out of x", repr(clean))
    if editor.present is None:
        return
    after, refused = _called("present", editor.present, source)
    if refused:
        return
    _same("present(present(x)) == present(x)", editor.present, after, after)
    if not refused_absent and (source is None or editor.exact(source)):
        _same("absent(present(x)) == absent(x)", editor.absent, after, clean)


def _called(law: str, function: t.Callable[[t.Any], t.Any], source: Source) -> tuple[t.Any, bool]:
    """The result, and whether it was refused."""
    try:
        return function(source), False
    except Refused as refused:
        if SECRET in str(refused) and not _NAMED.search(source or b""):
            raise Broken(f"{law}: no secret in a message", str(refused)) from refused
        return None, True
    except Exception as exc:
        place = exc.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
        raise Broken(f"{law}: {type(exc).__name__} in {where}", str(exc)[:200]) from exc


def _same(law: str, function: t.Callable[[Source], Source], source: Source, wanted: Source) -> None:
    result, refused = _called(law, function, source)
    if refused or result != wanted:
        raise Broken(law, f"{'refused' if refused else result!r}\n  from {source!r}\n  and not {wanted!r}")


def _is_within(part: bytes, whole: bytes) -> bool:
    """Whether nothing but gaps tells `part` from `whole`."""
    position = 0
    for byte in part:
        position = whole.find(byte, position) + 1
        if not position:
            return False
    return True


def smallest(editor: Editor, source: Source, broken: Broken, tries: int = 600) -> tuple[Source, Broken]:
    """A smaller document for which the same law doesn't hold, found by leaving parts out."""
    size = len(source or b"") // 2
    while source and size:
        position, cut = 0, False
        while position < len(source) and tries:
            tries -= 1
            shorter = source[:position] + source[position + size :]
            same = _broken(editor, shorter, broken.law)
            if same:
                source, broken, cut = shorter, same, True
            else:
                position += size
        size = 1 if cut and size == 1 and tries else size // 2
    return source, broken


def _broken(editor: Editor, source: Source, law: str) -> Broken | None:
    try:
        check(editor, source)
    except Broken as found:
        return found if found.law == law else None
    return None
