# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Asks the kernel as another user of this host, so that groups, ACLs and all else count as they do for that one."""

from __future__ import annotations

import json
import os
import typing as t


def ask(user: int, group: int, groups: t.Sequence[int], question: t.Callable[[], t.Any]) -> t.Any:
    """Return what `question` returns, which must be more than None and fit into JSON, in a process of that user.

    None where there could be no such process, as for anyone but root.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Only the child becomes the user, and for good: there is no way back from it.
        try:
            os.setgroups(list(groups))
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                json.dump(question(), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None
