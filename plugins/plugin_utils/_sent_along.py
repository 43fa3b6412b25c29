# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller sends along with the options of host_settings."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ._certificate_sources import with_texts
from ._toml_library import library_for


def sent_along(action: ActionBase, settings: t.Any, variables: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options to add, or to put in place of those given; raises Refused where something is missing."""
    added = library_for(settings)
    if isinstance(settings, dict) and settings.get("iotedge_certificate"):
        added["iotedge_certificate"] = with_texts(action, settings["iotedge_certificate"], variables)
    return added
