# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What every module's main() is: parameters in, one pure-cored `ensure` called, and a result without secrets out.

Modules import this first of all ours, and this _compiled, so that nothing else is compiled more than once.
"""

from __future__ import annotations

import importlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _compiled, _units
from ._errors import Failed, Refused
from ._notice import Notice
from ._redaction import redact, redact_all, secrets_in
from ._run import Ensure, Run, carry_out

_FIRST = _compiled

CHECKPOINT_SPEC: t.Dict[str, t.Any] = {
    "checkpoint": {"type": "str", "default": ""},
    "checkpoint_deadline": {"type": "float", "default": 3600.0},
    "manage_runtime": _units.MANAGE_RUNTIME_SPEC,
}
# Where a checkpoint is, and what lies there while something is under way or left to tell; see _checkpoint.
_CHECKPOINTS = "/var/lib/container_hosts/checkpoints"
_UNDER_WAY = ("pending", "request.json", "running.json", "result.json", "guard.zip")
# What a result says of units that run with something else than their files say.
_REQUIRED = ("apply_required", "restart_required", "reload_required")


class _DiscreetModule(AnsibleModule):
    """An AnsibleModule that shows no secret of its parameters, neither to the host's log nor in its result.

    Ansible's own no_log for a parameter would search the whole result for each string in it, and turn a unit's name
    into asterisks where the password is the same word; its no_log for a module is overruled by the task's.
    """

    def log(self, msg: str, log_args: t.Optional[t.Dict[str, t.Any]] = None) -> None:
        """Write nothing to the host's log: what Ansible would write is the parameters, a proxy's password included."""

    def _log_invocation(self) -> None:
        """Prepare no such line either: Ansible fails over a binary file among the parameters before we refuse it."""

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail with a masked message; Ansible itself calls this for parameters that it refuses."""
        kwargs.setdefault("invocation", self.invocation())
        super().fail_json(msg=redact(msg, secrets_in(self.params)), **kwargs)

    def refuse(self, refused: Refused) -> t.NoReturn:
        """Fail with what is refused, masked part by part: joined, `password: is` would look like a secret."""
        secrets = secrets_in(self.params)
        masked = Refused(
            redact(refused.what, secrets),
            where=redact(refused.where, secrets),
            instead=redact(refused.instead, secrets),
        )
        report = redact_all(refused.result, secrets) if isinstance(refused, Failed) else {}
        super().fail_json(msg=str(masked), invocation=self.invocation(), **report)

    def invocation(self) -> t.Dict[str, t.Any]:
        """Return the parameters, masked, as results show them."""
        return {"module_args": redact_all(self.params)}


def run_module(argument_spec: t.Dict[str, t.Any], ensure: Ensure, **constraints: t.Any) -> t.NoReturn:
    """Run `ensure(params, run)`, for real only if something is to change, and end the process with its result.

    `constraints` go to AnsibleModule as they are. The result has `changed`, `diff` and `notices`, what `ensure`
    returned, and the parameters with every secret masked. Every such module takes CHECKPOINT_SPEC's options too.
    """
    module = _DiscreetModule({**argument_spec, **CHECKPOINT_SPEC}, supports_check_mode=True, **constraints)
    noticed: t.List[Notice] = []
    _end(module, lambda: _under_checkpoint(module, ensure, noticed), noticed)


def run_directly(argument_spec: t.Dict[str, t.Any], ensure: Ensure, **constraints: t.Any) -> t.NoReturn:
    """Do the same for a module that edits no file under a checkpoint, or plans by itself what it does to it."""
    module = _DiscreetModule(argument_spec, supports_check_mode=True, **constraints)
    run = Run(check_mode=module.check_mode)
    _end(module, lambda: (run, ensure(module.params, run)), run.notices)


def _under_checkpoint(
    module: _DiscreetModule, ensure: Ensure, noticed: t.List[Notice]
) -> t.Tuple[Run, t.Dict[str, t.Any]]:
    name, proves = module.params["checkpoint"], bool(module.params.get("verified_restart"))
    if proves and not name:
        raise Refused("needs a name for what is to be proven", where="checkpoint", instead="Write one: docker_proxy.")
    _units.manage_runtime(module.params["manage_runtime"])
    # Where no systemd runs, as in an image that is built, nothing could be stranded, and nobody would take it back.
    if not name or not _units.booted():
        return carry_out(ensure, module.params, check_mode=module.check_mode)
    planned = None
    if not any(os.path.exists(f"{_CHECKPOINTS}/{name}/{file}") for file in _UNDER_WAY):
        # Nothing is under way, so a host in its steady state pays for no checkpoint, not even for its code.
        planned = run, result = carry_out(ensure, module.params, check_mode=True)
        if not (run.changed and not module.check_mode) and not (proves and any(map(result.get, _REQUIRED))):
            return run, {**result, "checkpoint_pending": False}
    if proves:
        # By name, since an import statement would have Ansible send it with every module; host_settings has one.
        proof = importlib.import_module(f"{__package__}._proven_settings")
        return t.cast(
            "t.Tuple[Run, t.Dict[str, t.Any]]",
            proof.carry_out(ensure, module.params, noticed, check_mode=module.check_mode, planned=planned),
        )
    from ._checkpoint import Checkpoint

    checkpoint = Checkpoint(name, deadline=module.params["checkpoint_deadline"])
    run, result = carry_out(ensure, module.params, check_mode=module.check_mode, checkpoint=checkpoint, planned=planned)
    return run, {**result, "checkpoint_pending": checkpoint.to_end()}


def _end(
    module: _DiscreetModule, act: t.Callable[[], t.Tuple[Run, t.Dict[str, t.Any]]], noticed: t.Sequence[Notice] = ()
) -> t.NoReturn:
    """End the process with what `act` returns; where it fails, what was `noticed` until then is told all the same."""
    try:
        run, result = act()
    except Refused as refused:
        _warn(module, noticed)
        module.refuse(refused)
    notices = _warn(module, run.notices)
    module.exit_json(
        changed=run.changed,
        diff=run.diffs,
        notices=[notice._asdict() for notice in notices],
        invocation=module.invocation(),
        **result,
    )


def _warn(module: _DiscreetModule, notices: t.Sequence[Notice]) -> t.List[Notice]:
    # Part by part here too. A notice that a secret got into would be a mistake of ours; this is the net under it.
    masked = [Notice(*map(redact, notice)) for notice in notices]
    for notice in masked:
        module.warn(str(notice))
    return masked
