# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What a preflight may be told. Of its own, so that who only passes it on need not load what tries it."""

from __future__ import annotations

import typing as t

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "endpoints": {"type": "list", "elements": "raw", "default": []},
    "timeout": {"type": "float", "default": 15},
    "connect_timeout": {"type": "float", "default": 5},
    "max_clock_offset": {"type": "float", "default": 300},
    "from_container": {"type": "bool", "default": False},
    "ca_certificates": {"type": "list", "elements": "str", "default": []},
}
