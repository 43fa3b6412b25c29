# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that look right and are not: an engine that only then refuses to start, a service that dies soon after."""

from __future__ import annotations

import typing as t

from . import engine
from .host import Host

# Every one is what `dockerd --validate` (26.1) takes, and what 20.10 and 26.1 both fail to start with.
ENGINE_REFUSES: dict[str, dict[str, t.Any]] = {
    "seccomp profile that is not there": {"seccomp-profile": "/etc/docker/nosuch.json"},
    "option that its storage driver does not have": {"storage-opts": ["overlay2.nosuch=1"]},
    "bridge that is not there": {"bridge": "nosuch0"},
    "address that is not the host's": {"metrics-addr": "192.0.2.1:9323"},
}

# What a proxy's URL holds for `service` to die of it.
FATAL = "fatal.example.com"

_UNIT = """\
[Unit]
Description=Runs with any proxy but one
[Service]
Type=exec
ExecStart=/bin/sh -c 'case "$HTTPS_PROXY" in *{fatal}*) sleep {seconds}; exit 1;; esac; exec sleep infinity'
Restart={restart}
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


def service(host: Host, name: str, seconds: float = 5, restart: str = "no") -> str:
    """Make and start a service that ends `seconds` after a start with a proxy of that name; returns its unit's name."""
    unit = f"{name}.service"
    content = _UNIT.format(fatal=FATAL, seconds=seconds, restart=restart)
    engine.put(host.container, {f"/etc/systemd/system/{unit}": (content.encode(), 0o644)})
    engine.docker("exec", host.container, "systemctl", "daemon-reload")
    engine.docker("exec", host.container, "systemctl", "enable", "--quiet", "--now", unit)
    return unit
