# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which a host's network fails under whoever is using it. Power fails by Host.power_cut and power_on."""

from __future__ import annotations

import contextlib
import typing as t

from . import engine
from .host import Host

# sshd's processes name themselves; what follows the listener's colon is its path. OpenSSH 9.8 made sshd-session a
# program of its own.
_SESSIONS = "^sshd(-session|-auth)?: [^/]"


def cut_ssh(host: Host) -> int:
    """Kill every SSH session's processes, as when connections break; returns how many there were.

    What runs in a session goes on, without anyone to hear of it. New connections are taken as before.
    """
    killed = host.exec("pkill", "--signal", "KILL", "--count", "--full", _SESSIONS)
    return int(killed.out)


@contextlib.contextmanager
def ssh_blocked(host: Host) -> t.Iterator[None]:
    """All packets from and to port 22 vanish; open connections hang, and go on afterwards."""
    rules = [("INPUT", "--protocol", "tcp", "--dport", "22"), ("OUTPUT", "--protocol", "tcp", "--sport", "22")]
    for rule in rules:
        _iptables(host, "--insert", *rule, "--jump", "DROP")
    try:
        yield
    finally:
        for rule in rules:
            _iptables(host, "--delete", *rule, "--jump", "DROP")


@contextlib.contextmanager
def unplugged(host: Host) -> t.Iterator[None]:
    """The host's link to the fleet is down, and with it its route; the address stays."""
    found = engine.docker("exec", host.container, "ip", "-oneline", "-4", "address", "show", "to", host.address)
    link = found.split()[1]
    engine.docker("exec", host.container, "ip", "link", "set", link, "down")
    try:
        yield
    finally:
        engine.docker("exec", host.container, "ip", "link", "set", link, "up")


def _iptables(host: Host, *arguments: str) -> None:
    engine.docker("exec", host.container, "iptables", "--wait", *arguments)
