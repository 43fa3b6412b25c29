# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as no tool writes them: vendors' files (corpus/) that were damaged, and an editor's own words at random.

A document is told by its seed and number alone, so that it can be made again.
"""

from __future__ import annotations

import pathlib
import random
import re
import typing as t

CORPUS = pathlib.Path(__file__).parent / "corpus"

# What breaks readers: ends of text and lines, marks, halves of characters, what only Unicode takes for a blank.
_BYTES = (
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\t",
        b" ",
        b"\f",
        b"\v",
        b"\x1b",
        b"\x7f",
        b"\\",
        b"\\\n",
        b"\\\\",
        b"#",
    ),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f\x92\xbe", b"\xc3\xa9"),
    *("\x85\u2028\u00a0\ufffd\uffff\u0661".encode(), b"\\u0000", b"\\ud800", b"%", b"$x", b"`"),
)
_NUMBERS = (b"1e999", b"-0", b"9" * 5000, b"0x1F", b"1_000", b"NaN", b"18446744073709551616", b"1.0", b"007")
_OPENERS = (b"[", b"{", b"(", b'{"a":', b"[a.", b'"', b"'", b"'''", b'"""', b"\\", b"a.", b"\n[", b"${", b"/*")


def corpus(name: str) -> list[bytes]:
    """The files of an editor's folder."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def document(files: t.Sequence[bytes], words: t.Sequence[bytes], seed: str, number: int) -> bytes | None:
    """A document: one of the files or some of the words, and mostly damaged. None, the first one, is no file."""
    if number <= len(files):
        return files[number - 1] if number else None
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - nothing depends on nobody guessing it
    if rng.random() < 0.25:
        found = b"".join(rng.choice([*words, rng.choice(_BYTES)]) for _word in range(rng.randint(0, 25)))
    else:
        found = rng.choice(files)
    # A third are still what they were, in another dress: of the others, readers refuse the most.
    ways = _CHANGES if rng.random() < 0.35 else _DAMAGES
    for _time in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        found = rng.choice(ways)(rng, found, [*files, b"\n".join(words)], words)
    return found


_Damage = t.Callable[[random.Random, bytes, t.Sequence[bytes], t.Sequence[bytes]], bytes]


def _at(rng: random.Random, source: bytes) -> int:
    return rng.randint(0, len(source))


def _insert(source: bytes, position: int, new: bytes) -> bytes:
    return source[:position] + new + source[position:]


def _part(rng: random.Random, source: bytes) -> tuple[int, int]:
    start = _at(rng, source)
    return start, min(len(source), start + rng.choice((1, 2, 5, 20, 100)))


def _truncated(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    return source[: _at(rng, source)]


def _without_part(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    start, end = _part(rng, source)
    return source[:start] + source[end:]


def _odd_bytes(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    return _insert(source, _at(rng, source), rng.choice(_BYTES))


def _any_byte(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    position = _at(rng, source)
    return source[:position] + bytes([rng.randrange(256)]) + source[position + 1 :]


def _lines(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    """A line twice, gone, or in another one's place."""
    lines = source.splitlines(keepends=True) or [b""]
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        lines.insert(there, lines[here])
    elif how == 1:
        del lines[here]
    elif how == 2:
        lines[here], lines[there] = lines[there], lines[here]
    else:
        lines[here] = rng.choice((b" ", b"\t", b"#", b";", b"export ", b"\\")) + lines[here]
    return b"".join(lines)


def _line_ends(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    if rng.random() < 0.3:
        return source.rstrip(b"\r\n")
    return source.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\n \n")))


def _encoded(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    if rng.random() < 0.7:
        return b"\xef\xbb\xbf" + source
    return source.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-32")))


def _quotes(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    places = [found.start() for found in re.finditer(rb"[\"'`]", source)]
    if not places:
        return source + b'"'
    position = rng.choice(places)
    return source[:position] + rng.choice((b"'", b'"', b"", b'""', b"`")) + source[position + 1 :]


def _number(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    places = [found.span() for found in re.finditer(rb"\d+", source)]
    start, end = rng.choice(places) if places else (0, 0)
    return source[:start] + rng.choice(_NUMBERS) + source[end:]


def _nested(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    # Seldom deep: that is slow to read, and the same each time.
    times = rng.choice((2, 3, 5, 5, 20, 60, 3000) if rng.random() < 0.2 else (2, 3))
    return _insert(source, _at(rng, source), rng.choice(_OPENERS) * times)


def _word(rng: random.Random, source: bytes, _files: t.Any, words: t.Sequence[bytes]) -> bytes:
    lines = [0, *(found.end() for found in re.finditer(rb"\n", source))]
    position = rng.choice(lines) if rng.random() < 0.5 else _at(rng, source)
    return _insert(source, position, rng.choice(words) + rng.choice((b"", b"\n", b" ")))


def _crossed(rng: random.Random, source: bytes, files: t.Sequence[bytes], _words: t.Any) -> bytes:
    """A part of another file in the place of a part of this one."""
    other = rng.choice(files)
    start, end = sorted((_at(rng, other), _at(rng, other)))
    here, behind = _part(rng, source)
    return source[:here] + other[start:end] + source[behind:]


def _blanks(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    places = [found.end() for found in re.finditer(rb"[][{}:,=\n]", source)] or [0]
    return _insert(source, rng.choice(places), rng.choice((b" ", b"  ", b"\t", b"\n", b"\n\n", b"\r\n", b" \n")))


def _other_text(rng: random.Random, source: bytes, files: t.Sequence[bytes], _words: t.Any) -> bytes:
    """A quoted text in the place of another one; as a key, it may be there twice then."""
    places = [found.span() for found in re.finditer(rb'"[^"\n]*"', source)]
    texts = re.findall(rb'"[^"\n]*"', rng.choice(files))
    if not places or not texts:
        return source
    start, end = rng.choice(places)
    return source[:start] + rng.choice(texts) + source[end:]


def _without_line(rng: random.Random, source: bytes, *_: t.Any) -> bytes:
    lines = source.splitlines(keepends=True) or [b""]
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


_CHANGES: tuple[_Damage, ...] = (_blanks, _blanks, _other_text, _without_line, _line_ends, _number)
_DAMAGES: tuple[_Damage, ...] = (
    _truncated,
    _without_part,
    _odd_bytes,
    _odd_bytes,
    _any_byte,
    _lines,
    _lines,
    _line_ends,
    _encoded,
    _quotes,
    _number,
    _nested,
    _word,
    _word,
    _crossed,
)
