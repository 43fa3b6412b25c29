# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Settings held true, and proven on the running daemons, in one go: host_settings with its verified_restart."""

from __future__ import annotations

import typing as t

from . import _guard_request, _hand_over, _host_settings, _preflight_options, _run
from ._checkpoint import Checkpoint
from ._errors import Failed
from ._notice import Notice


def carry_out(
    ensure: _run.Ensure,
    params: t.Dict[str, t.Any],
    noticed: t.List[Notice],
    *,
    check_mode: bool,
    planned: t.Optional[t.Tuple[_run.Run, t.Dict[str, t.Any]]] = None,
    root: str = "",
) -> t.Tuple[_run.Run, t.Dict[str, t.Any]]:
    """Make the change under its checkpoint, as _run.carry_out does, and have the guard prove it or take it back.

    What the guard is to be asked is checked before anything is written. `noticed` gets what there is to tell also where
    it fails. Raises Failed with the guard's report, and the diff, where the change was taken back.
    """
    proof = _run.Run(check_mode=check_mode, root=root)
    proof.notices = noticed
    # Daemons that the proof may have to restart, and of which nothing is set.
    engines = params["verified_restart"]["config_json"]
    _host_settings.receive_library(params)
    entries = _host_settings.checked({**params, "config_json": [*params["config_json"], *engines]})
    request = _guard_request.request(_with_proxy(params["verified_restart"], entries), entries, proof)
    checkpoint = Checkpoint(params["checkpoint"], root=root, deadline=params["checkpoint_deadline"])
    done: t.List[t.Tuple[_run.Run, t.Dict[str, t.Any]]] = []

    def change() -> None:
        # Of what was planned, nothing holds any more where another run has come in between.
        plan = None if checkpoint.to_end() else planned
        done.append(
            _run.carry_out(
                ensure, params, check_mode=check_mode, root=root, checkpoint=checkpoint, planned=plan, held=True
            )
        )

    try:
        told = _hand_over.act(checkpoint, request, proof, change=change)
    except Failed as failed:
        for run, _result in done:
            failed.result["diff"] = run.diffs
            noticed.extend(run.notices)
        raise
    run, result = done[0]
    noticed.extend(run.notices)
    run.changed = run.changed or proof.changed
    run.notices = noticed
    required = {} if check_mode else {"apply_required": [], "restart_required": told["left"], "reload_required": []}
    return run, {**result, **told, **required, "checkpoint_pending": told["pending"]}


def _with_proxy(options: t.Dict[str, t.Any], entries: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the options with a preflight of the proxy that is set, unless they name one; where none is, with none."""
    preflight = options["preflight"]
    if not preflight or preflight.get("proxy"):
        return options
    _host_settings.checked_options(_preflight_options.ARGUMENT_SPEC, preflight, "preflight")
    model = next(_guard_request.proxies(entries), None)
    return {**options, "preflight": {**preflight, "proxy": model} if model else None}
