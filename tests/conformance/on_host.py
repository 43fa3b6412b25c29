# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one module's logic inside a host, without Ansible: {"module", "params", "check_mode"} in, its answer out."""

import importlib
import json
import sys


def main() -> None:
    """Answer one request from standard input."""
    sys.path.insert(0, "/opt/container_hosts")
    request = json.load(sys.stdin)
    module = importlib.import_module("module_utils." + request["module"])
    refused = importlib.import_module("module_utils._errors").Refused
    carry_out = importlib.import_module("module_utils._run").carry_out
    params = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    params.update(request["params"])
    try:
        run, result = carry_out(module.ensure, params, check_mode=request["check_mode"])
    except refused as exc:
        print(json.dumps({"refused": str(exc)}))
        return
    print(json.dumps({"changed": run.changed, "diff": run.diffs, "notices": run.notices, **result}))


if __name__ == "__main__":
    main()
