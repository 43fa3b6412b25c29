# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the collection awx.awx where the tests find it: python -m ...tests.awx"""

from __future__ import annotations

from ..windows.__main__ import install

if __name__ == "__main__":
    install("awx/awx", "24.6.1")
