# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running systemd (252 and 257) makes of files that were edited for it, whatever stood in them before."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _environment_file_options,
    _environment_file_systemd,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.tests.conformance.test_systemd import (
    EVERY_CLASS,
    FOLDER,
    SCALE,
    SLOW,
    Systemd,
)
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

FILE = "/run/edited"
# Each example is one start of the unit, and asks about many files.
FEW = settings(SLOW, max_examples=5 * SCALE, phases=[Phase.explicit, Phase.generate])
NAMES = ("X", "Y")
VALUES = st.text(st.sampled_from(EVERY_CLASS), max_size=12)
LINES = st.sampled_from(
    [
        "A=1",
        "A=' b c '",
        'A="a\nb"',
        "A=x # y",
        "B = 2 ",
        "B=a\\ b\\",
        "B=it's",
        "B='open",
        "# X=1",
        "; X=1",
        "export X=1",
        "X=old",
        'X="old" # more',
        " X =\told\t",
        "Y='o\nl\nd'",
        "Y=o\\\nld",
        "",
    ]
)
FILES = st.builds(
    lambda lines, end, last: end.join(lines) + last,
    st.lists(LINES, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["\n", ""]),
)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def systemd(request, booted_host):
    prober = Systemd(booted_host(request.param))
    yield prober
    prober.close()


def numbered(text, number):
    """Return the text with variables of its own, since one process is asked about many files: A7=1."""
    return re.sub(r"\b([ABXY]|OPTS)(?=[ ]?=)", rf"\g<1>{number}", text)


def plain(name, value):
    """Return a value without the number, where an open quote took other variables in; what we set has none."""
    return value if name[0] in NAMES else re.sub(rf"([ABXY]){name[1:]}(?=[ ]?=)", r"\1", value)


@FEW
@given(st.lists(st.tuples(FILES, VALUES, VALUES), min_size=1, max_size=15))
@example([("A=1\r\nX='old'\r\nA=2", "$a\"`\\'", "#"), *(("A=1", char, "y") for char in EVERY_CLASS)])
def test_an_environment_file_sets_ours_and_all_else_as_before(systemd, cases):
    files, wanted = {}, []
    for text, *values in cases:
        number = len(files)
        values = [value.replace("\n", "") for value in values]
        given = [dict(zip((f"X{number + n}", f"Y{number + n}"), values, strict=True)) for n in range(3)]
        before, after, gone = (numbered(text, number + n).encode() for n in range(3))
        try:
            after = _environment_file_systemd.edit(after, given[1])
        except Refused:
            continue
        gone = _environment_file_systemd.edit(gone, given[2])
        gone = _environment_file_systemd.edit(gone, dict.fromkeys(given[2])) or b""
        wanted.append((number, dict(zip("XY", values, strict=True))))
        files.update({f"{FILE}{number + n}": content for n, content in enumerate((before, after, gone))})
    dropin = "[Service]\n" + "".join(f"EnvironmentFile={path}\n" for path in files)
    found = systemd.environment({f"{FOLDER}/x.conf": dropin.encode(), **files})
    for number, ours in wanted:
        before, after, gone = (
            {name[0]: plain(name, value) for name, value in found.items() if name[1:] == str(number + n)}
            for n in range(3)
        )
        assert after == {**before, **ours}
        assert gone == {name: value for name, value in before.items() if name not in ours}


WORDS = st.sampled_from(
    ["-d", "-e A=1", "-e X=old", "-eX=old", "--env=Y=old", "-l 'a b'", "-l $A", "--env Y", "-v /a:/b", "*", "a\\b"]
)
STRINGS = st.builds(
    lambda words, quote, blank: quote + blank.join(words) + quote,
    st.lists(WORDS, max_size=5),
    st.sampled_from(['"', "'", ""]),
    st.sampled_from([" ", "  ", " \\\n "]),
)


@FEW
@given(st.lists(st.tuples(STRINGS, VALUES), min_size=1, max_size=15))
@example([('"-e A=$B -d"', "http://u:p%40$w`x`@192.0.2.1:3128"), *(("-d", char) for char in EVERY_CLASS)])
def test_an_options_string_has_our_words_and_all_others_as_before(systemd, cases):
    files, wanted = {}, []
    for raw, value in cases:
        given = {"X": "".join(char for char in value if char.isprintable() and char not in " '\"\\"), "Y": "1"}
        number = len(files)
        before, after, gone = (f"A=a\nOPTS{number + n}={raw}\n".encode() for n in range(3))
        try:
            after = _environment_file_options.edit(after, f"OPTS{number + 1}", given)
        except Refused:
            continue
        gone = _environment_file_options.edit(gone, f"OPTS{number + 2}", given)
        gone = _environment_file_options.edit(gone, f"OPTS{number + 2}", dict.fromkeys(given))
        wanted.append(given)
        files.update({f"{FILE}{number + n}": content for n, content in enumerate((before, after, gone))})
    reads = "".join(f"EnvironmentFile={path}\n" for path in files)
    strings = " --- ".join(f"$OPTS{number}" for number in range(len(files)))
    command = f"ExecStart=\nExecStart=/bin/sh -c 'cat /proc/$$$$/cmdline' sh --- {strings}\n"
    output = systemd.output({f"{FOLDER}/x.conf": f"[Service]\n{reads}{command}".encode(), **files})
    parts = split_at([f"{name}={value}" if value else name for name, value in output], "---")[1:]
    assert len(parts) == max(1, 3 * len(wanted))
    for given, before, after, gone in zip(wanted, parts[::3], parts[1::3], parts[2::3], strict=False):
        foreign, _old = apart(before)
        assert apart(gone) == (foreign, {})
        assert apart(after) == (foreign, given)


def split_at(words, mark):
    parts = [[]]
    for word in words:
        if word == mark:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def apart(words):
    """Return the words that are not ours, and the variables of those that are, as docker run takes them."""
    foreign, ours = [], {}
    rest = iter(words)
    for word in rest:
        setting = next(rest, "") if word in ("-e", "--env") else re.sub(r"^(--env=|-e)", "", word)
        if setting.partition("=")[0] in NAMES and setting != word:
            ours[setting[0]] = setting[2:]
        else:
            foreign += [word] if setting == word else [word, setting]
    return foreign, ours
