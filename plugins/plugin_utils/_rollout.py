# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""How a rollout is divided into batches, and what is told of it after each."""

from __future__ import annotations

import math
import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

DONE, ROLLED_BACK, FAILED, REFUSED, LOST = "done", "rolled_back", "failed", "refused", "lost"
OUTCOMES = {
    DONE: "done",
    ROLLED_BACK: "rolled back",
    FAILED: "neither changed nor back, see to them at once",
    REFUSED: "refused, and as they were",
    LOST: "out of reach since the change began",
}
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%\Z")


class Progress(t.NamedTuple):
    total: int
    outcomes: t.Mapping[str, str]  # of the last batch: host to outcome
    before: int  # hosts that were done in earlier batches
    batches: tuple[int, ...]  # the sizes of all
    number: int  # of the last batch, from 1
    elapsed: float  # seconds since the first batch began
    forks: int

    @property
    def bad(self) -> dict[str, str]:
        return {host: outcome for host, outcome in self.outcomes.items() if outcome != DONE}

    @property
    def done(self) -> int:
        return self.before + len(self.outcomes) - len(self.bad)

    @property
    def left(self) -> int:
        return self.total - self.before - len(self.outcomes)


def sizes(total: int, spec: t.Any) -> tuple[int, ...]:
    """Return the batches' sizes as Ansible's `serial` has them: numbers or percentages, the last one repeated."""
    asked = spec if isinstance(spec, (list, tuple)) else [spec]
    if not asked:
        raise Refused("is empty", where="rollout_batch", instead="Write 10, 25% or [1, 10%, 50%].")
    steps = [_size(total, entry) for entry in asked]
    found: list[int] = []
    while sum(found) < total:
        step = steps[min(len(found), len(steps) - 1)]
        found.append(min(step, total - sum(found)))
    return tuple(found)


def remaining(progress: Progress) -> float | None:
    """Return the seconds that the rest is going to take; None where nothing is known yet.

    What takes time is a round of as many hosts as there are forks.
    """
    rounds = [math.ceil(size / max(progress.forks, 1)) for size in progress.batches]
    behind, ahead = sum(rounds[: progress.number]), sum(rounds[progress.number :])
    return progress.elapsed / behind * ahead if behind else None


def lines(progress: Progress) -> list[str]:
    """Return what to print after a batch."""
    counts = [f"{progress.done} of {progress.total} done"]
    for outcome, said in OUTCOMES.items():
        number = list(progress.outcomes.values()).count(outcome)
        if outcome != DONE and number:
            counts.append(f"{number} {said}")
    counts.append(f"{progress.left} left")
    seconds = remaining(progress)
    if progress.left and not progress.bad and seconds is not None:
        counts.append(f"about {duration(seconds)} to go")
    told = [f"Batch {progress.number} of {len(progress.batches)}: {', '.join(counts)}."]
    told += [f"{host}: {OUTCOMES[outcome]}" for host, outcome in sorted(progress.bad.items())]
    return told


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _size(total: int, entry: t.Any) -> int:
    percent = _PERCENT.match(str(entry).strip())
    if percent:
        share = float(percent[1])
        size = max(1, int(share / 100 * total)) if share > 0 else 0
    else:
        size = int(str(entry).strip()) if str(entry).strip().isdigit() else 0
    if isinstance(entry, bool) or size < 1:
        raise Refused(f"{entry!r} is no size of a batch", where="rollout_batch", instead="Write 10 or 25%.")
    return size
