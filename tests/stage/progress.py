# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines: what is being done, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import typing as t

_lock = threading.Lock()


@contextlib.contextmanager
def step(what: str) -> t.Iterator[None]:
    """Say that something begins, and on success how long it took. Steps may run side by side, so a line is whole."""
    begun = time.monotonic()
    _say(f"   .... {what}")
    yield
    _say(f"  {time.monotonic() - begun:4.0f} s {what}")


def _say(line: str) -> None:
    with _lock:
        print(line, file=sys.stderr, flush=True)
