# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts to run the collection on: systemd containers with dockerd inside, whose only way out is Squid.

python -m ansible_collections.fleetops.container_hosts.tests.stage up demo bookworm=1 trixie=1
python -m ansible_collections.fleetops.container_hosts.tests.stage down demo
"""
