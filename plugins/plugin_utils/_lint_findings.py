# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What is wrong with an inventory, as data: gathered over hosts and roles, counted, and shown as a table."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import redact

from ._manifest_rules import ERROR, SEVERITIES, WARNING
from ._report_text import visible

# What each rule is about; docs/pipelines.md has the same.
RULES = (
    "argument",  # a role's own argument specification
    "file",  # a file of the controller that a role would send
    "no_hosts",
    "proxy",  # the proxy model itself
    "reader",  # what one reader makes of the model or of a setting
    "setting",  # a value that no reader would take as it is meant
    "template",  # a variable that can't be worked out
    "unknown_variable",
)
_NAMED = 3


class Finding(t.NamedTuple):
    """One thing that is wrong, of one role. It never holds a secret."""

    severity: str
    rule: str
    where: str  # a variable, a key, a reader and its entry
    what: str  # a sentence fragment
    mend: str  # what to write instead; may be empty


class Gathered:
    """Findings of many hosts. The same one of several hosts or roles is one."""

    def __init__(self) -> None:
        self._found: dict[Finding, tuple[dict[str, None], dict[str, None]]] = {}

    def add(self, findings: t.Iterable[Finding], hosts: t.Iterable[str], role: str = "") -> None:
        for finding in findings:
            known, roles = self._found.setdefault(masked(finding), ({}, {}))
            known.update(dict.fromkeys(hosts))
            if role:
                roles[role] = None

    def all(self) -> list[dict[str, t.Any]]:
        """Return a dict of each, the worst first, then those that most hosts have."""
        told = [
            {**finding._asdict(), "roles": list(roles), "hosts": list(hosts)}
            for finding, (hosts, roles) in self._found.items()
        ]
        return sorted(
            told,
            key=lambda each: (SEVERITIES.index(each["severity"]), -len(each["hosts"]), each["where"], each["what"]),
        )


def of_refusal(refused: Refused, rule: str = "setting", place: str = "") -> Finding:
    """Return what a refusal comes to; `place` is used where it names none."""
    if refused.where.startswith("container_hosts_proxy"):
        rule = "proxy"
    return Finding(ERROR, rule, refused.where or place, refused.what, refused.instead)


def of_notice(notice: Notice, severity: str = WARNING) -> Finding:
    """Return what a notice of a rendering comes to."""
    return Finding(severity, "reader", f"{notice.reader}: {notice.entry}", notice.why, "")


def masked(finding: Finding) -> Finding:
    """Return it without what looks like a credential: the net under what is said of values."""
    return finding._replace(where=redact(finding.where), what=redact(finding.what), mend=redact(finding.mend))


def table(findings: t.Sequence[dict[str, t.Any]], judged: int, width: int) -> list[str]:
    """Return the lines of a table for a terminal; the last one counts. `judged` is the number of hosts."""
    lines = []
    for finding in findings:
        head = f"{finding['severity']:<8}  "
        text = f"{finding['where']} {finding['what'].rstrip('.')}. {finding['mend']}".rstrip()
        text = f"{text} [{finding['rule']}] {_hosts(finding['hosts'])}".rstrip()
        # A place or an example is copied by people: it stays in one piece.
        lines += textwrap.wrap(
            visible(text),
            width,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )
    if lines:
        lines.insert(0, "severity  where, what is wrong, what to write instead [rule] hosts")
    counts = [f"{sum(each['severity'] == severity for each in findings)} {severity}" for severity in SEVERITIES]
    return [*lines, f"{', '.join(counts)}; {judged} host{'' if judged == 1 else 's'} judged"]


def _hosts(hosts: t.Sequence[str]) -> str:
    more = len(hosts) - _NAMED
    return ", ".join(hosts[:_NAMED]) + (f" and {more} more" if more > 0 else "")
