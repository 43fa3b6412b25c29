# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import Refused
from ..plugin_utils import _rollout

DOCUMENTATION = r"""
name: rollout_progress
short_description: Tell how far a rollout is after a batch
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Made for the playbook C(fleetops.container_hosts.rollout), and for playbooks that are written after it.
options:
  _input:
    description:
      - The hosts of the last batch with their outcomes, V(done), V(rolled_back), V(failed) (neither changed nor back),
        V(refused) (nothing was changed) or V(lost) (out of reach).
    type: dict
    required: true
  hosts:
    description: All hosts of the rollout, in its order.
    type: list
    elements: str
    required: true
  serial:
    description: The sizes of its batches, as numbers or percentages; the last one counts for all that follow.
    type: list
    elements: raw
    required: true
  elapsed:
    description: Seconds since the first batch began.
    type: float
    required: true
  forks:
    description: How many hosts are worked on at once.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Tell how far it is
  ansible.builtin.debug:
    msg: >-
      {{ {'host-1': 'done'} | fleetops.container_hosts.rollout_progress(hosts=ansible_play_hosts_all, serial=[1, '25%'],
                                                                        elapsed=70.5) }}
"""

RETURN = r"""
_value:
  description: What to print.
  type: list
  elements: str
  sample: ["Batch 1 of 5: 1 of 40 done, 39 left, about 4 min 40 s to go."]
"""


def rollout_progress(
    outcomes: t.Mapping[str, str], hosts: t.Sequence[str], serial: t.Any, elapsed: t.Any, forks: t.Any = 5
) -> list[str]:
    unknown = sorted({str(outcome) for outcome in outcomes.values()} - set(_rollout.OUTCOMES))
    if unknown:
        raise AnsibleFilterError(
            f"rollout_progress: {', '.join(unknown)} is no outcome. Write one of {', '.join(_rollout.OUTCOMES)}."
        )
    try:
        sizes = _rollout.sizes(len(hosts), serial)
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc
    places = [place for place, host in enumerate(hosts) if host in outcomes]
    before = min(places, default=0)
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    number = next((number for number, end in enumerate(ends, 1) if end > before), len(sizes))
    progress = _rollout.Progress(len(hosts), dict(outcomes), before, sizes, number, float(elapsed), int(forks))
    return _rollout.lines(progress)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_progress": rollout_progress}
