# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles have left on a host, to be compared with what they left on another one."""

from __future__ import annotations

from ..stage.host import Host

# All places where the roles write, and the bundle that the trusted certificate ends up in: names, bytes, modes, owners.
# key.json is the engine's own.
_SCRIPT = """
cd / && find etc/docker etc/systemd/system/docker.service.d etc/apt/apt.conf.d root/.docker \
  usr/local/share/ca-certificates etc/ssl/certs/ca-certificates.crt \
  -type f -not -name key.json -exec sha256sum {} + -exec stat --format '%n %a %U:%G' {} + | sort
"""


def of(host: Host) -> str:
    """A line for each file's bytes, and one for its mode and owner; of two hosts of one suite they can be alike."""
    return host.exec("sh", "-c", _SCRIPT).out
