# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which generation of Azure IoT Edge a host has, by the files that each leaves where it is installed."""

from __future__ import annotations

import os
import shutil
import typing as t

from ._errors import Refused

NONE, LEGACY, SNAP, CURRENT = "none", "1.1", "snap", "current"

# An administrator's own unit file in /etc goes before the package's. In the order in which systemd looks.
_UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
)
_SNAP_FOLDERS = ("/snap/azure-iot-edge", "/var/lib/snapd/snap/azure-iot-edge", "/var/snap/azure-iot-edge")
_CLI_FOLDERS = ("/usr/bin", "/usr/local/bin")


class Installed(t.NamedTuple):
    """What is installed: a generation, the file that shows it, and the program `iotedge`, both as seen on the host."""

    generation: str  # NONE, LEGACY (1.0 and 1.1), SNAP or CURRENT (1.2 and later, from a package)
    evidence: t.Optional[str]  # None with NONE
    cli: t.Optional[str]  # None where there is no program; with SNAP the snap's own is not looked for


def find(root: str = "") -> Installed:
    """Return what is installed; what an older generation left behind counts for nothing beside a newer one."""
    cli = shutil.which("iotedge", path=os.pathsep.join(root + folder for folder in _CLI_FOLDERS))
    cli = cli[len(root) :] if cli else None
    current, legacy = _unit("aziot-edged.service", root), _unit("iotedge.service", root)
    snap = next((folder for folder in _SNAP_FOLDERS if os.path.isdir(root + folder)), None)
    if current:
        return Installed(CURRENT, current, cli)
    if snap:
        return Installed(SNAP, snap, cli)
    if legacy:
        config = "/etc/iotedge/config.yaml"
        return Installed(LEGACY, config if os.path.isfile(root + config) else legacy, cli)
    return Installed(NONE, None, cli)


def unsupported(installed: Installed) -> t.Optional[Refused]:
    """Return why the collection does not work with what is installed, to be raised or told; None where it does."""
    if installed.generation == LEGACY:
        return Refused(
            "IoT Edge 1.1 or older is installed, which Microsoft has not supported since 2022-12-13, and which has "
            "other services, and a config.yaml in place of config.toml",
            where=installed.evidence or "",
            instead="Remove the packages iotedge and libiothsm-std, install aziot-edge (1.5 or later), and take the "
            "settings over with: iotedge config import.",
        )
    if installed.generation == SNAP:
        return Refused(
            "IoT Edge is installed as a snap, whose services have other names and take no drop-ins, and whose "
            "configuration is set by snapd",
            where=installed.evidence or "",
            instead="Use snap set azure-iot-edge raw-config=..., or remove the snap and install the package "
            "aziot-edge.",
        )
    return None


def _unit(name: str, root: str) -> t.Optional[str]:
    # isfile: a unit that is masked is a link to /dev/null.
    paths = (f"{folder}/{name}" for folder in _UNIT_FOLDERS)
    return next((path for path in paths if os.path.isfile(root + path)), None)
