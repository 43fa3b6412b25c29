# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults to order: words in /etc/aziot-stand-in/fail, see the README of these stand-ins."""

from __future__ import annotations

FILE = "/etc/aziot-stand-in/fail"


def ordered(word: str) -> bool:
    """Whether this fault is to happen."""
    try:
        with open(FILE, encoding="utf-8") as asked:
            return word in asked.read().split()
    except FileNotFoundError:
        return False
