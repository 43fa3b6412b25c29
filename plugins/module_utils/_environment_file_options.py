# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""One variable that holds a command line, such as REPLICATED_OPTS="-e HTTP_PROXY=...", in a file that systemd reads.

Ours are the words `-e NAME=value` in it, which `docker run` takes. systemd splits an unbraced $REPLICATED_OPTS at
blanks and takes quotes and backslashes out of the words; the Upstart job sources the file with a shell, which splits
it too, but leaves those in. So a value with any of them can't reach both.
"""

from __future__ import annotations

import re
import typing as t

from . import _environment_file_lines as _lines
from . import _environment_file_systemd, _systemd_syntax
from ._errors import Refused

_MADE_LINE = "# The line below was added by fleetops.container_hosts."
_PLAIN = r"[A-Za-z0-9_@%+=:,./-]*"
# The raw value: blanks, one string in quotes or without any, and what systemd trims.
_RAW = re.compile(
    r"""(?P<before>(?:[ \t]+(?=[^ \t\r]))?)"""
    rf"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>{_PLAIN}))(?P<after>[ \t\r]*)\Z""",
    re.DOTALL,
)
_CHARACTER = re.compile(r'\\\n|\\[\\"`$]|.', re.DOTALL)
_WORD = re.compile(r"""(?:[^ \t\r\n'"\\]|\\.|'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)|\\\Z)+""", re.DOTALL)
_SPLIT_AT = " \t\r\n'\"\\"


class _Setting(t.NamedTuple):
    """One `-e NAME=value`, or `-e NAME`, in the decoded string: the whole, and where NAME=value stands."""

    name: str
    value: t.Optional[str]
    start: int
    begin: int
    end: int


def edit(content: t.Optional[bytes], variable: str, wanted: t.Mapping[str, t.Optional[str]]) -> t.Optional[bytes]:
    """Return `content` with the words for these variables in the string that `variable` holds; None takes them out.

    Raises Refused for a value that both readers would not get alike, and for a string that is not one in quotes.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    for name, value in given.items():
        _check(name, value)
    text = _lines.decode(content)
    holders = [found for found in _systemd_syntax.file_assignments(text) if found.name == variable]
    if not holders:
        if not given:
            return content
        line = f'{variable}="{_in_double_quotes(_joined(given))}"'
        result = _lines.append(None if content is None else text, [_MADE_LINE, line])
        return _read_back(text, result, variable, wanted)
    holder = holders[-1]  # the last is what counts
    end = min(holder.end, len(text))
    raw = text[holder.begin : end]
    parts = _RAW.match(raw)
    if parts is None:
        raise Refused(
            f"{variable} is not one string in quotes",
            where=f"line {holder.line}",
            instead=f'Write it as {variable}="...", with nothing before or behind the quotes.',
        )
    string = _String(parts)
    edited = string.edited(wanted)
    start, finish = _environment_file_systemd.line_of(text, holder)
    made = f"{_MADE_LINE}\n"
    if not given and edited in ('""', "") and raw != edited and text[:start].endswith(made):
        result = _lines.cut(text, start - len(made), finish)
        return None if result == _lines.MADE_FILE + "\n" else _lines.encode(result)
    result = text[: holder.begin] + parts["before"] + edited + parts["after"] + text[end:]
    return _read_back(text, result, variable, wanted)


def settings(content: bytes, variable: str) -> t.Dict[str, t.Optional[str]]:
    """Return what the `-e` words in the string set, by name; None for a variable that is passed on as it is."""
    values = {found.name: found.value for found in _systemd_syntax.file_assignments(_lines.decode(content))}
    return {setting.name: setting.value for setting in _settings(values.get(variable, ""))}


def settings_among(words: t.Iterable[str]) -> t.Dict[str, t.Optional[str]]:
    """Return the same of a command line, whose words no reader is going to split or unquote any more."""
    found: t.Dict[str, t.Optional[str]] = {}
    flag = False
    for word in words:
        prefix = re.match(r"--env=|-e=?(?=.)", word)
        if flag or prefix:
            name, equals, value = word[0 if flag or prefix is None else prefix.end() :].partition("=")
            found[name] = value if equals else None
        flag = not flag and word in ("-e", "--env")
    return found


def words(content: bytes, variable: str) -> t.Tuple[t.Optional[int], t.Dict[str, str]]:
    """Return the line of `variable`, None where it is not set, and what each `-e NAME=value` in it sets."""
    holders = [found for found in _systemd_syntax.file_assignments(_lines.decode(content)) if found.name == variable]
    if not holders:
        return None, {}
    found = _settings(holders[-1].value)
    return holders[-1].line, {setting.name: setting.value for setting in found if setting.value is not None}


def _check(name: str, value: str) -> None:
    _environment_file_systemd.check(name, value)
    for char in value:
        if char in _SPLIT_AT or ord(char) < 32 or ord(char) == 127:
            raise Refused(
                f"holds {char!r}; the options string is split at blanks, and its readers differ in quotes",
                where=name,
                instead="Leave it out; in a URL it can be percent-encoded.",
            )


def _joined(given: t.Mapping[str, str]) -> str:
    return " ".join(f"-e {name}={value}" for name, value in given.items())


def _in_double_quotes(text: str) -> str:
    # A shell reads these escapes as systemd does.
    return _systemd_syntax.file_line("X", text, where="")[len('X="') : -1]


class _String:
    """The string of an options variable: its raw text between the quotes, and what it reads as."""

    def __init__(self, parts: t.Match[str]) -> None:
        self.quote = '"' if parts["double"] is not None else "'" if parts["single"] is not None else ""
        self.raw = next(part for part in (parts["double"], parts["single"], parts["bare"]) if part is not None)
        self.text = ""
        self.places: t.List[int] = []  # where in `raw` each character of `text` stands
        for match in _CHARACTER.finditer(self.raw) if self.quote == '"' else re.finditer(r"(?s).", self.raw):
            char = match[0]
            if char != "\\\n" or self.quote != '"':
                self.text += char[-1]
                self.places.append(match.start())
        self.places.append(len(self.raw))

    def edited(self, wanted: t.Mapping[str, t.Optional[str]]) -> str:
        """Return the string with its quotes, and `wanted` in it.

        One without quotes gets them, and a blank at its end by which it is known when ours are taken out again.
        """
        given = {name: value for name, value in wanted.items() if value is not None}
        settings = [setting for setting in _settings(self.text) if setting.name in wanted]
        if len(settings) == len(given) and {setting.name: setting.value for setting in settings} == given:
            return self.quote + self.raw + self.quote
        marked = bool(settings) and self.text.endswith(" ") and settings[-1].end == len(self.text) - 1
        first = {setting.name: setting for setting in reversed(settings)}
        added = _joined({name: value for name, value in given.items() if name not in first})
        raw = self.raw
        if added:
            end = self.places[len(self.text) - marked]
            blank = " " if self.text else ""
            raw = raw[:end] + blank + self._encoded(added) + raw[end:]
        for setting in reversed(settings):
            value = given.get(setting.name)
            begin, end = setting.begin, setting.end
            new = f"{setting.name}={value}"
            if value is None or first[setting.name] != setting:
                begin, end, new = *self._with_a_blank(setting), ""
            raw = raw[: self.places[begin]] + self._encoded(new) + raw[self.places[end] :]
        if not self.quote and given:
            return f'"{raw} "'
        if marked and not given and re.fullmatch(_PLAIN, raw[:-1]):
            return raw[:-1]
        return self.quote + raw + self.quote

    def _with_a_blank(self, setting: _Setting) -> t.Tuple[int, int]:
        if setting.start:
            return setting.start - 1, setting.end
        return 0, min(setting.end + 1, len(self.text))

    def _encoded(self, text: str) -> str:
        return text if self.quote == "'" else _in_double_quotes(text)


def _settings(text: str) -> t.List[_Setting]:
    found = []
    flag: t.Optional[t.Match[str]] = None
    for word in _WORD.finditer(text):
        plain = _unquoted(word[0])
        prefix = re.match(r"--env=|-e=?(?=.)", plain)
        if flag is not None:
            found.append(_setting(plain, flag.start(), word.start(), word.end()))
            flag = None
        elif plain in ("-e", "--env"):
            flag = word
        elif prefix and plain == word[0]:
            found.append(_setting(plain[prefix.end() :], word.start(), word.start() + prefix.end(), word.end()))
    return found


def _setting(plain: str, start: int, begin: int, end: int) -> _Setting:
    name, equals, value = plain.partition("=")
    return _Setting(name, value if equals else None, start, begin, end)


def _unquoted(word: str) -> str:
    pieces = re.findall(r"""\\(.)|'((?:[^'\\]|\\.)*)'?|"((?:[^"\\]|\\.)*)"?|([^'"\\])""", word, re.DOTALL)
    return "".join(piece[0] or re.sub(r"(?s)\\(.)", r"\1", piece[1] or piece[2]) or piece[3] for piece in pieces)


def _read_back(before: str, after: str, variable: str, wanted: t.Mapping[str, t.Optional[str]]) -> bytes:
    """Return the bytes; raises Refused unless the string reads as wanted, and everything else as before."""
    given = {name: value for name, value in wanted.items() if value is not None}
    others, words, _ours = _view(before, variable, wanted)
    if _view(after, variable, wanted) != (others, words, given):
        raise Refused(
            f"{variable}, or what stands above it, has an open quote or a backslash that takes in what is added",
            instead="Close the quote, or remove the backslash.",
        )
    return _lines.encode(after)


def _view(
    text: str, variable: str, names: t.Container[str]
) -> t.Tuple[t.List[t.Tuple[str, str]], t.List[str], t.Dict[str, t.Optional[str]]]:
    """Return the file's other variables, and of the string the words that are not ours, and those that are."""
    values = [(found.name, found.value) for found in _systemd_syntax.file_assignments(text)]
    string = next((value for name, value in reversed(values) if name == variable), "")
    ours = [setting for setting in _settings(string) if setting.name in names]
    words = [
        word[0]
        for word in _WORD.finditer(string)
        if not any(setting.start <= word.start() < setting.end for setting in ours)
    ]
    return (
        [value for value in values if value[0] != variable],
        words,
        {setting.name: setting.value for setting in ours},
    )
