# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that are measured, and what each may cost."""

from __future__ import annotations

import pathlib
import typing as t

PLAYBOOKS = pathlib.Path(__file__).parent / "playbooks"


class Case(t.NamedTuple):
    """One role: playbooks/<name>/ours.yml runs it, builtin.yml reaches the same result by ansible.builtin tasks.

    `budget`: what the role's steady state may cost, in pings. `gain`: how many times more the other must cost.
    """

    name: str
    budget: float
    gain: float

    @property
    def ours(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "ours.yml"

    @property
    def builtin(self) -> pathlib.Path:
        return PLAYBOOKS / self.name / "builtin.yml"


CASES = (Case("moby", budget=2.0, gain=4.0),)
EMPTY = PLAYBOOKS / "empty.yml"
PING = PLAYBOOKS / "ping.yml"
