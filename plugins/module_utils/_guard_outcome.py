# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""How a change ended that the guard carried out, for whoever asked, and for those who come later."""

from __future__ import annotations

import time
import typing as t

from ._checkpoint import Checkpoint
from ._errors import Failed
from ._notice import Notice
from ._run import Run

_GOOD = ("committed", "deferred")


def judge(checkpoint: Checkpoint, result: t.Dict[str, t.Any], report: t.Dict[str, t.Any]) -> None:
    """Raise Failed, with the report, where the change was taken back."""
    if result["state"] not in _GOOD:
        raise Failed(_story(result), where=checkpoint.name, result=report)


def earlier(checkpoint: Checkpoint, run: Run) -> t.Optional[t.Dict[str, t.Any]]:
    """Return how the last change ended, if nobody has heard of it yet."""
    result = checkpoint.read("result.json")
    if result is not None:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(result["ended"]))
        run.notice(Notice(f"checkpoint {checkpoint.name}", f"the change that ended {when}", _story(result)))
        if not run.check_mode:
            checkpoint.remove("result.json")
    return result


def _story(result: t.Dict[str, t.Any]) -> str:
    """Return what happened, what was restored, and what runs now, for a person at 3 a.m."""
    units = [
        f"{name} is {now['active']}" + (f" (PID {now['main_pid']})" if now["main_pid"] else "")
        for name, now in result.get("units", {}).items()
    ]
    running = f" Now {', '.join(units)}." if units else ""
    if result["state"] == "committed":
        return f"it was proven and stays.{running}"
    if result["state"] == "deferred":
        return f"its files stay, and {', '.join(result['left'])} was left to be restarted by others.{running}"
    restored = ", ".join(result.get("restored", ())) or "no file had changed"
    foreign = [
        f"what someone else wrote to {path} is in {', '.join(kept)}" for path, kept in result.get("foreign", {}).items()
    ]
    troubles = "".join(f" Going back met trouble: {text.rstrip('.')}." for text in result.get("troubles", ()))
    return (
        f"{result['reason'].rstrip('.')}. Everything was taken back (restored: {restored}).{troubles}"
        + "".join(f" Look: {text}." for text in foreign)
        + running
    )
