# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""A change that is pending under a checkpoint, proven or taken back; or a proven one taken back later."""

from __future__ import annotations

import functools
import typing as t

from . import (
    _checkpoint,
    _guard_outcome,
    _guard_request,
    _hand_over,
    _host_settings,
    _units,
    _verified_restart_options,
)
from ._checkpoint import Checkpoint
from ._errors import Refused
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_verified_restart_options.ARGUMENT_SPEC,
    "checkpoint": {"type": "str"},
    "settings": {"type": "dict"},
    "deadline": {"type": "float", "default": _checkpoint.DEADLINE},
    "state": {"type": "str", "choices": ["verified", "rolled_back", "reported"], "default": "verified"},
    "commit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "this_run": {"type": "bool", "default": False},
    **_host_settings.LIBRARY_SPEC,
}


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Prove or take back what is pending under the checkpoint; see ARGUMENT_SPEC and the module's documentation.

    Raises Failed with the guard's report where the change was taken back.
    """
    if not _units.booted(run.root):
        raise Refused("does not run on this host, so nothing can be restarted", where="systemd")
    _host_settings.receive_library(params)
    if params["state"] == "rolled_back" and not params["checkpoint"]:
        from . import _going_back

        names = _going_back.last_run(run.root, only=str(params["run"]) if params["this_run"] else None)
        return {"checkpoints": [_ensure({**params, "checkpoint": name}, run) for name in names]}
    if not params["checkpoint"]:
        raise Refused("is missing", where="checkpoint", instead="Only state: rolled_back finds it by itself.")
    return _ensure(params, run)


def _ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    checkpoint = Checkpoint(params["checkpoint"], root=run.root, deadline=params["deadline"])
    if params["state"] == "reported":
        return {"checkpoint": checkpoint.name, "outcome": _report(checkpoint, run)}
    back = None
    if params["state"] == "rolled_back":
        from . import _going_back

        back = functools.partial(_going_back.Back, checkpoint, params["commit"], params["force"], run)
    settings = params["settings"] or {}
    unknown = sorted(set(settings) - set(_host_settings.KINDS))
    if unknown:
        raise Refused(
            f"knows no {unknown[0]}", where="settings", instead=f"Its keys: {', '.join(_host_settings.KINDS)}."
        )
    request = _guard_request.request(params, _host_settings.checked(settings), run)
    return _hand_over.act(checkpoint, request, run, back)


def _report(checkpoint: Checkpoint, run: Run) -> t.Optional[t.Dict[str, t.Any]]:
    """Wait for a change that is under way, and return how the last one ended; raises Failed if it was taken back."""
    _hand_over.let_end(checkpoint)
    result = _guard_outcome.earlier(checkpoint, run)
    if result is not None:
        _guard_outcome.judge(checkpoint, result, {"outcome": result, "checkpoint": checkpoint.name})
    return result
