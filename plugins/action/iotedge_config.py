# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the controller's own TOML libraries along with the module, as config_toml does."""

from __future__ import annotations

from ansible_collections.fleetops.container_hosts.plugins.action import config_toml


class ActionModule(config_toml.ActionModule):
    """See the documentation of the module of the same name."""

    MODULE = "fleetops.container_hosts.iotedge_config"
