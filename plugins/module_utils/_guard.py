# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The guard: what systemd starts to carry a change out, and to take it back when nobody else will.

It finds out by itself what there is to do, from the checkpoint's files, so it may be killed and started again at
any time:

    request.json           carry out what verified_restart asks
    running.json           a guard died over such a request: take the change back, unless it was committed already
    deferred.json          all was proven but for units that were left to others: leave the files
    pending/, and --boot   the power went: restore the files, before any daemon has read them
    pending/, deadline     nobody proved the change in time, or its maker died: restore the files
    nothing                go, and take the guard's own units along
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import typing as t

from . import _guard_units
from ._checkpoint import DEFERRED, Checkpoint
from ._errors import Refused

if t.TYPE_CHECKING:
    from ._checkpoint_restore import Restored

# The power went in between; who would do it now may not be up.
_DRAINED = (
    "its work had been moved away (drain), and was not given back; do what drain.after says, and on a Nomad client "
    "nomad node drain -self -disable -yes"
)


def main() -> None:
    """Run as `python guard.zip NAME [--boot]`. Ends with 1 where systemd is to start it again."""
    name, *flags = sys.argv[1:]
    checkpoint = Checkpoint(name)
    code = _guard_units.identity(sys.argv[0])
    try:
        with checkpoint.locked(create=True):
            if _guard_units.identity(sys.argv[0]) not in (code, None):
                # Who held the lock has put other code in our place, and half of ours isn't loaded yet.
                os.execv(sys.executable, [sys.executable, "-I", "-B", *sys.argv])  # noqa: S606 - ourselves
            if "--boot" not in flags or not _armed_in_this_boot(checkpoint):
                act(checkpoint, boot="--boot" in flags)
    except (Refused, OSError) as exc:
        # To the journal. A full disk is the likeliest reason, and space may come.
        sys.stderr.write(f"{exc}\n")
        raise SystemExit(1) from exc


def act(checkpoint: Checkpoint, *, boot: bool = False) -> None:
    """Do what there is to do. Raises Refused or OSError where a file can't be restored: to be tried again."""
    request, running = checkpoint.read("request.json"), checkpoint.read("running.json")
    if running is not None and not boot:
        _transaction(checkpoint, running).after_a_crash()
    elif request is not None and not boot:
        os.rename(checkpoint.file("request.json"), checkpoint.file("running.json"))
        _transaction(checkpoint, request).carry_out()
    elif checkpoint.pending() and (running or request or not _deferred(checkpoint)):
        if not boot and not _guard_units.due(checkpoint):
            _guard_units.start_timer(checkpoint)  # who set the deadline anew may have died before this
            return
        from . import _checkpoint_restore  # in here, since most changes are proven

        restored = _checkpoint_restore.restore(checkpoint)
        checkpoint.write("result.json", _outcome(running or request or {}, restored, boot))
        checkpoint.forget()
    elif running is not None and running["pending"] and checkpoint.read("result.json") is None:
        # What was pending is no more, so it was proven; only the word of it was lost with the power.
        checkpoint.write("result.json", {"id": running["id"], "ended": time.time(), "state": "committed"})
    checkpoint.sweep()
    checkpoint.remove("request.json", "running.json")
    _guard_units.disarm(checkpoint)


def _transaction(checkpoint: Checkpoint, request: t.Dict[str, t.Any]) -> t.Any:
    # Not by an import statement: with that, Ansible would send the transaction and all that it needs with every module
    # that makes a change. verified_restart brings it along.
    module = importlib.import_module(f"{__package__}._transaction")
    return module.Transaction(checkpoint, request)


def _deferred(checkpoint: Checkpoint) -> bool:
    return bool((checkpoint.read(DEFERRED) or {}).get("units"))


def _armed_in_this_boot(checkpoint: Checkpoint) -> bool:
    return os.path.exists(checkpoint.root + _guard_units.ARMED.format(name=checkpoint.name))


def _outcome(request: t.Dict[str, t.Any], restored: Restored, boot: bool) -> t.Dict[str, t.Any]:
    return {
        "id": request.get("id"),
        "ended": time.time(),
        "state": "rolled_back",
        "reason": "the host lost its power before the change was proven"
        if boot
        else "nobody came to prove the change within its time",
        "restored": restored.paths,
        "foreign": restored.foreign,
        "troubles": [_DRAINED] if request.get("drained") else [],
    }
