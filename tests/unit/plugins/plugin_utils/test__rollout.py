# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batches as Ansible itself makes them, and what is told after each."""

from __future__ import annotations

import pytest
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible_collections.fleetops.container_hosts.plugins.filter.rollout_progress import rollout_progress
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._rollout import duration, sizes
from hypothesis import given
from hypothesis import strategies as st

SPECS = st.lists(st.integers(1, 40) | st.integers(1, 100).map("{}%".format), min_size=1, max_size=4)


@given(st.integers(1, 200), SPECS)
def test_batches_are_those_that_ansible_makes(total, spec):
    class Inventory:
        def get_hosts(self, _pattern, order):
            return list(range(total))

    class Play:
        hosts, order, serial = "all", None, spec

    executor = PlaybookExecutor.__new__(PlaybookExecutor)
    executor._inventory = Inventory()
    assert [len(batch) for batch in executor._get_serialized_batches(Play())] == list(sizes(total, spec))


@pytest.mark.parametrize("spec", [[], [0], ["0%"], ["x"], [True], [-1], "10 %x"])
def test_no_size_of_a_batch(spec):
    with pytest.raises(Refused, match="rollout_batch"):
        sizes(10, spec)


HOSTS = [f"h{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("outcomes", "elapsed", "told"),
    [
        ({"h0": "done"}, 30, ["Batch 1 of 4: 1 of 10 done, 9 left, about 1 min 30 s to go."]),
        (
            {"h1": "done", "h2": "rolled_back", "h3": "lost", "h4": "done"},
            60,
            [
                "Batch 2 of 4: 3 of 10 done, 1 rolled back, 1 out of reach since the change began, 5 left.",
                "h2: rolled back",
                "h3: out of reach since the change began",
            ],
        ),
        ({"h9": "done"}, 90, ["Batch 4 of 4: 10 of 10 done, 0 left."]),
    ],
)
def test_what_is_told(outcomes, elapsed, told):
    assert rollout_progress(outcomes, HOSTS, [1, 4], elapsed, forks=5) == told


def test_a_batch_of_more_hosts_than_forks_takes_longer():
    told = rollout_progress({"h0": "done"}, HOSTS, [1, 9], 10, forks=3)
    assert told[0].endswith("about 30 s to go.")


def test_durations():
    assert [duration(each) for each in (0.4, 59, 61, 3600, 7384)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "1 h 0 min",
        "2 h 3 min",
    ]
