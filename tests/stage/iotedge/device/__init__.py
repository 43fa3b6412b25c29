# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of the Azure IoT Edge daemons and of the `iotedge` command, for tests. They are not Microsoft's programs.

This package is copied to the test hosts, where it runs on Python 3.9 and newer, with tomlkit beside it.
"""
