# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The kinds of settings that few hosts have, and what brings them into effect.

For modules that are to be sent with them (see _host_settings).
"""

from __future__ import annotations

from . import (
    _circleci_nomad,
    _circleci_services,
    _config_toml,
    _ecs_config,
    _ecs_instance,
    _environment_file,
    _iotedge_apply,
    _iotedge_certificate,
    _iotedge_config,
    _nomad_drain,
)

__all__ = [
    "_circleci_nomad",
    "_circleci_services",
    "_config_toml",
    "_ecs_config",
    "_ecs_instance",
    "_environment_file",
    "_iotedge_apply",
    "_iotedge_certificate",
    "_iotedge_config",
    "_nomad_drain",
]
