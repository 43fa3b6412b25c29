# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Says of a key that daemon.json does not have what to write instead."""

from __future__ import annotations

import typing as t

from ._docker_daemon_keys import FLAG_KEYS, FLAGS_ONLY, KEYS, PROXY_ALIASES, PROXY_KEYS
from ._errors import Refused, did_you_mean


def refusal(key: str, value: t.Any, where: str) -> Refused:
    """Return the refusal of a key at the top level, with what was probably meant."""
    proxy_key = key if key in PROXY_KEYS else PROXY_ALIASES.get(key)
    if proxy_key:
        return Refused(
            "is ignored by dockerd at the top level of daemon.json"
            if key in PROXY_KEYS
            else "is no key of daemon.json; dockerd would not start",
            where=where,
            instead=f'Write {{"proxies": {{"{proxy_key}": "..."}}}}.',
        )
    if key in FLAG_KEYS:
        return Refused(
            "is the name of dockerd's flag; as a key of daemon.json it is ignored in silence",
            where=where,
            instead=f"Write {FLAG_KEYS[key]}.",
        )
    if key in FLAGS_ONLY:
        return Refused(
            "can only be given to dockerd as a flag",
            where=where,
            instead=f"Add --{key} to the unit's ExecStart= in a drop-in.",
        )
    what = "is no key of daemon.json"
    if isinstance(value, t.Mapping) and value and all(inner in KEYS for inner in value):
        # dockerd takes the members of an object that it doesn't know for keys of its own, and is content.
        what += ", and dockerd would ignore it and what is in it"
    return Refused(
        what,
        where=where,
        instead=f"{did_you_mean(key, list(KEYS))} They are those of https://docs.docker.com/reference/cli/dockerd/.".lstrip(),
    )
