# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`iotedge system`: the daemons as systemd has them."""

from __future__ import annotations

import subprocess
import sys

from .services import EDGED, SERVICES


def systemctl(*arguments: str) -> None:
    """What goes wrong is printed and forgotten, which is why a caller has to look for himself."""
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}", file=sys.stderr)


def stop() -> None:
    for service in SERVICES:
        systemctl("stop", f"{service.unit}.service")


def restart() -> None:
    """Stop the services, start the sockets, start edged; the others come when someone knocks at their sockets."""
    stop()
    for service in SERVICES:
        for socket in service.sockets:
            systemctl("start", socket.unit)
    systemctl("start", f"{EDGED.unit}.service")


def status() -> None:
    print("System services:")
    for service in SERVICES:
        state = _is_active(f"{service.unit}.service")
        if state == "active":
            said = "Running"
        elif state == "inactive" and all(_is_active(socket.unit) == "active" for socket in service.sockets):
            said = "Ready"
        else:
            said = f"Down - {state}"
        print(f"    {service.unit:<24}{said}")


def logs(arguments: list[str]) -> int:
    units = [part for service in SERVICES for part in ("-u", service.unit)]
    return subprocess.run(["journalctl", *units, *arguments], check=False).returncode


def _is_active(unit: str) -> str:
    return subprocess.run(["systemctl", "is-active", unit], capture_output=True, text=True, check=False).stdout.strip()
