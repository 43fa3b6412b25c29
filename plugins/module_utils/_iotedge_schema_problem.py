# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What is wrong with IoT Edge's config.toml, as data: all of it is collected before any is raised."""

from __future__ import annotations

import typing as t

Path = t.Tuple[str, ...]


class Problem(t.NamedTuple):
    """What is wrong, at which key (a path), and what to write instead. It never holds a secret."""

    path: Path
    what: str
    instead: str
