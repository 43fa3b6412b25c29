# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What every module's main() is: parameters in, one pure-cored `ensure` called, and a result without secrets out."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ._errors import Refused
from ._redaction import redact, redact_all
from ._run import Run, carry_out


def run_module(
    argument_spec: t.Dict[str, t.Any],
    ensure: t.Callable[[t.Dict[str, t.Any], Run], t.Dict[str, t.Any]],
    **constraints: t.Any,
) -> t.NoReturn:
    """Run `ensure(params, run)` and end the process with its result.

    `constraints` go to AnsibleModule as they are. The result has `changed`, `diff` and `notices`, what `ensure`
    returned, and the parameters with every secret masked.
    """
    # no_log keeps Ansible from writing the parameters, a proxy's password among them, to the host's syslog. It
    # can't be said for one parameter: Ansible would then search the whole result for each string in it.
    module = AnsibleModule(argument_spec, supports_check_mode=True, no_log=True, **constraints)
    invocation = {"module_args": redact_all(module.params)}
    try:
        run, result = carry_out(ensure, module.params, check_mode=module.check_mode)
    except Refused as refused:
        module.fail_json(msg=redact(str(refused)), invocation=invocation)
    for notice in run.notices:
        module.warn(redact(str(notice)))
    module.exit_json(
        changed=run.changed,
        diff=run.diffs,
        notices=[notice._asdict() for notice in run.notices],
        invocation=invocation,
        **result,
    )
