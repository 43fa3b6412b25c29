# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in of aziot-identityd: says who this device is, and asks the hub through its proxy, under its own name."""

from __future__ import annotations

import sys
import threading
import typing as t
import urllib.parse

from . import layers, proxy, switches, wire
from .services import CERTD, IDENTITYD, KEYD

AGENT = "aziot-identityd"


class Unprovisioned(Exception):
    """The device has no identity, or the cloud could not be reached."""


def main() -> int:
    print(f"Starting the stand-in of {AGENT}", flush=True)
    try:
        through = proxy.from_environment()
        config = layers.read(IDENTITYD)
        provisioning = config["provisioning"]
    except (proxy.BadProxy, layers.BadConfig) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except KeyError as missing:
        print(f"missing field {missing}", file=sys.stderr)
        return 1
    if switches.ordered("identityd-dies"):
        return 1
    print(f"Proxy: {proxy.masked(through) if through else 'none'}", flush=True)

    def answer(method: str, path: str) -> wire.Answer:
        try:
            if path == "/identities/device":
                return 200, _device(config, provisioning, through)
            if path.startswith("/identities/modules/"):
                device = _device(config, provisioning, through)
                _call(str(device["hub"]), through)
                return 200, {**device, "module": path.rpartition("/")[2], "generation": "1"}
        except (Unprovisioned, proxy.BadProxy, OSError) as refused:
            print(f"ERR {refused}", flush=True)
            return 502, {"message": str(refused)}
        return 200, {"service": AGENT}

    wire.serve(answer)
    threading.Event().wait()
    return 0


def _device(config: layers.Table, provisioning: layers.Table, through: str | None) -> dict[str, t.Any]:
    """The device by its configuration; only the provisioning service has to be asked over the network."""
    source = provisioning.get("source")
    if source == "none":
        raise Unprovisioned("this device is not to be provisioned")
    # The device's key and certificate are those services' business; asking brings them up by their sockets.
    for service, path in ((KEYD, "/keys/device-id"), (CERTD, "/certificates/device-id")):
        status, said = wire.ask(service.sockets[0].path, path)
        if status != 200:
            raise Unprovisioned(f"{service.unit}: {said.get('message')}")
    if source == "dps":
        endpoint = urllib.parse.urlsplit(str(provisioning["global_endpoint"])).hostname or ""
        _call(endpoint, through)
        hub, device = endpoint, str(provisioning["attestation"].get("registration_id", "device"))
    else:
        hub, device = str(provisioning["iothub_hostname"]), str(provisioning["device_id"])
    return {"hub": hub, "device": device, "gateway": str(config.get("local_gateway_hostname", hub))}


def _call(host: str, through: str | None) -> None:
    """Any answer that comes over TLS will do: this is no client of the hub."""
    try:
        proxy.reach(host, through, AGENT)
    except OSError as refused:
        way = f"through {proxy.masked(through)}" if through else "without a proxy"
        raise Unprovisioned(f"cannot reach {host} {way}: {refused}") from None
