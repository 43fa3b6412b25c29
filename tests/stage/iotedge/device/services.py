# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five daemons: who they run as, and where they listen."""

from __future__ import annotations

import dataclasses
import typing as t


class Socket(t.NamedTuple):
    """A socket unit, what it listens on, and who may connect."""

    unit: str
    path: str
    mode: str


@dataclasses.dataclass(frozen=True)
class Service:
    """A daemon by its short name (`edged`), which is also the name of its folder under /etc/aziot."""

    name: str
    user: str
    title: str
    program: str
    sockets: tuple[Socket, ...]

    @property
    def unit(self) -> str:
        return f"aziot-{self.name}"

    @property
    def folder(self) -> str:
        return f"/etc/aziot/{self.name}"

    @property
    def super_file(self) -> str:
        """What `iotedge config apply` writes for this daemon."""
        return f"{self.folder}/config.d/00-super.toml"

    @property
    def home(self) -> str:
        return f"/var/lib/aziot/{self.name}"


def _identity(name: str, user: str, title: str) -> Service:
    program = f"/usr/libexec/aziot-identity-service/aziot-{name}"
    return Service(name, user, title, program, (Socket(f"aziot-{name}.socket", f"/run/aziot/{name}.sock", "0660"),))


EDGED = Service(
    "edged",
    "iotedge",
    "module runtime",
    "/usr/libexec/aziot/aziot-edged",
    (
        Socket("aziot-edged.mgmt.socket", "/run/iotedge/mgmt.sock", "0660"),
        Socket("aziot-edged.workload.socket", "/run/iotedge/workload.sock", "0666"),
    ),
)
IDENTITYD = _identity("identityd", "aziotid", "identity service")
KEYD = _identity("keyd", "aziotks", "keys service")
CERTD = _identity("certd", "aziotcs", "certificates service")
TPMD = _identity("tpmd", "aziottpm", "TPM service")

# The order in which they are stopped and written about.
SERVICES = (EDGED, IDENTITYD, KEYD, CERTD, TPMD)
IDENTITY_SERVICES = SERVICES[1:]
