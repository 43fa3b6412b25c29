# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a proof may be told. Of its own, so that a steady state need not load what proves."""

from __future__ import annotations

import typing as t

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "units": {"type": "list", "elements": "raw", "default": []},
    "preflight": {"type": "dict"},
    "verify": {"type": "list", "elements": "list", "default": []},
    "drain": {"type": "dict"},
    "stable": {"type": "float", "default": 8.0},
    "seconds": {"type": "float", "default": 120.0},
    "run": {"type": "str"},
}
UNIT_SPEC: t.Dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "environment": {"type": "dict", "default": {}},
    "restart": {"type": "str", "choices": ["if_needed", "always", "never"], "default": "if_needed"},
}
# A step is a command, as a list of words, or a URL.
DRAIN_SPEC: t.Dict[str, t.Any] = {
    "before": {"type": "list", "elements": "raw", "default": []},
    "after": {"type": "list", "elements": "raw", "default": []},
    "nomad": {"type": "str"},
    "seconds": {"type": "float", "default": 600.0},
}
