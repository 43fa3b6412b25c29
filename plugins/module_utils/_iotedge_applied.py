# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What `iotedge config apply` makes of config.toml: a file for each daemon. Until it has run, config.toml is a wish."""

from __future__ import annotations

import os
import typing as t

# In the order in which they may be restarted: aziot-edged asks all of the others.
UNITS = (
    "aziot-keyd.service",
    "aziot-certd.service",
    "aziot-tpmd.service",
    "aziot-identityd.service",
    "aziot-edged.service",
)
EDGED = UNITS[-1]
# Their names with a *, as systemctl takes them: the sockets that start them on demand too.
PATTERN = "aziot-*"
FILES = tuple(f"/etc/aziot/{name}/config.d/00-super.toml" for name in ("keyd", "certd", "tpmd", "identityd", "edged"))
# What it writes of secrets, for an inline symmetric key.
SECRETS = ("/var/secrets/aziot/keyd/device-id",)


def missing(root: str = "") -> bool:
    """Tell whether it has never run to its end."""
    return not all(os.path.exists(root + path) for path in FILES)


def outdated(sources: t.Iterable[str], root: str = "") -> bool:
    """Tell whether it has to run: a source (config.toml, a certificate) is newer than what was made of it.

    The vendor's own checks, config-up-to-date and configs-up-to-date, compare so.
    """
    if missing(root):
        return True
    applied = min(os.stat(root + path).st_mtime_ns for path in FILES)
    return any(os.path.exists(root + path) and os.stat(root + path).st_mtime_ns > applied for path in sources)
