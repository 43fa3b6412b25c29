# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""A warning as data, so that it can be shown once, tested, and put into a report."""

from __future__ import annotations

import typing as t


class Notice(t.NamedTuple):
    """What one reader will not do as the user may expect. It never holds a secret."""

    reader: str  # who reads the value: 'dockerd', 'curl', 'java', 'docker.service', ...
    entry: str  # the setting it is about, as the user wrote it: '10.0.0.0/8', 'log-driver', ...
    why: str  # a sentence fragment: what happens and what to do about it

    def __str__(self) -> str:
        return f"{self.reader}: {self.entry}: {self.why}"
