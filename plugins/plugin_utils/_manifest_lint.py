# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Judges a deployment manifest: bytes in; findings as data, and as a table for people, out."""

from __future__ import annotations

import shutil
import textwrap
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _json_document

from . import (
    _manifest_lint_containers,
    _manifest_lint_hub,
    _manifest_lint_modules,
    _manifest_lint_proxy,
    _manifest_lint_twin,
)
from ._manifest import Path, read, shown
from ._manifest_rules import RULES, SEVERITIES, Finding

_WIDTH = 120


def lint(source: bytes, *, behind_proxy: bool = False, name: str = "") -> list[dict[str, t.Any]]:
    """Return what is wrong with a manifest, the worst first, and then by line.

    Each has severity (error, warning, info), rule, place, line (of what is there, or would contain it), what, mend and
    source. `behind_proxy` says that the devices are. Raises Refused for what is no manifest.
    """
    manifest = read(source, name=name)
    found: list[Finding] = [
        *_manifest_lint_proxy.findings(manifest, behind_proxy),
        *_manifest_lint_modules.findings(manifest),
        *_manifest_lint_hub.findings(manifest),
        *_manifest_lint_containers.findings(manifest),
        *_manifest_lint_twin.findings(manifest),
    ]
    told = [
        {
            "severity": finding.weight,
            "rule": finding.rule,
            "place": shown(manifest, finding.path),
            "line": _line(source, finding.path),
            "what": finding.what,
            "mend": finding.mend,
            "source": RULES[finding.rule].source,
        }
        for finding in found
    ]
    return sorted(told, key=lambda each: (SEVERITIES.index(each["severity"]), each["line"], each["place"]))


def at_least(findings: t.Sequence[dict[str, t.Any]], severity: str) -> list[dict[str, t.Any]]:
    """Return those that are as bad as `severity`, or worse."""
    bad = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return [finding for finding in findings if finding["severity"] in bad]


def table(findings: t.Sequence[dict[str, t.Any]], width: int | None = None) -> list[str]:
    """Return the lines of a table for a terminal; the last one counts."""
    room = width or max(80, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 0)).columns))
    lines = []
    for finding in findings:
        head = f"{finding['severity']:<8}{finding['line']:>5}  "
        text = f"{finding['place']} {finding['what']}. {finding['mend']} [{finding['rule']}]"
        blank = " " * len(head)
        # A place or an example is copied by people: it stays in one piece.
        lines += textwrap.wrap(
            text, room, initial_indent=head, subsequent_indent=blank, break_long_words=False, break_on_hyphens=False
        )
    if lines:
        lines.insert(0, "severity line  place, what is wrong, and what to write instead")
    counts = [
        f"{len([each for each in findings if each['severity'] == severity])} {severity}" for severity in SEVERITIES
    ]
    return [*lines, ", ".join(counts)]


def _line(source: bytes, path: Path) -> int:
    for end in range(len(path), 0, -1):
        line = _json_document.line_of(source, path[:end])
        if line is not None:
            return line
    return 1
